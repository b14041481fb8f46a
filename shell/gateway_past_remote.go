package shell

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"postern/engine"
	"postern/projections"
)

// StatusAt implements Gateway.
func (r *Remote) StatusAt(ctx context.Context, at time.Time) (s projections.Status, err error) {
	return s, r.ofThePast(ctx, "/v1/past/status", url.Values{}, at, &s)
}

// HostAt implements Gateway.
func (r *Remote) HostAt(ctx context.Context, name string, at time.Time) (h HostReport, err error) {
	return h, r.ofThePast(ctx, "/v1/past/host", url.Values{"host": {name}}, at, &h)
}

// TopHostsAt implements Gateway.
func (r *Remote) TopHostsAt(ctx context.Context, order projections.HostOrder, n int, at time.Time) (t TopHosts, err error) {
	return t, r.ofThePast(ctx, "/v1/past/hosts", url.Values{"order": {strconv.Itoa(int(order))}, "n": {strconv.Itoa(n)}}, at, &t)
}

// TopInboundAt implements Gateway.
func (r *Remote) TopInboundAt(ctx context.Context, n int, at time.Time) (t TopInbound, err error) {
	return t, r.ofThePast(ctx, "/v1/past/clients", url.Values{"n": {strconv.Itoa(n)}}, at, &t)
}

func (r *Remote) ofThePast(ctx context.Context, path string, q url.Values, at time.Time, into any) error {
	q.Set("at", at.Format(time.RFC3339Nano))
	return patiently[noResult](ctx, r, http.MethodPost, path, q, nil, into)
}

// Replay implements Gateway.
func (r *Remote) Replay(ctx context.Context, from, to time.Time, step time.Duration, row func(RateRow) error) error {
	q := url.Values{"from": {from.Format(time.RFC3339Nano)}, "to": {to.Format(time.RFC3339Nano)}, "step": {step.String()}}
	return patiently(ctx, r, http.MethodPost, "/v1/past/replay", q, row, new(noResult))
}

// pastRecipients is a step of a listing of the past: first the moment, then pages.
type pastRecipients struct {
	Moment *projections.Moment `json:"moment,omitempty"`
	Rows   []engine.Listed     `json:"rows,omitempty"`
}

// RecipientsAt implements Gateway.
func (r *Remote) RecipientsAt(ctx context.Context, s engine.Selection, at time.Time, begin func(projections.Moment) error, page func([]engine.Listed) error) error {
	q := url.Values{"selection": {asJSON(s)}, "at": {at.Format(time.RFC3339Nano)}}
	return patiently(ctx, r, http.MethodGet, "/v1/past/recipients", q, func(p pastRecipients) error {
		if p.Moment != nil {
			return begin(*p.Moment)
		}
		return page(p.Rows)
	}, new(noResult))
}

// momentOf reads a moment of a question.
func momentOf(q url.Values, name string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339Nano, q.Get(name))
	if err != nil {
		return at, &RefusedError{fmt.Sprintf("%.60q is no moment such as 2026-11-23T03:10:00Z", q.Get(name))}
	}
	return at, nil
}

// pastRoutes are orders by their method but for the queue's listing, which a person reads at leisure: what takes the machine
// so much work is not for whoever may ask for the gateway's state.
func pastRoutes(mux *http.ServeMux, g Gateway) {
	look := func(path string, answer func(ctx context.Context, q url.Values, at time.Time) (any, error)) {
		mux.HandleFunc("POST "+path, patient(func(ctx context.Context, q url.Values, _ func(any) error) (any, error) {
			at, err := momentOf(q, "at")
			if err != nil {
				return nil, err
			}
			return answer(ctx, q, at)
		}).answer)
	}
	look("/v1/past/status", func(ctx context.Context, _ url.Values, at time.Time) (any, error) { return g.StatusAt(ctx, at) })
	look("/v1/past/host", func(ctx context.Context, q url.Values, at time.Time) (any, error) {
		return g.HostAt(ctx, q.Get("host"), at)
	})
	look("/v1/past/hosts", func(ctx context.Context, q url.Values, at time.Time) (any, error) {
		return g.TopHostsAt(ctx, projections.HostOrder(min(number(q, "order"), 255)), number(q, "n"), at)
	})
	look("/v1/past/clients", func(ctx context.Context, q url.Values, at time.Time) (any, error) {
		return g.TopInboundAt(ctx, number(q, "n"), at)
	})
	mux.HandleFunc("POST /v1/past/replay", patient(func(ctx context.Context, q url.Values, step func(any) error) (any, error) {
		from, err := momentOf(q, "from")
		if err != nil {
			return nil, err
		}
		to, err := momentOf(q, "to")
		if err != nil {
			return nil, err
		}
		span, err := time.ParseDuration(q.Get("step"))
		if err != nil {
			return nil, &RefusedError{fmt.Sprintf("%.40q is no span of time", q.Get("step"))}
		}
		return noResult{}, g.Replay(ctx, from, to, span, func(r RateRow) error { return step(r) })
	}).answer)
	mux.HandleFunc("GET /v1/past/recipients", patient(func(ctx context.Context, q url.Values, step func(any) error) (any, error) {
		var s engine.Selection
		if err := fromJSON(q, "selection", &s); err != nil {
			return nil, err
		}
		at, err := momentOf(q, "at")
		if err != nil {
			return nil, err
		}
		return noResult{}, g.RecipientsAt(ctx, s, at, func(m projections.Moment) error { return step(pastRecipients{Moment: &m}) },
			func(rows []engine.Listed) error { return step(pastRecipients{Rows: rows}) })
	}).answer)
}

// What a gateway that does not run says.

func (notRunning) StatusAt(context.Context, time.Time) (s projections.Status, err error) {
	return s, ErrNotRunning
}

func (notRunning) HostAt(context.Context, string, time.Time) (r HostReport, err error) {
	return r, ErrNotRunning
}

func (notRunning) TopHostsAt(context.Context, projections.HostOrder, int, time.Time) (t TopHosts, err error) {
	return t, ErrNotRunning
}

func (notRunning) TopInboundAt(context.Context, int, time.Time) (t TopInbound, err error) {
	return t, ErrNotRunning
}

func (notRunning) RecipientsAt(context.Context, engine.Selection, time.Time, func(projections.Moment) error, func([]engine.Listed) error) error {
	return ErrNotRunning
}

func (notRunning) Replay(context.Context, time.Time, time.Time, time.Duration, func(RateRow) error) error {
	return ErrNotRunning
}

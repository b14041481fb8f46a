package shell

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"postern/engine"
)

// Preview implements Gateway.
func (r *Remote) Preview(ctx context.Context, s engine.Selection) (p engine.Preview, err error) {
	return p, patiently[noResult](ctx, r, http.MethodGet, "/v1/queue/preview", url.Values{"selection": {asJSON(s)}}, nil, &p)
}

// Recipients implements Gateway.
func (r *Remote) Recipients(ctx context.Context, s engine.Selection, page func([]engine.Listed) error) error {
	return patiently(ctx, r, http.MethodGet, "/v1/queue/recipients", url.Values{"selection": {asJSON(s)}}, page, new(noResult))
}

// Order implements Gateway.
func (r *Remote) Order(ctx context.Context, o engine.Order, progress func(engine.Progress)) (done engine.Done, err error) {
	return done, patiently(ctx, r, http.MethodPost, "/v1/queue/order", url.Values{"order": {asJSON(o)}}, stepping(progress), &done)
}

// Undo implements Gateway.
func (r *Remote) Undo(ctx context.Context, id uint64, progress func(engine.Progress)) (done engine.Undone, err error) {
	return done, patiently(ctx, r, http.MethodPost, "/v1/queue/undo", url.Values{"id": {strconv.FormatUint(id, 10)}}, stepping(progress), &done)
}

// stepping tells a progress of each step.
func stepping(progress func(engine.Progress)) func(engine.Progress) error {
	return func(p engine.Progress) error {
		heard(progress)(p)
		return nil
	}
}

// Actions implements Gateway.
func (r *Remote) Actions(ctx context.Context, max int) (list []Action, err error) {
	return list, r.get(ctx, "/v1/actions", url.Values{"max": {strconv.Itoa(max)}}, &list)
}

// RedirectTarget implements Gateway.
func (r *Remote) RedirectTarget(ctx context.Context, target string) (t Redirection, err error) {
	return t, r.post(ctx, "/v1/queue/target", url.Values{"target": {target}}, &t)
}

// ForceDelivery implements Gateway.
func (r *Remote) ForceDelivery(ctx context.Context, domain string) error {
	return r.post(ctx, "/v1/delivery/force", url.Values{"domain": {domain}}, new(noResult))
}

// asJSON is a value as a question carries it.
func asJSON(v any) string {
	b, _ := json.Marshal(v) // of what is plain there is no error
	return string(b)
}

// fromJSON reads what asJSON has written.
func fromJSON(q url.Values, name string, into any) error {
	if err := json.Unmarshal([]byte(q.Get(name)), into); err != nil {
		return &RefusedError{fmt.Sprintf("The %s is malformed: %v.", name, err)}
	}
	return nil
}

// queueRoutes looks a redirect's target up as an order: it makes the gateway ask the DNS.
func queueRoutes(mux *http.ServeMux, g Gateway) {
	mux.HandleFunc("GET /v1/queue/preview", patient(func(ctx context.Context, q url.Values, _ func(any) error) (any, error) {
		var s engine.Selection
		if err := fromJSON(q, "selection", &s); err != nil {
			return nil, err
		}
		return g.Preview(ctx, s)
	}).answer)
	mux.HandleFunc("GET /v1/queue/recipients", patient(func(ctx context.Context, q url.Values, step func(any) error) (any, error) {
		var s engine.Selection
		if err := fromJSON(q, "selection", &s); err != nil {
			return nil, err
		}
		return noResult{}, g.Recipients(ctx, s, func(rows []engine.Listed) error { return step(rows) })
	}).answer)
	mux.HandleFunc("POST /v1/queue/order", patient(func(ctx context.Context, q url.Values, step func(any) error) (any, error) {
		var o engine.Order
		if err := fromJSON(q, "order", &o); err != nil {
			return nil, err
		}
		return g.Order(ctx, o, func(p engine.Progress) { step(p) })
	}).answer)
	mux.HandleFunc("POST /v1/queue/undo", patient(func(ctx context.Context, q url.Values, step func(any) error) (any, error) {
		id, err := strconv.ParseUint(q.Get("id"), 10, 64)
		if err != nil {
			return nil, &RefusedError{fmt.Sprintf("%q is not the number of an action.", q.Get("id"))}
		}
		return g.Undo(ctx, id, func(p engine.Progress) { step(p) })
	}).answer)
	get(mux, "/v1/actions", func(ctx context.Context, q url.Values) (any, error) { return g.Actions(ctx, number(q, "max")) })
	post(mux, "/v1/queue/target", func(ctx context.Context, q url.Values) (any, error) { return g.RedirectTarget(ctx, q.Get("target")) })
	post(mux, "/v1/delivery/force", func(ctx context.Context, q url.Values) (any, error) {
		return noResult{}, g.ForceDelivery(ctx, q.Get("domain"))
	})
}

// What a gateway that does not run says.

func (notRunning) Preview(context.Context, engine.Selection) (p engine.Preview, err error) {
	return p, ErrNotRunning
}

func (notRunning) Recipients(context.Context, engine.Selection, func([]engine.Listed) error) error {
	return ErrNotRunning
}

func (notRunning) Order(context.Context, engine.Order, func(engine.Progress)) (d engine.Done, err error) {
	return d, ErrNotRunning
}

func (notRunning) Undo(context.Context, uint64, func(engine.Progress)) (u engine.Undone, err error) {
	return u, ErrNotRunning
}

func (notRunning) Actions(context.Context, int) ([]Action, error) { return nil, ErrNotRunning }

func (notRunning) RedirectTarget(context.Context, string) (r Redirection, err error) {
	return r, ErrNotRunning
}

func (notRunning) ForceDelivery(context.Context, string) error { return ErrNotRunning }

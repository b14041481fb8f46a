package shell

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// maxGrace is the longest time that what is open is given to end by itself, in seconds.
const maxGrace = 86400

// SuspendDelivery implements Gateway.
func (r *Remote) SuspendDelivery(ctx context.Context, domains []string, grace time.Duration) (c Change, err error) {
	q := url.Values{"domain": domains, "seconds": {seconds(grace)}}
	return c, patiently[noResult](ctx, r, http.MethodPost, "/v1/delivery/suspend", q, nil, &c)
}

// ResumeDelivery implements Gateway.
func (r *Remote) ResumeDelivery(ctx context.Context, domains []string) (c Change, err error) {
	return c, r.post(ctx, "/v1/delivery/resume", url.Values{"domain": domains}, &c)
}

// SuspendListeners implements Gateway.
func (r *Remote) SuspendListeners(ctx context.Context, names []string, grace time.Duration) (c Change, err error) {
	q := url.Values{"listener": names, "seconds": {seconds(grace)}}
	return c, patiently[noResult](ctx, r, http.MethodPost, "/v1/listeners/suspend", q, nil, &c)
}

// ResumeListeners implements Gateway.
func (r *Remote) ResumeListeners(ctx context.Context, names []string) (c Change, err error) {
	return c, r.post(ctx, "/v1/listeners/resume", url.Values{"listener": names}, &c)
}

// PauseWorkQueue implements Gateway.
func (r *Remote) PauseWorkQueue(ctx context.Context, reason string) (c Change, err error) {
	return c, r.post(ctx, "/v1/workqueue/pause", url.Values{"reason": {reason}}, &c)
}

// ResumeWorkQueue implements Gateway.
func (r *Remote) ResumeWorkQueue(ctx context.Context) (c Change, err error) {
	return c, r.post(ctx, "/v1/workqueue/resume", nil, &c)
}

// stepReceived is the one step of a shutdown: nothing is received any more, and nothing keeps the gateway from stopping.
const stepReceived = "received"

// Shutdown implements Gateway. The gateway closes the socket when nothing is delivered any more: that is the answer.
func (r *Remote) Shutdown(ctx context.Context, grace time.Duration, restart bool, received func()) error {
	q := url.Values{"seconds": {seconds(grace)}}
	if restart {
		q.Set("restart", "1")
	}
	stopping := false
	err := patiently(ctx, r, http.MethodPost, "/v1/stop", q, func(step string) error {
		if step == stepReceived && received != nil {
			received()
		}
		stopping = true // whatever it says, it is on its way, and the socket goes with it
		return nil
	}, new(noResult))
	if stopping && errors.Is(err, errBrokenOff) {
		return nil
	}
	return err
}

func seconds(grace time.Duration) string { return strconv.Itoa(int(grace / time.Second)) }

// graceOf reads the seconds of an order.
func graceOf(q url.Values) (time.Duration, error) {
	n, err := strconv.Atoi(q.Get("seconds"))
	if err != nil || n < 0 || n > maxGrace {
		return 0, &RefusedError{fmt.Sprintf("%q is not a number of seconds from 0 to %d.", q.Get("seconds"), maxGrace)}
	}
	return time.Duration(n) * time.Second, nil
}

func suspensionsRoutes(mux *http.ServeMux, g Gateway) {
	mux.HandleFunc("POST /v1/delivery/suspend", patient(func(ctx context.Context, q url.Values, _ func(any) error) (any, error) {
		grace, err := graceOf(q)
		if err != nil {
			return nil, err
		}
		return g.SuspendDelivery(ctx, q["domain"], grace)
	}).answer)
	post(mux, "/v1/delivery/resume", func(ctx context.Context, q url.Values) (any, error) { return g.ResumeDelivery(ctx, q["domain"]) })
	mux.HandleFunc("POST /v1/listeners/suspend", patient(func(ctx context.Context, q url.Values, _ func(any) error) (any, error) {
		grace, err := graceOf(q)
		if err != nil {
			return nil, err
		}
		return g.SuspendListeners(ctx, q["listener"], grace)
	}).answer)
	post(mux, "/v1/listeners/resume", func(ctx context.Context, q url.Values) (any, error) { return g.ResumeListeners(ctx, q["listener"]) })
	post(mux, "/v1/workqueue/pause", func(ctx context.Context, q url.Values) (any, error) { return g.PauseWorkQueue(ctx, q.Get("reason")) })
	post(mux, "/v1/workqueue/resume", func(ctx context.Context, _ url.Values) (any, error) { return g.ResumeWorkQueue(ctx) })
	mux.HandleFunc("POST /v1/stop", patient(func(ctx context.Context, q url.Values, step func(any) error) (any, error) {
		grace, err := graceOf(q)
		if err != nil {
			return nil, err
		}
		if err := g.Shutdown(ctx, grace, q.Has("restart"), func() { step(stepReceived) }); err != nil {
			return nil, err
		}
		<-ctx.Done() // when the stop closes the socket
		return noResult{}, nil
	}).answer)
}

// What a gateway that does not run says.

func (notRunning) SuspendDelivery(context.Context, []string, time.Duration) (c Change, err error) {
	return c, ErrNotRunning
}

func (notRunning) ResumeDelivery(context.Context, []string) (c Change, err error) {
	return c, ErrNotRunning
}

func (notRunning) SuspendListeners(context.Context, []string, time.Duration) (c Change, err error) {
	return c, ErrNotRunning
}

func (notRunning) ResumeListeners(context.Context, []string) (c Change, err error) {
	return c, ErrNotRunning
}

func (notRunning) PauseWorkQueue(context.Context, string) (c Change, err error) {
	return c, ErrNotRunning
}

func (notRunning) ResumeWorkQueue(context.Context) (c Change, err error) { return c, ErrNotRunning }

func (notRunning) Shutdown(context.Context, time.Duration, bool, func()) error { return ErrNotRunning }

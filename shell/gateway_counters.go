package shell

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"postern/journal"
	"postern/projections"
)

// Counters is what a person may order of the counters.
type Counters interface {
	// ResetCounters starts the Reset column of all counters anew, those of hosts and of the resolver included. It returns
	// when that is durable and can be seen.
	ResetCounters(ctx context.Context) (CountersReset, error)
}

// CountersReset is when the counters were last reset, and by whom.
type CountersReset struct {
	Time time.Time `json:"last_counter_reset"`
	By   string    `json:"by"`
}

// resetPatience is how long an order that is durable is waited for until it can be seen.
const resetPatience = 10 * time.Second

// ResetCounters implements Gateway. What the resolver counts is sampled just before, so that its Reset column begins at
// zero too.
func (l *Local) ResetCounters(ctx context.Context) (CountersReset, error) {
	done := CountersReset{By: l.by(ctx)}
	var sample *journal.Sampled
	l.Follower.Peek(func() { sample = l.Figures.Sample(l.now(), l.Gauges) })
	r, err := l.Reset(ctx, sample, &journal.CountersReset{By: done.By})
	if err != nil {
		return done, err
	}
	done.Time = r.Time.Time()
	return done, l.visible(ctx, r.Seq)
}

// visible waits until a fact that is durable can be seen.
func (l *Local) visible(ctx context.Context, seq uint64) error {
	for end := l.now().Add(resetPatience); ; {
		err := l.Follower.Await(ctx, seq)
		if behind := (*projections.BehindError)(nil); errors.As(err, &behind) && l.now().Before(end) {
			continue
		}
		return err
	}
}

func (notRunning) ResetCounters(context.Context) (r CountersReset, err error) {
	return r, ErrNotRunning
}

// ResetCounters implements Gateway.
func (r *Remote) ResetCounters(ctx context.Context) (done CountersReset, err error) {
	return done, r.post(ctx, "/v1/counters/reset", nil, &done)
}

func countersRoutes(mux *http.ServeMux, g Gateway) {
	post(mux, "/v1/counters/reset", func(ctx context.Context, _ url.Values) (any, error) { return g.ResetCounters(ctx) })
}

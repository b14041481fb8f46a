package shell

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"postern/journal"
	"postern/projections"
)

// Gateway is all that a person may see or order. Its errors are sentences for that person. It may be used by many
// goroutines at once.
type Gateway interface {
	// Status gives the figures as of what was durable when it was called.
	Status(ctx context.Context) (projections.Status, error)
}

// Local answers inside the daemon. Its fields are set before use.
type Local struct {
	Follower  *projections.Follower
	Figures   *projections.Figures // one of the follower's
	Gauges    *projections.Gauges
	Listeners []string
	Now       func() time.Time // nil: time.Now
}

// Status implements Gateway.
func (l *Local) Status(ctx context.Context) (s projections.Status, err error) {
	now := time.Now
	if l.Now != nil {
		now = l.Now
	}
	_, err = l.Follower.Look(ctx, func() { s = l.Figures.View(now(), l.Gauges, l.Listeners) })
	return s, err
}

// Offline answers from the store of a gateway that does not run.
type Offline struct{ Data string }

// Status implements Gateway.
func (o *Offline) Status(ctx context.Context) (projections.Status, error) {
	j, err := journal.Open(filepath.Join(o.Data, "journal"), journal.Options{ReadOnly: true})
	if locked := (*journal.LockedError)(nil); errors.As(err, &locked) {
		return projections.Status{}, fmt.Errorf("the gateway of %s is starting or stopping: try again in a moment", o.Data)
	}
	if err != nil {
		return projections.Status{}, err
	}
	defer j.Close()
	figures, err := projections.AsOf(ctx, j, &projections.Keyframes{Rows: j.Rows(projections.KeyframeRows)}, j.Durable(), 0)
	if err != nil {
		return projections.Status{}, fmt.Errorf("the journal of %s could not be replayed: %w", o.Data, err)
	}
	s := figures.View(time.Now(), nil, nil)
	s.System, s.Uptime = projections.SystemOffline, 0
	for _, gone := range []string{projections.GaugeInbound, projections.GaugeOutbound} {
		s.Gauges[gone] = 0
	}
	return s, nil
}

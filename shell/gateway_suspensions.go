package shell

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"postern/engine"
	"postern/journal"
	"postern/projections"
)

// Suspensions is what a person may stop for a while, or for good. What is suspended stays so over a restart.
type Suspensions interface {
	// SuspendDelivery stops delivery to domains, to all when none is named. It returns when no attempt runs any more: after
	// the grace they are cut off.
	SuspendDelivery(ctx context.Context, domains []string, grace time.Duration) (Change, error)
	// ResumeDelivery ends the suspension of domains; without domains, every one.
	ResumeDelivery(ctx context.Context, domains []string) (Change, error)
	// SuspendListeners closes the ports of listeners, of all when none is named. It returns when none of their connections is
	// open any more: after the grace they are cut off.
	SuspendListeners(ctx context.Context, names []string, grace time.Duration) (Change, error)
	// ResumeListeners opens them again.
	ResumeListeners(ctx context.Context, names []string) (Change, error)
	// PauseWorkQueue stops the processing of messages that are not in the delivery queue yet.
	PauseWorkQueue(ctx context.Context, reason string) (Change, error)
	// ResumeWorkQueue ends a pause.
	ResumeWorkQueue(ctx context.Context) (Change, error)
	// Shutdown stops the gateway, and starts it again where that is wanted: ports first, then attempts, each given the grace.
	// Mail stays in the queue. received is called when nothing is received any more; it returns when nothing is delivered any
	// more. Once it has begun it goes on by itself.
	Shutdown(ctx context.Context, grace time.Duration, restart bool, received func()) error
}

// Change is what an order to suspend or to resume has changed. Domains and listeners stand by their names, "*" is all
// domains.
type Change struct {
	Changed []string `json:"changed"`
	Already []string `json:"already,omitempty"` // what was so before
}

// Ports is what Local needs of the listeners' ports.
type Ports interface {
	// Suspend closes ports and returns when their connections have ended or, after the grace, were cut off.
	Suspend(ctx context.Context, names []string, grace time.Duration) error
	// Resume opens ports that are closed.
	Resume(names []string) error
}

// everyDomain stands for all domains among those that are suspended.
const everyDomain = "*"

// standing is what is suspended and paused. What cannot be known at once, because a large order is under way, does not
// keep anybody from suspending: then known is false.
func (l *Local) standing(ctx context.Context) (s projections.Status, known bool, err error) {
	if l.Queue.Engine == nil {
		return s, false, errNoQueue
	}
	s, err = l.Status(ctx)
	if behind := (*projections.BehindError)(nil); errors.As(err, &behind) {
		return s, false, nil
	}
	return s, err == nil, err
}

// settled ends an order that was given: what it has changed is soon seen. That it is done does not depend on that.
func (l *Local) settled(ctx context.Context, err error) error {
	if err == nil {
		l.visible(ctx, l.Follower.Source.Durable())
	}
	return worded(err)
}

// SuspendDelivery implements Gateway.
func (l *Local) SuspendDelivery(ctx context.Context, domains []string, grace time.Duration) (Change, error) {
	domains = lowered(domains)
	s, known, err := l.standing(ctx)
	if err != nil {
		return Change{}, err
	}
	if known && len(domains) > 0 && slices.Contains(s.DeliverySuspended, everyDomain) {
		return Change{Changed: []string{}, Already: domains}, nil
	}
	wanted := domains
	if len(wanted) == 0 {
		wanted = []string{everyDomain}
	}
	c := changeOf(wanted, func(domain string) bool { return known && slices.Contains(s.DeliverySuspended, domain) })
	return c, l.settled(ctx, l.Queue.Engine.SuspendDelivery(ctx, l.by(ctx), domains, grace))
}

// ResumeDelivery implements Gateway.
func (l *Local) ResumeDelivery(ctx context.Context, domains []string) (Change, error) {
	domains = lowered(domains)
	s, known, err := l.standing(ctx)
	if err != nil {
		return Change{}, err
	}
	c := changeOf(domains, func(domain string) bool { return known && !slices.Contains(s.DeliverySuspended, domain) })
	switch {
	case len(c.Already) > 0 && slices.Contains(s.DeliverySuspended, everyDomain):
		return Change{}, &RefusedError{"Mail delivery is suspended to all domains, not to some: resumedel without a domain resumes it."}
	case len(domains) == 0 && known && len(s.DeliverySuspended) == 0:
		c.Already = []string{everyDomain}
	case len(domains) == 0 && known:
		c.Changed = s.DeliverySuspended
	case len(domains) == 0:
		c.Changed = []string{everyDomain}
	}
	if len(c.Changed) == 0 {
		return c, nil
	}
	return c, l.settled(ctx, l.Queue.Engine.ResumeDelivery(ctx, l.by(ctx), domains))
}

// changeOf parts what is wanted into what changes and what is so already.
func changeOf(wanted []string, already func(string) bool) Change {
	c := Change{Changed: []string{}}
	for _, w := range wanted {
		if already(w) {
			c.Already = append(c.Already, w)
		} else {
			c.Changed = append(c.Changed, w)
		}
	}
	return c
}

// lowered gives domains as they are compared, in A-labels and lower case, each one once.
func lowered(domains []string) []string {
	var list []string
	for _, d := range domains {
		if normal, ok := engine.NormalDomain(d); ok {
			d = normal
		}
		if d = strings.ToLower(d); !slices.Contains(list, d) {
			list = append(list, d)
		}
	}
	return list
}

// SuspendListeners implements Gateway. The facts come first: a crash between must not open what was to be closed.
func (l *Local) SuspendListeners(ctx context.Context, names []string, grace time.Duration) (Change, error) {
	return l.switchListeners(ctx, names, true, func(name string) error { return l.Queue.Engine.SuspendListener(ctx, l.by(ctx), name) },
		func(names []string) error { return l.Queue.Ports.Suspend(ctx, names, grace) })
}

// ResumeListeners implements Gateway. The ports come first: what cannot be opened stays suspended.
func (l *Local) ResumeListeners(ctx context.Context, names []string) (Change, error) {
	return l.switchListeners(ctx, names, false, func(name string) error { return l.Queue.Engine.ResumeListener(ctx, l.by(ctx), name) },
		func(names []string) error { return l.Queue.Ports.Resume(names) })
}

// switchListeners suspends or resumes: the facts of those that change, and the ports of all that are meant.
func (l *Local) switchListeners(ctx context.Context, names []string, suspend bool, fact func(name string) error, ports func([]string) error) (Change, error) {
	names, err := l.listeners(names)
	if err != nil {
		return Change{}, err
	}
	s, known, err := l.standing(ctx)
	if err != nil {
		return Change{}, err
	}
	wanted := changeOf(names, func(name string) bool { return known && slices.Contains(s.ListenersSuspended, name) == suspend })
	c := Change{Changed: []string{}, Already: wanted.Already}
	if l.Queue.Ports == nil {
		ports = func([]string) error { return nil }
	}
	if !suspend {
		if err := ports(names); err != nil {
			return c, l.settled(ctx, err)
		}
	}
	for _, name := range wanted.Changed {
		if err := fact(name); err != nil {
			return c, worded(err)
		}
		c.Changed = append(c.Changed, name)
	}
	if suspend {
		err = ports(names)
	}
	return c, l.settled(ctx, err)
}

// listeners checks names of listeners; none are all.
func (l *Local) listeners(names []string) ([]string, error) {
	have := l.self().Listeners
	if len(names) == 0 {
		return have, nil
	}
	for _, name := range names {
		if !slices.Contains(have, name) {
			return nil, noSuchListener(name, have)
		}
	}
	return names, nil
}

func noSuchListener(name string, have []string) error {
	return &RefusedError{fmt.Sprintf("There is no listener %.60q; there are %s.", name, strings.Join(have, ", "))}
}

// manualPause is the reason of a pause that nobody gave one for.
const manualPause = "Manually paused by user"

// workQueue is what a Change calls the work queue.
const workQueue = "work queue"

// PauseWorkQueue implements Gateway.
func (l *Local) PauseWorkQueue(ctx context.Context, reason string) (Change, error) {
	if reason == "" {
		reason = manualPause
	}
	return l.switchWorkQueue(ctx, true, func() error { return l.Queue.Engine.PauseWorkQueue(ctx, l.by(ctx), reason) })
}

// ResumeWorkQueue implements Gateway.
func (l *Local) ResumeWorkQueue(ctx context.Context) (Change, error) {
	return l.switchWorkQueue(ctx, false, func() error { return l.Queue.Engine.ResumeWorkQueue(ctx, l.by(ctx)) })
}

func (l *Local) switchWorkQueue(ctx context.Context, pause bool, order func() error) (Change, error) {
	s, known, err := l.standing(ctx)
	switch {
	case err != nil:
		return Change{}, err
	case known && s.WorkQueuePaused == pause:
		return Change{Changed: []string{}, Already: []string{workQueue}}, nil
	}
	return Change{Changed: []string{workQueue}}, l.settled(ctx, order())
}

// Shutdown implements Gateway. Of it only who ordered it is a fact: after the next start the ports are open again. Inside the
// daemon it does not wait for the stop, which ends whoever waits.
func (l *Local) Shutdown(ctx context.Context, grace time.Duration, restart bool, received func()) error {
	q := &l.Queue
	if q.Stop == nil {
		return errors.New("this gateway cannot be stopped by a command")
	}
	stopping, err := q.Stop(grace, restart)
	if err != nil {
		return err
	}
	what := journal.OrderStop
	if restart {
		what = journal.OrderRestart
	}
	l.ordered(ctx, what) // in time: connections and deliveries end before the journal does
	select {
	case <-stopping.Received:
	case <-ctx.Done():
		return nil
	}
	if received != nil {
		received()
	}
	select {
	case <-stopping.Delivered:
	case <-ctx.Done():
	}
	return nil
}

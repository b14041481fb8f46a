package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"postern/engine/config"
	"postern/projections"
	"postern/shell"
)

// subscriptions are the logs that are written or pushed, each by loops of its own. A commit ends those that it changes or
// removes, and begins those that are new.
type subscriptions struct {
	g    *gateway
	list atomic.Pointer[[]*subscription] // never changed but as a whole: nobody who looks waits for a commit

	mu  sync.Mutex      // held while logs are replaced, which lasts as long as a server takes that is told of the end
	ctx context.Context // of the loops; nil: they are not to run yet. Under mu
}

// build makes the logs of a document; nothing runs before run. A log that cannot be is told, and keeps no mail from coming.
func (s *subscriptions) build(d *config.Document) {
	for _, err := range append(s.dropOthers(d), s.replace(d)...) {
		s.g.failures.add("logs", err)
		s.g.log.Error().Err(err).Msg("logs")
	}
}

// dropOthers does for the logs that a document does not have what a commit does: they were removed while the gateway was
// stopped, or a crash came between the commit and that.
func (s *subscriptions) dropOthers(d *config.Document) (problems []error) {
	files, err := projections.CurrentLogs(s.g.logsDirectory())
	problems = append(problems, err)
	for _, name := range files {
		if l := named(d, name); l == nil || !l.HasFiles() {
			problems = append(problems, projections.CloseLog(name, s.g.journal, s.g.logOptions(d)))
		}
	}
	for retrieval, prefix := range placesOf {
		tables, err := s.g.journal.RowNames(prefix)
		problems = append(problems, err)
		for _, table := range tables {
			if l := named(d, strings.TrimPrefix(table, prefix)); l == nil || l.Retrieval != retrieval {
				problems = append(problems, s.g.journal.Rows(table).Clear())
			}
		}
	}
	return slices.DeleteFunc(problems, func(err error) bool { return err == nil })
}

// run has the logs written until ctx ends.
func (s *subscriptions) run(ctx context.Context) error {
	s.mu.Lock()
	s.ctx = ctx
	for _, one := range s.all() {
		one.start(ctx, s.g)
	}
	s.mu.Unlock()
	<-ctx.Done()
	s.mu.Lock() // a commit under way ends what it began
	defer s.mu.Unlock()
	s.end(s.all())
	return nil
}

// end waits until logs are as far as they get.
func (s *subscriptions) end(list []*subscription) {
	for _, one := range list {
		one.stop()
	}
	for _, one := range list {
		one.running.Wait()
	}
}

// replace makes the logs of a document those that are written. What cannot be is told, and does not keep the others from
// it. The files of a log that is gone stay.
func (s *subscriptions) replace(d *config.Document) (problems []error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx != nil && s.ctx.Err() != nil {
		return nil // the next start begins with the document in force
	}
	kept := make(map[shape]*subscription)
	var gone []*subscription
	for _, one := range s.all() {
		if l := named(d, one.row.Name); l != nil && shapeOf(d, l) == one.shape {
			kept[one.shape] = one
			continue
		} else if one.file != nil && (l == nil || !l.HasFiles()) {
			one.file.Retire()
		}
		gone = append(gone, one)
	}
	s.end(gone)
	for _, one := range gone {
		if err := one.forget(named(d, one.row.Name)); err != nil {
			problems = append(problems, err)
		}
		one.unwatch(&s.g.lags)
	}
	var list []*subscription
	for i := range d.Subscriptions {
		l := &d.Subscriptions[i]
		one, err := kept[shapeOf(d, l)], error(nil)
		if one == nil {
			if one, err = s.g.subscribe(d, l); err != nil {
				one.unwatch(&s.g.lags)
				problems = append(problems, fmt.Errorf("log %s: %w", l.Name, err))
				continue
			}
			for _, before := range gone {
				one.goOnFrom(before, &s.g.lags)
			}
			if s.ctx != nil {
				one.start(s.ctx, s.g)
			}
		}
		list = append(list, one)
	}
	s.list.Store(&list)
	return problems
}

// named is the subscription of exactly that name, which is that of its files; nil: there is none.
func named(d *config.Document, name string) *config.Log {
	i := slices.IndexFunc(d.Subscriptions, func(l config.Log) bool { return l.Name == name })
	if i < 0 {
		return nil
	}
	return &d.Subscriptions[i]
}

// all are the logs, for whoever only looks.
func (s *subscriptions) all() []*subscription {
	if list := s.list.Load(); list != nil {
		return *list
	}
	return nil
}

// writers are the logs that have files.
func (s *subscriptions) writers() (list []shell.LogWriter) {
	for _, one := range s.all() {
		if one.file != nil {
			list = append(list, one.file)
		}
	}
	return list
}

// filesLag is how many durable records the slowest log with files has still to see. History is kept for it; what is pushed
// elsewhere goes without when nobody takes it for that long.
func (s *subscriptions) filesLag() (lag uint64) {
	for _, one := range s.all() {
		if one.file != nil {
			lag = max(lag, one.file.Lag())
		}
	}
	return lag
}

// lag is the same of all logs.
func (s *subscriptions) lag() uint64 {
	lag, durable := s.filesLag(), s.g.journal.Durable()
	for _, one := range s.all() {
		if one.syslog != nil {
			lag = max(lag, durable-min(durable, one.syslog.Seq()))
		}
	}
	return lag
}

// stuck lists the pushes that do not get on, and since when.
func (s *subscriptions) stuck(now time.Time) (list []stuck) {
	for _, one := range s.all() {
		switch {
		case one.syslog != nil:
			if reason := one.syslog.Reason(); reason != "" {
				list = append(list, stuck{one.row.Name, time.Duration(one.lagging.age.Load()), "Its lines wait to be sent to " + one.row.Endpoint(), reason})
			}
		case one.scp != nil:
			if w := one.scp.Waiting(); w != nil && w.Reason != "" {
				list = append(list, stuck{one.row.Name, now.Sub(w.Since), w.File + " waits to be copied to " + one.row.Host, w.Reason})
			}
		}
	}
	return list
}

// prepareLogs sees that what new and changed logs need can be read.
func (g *gateway) prepareLogs(now, next *config.Document) (part, error) {
	var failed error
	for i := range next.Subscriptions {
		l := &next.Subscriptions[i]
		if before := named(now, l.Name); before != nil && shapeOf(now, before) == shapeOf(next, l) {
			continue
		}
		if _, err := authorities(l); err != nil {
			failed = errors.Join(failed, fmt.Errorf("log %s: %w", l.Name, err))
		}
	}
	return part{takeUp: func() []error { return g.logs.replace(next) }, undo: func() {}}, failed
}

// keysDirectory is where the keys of pushed logs lie.
func (g *gateway) keysDirectory() string { return filepath.Join(g.data, "configuration") }

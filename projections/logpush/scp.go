package logpush

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"postern/journal"
	"postern/projections"
)

// SCP copies a log's files to another host, each one when it is closed, in their order and under their names. A new one
// begins with the next file that is closed. What could not be copied is tried again until it can, as long as it is kept; a
// crash may have a file copied twice. The fields are set before Run, whose goroutine owns the rest.
type SCP struct {
	Log       string // the subscription's name
	Dir       string // of the files
	Keys      string // directory of keys, in which the program is run
	Target    Target
	Rows      *journal.Rows
	Runner    Runner               // nil: Exec
	OnProblem func(error)          // told when a file could not be copied, and with nil when one could again
	OnLost    func(files []string) // told of files that were removed, because there were too many, before they could be copied
	Every     time.Duration        // between looks for closed files, and before the first new attempt; each further one waits twice as long; 0: 5 s
	Now       func() time.Time     // nil: time.Now

	waiting atomic.Pointer[Waiting]

	pushed  string // the last file that was copied, or that was closed before the subscription began
	pending []string
	failing bool
}

// Waiting is a file that waits to be copied.
type Waiting struct {
	File   string
	Since  time.Time
	Reason string // why the last attempt failed; "": there was none
}

const maxPushRetry = 10 * time.Minute

// Waiting is the file that waits longest; nil: none does.
func (s *SCP) Waiting() *Waiting { return s.waiting.Load() }

// GoOnFrom takes over what waits for the one before it, which copies to the same host and has ended, and since when. It is
// called before Run, if at all.
func (s *SCP) GoOnFrom(before *SCP) {
	s.failing = before.failing
	s.waiting.Store(before.waiting.Load())
}

var pushedKey = []byte("pushed")

// Begin finds the last file that was copied, or takes the present for the beginning. It is called once, before Run.
func (s *SCP) Begin() error {
	if s.Every <= 0 {
		s.Every = 5 * time.Second
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	if s.Runner == nil {
		s.Runner = Exec
	}
	last, ok, err := s.Rows.Get(pushedKey)
	if err != nil {
		return fmt.Errorf("log %s: %w", s.Log, err)
	}
	if ok {
		s.pushed = string(last)
		return nil
	}
	closed, err := projections.ClosedLogFiles(s.Dir, s.Log)
	if err != nil {
		return err
	}
	if n := len(closed); n > 0 {
		s.pushed = closed[n-1]
	}
	return s.save()
}

// Run copies until ctx ends; a copy under way is ended then, and made again by the next run.
func (s *SCP) Run(ctx context.Context) error {
	wait := s.Every
	for ctx.Err() == nil {
		err := s.turn(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			s.fail(err)
			wait = min(2*wait, maxPushRetry)
		default:
			wait = s.Every
		}
		pause(ctx, wait)
	}
	return nil
}

// turn copies all files that are closed.
func (s *SCP) turn(ctx context.Context) error {
	for {
		if err := s.look(); err != nil || len(s.pending) == 0 {
			return err
		}
		file := s.pending[0]
		path, err := filepath.Rel(s.Keys, filepath.Join(s.Dir, file))
		if err != nil {
			return err
		}
		if err := s.Target.push(ctx, s.Runner, s.Keys, path); err != nil {
			return fmt.Errorf("log %s: %s to %s: %w", s.Log, file, s.Target.Host, err)
		}
		s.pushed, s.pending = file, s.pending[1:]
		if err := s.save(); err != nil {
			return err
		}
		if s.failing {
			s.failing = false
			s.tell(nil)
		}
	}
}

// look lists what is to be copied, and tells what of it is gone.
func (s *SCP) look() error {
	closed, err := projections.ClosedLogFiles(s.Dir, s.Log)
	if err != nil {
		return err
	}
	closed = slices.DeleteFunc(closed, func(name string) bool { return name <= s.pushed })
	lost := slices.DeleteFunc(slices.Clone(s.pending), func(name string) bool { return slices.Contains(closed, name) })
	if len(lost) > 0 && s.OnLost != nil {
		s.OnLost(lost)
	}
	s.pending = closed
	w := s.waiting.Load()
	switch {
	case len(closed) == 0:
		s.waiting.Store(nil)
	case w == nil || w.File != closed[0]:
		next := &Waiting{File: closed[0], Since: s.Now()}
		if w != nil && s.failing { // the one before it was lost: the failure is as old as it was
			next.Since, next.Reason = w.Since, w.Reason
		}
		s.waiting.Store(next)
	}
	return nil
}

func (s *SCP) fail(err error) {
	if w := s.waiting.Load(); w != nil {
		next := *w
		next.Reason = err.Error()
		s.waiting.Store(&next)
	}
	if !s.failing {
		s.failing = true
		s.tell(err)
	}
}

func (s *SCP) tell(err error) {
	if s.OnProblem != nil {
		s.OnProblem(err)
	}
}

// save writes down what was copied.
func (s *SCP) save() error {
	err := s.Rows.Write(1, func(b *journal.RowBatch) error {
		b.Set(pushedKey, []byte(s.pushed))
		return nil
	})
	if err != nil {
		return fmt.Errorf("log %s: %w", s.Log, err)
	}
	return nil
}

// Forget removes the place of a subscription that is no more.
func (s *SCP) Forget() error { return s.Rows.Clear() }

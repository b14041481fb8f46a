package receive

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"
)

// ErrNoListener says that no listener has the name.
var ErrNoListener = errors.New("no such listener")

// cutOffPatience is how long connections that were cut off are awaited. What holds one up then is its message, on its way
// into the store.
const cutOffPatience = 5 * time.Second

// Suspend closes the ports of listeners, of all without names. Clients without a transaction get 421 4.3.2 at once, the
// others when theirs is over; when grace is over all are cut off. It returns when none is left. The end of ctx ends the
// wait alone: the listeners stay suspended, and their clients are cut off when grace is over. To suspend what is suspended
// already is to wait for its clients.
func (s *Server) Suspend(ctx context.Context, names []string, grace time.Duration) error {
	list, err := s.named(names)
	if err != nil {
		return err
	}
	open := s.closePorts(list)
	cutOff := time.AfterFunc(grace, func() {
		for _, c := range open {
			c.kill()
		}
	})
	patience := time.NewTimer(max(grace, 0) + cutOffPatience)
	defer patience.Stop()
	for _, c := range open {
		select {
		case <-c.ended:
		case <-ctx.Done():
			return ctx.Err()
		case <-patience.C:
			left := slices.DeleteFunc(open, func(c *conversation) bool { return isClosed(c.ended) })
			return fmt.Errorf("%d connections are still being closed", len(left))
		}
	}
	cutOff.Stop()
	return nil
}

// closePorts suspends listeners and returns their conversations, which end as soon as they are idle.
func (s *Server) closePorts(list []*listener) (open []*conversation) {
	s.ordering.Lock()
	for _, l := range list {
		l.suspend()
	}
	s.ordering.Unlock()
	s.each(func(c *conversation) { // none is enrolled any more: enroll looks at the suspension
		if c.isSuspended() && slices.Contains(list, c.listener) {
			open = append(open, c)
			c.finishSoon()
		}
	})
	return open
}

// Resume undoes Suspend: all ports are bound again, or, when one cannot be, none, and the error names its address.
// To resume what is not suspended is no error, but if its port is not bound either it is tried at once.
func (s *Server) Resume(names []string) error {
	list, err := s.named(names)
	if err != nil {
		return err
	}
	s.ordering.Lock()
	defer s.ordering.Unlock()
	if s.isStopping() {
		return errStopping
	}
	ports := make([]net.Listener, len(list))
	for i, l := range list {
		if !l.isSuspended() {
			err = l.bind()
		} else if ports[i], err = l.announce(); err != nil {
			ports[i] = nil
		}
		if err != nil {
			closeAll(ports)
			return err
		}
	}
	for i, l := range list {
		if ports[i] != nil {
			l.resume(ports[i])
		}
	}
	return nil
}

func closeAll(ports []net.Listener) {
	for _, port := range ports {
		if port != nil {
			_ = port.Close() // nobody was let in yet
		}
	}
}

// named finds listeners, all without names.
func (s *Server) named(names []string) (list []*listener, err error) {
	if len(names) == 0 {
		return slices.Clone(s.all()), nil
	}
	for _, name := range names {
		l := s.find(name)
		if l == nil {
			return nil, fmt.Errorf("listener %q: %w", name, ErrNoListener)
		}
		if !slices.Contains(list, l) {
			list = append(list, l)
		}
	}
	return list, nil
}

func (s *Server) find(name string) *listener {
	for _, l := range s.all() {
		if l.name == name {
			return l
		}
	}
	return nil
}

// suspension is closed when the listener is suspended.
func (l *listener) suspension() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.suspended
}

func (l *listener) isSuspended() bool { return isClosed(l.suspension()) }

func (l *listener) suspend() {
	l.unbind(func() {
		if !isClosed(l.suspended) {
			close(l.suspended)
		}
	})
}

// resume goes on with a port that was bound for it.
func (l *listener) resume(port net.Listener) {
	l.mu.Lock()
	if l.closed {
		_ = port.Close() // a stop has begun meanwhile
	} else {
		l.bound, l.suspended = port, make(chan struct{})
	}
	l.mu.Unlock()
	l.wake()
}

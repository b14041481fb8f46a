package receive

import (
	"context"
	"net"
	"slices"
	"sync"
	"time"

	"postern/engine/config"
)

// Server receives mail on the listeners of the configuration. Its fields are set before Listen and not changed after.
type Server struct {
	Document  func() *config.Document // in force; a new one governs new connections
	Queue     Queue
	Store     Store
	Reverse   Reverse              // nil: names are not looked up
	Delay     func() time.Duration // resource conservation: how much later each reply of a transaction leaves; nil: not
	Now       func() time.Time     // wall clock for what is written down; nil: time.Now
	Tolerant  bool                 // a listener that cannot bind is reported and retried, and does not stop Listen
	Suspended []string             // names of listeners whose ports Listen leaves closed, until Resume

	// Announce binds; nil: TCP without keep-alive probes (the timeouts of the conversation find the dead).
	Announce func(ctx context.Context, network, address string) (net.Listener, error)
	// OnProblem is told of what an operator should see: a port that cannot be bound, a certificate that cannot be
	// loaded, a panic with its stack. It may be called from many goroutines. nil: nobody hears.
	OnProblem func(listener string, err error)

	ctx          context.Context // of lookups; ends with the last connection
	cancel       context.CancelFunc
	machines     *machines
	certificates certificates
	limits       limits
	group        sync.WaitGroup // accept loops, conversations, lookups

	mu            sync.Mutex
	listeners     []*listener // replaced as a whole
	serving       bool
	stopping      bool
	stop          chan struct{} // closed when stopping
	ordering      sync.Mutex    // one suspension or resumption at a time; before mu
	conversations map[*conversation]struct{}
}

// retryBind is how often a port that could not be bound is tried again.
const retryBind = 5 * time.Second

// Listen binds all listeners of the document. Without Tolerant the first failure undoes all and is returned.
func (s *Server) Listen() error {
	if s.Now == nil {
		s.Now = time.Now
	}
	if s.Announce == nil {
		s.Announce = (&net.ListenConfig{KeepAlive: -1}).Listen
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.stop = make(chan struct{})
	s.conversations = make(map[*conversation]struct{})
	s.certificates.now, s.certificates.problem = s.Now, s.problem
	document := s.Document()
	for i := range document.Listeners {
		l := s.newListener(document.Listeners[i].Name)
		if slices.Contains(s.Suspended, l.name) {
			close(l.suspended)
		}
		s.listeners = append(s.listeners, l)
		for _, err := range []error{l.prepare(document, document.Listeners[i]), l.bind()} {
			if err != nil && !s.Tolerant {
				s.closeListeners()
				s.cancel()
				return err
			}
			if err != nil {
				s.problem(l.name, err)
			}
		}
	}
	return nil
}

func (s *Server) newListener(name string) *listener {
	return &listener{server: s, name: name, changed: make(chan struct{}, 1), suspended: make(chan struct{})}
}

// all are the listeners of the document in force.
func (s *Server) all() []*listener {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.listeners
}

// Serve accepts connections until Shutdown, or until ctx ends, which ends all connections at once. It returns when no
// goroutine of the server is left.
func (s *Server) Serve(ctx context.Context) error {
	s.machines = newMachines(func(err error) { s.problem("", err) })
	s.mu.Lock()
	s.serving = true
	for _, l := range s.listeners {
		s.group.Go(l.run)
	}
	s.mu.Unlock()
	select {
	case <-ctx.Done():
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.Shutdown(ended)
	case <-s.stop:
	}
	s.group.Wait()
	s.cancel()
	return s.machines.Close()
}

// Shutdown closes the listeners; clients without a transaction get 421 4.3.2 at once, the others when theirs is over, and
// at the end of ctx all are cut off. It returns ctx's error if that had to be, and does not wait for what is then left.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	if !s.stopping {
		s.stopping = true
		close(s.stop)
	}
	s.mu.Unlock()
	s.closeListeners()
	s.each((*conversation).finishSoon)
	done := make(chan struct{})
	go func() { // ends with the last connection, as Serve does
		s.group.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	s.each((*conversation).kill)
	s.cancel()
	select {
	case <-done:
	case <-time.After(lastWords):
	}
	return ctx.Err()
}

// lastWords is how long a client that is cut off may take to read why.
const lastWords = time.Second

func (s *Server) closeListeners() {
	for _, l := range s.all() {
		l.close()
	}
}

// each calls do for every open conversation, without the lock held.
func (s *Server) each(do func(*conversation)) {
	s.mu.Lock()
	all := make([]*conversation, 0, len(s.conversations))
	for c := range s.conversations {
		all = append(all, c)
	}
	s.mu.Unlock()
	for _, c := range all {
		do(c)
	}
}

// enroll starts a conversation, or returns false when the server is stopping or the listener was suspended.
func (s *Server) enroll(c *conversation) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping || c.isSuspended() {
		return false
	}
	s.conversations[c] = struct{}{}
	s.group.Go(c.serve)
	return true
}

func (s *Server) leave(c *conversation) {
	s.mu.Lock()
	delete(s.conversations, c)
	s.mu.Unlock()
	s.limits.leave(c.client)
	close(c.ended)
}

func (s *Server) isStopping() bool { return isClosed(s.stop) }

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Addr is where a listener is bound, nil when it is not.
func (s *Server) Addr(name string) net.Addr {
	list, err := s.named([]string{name})
	if err != nil {
		return nil
	}
	if port := list[0].port(); port != nil {
		return port.Addr()
	}
	return nil
}

func (s *Server) problem(listener string, err error) {
	if s.OnProblem != nil {
		s.OnProblem(listener, err)
	}
}

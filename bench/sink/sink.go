// Package sink is a small SMTP server in the process of a test or workload that accepts everything, remembers what came,
// and misbehaves where a recipient's name asks for it. A message is known by its X-Bench-ID header, else by its subject,
// so that what was sent and what arrived can be compared one by one.
package sink

import (
	"maps"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Sink is a server. Its exported fields are set before Listen and not changed afterwards. Recipients whose local part
// begins with bounce- get 550 5.1.1; with defer-, 450 4.2.1 until Lift; with lost-, the message takes effect and the
// connection ends without an answer to the final dot, the first time that it comes.
type Sink struct {
	Delay func() time.Duration // between a message's effect and the reply to its final dot; nil: none
	Keep  bool                 // content is kept, for Messages

	listener net.Listener
	running  sync.WaitGroup
	lifted   atomic.Bool
	total    atomic.Uint64

	mu       sync.Mutex
	open     map[net.Conn]struct{}
	closed   bool
	arrived  map[Arrival]int
	messages []Message
}

// Arrival is a message as one recipient gets it.
type Arrival struct{ ID, Recipient string }

// Message is what came in one transaction; Content is as sent, dot-unstuffed, with CRLF.
type Message struct {
	ID, Sender string
	Recipients []string
	Content    string
}

// Listen begins to serve at address; Close ends it.
func (s *Sink) Listen(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	s.listener, s.open, s.arrived = l, map[net.Conn]struct{}{}, map[Arrival]int{}
	s.running.Add(1)
	go s.accept()
	return nil
}

// Address is where the sink listens.
func (s *Sink) Address() netip.AddrPort { return s.listener.Addr().(*net.TCPAddr).AddrPort() }

// Close ends the listener and every connection, and waits for them.
func (s *Sink) Close() error {
	err := s.listener.Close()
	s.mu.Lock()
	s.closed = true
	for c := range s.open {
		c.Close()
	}
	s.mu.Unlock()
	s.running.Wait()
	return err
}

// Lift makes the sink accept the recipients that it deferred before.
func (s *Sink) Lift() { s.lifted.Store(true) }

// Total is how many deliveries, one for each recipient of a message, came so far, repetitions included.
func (s *Sink) Total() uint64 { return s.total.Load() }

// Arrived tells how often each message came for each recipient.
func (s *Sink) Arrived() map[Arrival]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.arrived)
}

// Forget clears what Arrived and Messages tell; Total goes on.
func (s *Sink) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.arrived)
	s.messages = nil
}

// Messages returns what came so far, in order, when Keep is set.
func (s *Sink) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Message(nil), s.messages...)
}

func (s *Sink) accept() {
	defer s.running.Done()
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		if !s.enter(c) {
			c.Close()
			return
		}
		go func() {
			defer s.running.Done()
			newConversation(s, c).run()
			c.Close()
			s.mu.Lock()
			delete(s.open, c)
			s.mu.Unlock()
		}()
	}
}

func (s *Sink) enter(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.open[c] = struct{}{}
	s.running.Add(1)
	return true
}

// record counts m and tells whether any of its recipients gets it for the first time.
func (s *Sink) record(m Message) (first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range m.Recipients {
		a := Arrival{ID: m.ID, Recipient: r}
		s.arrived[a]++
		first = first || s.arrived[a] == 1
	}
	if s.Keep {
		s.messages = append(s.messages, m)
	}
	s.total.Add(uint64(len(m.Recipients)))
	return first
}

package snmp

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"postern/engine/config"
)

// Sender sends notifications to the targets of the configuration in force. Each target has a queue and a goroutine of its
// own, so that one that is dead or has no address keeps nobody waiting. Its fields are set before use.
type Sender struct {
	Agent     *Agent                                                         // in whose name it sends: engine, salts and sysUpTime are its
	Resolve   func(ctx context.Context, host string) ([]netip.Addr, error)   // nil: the system's
	Dial      func(ctx context.Context, to netip.AddrPort) (net.Conn, error) // nil: UDP
	OnTarget  func(target string, err error)                                 // is told when a target fails, and with nil when it does not any more; nil: nobody
	OnDropped func(target string)                                            // is told when a target's queue overflows, once until it is empty; nil: nobody

	mu       sync.Mutex // guards what follows
	ctx      context.Context
	ended    bool
	document *config.Document
	targets  []*target // in the order of the configuration
	workers  sync.WaitGroup
}

// The limits of sending.
const (
	maxWaiting  = 512             // notifications of a target; when one more comes, the oldest is dropped
	sendTries   = 3               // then the notification is given up, and counted
	tryPatience = 2 * time.Second // of one try: for the name, the way and, of an inform, the answer
	maxReplies  = 32              // datagrams that are looked at while an answer is awaited
)

// Run keeps the targets until ctx ends; what waits then is dropped.
func (s *Sender) Run(ctx context.Context) error {
	s.mu.Lock()
	s.ctx = ctx
	for _, t := range s.targets {
		s.start(t)
	}
	s.mu.Unlock()
	<-ctx.Done()
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.workers.Wait()
	return nil
}

// Configure takes the targets of a document. One that was there before keeps its counts and what waits for it, which goes
// out in the new version and with the new words; what waits for one that is gone is dropped. It waits for nothing.
func (s *Sender) Configure(d *config.Document) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.document = d
	var wanted []string
	if d.SNMP.Enabled {
		wanted = d.SNMP.TrapTargets
	}
	before := s.targets
	s.targets = nil
	for _, text := range wanted {
		i := slices.IndexFunc(before, func(t *target) bool { return t.name == text })
		if i >= 0 {
			s.targets = append(s.targets, before[i])
			continue
		}
		to, err := config.ParseTrapTarget(text)
		if err != nil {
			continue // the check of the document has refused it
		}
		t := &target{sender: s, name: text, to: to, wake: make(chan struct{}, 1)}
		s.targets = append(s.targets, t)
		s.start(t)
	}
	for _, t := range before {
		if t.cancel != nil && !slices.Contains(s.targets, t) {
			t.cancel()
		}
	}
}

// start runs a target. The caller holds s.mu; before Run and after its end nothing runs.
func (s *Sender) start(t *target) {
	if s.ctx == nil || s.ended {
		return
	}
	ctx, cancel := context.WithCancel(s.ctx)
	t.cancel = cancel
	s.workers.Go(func() { defer cancel(); t.run(ctx) })
}

// Notify hands a notification to all targets, and waits for none of them.
func (s *Sender) Notify(n Notification) {
	up := s.Agent.Uptime()
	s.mu.Lock()
	targets := s.targets
	s.mu.Unlock()
	for _, t := range targets {
		t.add(waiting{n, up})
	}
}

// inForce is the document by which is sent.
func (s *Sender) inForce() *config.Document {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.document
}

// TargetStatus tells how sending to a target goes. The counts are since the target was configured.
type TargetStatus struct {
	Target     string `json:"target"`
	Sent       uint64 `json:"sent"`              // traps that left, informs that were answered
	Failed     uint64 `json:"failed"`            // given up: no address, no way, no answer
	Unanswered uint64 `json:"unanswered"`        // of Failed: informs that nobody has answered
	Dropped    uint64 `json:"dropped"`           // for want of room in the queue
	Waiting    int    `json:"waiting"`           // one that is being sent included
	Problem    string `json:"problem,omitempty"` // why the last one failed, a sentence; "": it did not
}

// Status tells of each target, in the order of the configuration.
func (s *Sender) Status() []TargetStatus {
	s.mu.Lock()
	targets := s.targets
	s.mu.Unlock()
	out := make([]TargetStatus, len(targets))
	for i, t := range targets {
		out[i] = t.status()
	}
	return out
}

func (s *Sender) dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	if s.Dial != nil {
		return s.Dial(ctx, to)
	}
	return new(net.Dialer).DialContext(ctx, "udp", to.String())
}

func (s *Sender) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if s.Resolve != nil {
		return s.Resolve(ctx, host)
	}
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

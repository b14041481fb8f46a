package snmp

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosnmp/gosnmp"

	"postern/engine/config"
)

// Agent answers monitoring systems. Its fields are set before Start and not changed after.
type Agent struct {
	Branches   []Branch // what is answered, beside what the agent says of itself
	Program    Program
	EngineFile string // where engine id and starts are kept

	Listen    func(ctx context.Context, at netip.AddrPort) (*net.UDPConn, error) // nil: UDP
	Random    io.Reader                                                          // nil: the system's
	OnProblem func(error)                                                        // is told of what an operator should see, from many goroutines; nil: nobody

	tree    *Tree
	started time.Time
	salt    atomic.Uint64
	count   counters
	limits  limiter
	said    sentences
	inForce atomic.Pointer[state]  // nil before anything was
	opened  atomic.Pointer[Engine] // before anything was in force; written under mu

	mu      sync.Mutex // guards what follows
	ctx     context.Context
	wanted  *config.Document // that is to be in force, if it could be
	door    *door            // nil: nothing is bound
	failed  string           // what was said of why it is not
	readers sync.WaitGroup   // of all doors
}

// state is a configuration in force. It is never changed.
type state struct {
	enabled   bool
	document  *config.Document
	engine    *Engine
	user      *gosnmp.UsmSecurityParameters // with keys; copied for each message
	lowest    gosnmp.SnmpV3MsgFlags         // level that is answered
	highest   gosnmp.SnmpV3MsgFlags         // level that there are keys for
	community [sha256.Size]byte
}

// Start makes the agent ready and binds its port, if the document wants that. What stands in the way is reported, and
// tried again by Serve.
func (a *Agent) Start(d *config.Document) {
	a.started = time.Now()
	if a.Random == nil {
		a.Random = rand.Reader
	}
	var salt [8]byte
	if _, err := io.ReadFull(a.Random, salt[:]); err != nil {
		a.problem(err) // and it begins at 0: the engine's starts are in the vector too
	}
	a.salt.Store(binary.BigEndian.Uint64(salt[:]))
	branches := slices.Concat([]Branch{a.engineBranch()}, a.count.branches(), a.Branches)
	a.tree = NewTree(append(branches, a.systemBranch(branches))...)
	a.mu.Lock()
	a.wanted = d
	a.mu.Unlock()
	a.retry()
}

// stateOf makes the state of a document. An engine goes on as long as its id is the same.
func (a *Agent) stateOf(d *config.Document) (*state, error) {
	s := &state{document: d, enabled: d.SNMP.Enabled, community: sha256.Sum256([]byte(d.SNMP.Community)), engine: a.Engine()}
	if s.engine == nil || !s.engine.is(d.SNMP.EngineID) {
		engine, err := OpenEngine(a.EngineFile, d.SNMP.EngineID, a.Random)
		if err != nil {
			return nil, err
		}
		s.engine = engine
		if a.inForce.Load() == nil && d == a.wanted { // not of a change that may be refused; its port may be missing for a while, and that is no further start
			a.opened.Store(engine)
		}
	}
	var err error
	if s.user, err = s.engine.Security(&d.SNMP); err != nil {
		return nil, err
	}
	switch {
	case s.user.PrivacyProtocol == gosnmp.AES:
		s.highest = gosnmp.AuthPriv
	case s.user.AuthenticationProtocol == gosnmp.SHA:
		s.highest = gosnmp.AuthNoPriv
	}
	switch d.SNMP.Level {
	case config.AuthPriv:
		s.lowest = gosnmp.AuthPriv
	case config.AuthNoPriv:
		s.lowest = gosnmp.AuthNoPriv
	}
	return s, nil
}

// Engine is who signs traps, whether a port is bound or not; nil before there is one.
func (a *Agent) Engine() *Engine {
	if s := a.inForce.Load(); s != nil {
		return s.engine
	}
	return a.opened.Load()
}

// Uptime is sysUpTime: how long the agent has been there.
func (a *Agent) Uptime() time.Duration { return time.Since(a.started) }

// CountTrap adds a trap that was sent to what the snmp group tells.
func (a *Agent) CountTrap() {
	a.count.outPkts.Add(1)
	a.count.outTraps.Add(1)
}

// Refused counts the datagrams that the agent has dropped: those beyond the limits of what is looked at, and those that were
// too much for the codec.
func (a *Agent) Refused() (limited, contained uint64) {
	return a.count.limited.Load(), a.count.panics.Load()
}

// Addr is where the agent answers; invalid: it does not.
func (a *Agent) Addr() netip.AddrPort {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s := a.inForce.Load(); a.door == nil || s == nil || !s.enabled {
		return netip.AddrPort{}
	}
	return a.door.conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

func (a *Agent) problem(err error) {
	if a.OnProblem != nil {
		a.OnProblem(err)
	}
}

// sentences are what anybody can make the agent say: each once a minute at most.
type sentences struct{ foreign, limited, panic atomic.Int64 }

const sayAgain = time.Minute

func (a *Agent) say(last *atomic.Int64, err error) {
	now := time.Now().UnixNano()
	if before := last.Load(); (before == 0 || now-before >= int64(sayAgain) || now < before) && last.CompareAndSwap(before, now) {
		a.problem(err)
	}
}

func (a *Agent) sayLimited(from netip.AddrPort) {
	a.say(&a.said.limited, fmt.Errorf("more SNMP requests than %d a second come from %s, or %d from all together; the others are dropped", sourceRate, from.Addr(), overallRate))
}

package hardware

import (
	"context"
	"io/fs"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Monitor reads the machine's sensors and its network. Its fields are set before use; Sensors and Network may be called by
// many goroutines at once. While Run runs, Sensors waits for nothing but the first reading: drives and management controllers
// may take seconds to answer, or never do.
type Monitor struct {
	Proc      fs.FS                            // /proc; nil: the system's
	Sys       fs.FS                            // /sys; nil: the system's
	Dev       fs.FS                            // /dev; nil: the system's
	Command   Command                          // runs ipmitool; nil: the system's
	Addresses func() map[string][]netip.Prefix // of the interfaces, by name; nil: asks the system
	Limits    func() Limits                    // by which readings are judged; nil: by the sensors' own

	running atomic.Bool
	sensors atomic.Pointer[Sensors]    // the last reading
	bmc     atomic.Pointer[controller] // what the management controller said last; never changed
	wanted  chan struct{}              // made once; a reading is asked for
	once    sync.Once

	attributes atomic.Pointer[attributes] // the last reading of the interfaces

	turn  sync.Mutex // guards pass
	pass  *pass      // the reading that is being taken; nil: none
	known memory     // owned by who takes a reading

	mu      sync.Mutex
	network *Network // the last reading. Under mu
}

// kept is how long a reading is good for all who ask: SNMP and the shell ask for each component on its own.
const kept = time.Second

// levelsEvery is how often Run reads when nobody asks: alarms that last are told as often.
const levelsEvery = 5 * time.Second

// Sensors gives the last reading. While Run runs, one that is older than a second is given, too, and a new one is on its
// way for who asks next; without Run, it is read now.
func (m *Monitor) Sensors(now time.Time) *Sensors {
	last := m.sensors.Load()
	if last != nil && fresh(last.Time, now) {
		return last
	}
	if last != nil && m.running.Load() {
		select {
		case m.want() <- struct{}{}:
		default: // it is asked for already
		}
		return withDelay(last, now)
	}
	return m.refresh(now)
}

// want is the channel on which readings are asked for.
func (m *Monitor) want() chan struct{} {
	m.once.Do(func() { m.wanted = make(chan struct{}, 1) })
	return m.wanted
}

// Network gives a reading of the network whose figures are not older than a second; what the interfaces are and how they stand
// may be a little older, for that takes many files.
func (m *Monitor) Network(now time.Time) *Network {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.network != nil && fresh(m.network.Time, now) {
		return m.network
	}
	age := kept
	if m.running.Load() {
		age = 2 * levelsEvery // Run reads them oftener
	}
	m.network = &Network{Time: now, Interfaces: withTraffic(m.interfacesOf(now, age), text(m.proc(), "self/net/dev")), Groups: groupsOf(text(m.proc(), "self/net/snmp")),
		Listeners: listenersOfUDP(m.proc())}
	return m.network
}

// attributes are the interfaces without their traffic.
type attributes struct {
	time time.Time
	list []Interface // never changed
}

// interfacesOf gives the interfaces without their traffic, as of less than age ago.
func (m *Monitor) interfacesOf(now time.Time, age time.Duration) []Interface {
	last := m.attributes.Load()
	if last != nil && now.Sub(last.time).Abs() < age {
		return last.list
	}
	addresses := m.Addresses
	if addresses == nil {
		addresses = ownAddresses
	}
	next := &attributes{now, interfaces(m.sys(), addresses())}
	if last != nil {
		since(now, next.list, last.list)
	}
	m.attributes.Store(next)
	return next.list
}

// fresh tells whether something of a moment is good now. A clock that was set makes nothing good for long.
func fresh(at, now time.Time) bool { return now.Sub(at).Abs() < kept }

// Run reads every five seconds and when somebody asks, and asks the management controller, until ctx ends. It leaves behind
// who still waits then for a drive that hangs, or for a program that the kernel does not let go.
func (m *Monitor) Run(ctx context.Context) error {
	asked := make(chan struct{})
	go func() { defer close(asked); m.askOften(ctx) }()
	defer func() {
		select {
		case <-asked:
		case <-time.After(stopPatience):
		}
	}()
	m.running.Store(true)
	defer m.running.Store(false)
	tick := time.NewTicker(levelsEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-m.begin(time.Now()).done:
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-m.want():
		}
	}
}

func (m *Monitor) askOften(ctx context.Context) {
	tick := time.NewTicker(bmcEvery)
	defer tick.Stop()
	for {
		m.Ask(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Ask has the management controller read, where there is one, and waits for it; the next reading has what it said. It is for
// who reads once: Run asks by itself, and nobody else does while it runs.
func (m *Monitor) Ask(ctx context.Context) {
	next := &controller{}
	if last := m.bmc.Load(); last != nil {
		*next = *last
	}
	run := m.Command
	if run == nil {
		run = systemCommand
	}
	next.ask(ctx, orSystem(m.Dev, "/dev"), run, time.Now())
	if ctx.Err() == nil {
		m.bmc.Store(next)
	}
}

func (m *Monitor) proc() fs.FS { return orSystem(m.Proc, "/proc") }
func (m *Monitor) sys() fs.FS  { return orSystem(m.Sys, "/sys") }

func orSystem(given fs.FS, dir string) fs.FS {
	if given != nil {
		return given
	}
	return os.DirFS(dir)
}

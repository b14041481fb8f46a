package snmp

import (
	"context"
	"slices"
	"time"

	"postern/engine/config"
	"postern/hardware"
)

// Levels is where the watcher looks: each function tells how something stands now, waits for nobody, and is called by one
// goroutine at a time. They are set before use. Document and Conservation must be; the others may be nil: then there is
// nothing of that kind.
type Levels struct {
	Document     func() *config.Document    // in force
	Conservation func() []string            // the reasons of resource conservation, the most urgent first
	Loads        func() (cpu, memory int64) // percent, as perCentCPUUtilization and perCentMemoryUtilization
	Sensors      func(now time.Time) *hardware.Sensors
	Ignored      func() hardware.Ignored // whose changes nobody wants to hear of
	Network      func(now time.Time) *hardware.Network
	Keys         func(now time.Time) []Key    // those of the gateway's MIB, in the same order
	Updates      func(now time.Time) []Update // the same
}

// Watcher tells targets what goes wrong. It looks at levels as they stand and never at facts as they come, so that a replay
// tells nobody anything. Its fields are set before Run, which is the only goroutine that looks.
type Watcher struct {
	Levels    Levels
	Sender    *Sender
	Check     Checker                     // of the URL for connectivityFailure
	OnNotify  func(n Notification)        // is told of what is sent; nil: nobody
	OnChecked func(url string, err error) // is told when the URL is out of reach, and with nil when it is in reach again; nil: nobody

	configured *config.Document // that the sender has
	machine    machine
	reach      reach
}

// watchEvery is how often levels are looked at, and how often alarms that last are repeated.
const watchEvery = 5 * time.Second

// Run watches and sends until ctx ends.
func (w *Watcher) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 2)
	defer func() {
		cancel()
		<-ended
		<-ended
	}()
	w.reach.wake = make(chan struct{}, 1)
	go func() { ended <- w.Sender.Run(ctx) }()
	go func() { ended <- w.reach.run(ctx, w.Check, w.OnChecked) }()
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		w.look(time.Now())
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// look takes a reading and sends what it is worth. A commit is seen with the next look.
func (w *Watcher) look(now time.Time) {
	d := w.Levels.Document()
	if d != w.configured {
		w.Sender.Configure(d)
		w.machine.judgeAnew(newThresholds(w.configured, d))
		w.configured = d
	}
	enabled := sendable(&d.SNMP)
	url := ""
	if slices.Contains(enabled, trapConnectivity) {
		url = d.SNMP.ConnectivityURL
	}
	w.reach.ask(url)
	for _, n := range w.machine.next(now, enabled, w.conditions(now, d, enabled)) {
		w.Sender.Notify(n)
		if w.OnNotify != nil {
			w.OnNotify(n)
		}
	}
}

// newThresholds names the notifications whose threshold a commit has changed.
func newThresholds(before, now *config.Document) (names []string) {
	if before == nil {
		return nil
	}
	if before.SNMP.CPUThreshold != now.SNMP.CPUThreshold {
		names = append(names, trapCPU)
	}
	if before.SNMP.MemoryThreshold != now.SNMP.MemoryThreshold {
		names = append(names, trapMemory)
	}
	return names
}

// sendable lists the notifications that are sent; none while nobody gets them.
func sendable(s *config.SNMP) (names []string) {
	if !s.Enabled || len(s.TrapTargets) == 0 {
		return nil
	}
	for name := range laws {
		if slices.Contains(s.Traps, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (w *Watcher) conditions(now time.Time, d *config.Document, enabled []string) []condition {
	if len(enabled) == 0 {
		return nil
	}
	r := &snapshot{now: now, document: d, enabled: enabled, sensors: &hardware.Sensors{}, network: &hardware.Network{}}
	l := &w.Levels
	r.conservation = ConservationReason(l.Conservation())
	if l.Loads != nil {
		r.cpu, r.memory = l.Loads()
	}
	if l.Sensors != nil && r.wants(trapTemperature, trapFan, trapPowerSupply, trapRAID, trapLink) {
		if s := l.Sensors(now); s != nil {
			r.sensors = s
		}
	}
	if l.Ignored != nil {
		r.ignored = l.Ignored()
	}
	if l.Network != nil && r.wants(trapLink) {
		r.network = l.Network(now)
	}
	if l.Keys != nil && r.wants(trapKey) {
		r.keys = firstOf(l.Keys(now), maxKeys)
	}
	if l.Updates != nil && r.wants(trapUpdate) {
		r.updates = firstOf(l.Updates(now), maxUpdates)
	}
	r.url, r.reached, r.checked = w.reach.last()
	return r.conditions()
}

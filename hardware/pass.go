package hardware

import "time"

// The patience that is had with sensors.
const (
	readPatience = 5 * time.Second  // from when a reading began until nobody waits for it any more
	overdue      = 30 * time.Second // the age from which on a reading says why it is so old
	stopPatience = 2 * time.Second  // of the end of Run with a program that was killed
)

// pass is a reading while it is taken. It has a goroutine of its own, since reading a file may take for ever: that of the
// temperature of a drive that hangs.
type pass struct {
	began time.Time
	done  chan struct{} // closed at its end
}

// begin has the sensors read, or gives the pass that is under way: there is one at most, however many ask.
func (m *Monitor) begin(now time.Time) *pass {
	m.turn.Lock()
	defer m.turn.Unlock()
	if m.pass != nil {
		return m.pass
	}
	p := &pass{began: time.Now(), done: make(chan struct{})}
	m.pass = p
	go func() { // ends when the slowest sensor has answered
		defer close(p.done)
		m.sensors.Store(m.read(now))
		m.turn.Lock()
		m.pass = nil
		m.turn.Unlock()
	}()
	return p
}

// refresh reads, and gives what there is when that takes too long.
func (m *Monitor) refresh(now time.Time) *Sensors {
	p := m.begin(now)
	if left := readPatience - time.Since(p.began); left > 0 {
		timer := time.NewTimer(left)
		defer timer.Stop()
		select {
		case <-p.done:
		case <-timer.C:
		}
	}
	if last := m.sensors.Load(); last != nil {
		return withDelay(last, now)
	}
	return &Sensors{Time: now, Temperatures: []Temperature{}, Fans: []Fan{}, PowerSupplies: []PowerSupply{}, Arrays: []Array{}, Drives: []Drive{}, Links: []Link{},
		Problem: "The sensors have not answered yet: a drive or a chip hangs."}
}

// withDelay says of a reading that it is old, and why.
func withDelay(s *Sensors, now time.Time) *Sensors {
	if now.Sub(s.Time) < overdue {
		return s
	}
	old := *s
	old.Problem = "The sensors have not answered since then: a drive or a chip hangs."
	return &old
}

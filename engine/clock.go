package engine

import "time"

// maxStep is the largest backward step of the wall clock that is only waited out; anything larger, either way, is a jump.
const maxStep = time.Second

// afterJump is how long nothing expires once the clock has jumped: the new time may itself be a mistake.
const afterJump = time.Minute

// clock reads the wall clock for turns. Times given never go back by less than a jump. Owned by Run.
type clock struct {
	now  func() time.Time // the wall clock
	mono func() time.Duration
	last time.Time
	at   time.Duration
}

func newClock(now func() time.Time, mono func() time.Duration) *clock {
	if now == nil {
		now = time.Now
	}
	if mono == nil {
		start := time.Now()
		mono = func() time.Duration { return time.Since(start) }
	}
	return &clock{now: now, mono: mono}
}

// read returns the time of a turn, and by how much the wall clock was set since the turn before.
func (c *clock) read() (now time.Time, jump time.Duration) {
	wall, mono := c.now().Round(0), c.mono()
	if c.last.IsZero() {
		c.last, c.at = wall, mono
		return wall, 0
	}
	step := wall.Sub(c.last) - (mono - c.at)
	if step > maxStep || step < -maxStep {
		c.last, c.at = wall, mono
		return wall, step
	}
	c.at = mono
	if wall.Before(c.last) {
		return c.last, 0
	}
	c.last = wall
	return wall, 0
}

package journal

import (
	"context"
	"time"
)

// Pace lets a long reading of the history leave the processors to mail: the reader says Step between two small steps of its
// work, and rests there after a while of work if the journal has grown meanwhile. On a gateway that moves no mail it never
// rests. One goroutine uses it.
type Pace struct {
	Durable    func() uint64 // of the journal that mail is written to; nil: nobody writes, and nothing rests
	Work, Rest time.Duration // after so long a work, or more, so long a rest, or as much more

	began time.Time // the work since the last rest; zero: not yet
	seen  uint64    // Durable() then
}

// Step returns when the work may go on, which is at once when ctx has ended.
func (p *Pace) Step(ctx context.Context) {
	if p.Durable == nil {
		return
	}
	if p.began.IsZero() {
		p.began, p.seen = time.Now(), p.Durable()
		return
	}
	worked := time.Since(p.began)
	if worked < p.Work {
		return
	}
	if p.Durable() != p.seen {
		rest := time.NewTimer(time.Duration(float64(worked) / float64(p.Work) * float64(p.Rest)))
		defer rest.Stop()
		select {
		case <-rest.C:
		case <-ctx.Done():
		}
	}
	p.began, p.seen = time.Now(), p.Durable()
}

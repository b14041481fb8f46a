package engine

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"postern/journal"
)

// deaf is a Deliverer that does not hear when it is told to give up.
type deaf struct{ wakes chan struct{} }

func (d deaf) Deliver(_ context.Context, a Attempt) []Outcome {
	<-d.wakes
	return failed(a, "", "too late")
}

// A Deliverer that ignores its context does not keep the gateway from ending. What it had in hand is in doubt at the next start.
func TestDeafDelivererDoesNotHoldUpTheStop(t *testing.T) {
	for name, orderly := range map[string]bool{"stop": true, "crash": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := deaf{make(chan struct{})}
				var said []string
				g := start(t, journal.NewMemoryDisk(), nil, func(o *Options) {
					o.Deliverer = d
					o.Problem = func(err error) { said = append(said, err.Error()) }
				})
				seq := g.inject("a@example.com", "b@example.net")
				<-time.After(time.Second)
				began := time.Now()
				if orderly {
					g.stop() // gives it ten seconds
				} else {
					g.cancel()
					<-g.done
					g.j.Close()
				}
				if took := time.Since(began); took < stopPatience || took > stopPatience+11*time.Second {
					t.Errorf("the end took %v", took)
				}
				if len(said) != 1 || !strings.Contains(said[0], "1 attempts have not ended") {
					t.Errorf("the log says %q", said)
				}
				g = start(t, g.disk, newPeer(), nil)
				<-time.After(time.Minute)
				all := g.until("delivered", func(all []journal.Record) bool { return count[*journal.Delivered](all) == 1 })
				unknown := find[*journal.OutcomeUnknown](all)
				if len(unknown) != 1 || unknown[0].Message != seq {
					t.Errorf("in doubt: %+v", unknown)
				}
				if n := count[*journal.Stopped](all); orderly != (n == 1) {
					t.Errorf("%d facts of a stop", n)
				}
				close(d.wakes) // it has nobody to tell any more
				synctest.Wait()
				g.stop()
			})
		})
	}
}

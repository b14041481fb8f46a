package engine

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"postern/engine/config"
	"postern/journal"
)

// poisoned takes one message in hand and never gives it back: the process is about to die of it.
type poisoned struct {
	*peer
	sender string
	j      *journal.Journal
	inHand chan struct{}
}

func (p *poisoned) Deliver(ctx context.Context, a Attempt) []Outcome {
	r, err := p.j.At(a.Message)
	if err != nil || r.Event.(*journal.MessageInjected).Sender != p.sender {
		return p.peer.Deliver(ctx, a)
	}
	select {
	case p.inHand <- struct{}{}:
	default:
	}
	<-ctx.Done()
	return failed(a, "", "")
}

// TestPoisonIsSetAside lets the process die each time it has a certain message in hand. In the end that one stands aside,
// with its evidence, and the others have gone their way.
func TestPoisonIsSetAside(t *testing.T) {
	disk, plain := journal.NewMemoryDisk(), newPeer()
	for run := 1; ; run++ {
		p := &poisoned{peer: plain, sender: "poison@example.com", inHand: make(chan struct{}, 1)}
		doc := crashDocument()
		g := start(t, disk, nil, func(o *Options) {
			p.j, o.Deliverer = o.Journal, p
			o.Document = func() *config.Document { return doc }
		})
		if run == 1 {
			g.inject("poison@example.com", "a@one.example")
			g.inject("good@example.com", "b@one.example")
			g.until("the good one is delivered", func(all []journal.Record) bool { return count[*journal.Delivered](all) == 1 })
		}
		if aside := find[*journal.SetAside](g.records()); run > 4 || len(aside) > 0 {
			all := g.until("set aside", func(all []journal.Record) bool { return count[*journal.SetAside](all) == 1 })
			if e := find[*journal.SetAside](all)[0]; !strings.Contains(e.Evidence, "alone") {
				t.Errorf("evidence: %q", e.Evidence)
			}
			if run != 5 {
				t.Errorf("set aside in run %d, want the fifth", run)
			}
			g.inject("later@example.com", "c@one.example")
			g.until("mail goes on", func(all []journal.Record) bool { return count[*journal.Delivered](all) == 2 })
			g.stop()
			return
		}
		<-p.inHand
		disk = disk.PowerCut(uint64(run))
		g.cancel()
		<-g.done
		g.j.Close()
	}
}

// Crashes that lie far apart are not in a row, however few clean stops there are between them.
func TestCrashesLongAgoAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := journal.NewMemoryDisk()
		run := func(lasts time.Duration) (unclean uint32, settled int) {
			g := start(t, disk, newPeer(), nil)
			unclean = g.e.unclean
			<-time.After(lasts)
			settled = count[*journal.Settled](g.records())
			left := disk.PowerCut(1)
			g.cancel()
			<-g.done
			g.j.Close()
			disk = left
			return unclean, settled
		}
		for i, c := range []struct {
			lasts   time.Duration
			unclean uint32
			settled int
		}{
			{settleAfter - time.Second, 0, 0}, {settleAfter - time.Second, 1, 0}, {settleAfter + 2*time.Second, 2, 1},
			{settleAfter - time.Second, 1, 1}, {time.Second, 2, 1}, {3 * settleAfter, 3, 2}, {time.Second, 1, 2},
		} {
			if unclean, settled := run(c.lasts); unclean != c.unclean || settled != c.settled {
				t.Errorf("run %d: %d ends in a row before it and %d facts at its end, want %d and %d", i+1, unclean, settled, c.unclean, c.settled)
			}
		}
	})
}

package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"postern/engine/config"
	"postern/journal"
)

// latePeer takes mail at once and answers later, so that a cut can fall between the two. It knows messages by their sender,
// which is unique here, because a Seq that was never durable is given again after a cut.
type latePeer struct {
	mu    sync.Mutex
	dead  bool // the line is cut: nothing is taken any more
	j     *journal.Journal
	took  map[string]int
	r     *rand.Rand
	delay chan struct{} // answers wait for a turn of it
}

func (p *latePeer) Deliver(ctx context.Context, a Attempt) []Outcome {
	out := make([]Outcome, len(a.RIDs))
	for i := range out {
		out[i] = Outcome{Result: Temporary, Code: "000", Status: "4.4.2", Reason: "Bad connection"}
	}
	rec, err := p.j.At(a.Message)
	if err != nil {
		return out
	}
	m := rec.Event.(*journal.MessageInjected)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		return out
	}
	verdict := p.r.IntN(10)
	for i, rid := range a.RIDs {
		switch {
		case verdict == 0:
			out[i] = Outcome{Result: Temporary, Host: true, Code: "000", Status: "4.4.1", Reason: "No answer from host"}
		case verdict == 1:
			out[i] = Outcome{Result: Temporary, Code: "451", Status: "4.3.0", Reason: "Other mail system problem"}
		case verdict == 2:
			p.took[m.Sender+"/"+strconv.Itoa(int(rid))]++
			out[i] = Outcome{Result: Unknown, Reason: "the reply to the final dot was lost"}
		default:
			p.took[m.Sender+"/"+strconv.Itoa(int(rid))]++
			out[i] = delivered
		}
	}
	late := p.r.IntN(3) == 0
	if late {
		p.mu.Unlock()
		select {
		case <-p.delay:
		case <-time.After(2 * time.Millisecond):
		case <-ctx.Done():
		}
		p.mu.Lock()
	}
	return out
}

// TestPowerCuts pulls the plug at random instants and holds what was promised: every acknowledged recipient arrives, and
// what arrives twice is named by an OutcomeUnknown.
func TestPowerCuts(t *testing.T) {
	eachSeed(t, "POSTERN_CRASH", 200, powerCuts)
}

func powerCuts(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 1))
	disk := journal.NewMemoryDisk()
	took, acked := map[string]int{}, map[string]int{} // sender → recipients
	for cut := range 3 {
		disk = untilCut(t, disk, r, cut, took, acked)
	}
	drain(t, disk, r, took, acked)
}

func crashDocument() *config.Document {
	d := document()
	d.Retry.InitialSeconds, d.Retry.MaxSeconds, d.Retry.MaxAttempts = 0, 0, 1_000_000
	return d
}

func startLate(t *testing.T, disk *journal.Disk, r *rand.Rand, took map[string]int) (*gateway, *latePeer) {
	p := &latePeer{took: took, r: rand.New(rand.NewPCG(r.Uint64(), 2)), delay: make(chan struct{})}
	doc := crashDocument()
	g := start(t, disk, nil, func(o *Options) {
		p.j = o.Journal
		o.Deliverer = p
		o.Document = func() *config.Document { return doc }
	})
	return g, p
}

// untilCut runs the gateway under load until the plug is pulled, and returns what the disk then holds.
func untilCut(t *testing.T, disk *journal.Disk, r *rand.Rand, cut int, took, acked map[string]int) *journal.Disk {
	g, p := startLate(t, disk, r, took)
	var mu sync.Mutex
	reached, stop := make(chan struct{}), make(chan struct{})
	target, done := 1+r.IntN(60), 0
	var hands sync.WaitGroup
	for hand := range 4 {
		hands.Add(1)
		go func() {
			defer hands.Done()
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				sender := fmt.Sprintf("m%d.%d.%d@example.com", cut, hand, i)
				to := []string{"a@one.example", "b@two.example", "c@one.example"}[:1+i%3]
				if _, err := g.tryInject(sender, to...); err != nil {
					return
				}
				mu.Lock()
				acked[sender] = len(to)
				if done++; done == target {
					close(reached)
				}
				mu.Unlock()
			}
		}()
	}
	<-reached
	p.mu.Lock()
	p.dead = true // the line dies with the power; what it took until now counts
	mu.Lock()
	sure := len(acked)
	before := make(map[string]int, sure)
	for k, v := range acked {
		before[k] = v
	}
	mu.Unlock()
	left := disk.PowerCut(r.Uint64())
	p.mu.Unlock()
	close(stop)
	close(p.delay)
	g.cancel()
	<-g.done
	hands.Wait()
	g.j.Close()
	clear(acked)
	for k, v := range before {
		acked[k] = v
	}
	return left
}

// drain lets the rest arrive and accounts for everything.
func drain(t *testing.T, disk *journal.Disk, r *rand.Rand, took, acked map[string]int) {
	g, p := startLate(t, disk, r, took)
	deadline := time.Now().Add(time.Minute)
	for g.e.Loading() < 100 || g.e.Totals().Messages > 0 {
		if time.Now().After(deadline) {
			t.Fatalf("the queue does not drain: %+v", g.e.Totals())
		}
		if err := g.j.Wait(shortly(t), g.j.Durable()); err != nil {
			continue
		}
	}
	all := g.records()
	close(p.delay)
	g.stop()
	doubtful := map[uint64]bool{}
	for _, u := range find[*journal.OutcomeUnknown](all) {
		doubtful[u.Message] = true
	}
	seqOf := map[string]uint64{}
	for _, rec := range all {
		if m, ok := rec.Event.(*journal.MessageInjected); ok && m.Why == journal.WhyReceived {
			seqOf[m.Sender] = rec.Seq
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for sender, recipients := range acked {
		for rid := range recipients {
			switch n := took[sender+"/"+strconv.Itoa(rid)]; {
			case n == 0:
				t.Errorf("%s: recipient %d was acknowledged and never arrived", sender, rid)
			case n > 1 && !doubtful[seqOf[sender]]:
				t.Errorf("%s: recipient %d arrived %d times and no unknown outcome names it", sender, rid, n)
			}
		}
	}
	if g.e.state.anomalies != 0 {
		t.Errorf("%d facts did not fit the state", g.e.state.anomalies)
	}
}

func shortly(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

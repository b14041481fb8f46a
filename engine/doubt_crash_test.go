package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"postern/engine/config"
	"postern/journal"
)

// dottedPeer takes mail late, as a peer that speaks SMTP does: its final dot waits for Engine.DataSent, it takes the message
// some time after that, and answers some time after that again. Its line can be cut at any of these points.
type dottedPeer struct {
	mu    sync.Mutex
	e     *Engine
	j     *journal.Journal
	dead  bool
	r     *rand.Rand
	took  map[string]int // sender/rid → how often
	stop  chan struct{}  // closed with the line
	loose []string       // attempts that were not exact
}

// Deliver implements Deliverer.
func (p *dottedPeer) Deliver(ctx context.Context, a Attempt) []Outcome {
	rec, err := p.j.At(a.Message)
	if err != nil {
		return allOf(a, Outcome{Result: Temporary, Code: "000", Status: "4.4.2", Reason: "Bad connection"})
	}
	sender := rec.Event.(*journal.MessageInjected).Sender
	verdict, lost := p.draw(10), p.draw(6) == 0
	if !a.Exact {
		p.mu.Lock()
		p.loose = append(p.loose, sender)
		p.mu.Unlock()
	}
	p.late()
	if verdict == 0 {
		return allOf(a, Outcome{Result: Temporary, Host: true, Code: "000", Status: "4.4.1", Reason: "No answer from host"})
	}
	if err := p.e.DataSent(ctx, &journal.DataSent{DCID: 1, Message: a.Message, MID: a.MID, RIDs: a.RIDs}); err != nil {
		return allOf(a, Outcome{Result: Temporary, DCID: 1, Code: "000", Status: "4.3.0", Reason: "Other mail system problem"})
	}
	p.late()
	p.mu.Lock()
	dead := p.dead
	if !dead && verdict > 1 {
		for _, rid := range a.RIDs {
			p.took[fmt.Sprint(sender, "/", rid)]++
		}
	}
	p.mu.Unlock()
	p.late()
	switch {
	case dead || lost:
		return allOf(a, Outcome{Result: Unknown, DCID: 1, Reason: "the reply to the final dot was lost"})
	case verdict == 1:
		return allOf(a, Outcome{Result: Temporary, DCID: 1, Code: "451", Status: "4.3.0", Reason: "Other mail system problem"})
	}
	return allOf(a, delivered)
}

func (p *dottedPeer) draw(n int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.r.IntN(n)
}

// late waits a little, often not at all.
func (p *dottedPeer) late() {
	if p.draw(2) == 0 {
		return
	}
	select {
	case <-p.stop:
	case <-time.After(time.Duration(p.draw(3000)) * time.Microsecond):
	}
}

// TestPowerCutsInDoubt pulls the plug at random instants where mail in doubt is held, and holds what was promised: nothing
// arrives twice, every acknowledged recipient has arrived or is held as in doubt, and only what had its final dot written
// down and has no outcome is in doubt. POSTERN_DOUBT_SEEDS and POSTERN_DOUBT_SEED as for the other random tests.
func TestPowerCutsInDoubt(t *testing.T) {
	eachSeed(t, "POSTERN_DOUBT", 15, powerCutsInDoubt)
}

func powerCutsInDoubt(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 5))
	disk := journal.NewMemoryDisk()
	took, acked := map[string]int{}, map[string]uint64{} // sender/rid → Seq of the message
	action := []string{config.DoubtHold, config.DoubtAsk}[r.IntN(2)]
	for cut := range 3 {
		g, p := startDotted(t, disk, r, took, action)
		disk = cutDotted(g, p, r, cut, acked)
	}
	g, p := startDotted(t, disk, r, took, action)
	all := settledDotted(t, g)
	close(p.stop)
	g.stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.loose) > 0 {
		t.Errorf("attempts that were not exact: %v", p.loose)
	}
	judgeDoubts(t, all, took, acked)
	if g.e.state.anomalies != 0 {
		t.Errorf("%d facts did not fit the state", g.e.state.anomalies)
	}
}

func startDotted(t *testing.T, disk *journal.Disk, r *rand.Rand, took map[string]int, action string) (*gateway, *dottedPeer) {
	p := &dottedPeer{took: took, r: rand.New(rand.NewPCG(r.Uint64(), 6)), stop: make(chan struct{})}
	doc := crashDocument()
	doc.Delivery.InDoubt = action
	began := make(chan struct{})
	g := start(t, disk, nil, func(o *Options) {
		p.j = o.Journal
		o.Deliverer = deliverAfter{began, p}
		o.Document = func() *config.Document { return doc }
	})
	p.e = g.e
	close(began)
	return g, p
}

// deliverAfter waits for a peer to know its engine.
type deliverAfter struct {
	began <-chan struct{}
	*dottedPeer
}

// Deliver implements Deliverer.
func (d deliverAfter) Deliver(ctx context.Context, a Attempt) []Outcome {
	<-d.began
	return d.dottedPeer.Deliver(ctx, a)
}

// cutDotted hands in mail until the plug is pulled, and returns what the disk then holds.
func cutDotted(g *gateway, p *dottedPeer, r *rand.Rand, cut int, acked map[string]uint64) *journal.Disk {
	var mu sync.Mutex
	var hands sync.WaitGroup
	target, given := 1+r.IntN(50), 0
	reached, stop := make(chan struct{}), make(chan struct{})
	sure := map[string]uint64{}
	for hand := range 3 {
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
				seq, err := g.tryInject(sender, to...)
				if err != nil {
					return
				}
				mu.Lock()
				for rid := range to {
					sure[fmt.Sprint(sender, "/", rid)] = seq
				}
				if given++; given == target {
					close(reached)
				}
				mu.Unlock()
			}
		}()
	}
	<-reached
	p.mu.Lock()
	p.dead = true // the line dies with the power: what it took until now counts
	mu.Lock()
	for recipient, seq := range sure {
		acked[recipient] = seq
	}
	mu.Unlock()
	left := g.disk.PowerCut(r.Uint64())
	p.mu.Unlock()
	close(stop)
	close(p.stop)
	g.cancel()
	<-g.done
	hands.Wait()
	g.j.Close()
	return left
}

// settledDotted lets the rest arrive: what is left then is held.
func settledDotted(t *testing.T, g *gateway) []journal.Record {
	deadline := time.Now().Add(time.Minute)
	for {
		at := g.j.Durable()
		if g.e.Loading() == 100 {
			image, err := journal.FoldAll(g.j, g.j.Durable())
			if err != nil {
				t.Fatal(err)
			}
			free := 0
			for _, m := range image.Messages {
				for _, c := range m.Recipients {
					if !c.Held {
						free++
					}
				}
			}
			if free == 0 {
				return g.records()
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("the queue does not come to rest: %+v", g.e.Totals())
		}
		if err := g.j.Wait(shortly(t), at); err != nil {
			continue
		}
	}
}

// judgeDoubts holds the facts against what the peer took.
func judgeDoubts(t *testing.T, all []journal.Record, took map[string]int, acked map[string]uint64) {
	open := map[string]bool{} // message/rid whose final dot may be out
	listed := map[string]bool{}
	name := func(message uint64, rid uint32) string { return fmt.Sprint(message, "/", rid) }
	each := func(message uint64, rids []uint32, do func(string)) {
		for _, rid := range rids {
			do(name(message, rid))
		}
	}
	for _, rec := range all {
		switch e := rec.Event.(type) {
		case *journal.AttemptStarted:
			each(e.Message, e.RIDs, func(n string) {
				if listed[n] {
					t.Errorf("%s is in doubt and was tried again at %d", n, rec.Seq)
				}
				delete(open, n)
			})
		case *journal.DataSent:
			each(e.Message, e.RIDs, func(n string) { open[n] = true })
		case *journal.Delivered:
			each(e.Message, e.RIDs, func(n string) { delete(open, n) })
		case *journal.SoftBounced:
			each(e.Message, e.RIDs, func(n string) {
				if e.Reply != nil && slices.Contains(e.Reply, "the gateway ended before the message was sent") && open[n] {
					t.Errorf("%s had its final dot written down, and was taken for not sent at %d", n, rec.Seq)
				}
				delete(open, n)
			})
		case *journal.OutcomeUnknown:
			each(e.Message, e.RIDs, func(n string) {
				if !open[n] {
					t.Errorf("%s is in doubt at %d without its final dot", n, rec.Seq)
				}
				listed[n] = true
			})
		}
	}
	for recipient, seq := range acked {
		var rid uint32
		fmt.Sscanf(recipient[len(recipient)-1:], "%d", &rid)
		switch n := took[recipient]; {
		case n > 1:
			t.Errorf("%s arrived %d times", recipient, n)
		case n == 0 && !listed[name(seq, rid)]:
			t.Errorf("%s was acknowledged, never arrived, and is not in doubt", recipient)
		}
	}
}

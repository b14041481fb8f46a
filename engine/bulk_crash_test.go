package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"postern/journal"
)

// TestOrderCrash pulls the plug at any turn of an order, with and without an undo behind it: what was written down happens
// as a whole, what was not has not begun.
func TestOrderCrash(t *testing.T) { eachSeed(t, "POSTERN_CRASH", 50, orderCrash) }

func orderCrash(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 9))
	slice := func(o *Options) { o.slice = 1 + r.IntN(6) }
	g, disk := crowded(t, r, slice)
	before := g.queueOf()
	o := anyOrder(r)
	undo := r.IntN(2) == 0
	from, done := g.j.Durable(), make(chan struct{})
	go func() {
		defer close(done)
		if d, err := g.e.Order(context.Background(), o, nil); err == nil && undo && d.ID != 0 {
			g.e.Undo(context.Background(), d.ID, "root", nil)
		}
	}()
	reached := make(chan struct{})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	target := from + r.Uint64N(40)
	go func() {
		defer close(reached)
		for g.j.Durable() < target && g.j.Wait(ctx, g.j.Durable()) == nil {
		}
	}()
	select {
	case <-reached:
	case <-done:
		cancel()
		<-reached
	}
	left := disk.PowerCut(r.Uint64())
	g.cancel()
	<-g.done
	<-done
	cancel()
	g.j.Close()

	g = start(t, left, postponing(), slice)
	defer g.stop()
	if err := g.e.decide(context.Background(), func(*turn) {
		if g.e.resuming && g.e.carrying.Load() == nil {
			t.Error("another order could come in before the one that was cut off")
		}
	}); err != nil {
		t.Fatal(err)
	}
	g.loaded()
	orders := find[*journal.BulkActionOrdered](g.records())
	g.wholeOrNone(before, o, orders)
	if len(orders) == 1 && orders[0].Undoable() {
		for _, rec := range g.records() {
			if _, ok := rec.Event.(*journal.BulkActionOrdered); ok {
				if u := g.undo(rec.Seq); u.Recipients != orders[0].Recipients || len(u.Lost) != 0 {
					t.Errorf("undone after the crash: %+v of %+v", u, orders[0])
				}
			}
		}
		sameQueue(t, g.queueOf(), before)
	}
	g.sound()
}

// crowded makes a queue of some dozens of messages, some of which were tried, in which nothing is delivered any more.
func crowded(t *testing.T, r *rand.Rand, tune func(*Options)) (*gateway, *journal.Disk) {
	disk := journal.NewMemoryDisk()
	g := start(t, disk, postponing(), tune)
	g.loaded()
	inject := func(n int) (recipients int) {
		for range n {
			var to []string
			for k := range 1 + r.IntN(3) {
				to = append(to, fmt.Sprintf("r%d@h%d.example", k, r.IntN(3)))
			}
			g.inject([]string{"a@one.example", "b@two.example", ""}[r.IntN(3)], to...)
			recipients += len(to)
		}
		return recipients
	}
	tried := inject(r.IntN(10))
	g.until("attempts", func(all []journal.Record) bool {
		n := 0
		for _, b := range find[*journal.SoftBounced](all) {
			n += len(b.RIDs)
		}
		return n >= tried
	})
	g.suspend()
	inject(5 + r.IntN(20))
	return g, disk
}

func anyOrder(r *rand.Rand) Order {
	o := Order{By: "root", Action: []string{ActionDelete, ActionBounce, ActionRedirect, ActionHold}[r.IntN(4)]}
	if o.Action == ActionRedirect {
		o.Target = "target.example"
	}
	if r.IntN(3) > 0 {
		o.Selection.Host = fmt.Sprintf("h%d.example", r.IntN(3))
	}
	return o
}

// wholeOrNone holds the queue against what it was, and what was ordered since.
func (g *gateway) wholeOrNone(before map[uint64]*journal.LiveMessage, o Order, orders []*journal.BulkActionOrdered) {
	g.t.Helper()
	all := g.records()
	if n := count[*journal.BulkActionCompleted](all); n != len(orders) {
		g.t.Errorf("%d orders, %d are completed", len(orders), n)
	}
	now := g.queueOf()
	if len(orders) != 1 {
		sameQueue(g.t, now, before)
		return
	}
	done := uint64(0)
	for _, rec := range all {
		if action, set := sliceOf(rec.Event); action != 0 {
			for i := range set {
				done += uint64(len(set[i].RIDs))
			}
		}
	}
	if c := find[*journal.BulkActionCompleted](all); done != orders[0].Recipients || c[0].Recipients != done || c[0].Messages != orders[0].Messages {
		g.t.Errorf("ordered %+v, done %d, completed %+v", orders[0], done, c[0])
	}
	for seq, m := range before {
		for i := range m.Recipients {
			was := &m.Recipients[i]
			is := recipientIn(now[seq], was.RID)
			meant := o.Selection.Host == "" || was.Destination == o.Selection.Host
			if meant {
				want := *was
				switch o.Action {
				case ActionDelete, ActionBounce:
					if is != nil {
						g.t.Errorf("%d/%d is still in the queue", seq, was.RID)
					}
					continue
				case ActionRedirect:
					if want.Redirect = "target.example"; is != nil {
						want.Next = is.Next
					}
				case ActionHold:
					want.Held = true
				}
				was = &want
			}
			if is == nil || *is != *was {
				g.t.Errorf("%d/%d is %+v, want %+v", seq, was.RID, is, was)
			}
		}
	}
}

// An order whose set is lost does not keep the gateway from its work.
func TestOrderWithoutItsSetIsGivenUp(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	g, disk := crowded(t, r, nil)
	before := g.queueOf()
	if err := g.e.decide(context.Background(), func(turn *turn) {
		turn.emit(&journal.BulkActionOrdered{Action: ActionDelete, By: "root", Set: 1 << 50, Recipients: 3, Messages: 3})
	}); err != nil {
		t.Fatal(err)
	}
	g.stop()
	g = start(t, disk, postponing(), nil)
	defer g.stop()
	g.loaded()
	sameQueue(t, g.queueOf(), before)
	if c := find[*journal.BulkActionCompleted](g.records()); len(c) != 1 || c[0].Recipients != 0 {
		t.Errorf("completed %+v", c)
	}
	if d := g.do(Order{Action: ActionDelete}); d.Recipients == 0 {
		t.Error("nothing can be ordered")
	}
	g.sound()
}

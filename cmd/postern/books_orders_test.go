package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"postern/engine"
	"postern/journal"
	"postern/projections"
)

// The books hold whatever operators do: random histories of mail and of orders of every kind, their undos, holds, removals,
// pauses and suspensions, over power cuts and restarts. POSTERN_CRASH_SEEDS is how many are played, POSTERN_CRASH_SEED plays
// one again. What one goroutine does before another at the same instant is the scheduler's choice: a rare finding may need
// some runs of its seed.
func TestBooksOverOrdersAndPowerCuts(t *testing.T) {
	first, seeds := uint64(1), 20
	if n, err := strconv.Atoi(os.Getenv("POSTERN_CRASH_SEEDS")); err == nil {
		seeds = n
	}
	if n, err := strconv.ParseUint(os.Getenv("POSTERN_CRASH_SEED"), 10, 64); err == nil {
		first, seeds = n, 1
	}
	for seed := first; seed < first+uint64(seeds); seed++ {
		if !t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				(&operations{bookkeeping: bookkeeping{t: t, r: rand.New(rand.NewPCG(seed, 10)), undo: 10 * time.Minute, recalls: true}}).play()
			})
		}) {
			t.Fatalf("again with POSTERN_CRASH_SEED=%d", seed)
		}
	}
}

// operations is a life of the gateway with operators.
type operations struct {
	bookkeeping
	orders   []uint64 // that were done, undone or not
	counters projections.CounterValues
}

func (o *operations) play() {
	o.begin()
	o.open()
	o.t.Cleanup(func() { // after a failure
		o.tell()
		if o.journal != nil {
			o.cancel()
			<-o.done
			o.journal.Close()
		}
	})
	for range 50 {
		o.step()
		o.check()
	}
	o.wind()
	o.close(true)
	o.journal = nil
}

// tell prints the last facts to the one who reads a failure.
func (o *operations) tell() {
	if !o.t.Failed() {
		return
	}
	records, err := o.journal.Read(o.figures.Seq()-min(o.figures.Seq(), 200), 200, nil)
	if err != nil {
		o.t.Error(err)
	}
	for _, r := range records {
		o.t.Logf("%6d %s %s", r.Seq, r.Time.Time().Format("15:04:05.000"), journal.Describe(r.Event))
	}
}

func (o *operations) step() {
	switch k := o.r.IntN(100); {
	case k < 30:
		o.inject()
	case k < 50:
		<-time.After(time.Duration(o.r.IntN(60_000)) * time.Millisecond)
	case k < 68:
		o.order(o.anyOrder())
	case k < 76:
		o.takeBack()
	case k < 79:
		o.remove()
	case k < 88:
		o.govern()
	case k < 91:
		o.close(true)
		o.open()
	case k < 94:
		o.close(false)
		o.open()
	default:
		o.cutDuring()
	}
}

func (o *operations) anyOrder() engine.Order {
	d := engine.Order{By: "root", Action: []string{engine.ActionDelete, engine.ActionBounce, engine.ActionRedirect, engine.ActionRedirect,
		engine.ActionHold, engine.ActionRelease}[o.r.IntN(6)]}
	if d.Action == engine.ActionRedirect {
		d.Target = destinations[o.r.IntN(len(destinations))]
	}
	switch o.r.IntN(4) {
	case 0:
		d.Selection.Attempts = 1
	case 1:
		from := []string{"a@home.example", ""}[o.r.IntN(2)]
		d.Selection.From = &from
	default:
		d.Selection.Host = destinations[o.r.IntN(4)]
	}
	return d
}

// order gives an order and holds what it says it did against the facts.
func (o *operations) order(order engine.Order) {
	o.loaded()
	from := o.journal.Durable()
	d, err := o.engine.Order(o.t.Context(), order, nil)
	if err != nil {
		o.t.Fatal(err)
	}
	if d.ID == 0 {
		return
	}
	o.orders = append(o.orders, d.ID)
	if n := o.acted(from, d.ID); n != d.Recipients {
		o.t.Fatalf("order %d says %d recipients, the facts say %d", d.ID, d.Recipients, n)
	}
}

// acted counts the recipients that facts name as an order's.
func (o *operations) acted(after, order uint64) (n uint64) {
	records, err := o.journal.Read(after, 100_000, nil)
	if err != nil {
		o.t.Fatal(err)
	}
	for _, r := range records {
		if action, set := setOf(r.Event); action == order {
			for i := range set {
				n += uint64(len(set[i].RIDs))
			}
		}
	}
	return n
}

// setOf gives whom a slice of an order names; a notification that an undo took back is none of its set.
func setOf(e journal.Event) (action uint64, set []journal.MessageRecipients) {
	switch ev := e.(type) {
	case *journal.RecipientsDeleted:
		return ev.Action, ev.Set
	case *journal.RecipientsBounced:
		return ev.Action, ev.Set
	case *journal.RecipientsRedirected:
		return ev.Action, ev.Set
	case *journal.RecipientsReinstated:
		return ev.Action, ev.Set
	case *journal.Held:
		return ev.Action, ev.Set
	case *journal.Unheld:
		return ev.Action, ev.Set
	}
	return 0, nil
}

// takeBack undoes one of the last orders: each of its recipients comes back or is named as lost.
func (o *operations) takeBack() {
	if len(o.orders) == 0 {
		return
	}
	o.loaded()
	id := o.orders[len(o.orders)-1-o.r.IntN(min(3, len(o.orders)))]
	u, err := o.engine.Undo(o.t.Context(), id, "root", nil)
	if r := (*engine.RefusedError)(nil); errors.As(err, &r) {
		return
	}
	if err != nil {
		o.t.Fatal(err)
	}
	r, err := o.journal.At(id)
	if err != nil {
		o.t.Fatal(err)
	}
	lost := u.Rest
	for _, l := range u.Lost {
		lost += uint64(len(l.RIDs))
	}
	if all := r.Event.(*journal.BulkActionOrdered).Recipients; u.Recipients+lost != all {
		o.t.Fatalf("order %d took %d recipients; %d came back, %d are lost: %+v", id, all, u.Recipients, lost, u.Lost)
	}
}

func (o *operations) remove() {
	o.loaded()
	o.look()
	seqs := o.count.messages()
	if len(seqs) == 0 {
		return
	}
	seq := seqs[o.r.IntN(len(seqs))]
	_, err := o.engine.RemoveMessage(o.t.Context(), "root", seq, 1, "")
	if r := (*engine.RefusedError)(nil); err != nil && !errors.As(err, &r) {
		o.t.Fatal(err)
	}
}

// govern does what concerns no message alone.
func (o *operations) govern() {
	ctx, e := o.t.Context(), o.engine
	var domains []string
	if o.r.IntN(3) > 0 {
		domains = destinations[:1+o.r.IntN(2)]
	}
	o.loaded()
	var err error
	switch o.r.IntN(7) {
	case 0:
		err = e.SuspendDelivery(ctx, "root", domains, 5*time.Second)
	case 1, 2:
		err = e.ResumeDelivery(ctx, "root", domains)
	case 3:
		err = e.ForceDelivery(ctx, "root", "")
	case 4:
		err = e.ForceDelivery(ctx, "root", destinations[o.r.IntN(len(destinations))])
	case 5:
		err = e.PauseWorkQueue(ctx, "root", "looking")
	default:
		err = e.ResumeWorkQueue(ctx, "root")
	}
	if err != nil {
		o.t.Fatal(err)
	}
}

// cutDuring pulls the plug while an order or an undo is carried out.
func (o *operations) cutDuring() {
	o.loaded()
	o.check()
	order, back := o.anyOrder(), uint64(0)
	if len(o.orders) > 0 && o.r.IntN(2) == 0 {
		back = o.orders[len(o.orders)-1]
	}
	e, done := o.engine, make(chan struct{})
	go func() {
		defer close(done)
		if back != 0 {
			e.Undo(context.Background(), back, "root", nil)
		} else {
			e.Order(context.Background(), order, nil)
		}
	}()
	ctx, cancel := context.WithTimeout(o.t.Context(), time.Duration(o.r.IntN(7000))*time.Millisecond)
	for target := o.journal.Durable() + o.r.Uint64N(8); o.journal.Durable() < target && o.journal.Wait(ctx, o.journal.Durable()) == nil; {
	}
	cancel()
	o.end(false)
	<-done // whoever gives orders looks at the store, too
	if err := o.journal.Close(); err != nil {
		o.t.Fatal(err)
	}
	o.open()
}

// loaded waits until orders can be given.
func (o *operations) loaded() {
	for synctest.Wait(); o.engine.Loading() < 100; synctest.Wait() {
		<-time.After(time.Millisecond)
	}
}

// wind lets everything go on and come to its end.
func (o *operations) wind() {
	o.loaded()
	ctx := o.t.Context()
	if err := errors.Join(o.engine.ResumeWorkQueue(ctx, "root"), o.engine.ResumeDelivery(ctx, "root", nil)); err != nil {
		o.t.Fatal(err)
	}
	o.order(engine.Order{Action: engine.ActionRelease, By: "root"})
	for range 8 {
		<-time.After(5 * time.Minute)
		o.check()
	}
	if left := o.engine.Totals(); left.Messages > 0 || left.Recipients > 0 {
		o.t.Fatalf("left over at the end: %+v", left)
	}
	bodies := 0
	if err := o.journal.Bodies(func(journal.BodyID, int64) { bodies++ }); err != nil || bodies > 0 {
		o.t.Fatalf("%d bodies are left over at the end, %v", bodies, err)
	}
}

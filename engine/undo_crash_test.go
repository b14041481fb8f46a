package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"postern/journal"
)

// cutWhen pulls the plug behind the first turn that finds seen, and returns what is left of the disk.
func (g *gateway) cutWhen(disk *journal.Disk, seen func(*State) bool) *journal.Disk {
	g.t.Helper()
	reached, goOn := make(chan struct{}), make(chan struct{})
	var look func(*turn)
	look = func(t *turn) {
		if !seen(t.s) {
			g.e.order(look)
			return
		}
		t.after = append(t.after, func() {
			close(reached)
			<-goOn
		})
	}
	g.e.order(look)
	<-reached
	left := disk.PowerCut(1)
	close(goOn)
	return left
}

// gone lets a gateway go of whose end nobody is to learn.
func (g *gateway) gone() {
	g.cancel()
	<-g.done
	if err := g.j.Close(); err != nil {
		g.t.Error(err)
	}
}

// What was brought back may have been delivered since: an undo is used up, whenever the process ends.
func TestUndoIsUsedUpOverACrash(t *testing.T) {
	g, disk := mixed(t)
	d := g.do(Order{Action: ActionDelete, Selection: toHost("x.example")})
	done := make(chan struct{})
	go func() {
		defer close(done)
		g.e.Undo(context.Background(), d.ID, "root", nil)
	}()
	left := g.cutWhen(disk, func(s *State) bool { u := s.undoOf(d.ID); return u == nil || u.ending == undoUsed })
	<-done
	g.gone()
	g = start(t, left, newPeer(), nil)
	defer g.stop()
	g.loaded()
	if u, err := g.e.Undo(context.Background(), d.ID, "root", nil); err == nil || !strings.Contains(err.Error(), "undone") {
		t.Errorf("undone a second time: %+v, %v", u, err)
	}
	g.until("the end of what was kept", func(all []journal.Record) bool { return count[*journal.UndoEnded](all) == 1 })
	g.sound()
}

// An undo that a crash has cut off goes on as a whole, though the time in which it may be ordered is over by then; meanwhile
// nobody else is let in.
func TestUndoGoesOnAfterItsTime(t *testing.T) {
	g, disk := mixed(t)
	before := g.queueOf()
	d := g.do(Order{Action: ActionDelete})
	g.e.options.slice = 1
	done := make(chan struct{})
	go func() {
		defer close(done)
		g.e.Undo(context.Background(), d.ID, "root", nil)
	}()
	left := g.cutWhen(disk, func(s *State) bool { u := s.undoOf(d.ID); return u == nil || u.undoneBy != 0 })
	<-done
	g.gone()
	later := func(o *Options) { o.Now = func() time.Time { return time.Now().Add(2 * time.Hour) } }
	g = start(t, left, postponing(), later)
	defer g.stop()
	for resuming := true; resuming; {
		if err := g.e.decide(context.Background(), func(*turn) {
			if resuming = g.e.resuming; resuming && g.e.carrying.Load() == nil {
				t.Error("another order would be let in before the end of the undo")
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	g.loaded()
	sameQueue(t, g.queueOf(), before)
	if n := count[*journal.BulkActionCompleted](g.records()); n != 2 {
		t.Errorf("%d orders are completed", n)
	}
	g.until("the end of what was kept", func(all []journal.Record) bool { return count[*journal.UndoEnded](all) == 1 })
	g.sound()
}

// refusing is a peer that one host of a message refuses for good, and that puts all else off.
func refusing(host string) *peer {
	p := postponing()
	later := p.answer
	p.answer = func(a Attempt, rid uint32) Outcome {
		if a.Destination == host {
			return Outcome{Result: Permanent, DCID: 1, Code: "550", Status: "5.1.1", Reply: []string{"no such user"}}
		}
		return later(a, rid)
	}
	return p
}

// A notification stands on the body of the message that it is about. Deleted and brought back, it must not take it along.
func TestNotificationThatComesBackLeavesTheBody(t *testing.T) {
	disk := journal.NewMemoryDisk()
	g := start(t, disk, refusing("x.example"), nil)
	g.loaded()
	g.inject("s@one.example", "a@x.example", "b@y.example")
	g.until("a notification that waits", func(all []journal.Record) bool { return count[*journal.SoftBounced](all) == 2 })
	g.suspend()
	d := g.do(Order{Action: ActionDelete, Selection: toHost("one.example")})
	g.stop()
	p := postponing()
	later := p.answer
	p.answer = func(a Attempt, rid uint32) Outcome {
		if a.Destination == "one.example" {
			return delivered
		}
		return later(a, rid)
	}
	g = start(t, disk, p, nil)
	defer g.stop()
	g.loaded()
	if u := g.undo(d.ID); u.Recipients != 1 || len(u.Lost) != 0 {
		t.Fatalf("undone %+v", u)
	}
	if err := g.e.ResumeDelivery(context.Background(), "root", nil); err != nil {
		t.Fatal(err)
	}
	if err := g.e.ForceDelivery(context.Background(), "root", ""); err != nil {
		t.Fatal(err)
	}
	g.until("the notification has left", func(all []journal.Record) bool { return count[*journal.Delivered](all) == 1 })
	g.sound()
}

// The body that an undo keeps for a message outlives a notification about it that came back and left.
func TestNotificationThatComesBackLeavesWhatIsKept(t *testing.T) {
	g := start(t, journal.NewMemoryDisk(), refusing("x.example"), nil)
	defer g.stop()
	g.loaded()
	g.inject("s@one.example", "a@x.example", "b@y.example")
	g.until("a notification that waits", func(all []journal.Record) bool { return count[*journal.SoftBounced](all) == 2 })
	g.suspend()
	letter := g.do(Order{Action: ActionDelete, Selection: toHost("one.example")})
	message := g.do(Order{Action: ActionDelete, Selection: toHost("y.example")})
	g.undo(letter.ID)
	if d := g.do(Order{Action: ActionDelete, Selection: toHost("one.example")}); d.Recipients != 1 {
		t.Fatalf("the notification is not there: %+v", d)
	}
	if u := g.undo(message.ID); u.Recipients != 1 || len(u.Lost) != 0 {
		t.Errorf("undone %+v", u)
	}
	g.sound()
}

// Of the notifications about one message an undo withdraws the one that tells of what it brings back, and no other.
func TestUndoWithdrawsItsNotification(t *testing.T) {
	for _, which := range []int{0, 1} {
		t.Run(fmt.Sprint(which), func(t *testing.T) { withdrawsItsNotification(t, which) })
	}
}

func withdrawsItsNotification(t *testing.T, which int) {
	g := start(t, journal.NewMemoryDisk(), newPeer(), nil)
	defer g.stop()
	g.suspend()
	g.inject("s@one.example", "a@x.example", "b@y.example")
	first := g.do(Order{Action: ActionBounce, Selection: toHost("x.example")})
	g.until("a notification", func(all []journal.Record) bool { return count[*journal.MessageInjected](all) == 2 })
	second := g.do(Order{Action: ActionBounce, Selection: toHost("y.example")})
	all := g.until("another one", func(all []journal.Record) bool { return count[*journal.MessageInjected](all) == 3 })
	undone := []uint64{first.ID, second.ID}[which]
	if u := g.undo(undone); u.Recipients != 1 || len(u.Lost) != 0 {
		t.Errorf("undone %+v", u)
	}
	queue := g.queueOf()
	for _, r := range all {
		if m, ok := r.Event.(*journal.MessageInjected); ok && m.Why == journal.WhyBounce {
			told, err := g.j.At(m.Reports[0])
			if err != nil {
				t.Fatal(err)
			}
			if stays := told.Event.(*journal.RecipientsBounced).Action != undone; stays != (queue[r.Seq] != nil) {
				t.Errorf("notification %d is in the queue: %v, should be: %v", r.Seq, !stays, stays)
			}
		}
	}
	g.sound()
}

// An operator who leaves before an undo is prepared keeps nothing from its end.
func TestUndoIsNotKeptByWhoHasLeft(t *testing.T) {
	g, _ := mixed(t)
	defer g.stop()
	d := g.do(Order{Action: ActionDelete})
	left, cancel := context.WithCancel(context.Background())
	cancel()
	for range 20 {
		if _, err := g.e.Undo(left, d.ID, "root", nil); err == nil {
			t.Fatal("undone for one who had left")
		}
	}
	for busy := true; busy; {
		err := g.e.decide(context.Background(), func(*turn) { busy = g.e.carrying.Load() != nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	err := g.e.decide(context.Background(), func(*turn) {
		if g.e.undoing != 0 {
			t.Errorf("order %d is kept for an undo that nobody carries out", g.e.undoing)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	g.sound()
}

// An order goes on without the one who gave it, whoever waits for it meanwhile.
func TestOrderOutlivesWhoGaveIt(t *testing.T) {
	g, _ := mixed(t)
	defer g.stop()
	g.e.options.slice = 1
	var id uint64
	for _, do := range []func(context.Context, func(Progress)) error{
		func(ctx context.Context, progress func(Progress)) error {
			_, err := g.e.Order(ctx, Order{Action: ActionDelete, By: "root"}, progress)
			return err
		},
		func(ctx context.Context, progress func(Progress)) error {
			_, err := g.e.Undo(ctx, id, "root", progress)
			return err
		},
	} {
		ctx, leave := context.WithCancel(context.Background())
		if err := do(ctx, func(Progress) { leave() }); err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		leave()
		g.until("the end", func(all []journal.Record) bool {
			return count[*journal.BulkActionOrdered](all) == count[*journal.BulkActionCompleted](all)
		})
		for busy := true; busy; {
			busy = g.e.carrying.Load() != nil
		}
		all := g.records()
		id = all[slices.IndexFunc(all, func(r journal.Record) bool { _, ok := r.Event.(*journal.BulkActionOrdered); return ok })].Seq
	}
	if got := g.e.Totals(); got.Recipients != 36 {
		t.Errorf("in the queue again: %+v", got)
	}
	g.sound()
}

// Rounds of forced deliveries begin anew after 65,536: who stands in the ready line since the first must not be taken for
// one who waits since the last.
func TestForcedRoundsBeginAnew(t *testing.T) {
	s := NewState()
	for range 2 {
		s.Apply(journal.Record{Seq: uint64(len(s.bySeq) + 1), Event: &journal.MessageInjected{Queued: true, Sender: "s@one.example",
			Recipients: []journal.InjectedRecipient{{Domain: "x.example"}}}})
	}
	later := journal.Instant(time.Hour)
	apply := func(e journal.Event) { s.Apply(journal.Record{Seq: 3, Event: e}) }
	apply(&journal.SoftBounced{Message: 1, RIDs: []uint32{0}, Attempts: 1, Next: later})
	for range 1 << 16 {
		apply(&journal.SoftBounced{Message: 2, RIDs: []uint32{0}, Attempts: 1, Next: later})
		apply(&journal.DeliveryForced{Domain: "x.example"})
	}
	if err := s.consistent(); err != nil {
		t.Error(err)
	}
	if p := s.phase(s.messages.at(s.bySeq[1]).first); p != ready {
		t.Errorf("it is in phase %d", p)
	}
}

// An address literal is suspended and forced in whatever letters it is written.
func TestAddressLiteralIsSuspendedAndForced(t *testing.T) {
	s := NewState()
	apply := func(seq uint64, e journal.Event) { s.Apply(journal.Record{Seq: seq, Event: e}) }
	apply(1, &journal.MessageInjected{Queued: true, Sender: "s@one.example", Recipients: []journal.InjectedRecipient{{Domain: "[IPv6:2001:db8::1]"}}})
	d := s.destinations[s.byName["[IPv6:2001:db8::1]"]]
	apply(2, &journal.DeliverySuspended{Domains: []string{"[ipv6:2001:db8::1]"}})
	if s.room(d, 0) != 0 {
		t.Error("it is not suspended")
	}
	apply(3, &journal.DeliveryResumed{Domains: []string{"[IPv6:2001:db8::1]"}})
	apply(4, &journal.SoftBounced{Message: 1, RIDs: []uint32{0}, Attempts: 1, Next: journal.Instant(time.Hour)})
	apply(5, &journal.DeliveryForced{Domain: "[ipv6:2001:db8::1]"})
	if s.room(d, 0) == 0 {
		t.Error("it is not due")
	}
}

func TestTooManySuspensionsAreRefused(t *testing.T) {
	g := start(t, journal.NewMemoryDisk(), newPeer(), nil)
	defer g.stop()
	domains := make([]string, maxSuspended+1)
	for i := range domains {
		domains[i] = fmt.Sprintf("h%d.example", i)
	}
	ctx := context.Background()
	if err := g.e.SuspendDelivery(ctx, "root", domains[1:], 0); err != nil {
		t.Fatal(err)
	}
	refused := (*RefusedError)(nil)
	if err := g.e.SuspendDelivery(ctx, "root", domains[:1], 0); !errors.As(err, &refused) {
		t.Errorf("one more: %v", err)
	}
	if err := g.e.SuspendDelivery(ctx, "root", nil, 0); err != nil {
		t.Errorf("all: %v", err)
	}
}

// What is kept for undo is taken over in parts: mail that comes in meanwhile waits for one of them at most.
func TestKeptIsTakenOverInParts(t *testing.T) {
	g := start(t, journal.NewMemoryDisk(), newPeer(), nil)
	defer g.stop()
	g.loaded()
	const bodies = 3*keptBatch + 1
	l := &loader{engine: g.e, bodies: map[journal.BodyID]bool{}, seen: map[uint64]bool{}, kept: map[uint64][]keptBody{1: make([]keptBody, keptBatch+1), 2: make([]keptBody, 2*keptBatch)}}
	n := uint64(0)
	for _, kept := range l.kept {
		for i := range kept {
			n++
			kept[i] = keptBody{n, journal.BodyID(n)}
		}
	}
	before, most := 0, 0
	look := func(turn *turn) { most, before = max(most, len(l.seen)-before), len(l.seen) }
	var watch func(*turn)
	watch = func(turn *turn) {
		if look(turn); before < bodies {
			g.e.order(watch)
		}
	}
	g.e.order(watch)
	if err := l.keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := g.e.decide(t.Context(), look); err != nil {
		t.Fatal(err)
	}
	if before != bodies || len(l.bodies) != bodies || most > keptBatch {
		t.Errorf("%d of %d are taken over, at most %d with one turn", before, bodies, most)
	}
}

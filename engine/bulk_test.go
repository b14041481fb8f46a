package engine

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"postern/engine/config"
	"postern/journal"
)

// queueOf is the queue as the facts have it.
func (g *gateway) queueOf() map[uint64]*journal.LiveMessage {
	g.t.Helper()
	image, err := journal.FoldAll(g.j, g.j.Durable())
	if err != nil {
		g.t.Fatal(err)
	}
	if image.Anomalies != 0 {
		g.t.Errorf("%d facts did not fit the rows", image.Anomalies)
	}
	return image.Messages
}

func sameQueue(t testing.TB, got, want map[uint64]*journal.LiveMessage) {
	t.Helper()
	for seq, w := range want {
		if g := got[seq]; g == nil || !reflect.DeepEqual(*normal(g), *normal(w)) {
			t.Errorf("message %d\n is  %+v\n was %+v", seq, g, w)
		}
	}
	for seq := range got {
		if want[seq] == nil {
			t.Errorf("message %d was not in the queue: %+v", seq, got[seq])
		}
	}
}

func normal(m *journal.LiveMessage) *journal.LiveMessage {
	c := *m
	c.Recipients = append([]journal.LiveRecipient{}, m.Recipients...)
	c.Dues = append([]uint64{}, m.Dues...)
	return &c
}

// loaded waits until the queue of before the start is there and the orders of before the start are carried out.
func (g *gateway) loaded() {
	g.t.Helper()
	for end := time.Now().Add(time.Minute); ; {
		var resuming bool
		if err := g.e.decide(context.Background(), func(*turn) { resuming = g.e.resuming }); err != nil {
			g.t.Fatal(err)
		}
		if g.e.Loading() == 100 && !resuming {
			return
		}
		if time.Now().After(end) {
			g.t.Fatal("the queue is never loaded")
		}
	}
}

// suspend keeps all mail in the queue.
func (g *gateway) suspend() {
	g.t.Helper()
	g.loaded()
	if err := g.e.SuspendDelivery(context.Background(), "root", nil, time.Minute); err != nil {
		g.t.Fatal(err)
	}
}

func (g *gateway) do(o Order) Done {
	g.t.Helper()
	o.By = "root"
	d, err := g.e.Order(context.Background(), o, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	return d
}

func (g *gateway) undo(id uint64) Undone {
	g.t.Helper()
	u, err := g.e.Undo(context.Background(), id, "root", nil)
	if err != nil {
		g.t.Fatal(err)
	}
	return u
}

func toHost(h string) Selection { return Selection{Host: h} }

// tried is a peer that puts everything off.
func postponing() *peer {
	p := newPeer()
	p.answer = func(Attempt, uint32) Outcome {
		return Outcome{Result: Temporary, DCID: 1, Code: "450", Status: "4.2.1", Reason: "Mailbox disabled", Reply: []string{"later"}}
	}
	return p
}

// mixed fills a queue: messages to two hosts, alone and together, tried once and not at all.
func mixed(t *testing.T) (*gateway, *journal.Disk) {
	disk := journal.NewMemoryDisk()
	g := start(t, disk, postponing(), nil)
	g.loaded()
	for i := range 6 {
		g.inject(fmt.Sprintf("s%d@one.example", i%2), "a@x.example")
		g.inject("", "b@y.example")
		g.inject("s@two.example", "c@x.example", "d@Y.example", "e@x.example")
	}
	g.until("attempts", func(all []journal.Record) bool { return count[*journal.SoftBounced](all) >= 24 })
	g.suspend()
	for range 3 {
		g.inject("late@one.example", "f@x.example", "g@y.example")
	}
	return g, disk
}

func TestOrdersTakeExactlyTheirSetAndComeBack(t *testing.T) {
	from := "s1@One.Example"
	for _, c := range []struct {
		name                 string
		order                Order
		messages, recipients uint64
		left                 func(m *journal.LiveMessage, r *journal.LiveRecipient) bool // who is not touched
	}{
		{"delete by host", Order{Action: ActionDelete, Selection: toHost("X.example")}, 15, 21,
			func(_ *journal.LiveMessage, r *journal.LiveRecipient) bool { return r.Destination != "x.example" }},
		{"delete by sender", Order{Action: ActionDelete, Selection: Selection{From: &from}}, 3, 3,
			func(m *journal.LiveMessage, _ *journal.LiveRecipient) bool {
				return m.SenderHash != journal.HashSender("s1@one.example")
			}},
		{"delete all", Order{Action: ActionDelete}, 21, 36, func(*journal.LiveMessage, *journal.LiveRecipient) bool { return false }},
		{"delete what was tried", Order{Action: ActionDelete, Selection: Selection{Attempts: 1, Host: "y.example"}}, 12, 12,
			func(_ *journal.LiveMessage, r *journal.LiveRecipient) bool {
				return r.Destination != "y.example" || r.Attempts == 0
			}},
		{"bounce by host", Order{Action: ActionBounce, Selection: toHost("y.example")}, 15, 15,
			func(_ *journal.LiveMessage, r *journal.LiveRecipient) bool { return r.Destination != "y.example" }},
		{"redirect", Order{Action: ActionRedirect, Target: "Z.example", Selection: toHost("x.example")}, 15, 21, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, _ := mixed(t)
			defer g.stop()
			before := g.queueOf()
			d := g.do(c.order)
			if d.Messages != c.messages || d.Recipients != c.recipients || len(d.Excluded) != 0 || d.ID == 0 {
				t.Fatalf("done %+v, want %d messages, %d recipients", d, c.messages, c.recipients)
			}
			after := g.queueOf()
			for seq, m := range before {
				for i := range m.Recipients {
					r := &m.Recipients[i]
					now := recipientIn(after[seq], r.RID)
					switch {
					case c.left == nil && r.Destination == "x.example":
						if now == nil || now.Redirect != "z.example" || now.Attempts != r.Attempts {
							t.Errorf("%d/%d is %+v after the redirect, was %+v", seq, r.RID, now, r)
						}
					case c.left == nil || c.left(m, r):
						if now == nil || *now != *r {
							t.Errorf("%d/%d was touched: %+v, was %+v", seq, r.RID, now, r)
						}
					case now != nil:
						t.Errorf("%d/%d is still in the queue", seq, r.RID)
					}
				}
			}
			u := g.undo(d.ID)
			if u.Recipients != c.recipients || len(u.Lost) != 0 {
				t.Errorf("undone %+v", u)
			}
			g.until("the end of what was kept", func(all []journal.Record) bool { return count[*journal.UndoEnded](all) == 1 })
			sameQueue(t, g.queueOf(), before)
			g.sound()
			if _, err := g.e.Undo(context.Background(), d.ID, "root", nil); err == nil || !strings.Contains(err.Error(), "undone already") {
				t.Errorf("a second undo: %v", err)
			}
		})
	}
}

func recipientIn(m *journal.LiveMessage, rid uint32) *journal.LiveRecipient {
	if m == nil {
		return nil
	}
	for i := range m.Recipients {
		if m.Recipients[i].RID == rid {
			return &m.Recipients[i]
		}
	}
	return nil
}

// sound holds State against itself and against the store.
func (g *gateway) sound() {
	g.t.Helper()
	err := g.e.decide(context.Background(), func(t *turn) {
		if err := t.s.consistent(); err != nil {
			g.t.Error(err)
		}
		if t.s.anomalies != 0 {
			g.t.Errorf("%d facts did not fit the state", t.s.anomalies)
		}
		for i := uint32(1); i < t.s.recipients.next; i++ {
			if r := t.s.recipients.at(i); r.flags&claimed != 0 {
				g.t.Errorf("recipient %d is still claimed", i)
			}
		}
		kept := map[journal.BodyID]bool{}
		for _, u := range t.s.undo {
			for _, k := range u.kept {
				kept[k.body] = true
			}
		}
		needed := t.s.liveBodies(kept, 0)
		held := map[journal.BodyID]bool{}
		if err := g.j.Bodies(func(id journal.BodyID, _ int64) { held[id] = true }); err != nil {
			g.t.Error(err)
		}
		for b := range needed {
			if !held[b] {
				g.t.Errorf("body %d is gone", b)
			}
		}
		for b := range held {
			if !needed[b] && !slices.Contains(t.s.freed, b) {
				g.t.Errorf("body %d is left over", b)
			}
		}
	})
	if err != nil {
		g.t.Fatal(err)
	}
}

// A bounce that has told somebody can be undone as long as nobody has heard.
func TestBounceIsUndoneWhileItsMessageHasNotLeft(t *testing.T) {
	g, _ := mixed(t)
	defer g.stop()
	before := g.queueOf()
	d := g.do(Order{Action: ActionBounce, Selection: toHost("x.example")})
	g.until("notifications", func(all []journal.Record) bool { return count[*journal.MessageInjected](all) == 21+15 })
	g.peer.mu.Lock()
	g.peer.answer = func(a Attempt, _ uint32) Outcome {
		if a.Destination == "one.example" {
			return delivered
		}
		return Outcome{Result: Temporary, DCID: 1, Code: "450", Status: "4.2.1", Reason: "Mailbox disabled", Reply: []string{"later"}}
	}
	g.peer.mu.Unlock()
	if err := g.e.ResumeDelivery(context.Background(), "root", nil); err != nil {
		t.Fatal(err)
	}
	left := 0
	g.until("some have left", func(all []journal.Record) bool {
		left = 0
		for _, e := range find[*journal.Delivered](all) {
			if e.Destination == "one.example" {
				left++
			}
		}
		return left > 0
	})
	g.suspend()
	u := g.undo(d.ID)
	lost := uint64(0)
	for _, l := range u.Lost {
		if !strings.Contains(l.Reason, "bounce message") {
			t.Errorf("lost %+v", l)
		}
		lost += uint64(len(l.RIDs))
	}
	if u.Recipients+lost != d.Recipients || lost == 0 || u.Recipients == 0 {
		t.Errorf("%d bounced, %d came back, %d are lost", d.Recipients, u.Recipients, lost)
	}
	now := g.queueOf()
	for seq, m := range before {
		for i := range m.Recipients {
			r := recipientIn(now[seq], m.Recipients[i].RID)
			isLost := slices.ContainsFunc(u.Lost, func(l LostRecipients) bool {
				return l.Message == seq && slices.Contains(l.RIDs, m.Recipients[i].RID)
			})
			if (r == nil) != isLost {
				t.Errorf("%d/%d: in the queue %v, lost %v", seq, m.Recipients[i].RID, r != nil, isLost)
			}
		}
	}
	g.sound()
}

func TestUndoEndsWithItsTimeAndGivesTheBodiesUp(t *testing.T) {
	disk := journal.NewMemoryDisk()
	doc := document()
	doc.Queue.UndoSeconds = 1
	g := start(t, disk, newPeer(), func(o *Options) { o.Document = func() *config.Document { return doc } })
	defer g.stop()
	g.suspend()
	for range 5 {
		g.inject("s@one.example", "a@x.example", "b@y.example")
	}
	d := g.do(Order{Action: ActionDelete, Selection: toHost("x.example")})
	e := g.do(Order{Action: ActionDelete, Selection: toHost("y.example")})
	if got := g.e.Totals(); got.BodyBytes != 0 || got.Messages != 0 {
		t.Errorf("what is kept for undo counts: %+v", got)
	}
	g.until("the end of both", func(all []journal.Record) bool { return count[*journal.UndoEnded](all) == 2 })
	for _, id := range []uint64{d.ID, e.ID} {
		if _, err := g.e.Undo(context.Background(), id, "root", nil); err == nil {
			t.Error("an order whose time is over was undone")
		}
	}
	g.sound()
	left := 0
	if err := g.j.Bodies(func(journal.BodyID, int64) { left++ }); err != nil || left != 0 {
		t.Errorf("%d bodies are left, %v", left, err)
	}
}

func TestOrdersSurviveARestartWithTheirUndo(t *testing.T) {
	g, disk := mixed(t)
	before := g.queueOf()
	d := g.do(Order{Action: ActionDelete, Selection: toHost("x.example")})
	r := g.do(Order{Action: ActionRedirect, Target: "z.example:2526", Selection: toHost("y.example")})
	g.stop()
	g = start(t, disk, postponing(), nil)
	defer g.stop()
	g.loaded()
	g.sound()
	if u := g.undo(r.ID); u.Recipients != r.Recipients || len(u.Lost) > 0 {
		t.Errorf("redirect undone %+v", u)
	}
	if u := g.undo(d.ID); u.Recipients != d.Recipients || len(u.Lost) > 0 {
		t.Errorf("delete undone %+v", u)
	}
	sameQueue(t, g.queueOf(), before)
	g.until("the end of both", func(all []journal.Record) bool { return count[*journal.UndoEnded](all) == 2 })
	g.sound()
}

// An attempt is called off before its final dot and belongs to the set; past it, its outcome is awaited and counts.
func TestAttemptsUnderWay(t *testing.T) {
	for _, c := range []struct {
		name      string
		pastDot   bool
		result    Outcome
		deleted   uint64
		delivered int
	}{
		{"before the dot", false, Outcome{Result: Temporary, Code: "000", Status: "4.3.2", Reply: []string{"called off"}}, 1, 0},
		{"past the dot, delivered", true, delivered, 0, 1},
		{"past the dot, refused for now", true, Outcome{Result: Temporary, DCID: 1, Code: "450", Status: "4.2.1"}, 1, 0},
		{"past the dot, unknown", true, Outcome{Result: Unknown, DCID: 1, Reason: "the reply to the final dot was lost"}, 1, 0},
		{"past the dot, unknown and held for it", true, Outcome{Result: Unknown, DCID: 1, Reason: "the reply to the final dot was lost"}, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			called, reply := make(chan struct{}), make(chan struct{})
			doc := document()
			if strings.Contains(c.name, "held for it") {
				doc.Delivery.InDoubt = config.DoubtHold
			}
			g := start(t, journal.NewMemoryDisk(), nil, func(o *Options) {
				o.Document = func() *config.Document { return doc }
				o.Deliverer = deliverFunc(func(ctx context.Context, a Attempt) []Outcome {
					close(called)
					if <-ctx.Done(); !errors.Is(context.Cause(ctx), ErrRecalled) {
						t.Errorf("ended by %v", context.Cause(ctx))
					}
					if c.pastDot {
						<-reply
					}
					return []Outcome{c.result}
				})
			})
			defer g.stop()
			g.loaded()
			g.inject("s@one.example", "a@x.example")
			<-called
			close(reply)
			d := g.do(Order{Action: ActionDelete})
			if d.Recipients != c.deleted || len(d.Excluded) != 0 {
				t.Errorf("done %+v", d)
			}
			if n := count[*journal.Delivered](g.records()); n != c.delivered {
				t.Errorf("%d delivered", n)
			}
			if got := g.e.Totals(); got.Messages != 0 || got.Attempting != 0 {
				t.Errorf("left over: %+v", got)
			}
			g.sound()
		})
	}
}

// deliverFunc is a Deliverer of one function.
type deliverFunc func(context.Context, Attempt) []Outcome

func (f deliverFunc) Deliver(ctx context.Context, a Attempt) []Outcome { return f(ctx, a) }

func TestOneOrderAtATime(t *testing.T) {
	g, _ := mixed(t)
	defer g.stop()
	leave, err := g.e.enter("delete", "ann")
	if err != nil {
		t.Fatal(err)
	}
	_, err = g.e.Order(context.Background(), Order{Action: ActionDelete, By: "bob"}, nil)
	if r := (*RefusedError)(nil); !errors.As(err, &r) || !strings.Contains(err.Error(), "ordered by ann") {
		t.Errorf("refused with %v", err)
	}
	leave()
	if d := g.do(Order{Action: ActionDelete}); d.Recipients != 36 {
		t.Errorf("done %+v", d)
	}
	if d := g.do(Order{Action: ActionDelete}); d.ID != 0 || d.Recipients != 0 {
		t.Errorf("an order without anybody: %+v", d)
	}
}

func TestHoldAndRelease(t *testing.T) {
	g, disk := mixed(t)
	if d := g.do(Order{Action: ActionHold, Reason: "audit", Selection: toHost("y.example")}); d.Recipients != 15 {
		t.Errorf("held %+v", d)
	}
	if err := g.e.ResumeDelivery(context.Background(), "root", nil); err != nil {
		t.Fatal(err)
	}
	if err := g.e.ForceDelivery(context.Background(), "root", ""); err != nil {
		t.Fatal(err)
	}
	g.until("the others are tried", func(all []journal.Record) bool {
		return count[*journal.SoftBounced](all) >= 24+15
	})
	for _, a := range find[*journal.AttemptStarted](g.records()) {
		if a.Destination == "y.example" && a.Attempt > 1 {
			t.Errorf("a held recipient was tried: %+v", a)
		}
	}
	g.stop()
	g = start(t, disk, newPeer(), nil)
	defer g.stop()
	g.loaded()
	if d := g.do(Order{Action: ActionRelease, Selection: toHost("y.example")}); d.Recipients != 15 {
		t.Errorf("released %+v", d)
	}
	if err := g.e.ForceDelivery(context.Background(), "root", "Y.example"); err != nil {
		t.Fatal(err)
	}
	g.until("all to y are delivered", func(all []journal.Record) bool {
		n := 0
		for _, e := range find[*journal.Delivered](all) {
			if e.Destination == "y.example" {
				n += len(e.RIDs)
			}
		}
		return n == 15
	})
	g.sound()
}

func TestRemoveMessage(t *testing.T) {
	g, _ := mixed(t)
	defer g.stop()
	var one uint64
	for seq, m := range g.queueOf() {
		if len(m.Recipients) == 3 && (one == 0 || seq < one) {
			one = seq
		}
	}
	n, err := g.e.RemoveMessage(context.Background(), "root", one, 3, "oldmessage_3.mbox")
	if err != nil || n != 3 || g.queueOf()[one] != nil {
		t.Errorf("removed %d, %v", n, err)
	}
	if _, err := g.e.RemoveMessage(context.Background(), "root", one, 3, ""); err == nil || !strings.Contains(err.Error(), "has left the queue") {
		t.Errorf("removed twice: %v", err)
	}
	g.sound()
}

// While the work queue is paused, what comes in waits in it, also over a restart; nothing of it is selected or tried.
func TestWorkQueuePause(t *testing.T) {
	disk := journal.NewMemoryDisk()
	g := start(t, disk, newPeer(), nil)
	g.loaded()
	if err := g.e.PauseWorkQueue(context.Background(), "ann", "checking"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		g.inject("s@one.example", "a@x.example")
	}
	if p, err := g.e.Preview(context.Background(), Selection{}); err != nil || p.Recipients != 0 {
		t.Errorf("selected %+v, %v", p, err)
	}
	g.stop()
	g = start(t, disk, newPeer(), nil)
	defer g.stop()
	g.loaded()
	g.inject("s@one.example", "a@x.example")
	if n := count[*journal.AttemptStarted](g.records()); n != 0 {
		t.Errorf("%d attempts while paused", n)
	}
	g.sound()
	if err := g.e.ResumeWorkQueue(context.Background(), "ann"); err != nil {
		t.Fatal(err)
	}
	all := g.until("delivered", func(all []journal.Record) bool { return count[*journal.Delivered](all) == 4 })
	if n := count[*journal.Queued](all); n != 4 {
		t.Errorf("%d left the work queue", n)
	}
	if p := find[*journal.WorkQueueResumed](all); len(p) != 1 || p[0].Messages != 4 {
		t.Errorf("resumed %+v", p)
	}
}

// A suspension waits for what is under way, and cuts it off when its grace is over.
func TestSuspendDeliveryCutsOff(t *testing.T) {
	called := make(chan struct{})
	g := start(t, journal.NewMemoryDisk(), nil, func(o *Options) {
		o.Deliverer = deliverFunc(func(ctx context.Context, a Attempt) []Outcome {
			close(called)
			<-ctx.Done()
			if !errors.Is(context.Cause(ctx), ErrCutOff) {
				t.Errorf("ended by %v", context.Cause(ctx))
			}
			return []Outcome{{Result: Unknown, DCID: 1, Reason: "cut off"}}
		})
	})
	defer g.stop()
	g.loaded()
	g.inject("s@one.example", "a@x.example")
	<-called
	if err := g.e.SuspendDelivery(context.Background(), "root", []string{"other.example"}, time.Hour); err != nil {
		t.Fatal(err)
	}
	if got := g.e.Totals().Attempting; got != 1 {
		t.Errorf("%d attempts after another domain's suspension", got)
	}
	if err := g.e.SuspendDelivery(context.Background(), "root", []string{"X.example"}, 50*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if n := count[*journal.OutcomeUnknown](g.records()); n != 1 {
		t.Errorf("%d unknown outcomes", n)
	}
}

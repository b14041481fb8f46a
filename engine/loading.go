package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"postern/journal"
)

// loadBatch is how many messages of before the start are taken in with one turn, and keptBatch how many bodies that are kept
// for undo; mail that comes in meanwhile waits for no more than that.
const (
	loadBatch = 2000
	keptBatch = 5000
)

// load takes in the queue of before the start beside the turns: from the live rows, whose cost follows what is queued and
// never the history.
func (e *Engine) load(ctx context.Context) {
	sys := e.options.Rows.System()
	l := &loader{engine: e, total: int(sys.Messages), unclean: e.unclean, orders: sys.BulkActions, bodies: map[journal.BodyID]bool{}, seen: map[uint64]bool{},
		batch: newLoadingBatch(), spare: newLoadingBatch(), taken: make(chan struct{}, 1)}
	l.taken <- struct{}{} // as if a batch before the first had been
	e.workers.Add(1)
	go func() {
		defer e.workers.Done()
		if err := l.run(ctx, sys.Undoable); err != nil && ctx.Err() == nil && !errors.Is(err, ErrStopping) {
			// Mail would be taken in and that of before never sent: the end is louder, and the next start may mend it.
			e.order(func(*turn) { e.broken = fmt.Errorf("engine: the queue could not be loaded: %w", err) })
		}
	}()
}

// loadingBatch holds copies of some messages; their recipients stand in one list.
type loadingBatch struct {
	messages   []journal.LiveMessage
	recipients []journal.LiveRecipient
}

func newLoadingBatch() *loadingBatch {
	return &loadingBatch{messages: make([]journal.LiveMessage, 0, loadBatch), recipients: make([]journal.LiveRecipient, 0, loadBatch)}
}

func (b *loadingBatch) clear() { b.messages, b.recipients = b.messages[:0], b.recipients[:0] }

// add copies a message. When the list of recipients grows it moves; what points to the old one keeps it.
func (b *loadingBatch) add(m *journal.LiveMessage) {
	c := *m
	begin := len(b.recipients)
	b.recipients = append(b.recipients, m.Recipients...)
	c.Recipients = b.recipients[begin:len(b.recipients):len(b.recipients)]
	c.Dues = append([]uint64(nil), m.Dues...)
	b.messages = append(b.messages, c)
}

// loader reads the queue of before the start. Its goroutine owns it; while the turn of one batch takes that in, it reads the
// next one into the other.
type loader struct {
	engine  *Engine
	total   int                     // messages of before the start
	unclean uint32                  // how often in a row the gateway has ended without a word
	orders  []uint64                // that were cut off
	shift   int64                   // of the clock, up to the rows
	kept    map[uint64][]keptBody   // by order; the last turn takes them over
	bodies  map[journal.BodyID]bool // of kept; the last turn takes it over
	seen    map[uint64]bool         // messages of kept; the turns write it
	swept   journal.BodyID

	room         map[uint64]uint32 // the first turn takes it over
	batch, spare *loadingBatch
	taken        chan struct{} // has an element when the spare is taken in
	done         int           // messages
}

func (l *loader) run(ctx context.Context, undoable []journal.LiveUndo) error {
	e := l.engine
	rows, err := e.options.Rows.Snapshot()
	if err != nil {
		return err
	}
	defer rows.Close()
	l.shift = rows.System().ClockShift
	if l.kept, err = e.readKept(undoable); err != nil {
		return err
	}
	if l.swept, err = e.options.Journal.Swept(); err != nil {
		return err
	}
	l.room = make(map[uint64]uint32, l.total) // a map that grows to a million costs more than all else that is done here
	err = rows.Each(ctx, func(m *journal.LiveMessage) error {
		if m.Seq >= e.firstSeq {
			return nil // came in during this run
		}
		if l.batch.add(m); len(l.batch.messages) == loadBatch {
			return l.flush(ctx)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := l.flush(ctx); err != nil {
		return err
	}
	if err := l.keep(ctx); err != nil {
		return err
	}
	if err := e.decide(ctx, l.loadedAll); err != nil {
		return err
	}
	return e.resume(ctx, l.orders)
}

// flush hands the batch to a turn when the one before is taken in.
func (l *loader) flush(ctx context.Context) error {
	if err := l.await(ctx); err != nil {
		return err
	}
	b := l.batch.messages
	if !l.engine.order(func(t *turn) { l.takeIn(t, b) }) {
		return ErrStopping
	}
	if l.done += len(b); l.total > 0 {
		l.engine.loading.Store(int64(min(99, l.done*100/l.total)))
	}
	l.batch, l.spare = l.spare, l.batch
	l.batch.clear()
	return nil
}

func (l *loader) await(ctx context.Context) error {
	select {
	case <-l.taken:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// takeIn is the part of a turn.
func (l *loader) takeIn(t *turn, b []journal.LiveMessage) {
	if l.room != nil {
		maps.Copy(l.room, t.s.bySeq)
		t.s.bySeq, l.room = l.room, nil
	}
	for i := range b {
		t.takeIn(l.engine, &b[i], l.unclean, l.shift)
	}
	l.taken <- struct{}{}
}

// keep has what orders of before the start keep for their undo taken over, a part with each turn. Until all is loaded nothing
// of it is given up.
func (l *loader) keep(ctx context.Context) error {
	for _, order := range slices.Sorted(maps.Keys(l.kept)) {
		for part := range slices.Chunk(l.kept[order], keptBatch) {
			for _, k := range part {
				l.bodies[k.body] = true
			}
			if err := l.engine.decide(ctx, func(t *turn) { t.s.restoreKept(part, l.seen) }); err != nil {
				return err
			}
		}
	}
	return nil
}

// takeIn puts one message of before the start into the queue; the rows have each once, and all orders wait until the last
// one is in. An attempt that has no outcome is in doubt: the peer may have the message, and that is written down before
// anything else happens to it; where the final dot was to wait for a fact that is not there, the peer has nothing. The
// row's times hold the jumps of the clock up to shift.
func (t *turn) takeIn(e *Engine, m *journal.LiveMessage, unclean uint32, shift int64) {
	s := t.s
	msg := message{seq: m.Seq, injected: int64(m.Injected) - shift, body: m.Body, size: m.Size, mid: m.MID, why: m.Why, sender: m.SenderHash}
	if m.Why.SharesBody() {
		msg.flags |= copyBody
		if m.Body != 0 {
			s.shareBody(m.Body, m.Parent)
		}
	}
	if m.SetAside {
		msg.flags |= setAside
	}
	mi := s.addLoaded(msg)
	cutOff := map[string][]uint32(nil)
	for i := len(m.Recipients) - 1; i >= 0; i-- {
		rc := &m.Recipients[i]
		ri := s.addRecipient(mi, rc.Target(), rc.RID, rc.Notify)
		r := s.recipients.at(ri)
		r.attempts = rc.Attempts
		if rc.Redirect != "" {
			r.flags |= redirected
		}
		if rc.Held {
			r.flags |= heldItself
		}
		r.due = int64(rc.Next) - shift
		switch next := r.due; {
		case rc.Attempting: // it stands nowhere until its outcome is durable
			if cutOff == nil {
				cutOff = make(map[string][]uint32)
			}
			cutOff[rc.Target()] = append(cutOff[rc.Target()], rc.RID)
		case m.InWorkQueue:
		case m.SetAside || rc.Held:
			r.state = held
		case rc.Next != 0 && rc.Attempts > 0 && next > t.clock:
			s.wait(ri, next)
		default:
			s.makeReady(ri)
		}
	}
	if m.InWorkQueue {
		s.enterWorkQueue(mi)
	}
	for _, seq := range m.Dues {
		s.addReport(mi, seq)
	}
	if cutOff != nil {
		t.writeCutOff(e, mi, m, cutOff, unclean)
	}
}

// writeCutOff writes the outcome of attempts that a crash cut off.
func (t *turn) writeCutOff(e *Engine, mi uint32, m *journal.LiveMessage, cutOff map[string][]uint32, unclean uint32) {
	if unclean >= suspectAfter {
		t.s.messages.at(mi).flags |= suspect
		e.suspects = append(e.suspects, mi)
	}
	for i := range m.Recipients {
		dest := m.Recipients[i].Target()
		rids := cutOff[dest]
		if len(rids) == 0 {
			continue
		}
		delete(cutOff, dest)
		slices.Reverse(rids)
		sure, doubtful := partDoubts(m, rids)
		if len(sure) > 0 {
			t.neverSent(mi, dest, sure)
		}
		if len(doubtful) > 0 {
			t.cutOffInDoubt(mi, dest, doubtful)
		}
	}
}

// loadedAll is the turn that ends the loading.
func (l *loader) loadedAll(t *turn) {
	e := l.engine
	for _, u := range t.s.undo {
		u.kept = append(l.kept[u.order], u.kept...)
	}
	t.s.settleBodies(l.bodies)
	live := t.s.liveBodies(l.bodies, l.swept)
	for _, seq := range l.orders {
		if o, err := orderAt(e.options.Journal, seq); err == nil && o.Set != 0 {
			live[o.Set] = true
		}
	}
	e.workers.Add(1)
	go func() {
		defer e.workers.Done()
		if _, err := e.options.Journal.SweepBodies(func(b journal.BodyID) bool { return live[b] }); err != nil {
			e.options.Problem(fmt.Errorf("engine: sweep of bodies: %w", err))
		}
	}()
	t.judgeSuspects(e, l.unclean)
	e.cautious = false
	t.after = append(t.after, func() { e.loading.Store(100) })
}

package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"postern/journal"
)

// begin is the first turn: it takes over what belongs to no message from the live rows, says Started, and reserves ids.
func (e *Engine) begin(ctx context.Context) error {
	sys := e.options.Rows.System()
	e.takeOver(sys)
	s := e.state
	e.cautious = e.unclean >= suspectAfter
	e.next = e.options.Journal.Durable() + 1
	e.firstSeq = e.next
	t, doc := e.newTurn()
	if err := t.noticeStepBack(e.options.Journal); err != nil {
		return err
	}
	if e.unclean > 0 {
		e.settleAt = t.clock + int64(settleAfter)
	}
	if err := e.options.Rows.EachHost(ctx, func(h journal.LiveHost) error {
		s.loadHost(h, t.clock)
		return nil
	}); err != nil {
		return fmt.Errorf("engine: load hosts: %w", err)
	}
	restored, err := e.options.Journal.Restored()
	if err != nil {
		return err
	}
	t.emit(&journal.Started{Boot: sys.Boots + 1, Version: e.options.Version, Hostname: doc.Hostname, Clean: sys.Clean || sys.Boots == 0,
		Suspended: slices.Sorted(maps.Keys(s.suspended))})
	if e.options.Committed != nil {
		t.emit(e.options.Committed)
	}
	if restored && !s.suspended["*"] {
		t.emit(&journal.DeliverySuspended{By: journal.ByRestore})
	}
	var reserved []*journal.IDsReserved
	for _, k := range []journal.IDKind{journal.MID, journal.ICID, journal.DCID} {
		r, err := t.reserveIDs(ctx, e, k)
		if err != nil {
			return err
		}
		reserved = append(reserved, r)
	}
	if err := e.commit(t); err != nil {
		return err
	}
	if restored { // the suspension is a durable fact now, and stands until somebody resumes
		if err := e.options.Journal.ClearRestored(); err != nil {
			return err
		}
	}
	for _, r := range reserved {
		e.ids[r.ID].add(r)
	}
	return nil
}

// takeOver takes what the rows say of the gateway as a whole.
func (e *Engine) takeOver(sys journal.LiveSystem) {
	s := e.state
	s.nextID[journal.MID], s.nextID[journal.ICID], s.nextID[journal.DCID] = sys.NextMID, sys.NextICID, sys.NextDCID
	s.wrapped[journal.MID] = sys.Wrapped
	s.shift = sys.ClockShift
	s.conserved.degree = sys.Conservation
	e.admission.degree.Store(sys.Conservation)
	for _, d := range sys.DeliverySuspended {
		s.suspended[d] = true
	}
	s.loaded = false
	e.unclean = sys.Unclean
	if !sys.Clean && sys.Boots > 0 {
		e.unclean++ // the end that this start found is not in the rows yet
	}
	s.paused = sys.WorkQueuePaused
	e.paused.Store(s.paused)
	for _, u := range sys.Undoable {
		entry := &undoable{order: u.Order, completed: u.Completed, at: int64(u.At) - s.shift, undoneBy: u.UndoneBy}
		switch s.undo = append(s.undo, entry); {
		case u.UndoneBy == 0:
		case slices.Contains(sys.BulkActions, u.UndoneBy): // what it needs is kept, whatever the time
			e.undoing = u.Order
		default:
			entry.ending = undoUsed
		}
	}
	if e.resuming = len(sys.BulkActions) > 0; e.resuming {
		words := "one of before the start"
		e.carrying.Store(&words)
	}
}

// noticeStepBack compares the clock with the last fact's time. A machine that wakes without knowing the time is behind it,
// and the right time comes later as a jump forward: both must count, or all that waits would be due that much too late.
func (t *turn) noticeStepBack(j *journal.Journal) error {
	if j.Durable() == 0 {
		return nil
	}
	last, err := j.At(j.Durable())
	if err != nil {
		return fmt.Errorf("engine: the last fact: %w", err)
	}
	if back := t.now.Sub(last.Time); back < -maxStep {
		t.jump(back)
	}
	return nil
}

// refill reserves another block of ids. They are given out only after this turn's sync, which is when the goroutine gets
// them: by then the fact is durable.
func (t *turn) refill(e *Engine, k journal.IDKind) {
	r, err := t.reserveIDs(context.Background(), e, k)
	if err != nil {
		e.broken = err
		return
	}
	t.after = append(t.after, func() { e.ids[k].add(r) })
}

// loadBatch is how many messages of before the start are taken in with one turn; mail that comes in meanwhile waits for
// no more than that.
const loadBatch = 2000

// load takes in the queue of before the start beside the turns: from the live rows, whose cost follows what is queued and
// never the history.
func (e *Engine) load(ctx context.Context) {
	total := int(e.options.Rows.System().Messages)
	e.workers.Add(1)
	go func() {
		defer e.workers.Done()
		if err := e.loadRows(ctx, total); err != nil && ctx.Err() == nil && !errors.Is(err, ErrStopping) {
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

func (e *Engine) loadRows(ctx context.Context, total int) error {
	unclean, orders, undoable := e.unclean, e.options.Rows.System().BulkActions, e.options.Rows.System().Undoable
	rows, err := e.options.Rows.Snapshot()
	if err != nil {
		return err
	}
	defer rows.Close()
	shift := rows.System().ClockShift
	kept, err := e.readKept(undoable)
	if err != nil {
		return err
	}
	swept, err := e.options.Journal.Swept()
	if err != nil {
		return err
	}
	room := make(map[uint64]uint32, total) // a map that grows to a million costs more than all else that is done here
	taken := make(chan struct{}, 1)
	taken <- struct{}{} // as if a batch before the first had been
	batch, spare := newLoadingBatch(), newLoadingBatch()
	done := 0
	await := func() error {
		select {
		case <-taken:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	// While one batch is taken in the next is read.
	flush := func(last bool) error {
		if err := await(); err != nil {
			return err
		}
		b := batch.messages
		ok := e.order(func(t *turn) {
			if room != nil {
				maps.Copy(room, t.s.bySeq)
				t.s.bySeq, room = room, nil
			}
			for i := range b {
				t.takeIn(e, &b[i], unclean, shift)
			}
			if last {
				t.loadedAll(e, unclean, kept, orders, swept)
			}
			taken <- struct{}{}
		})
		switch {
		case !ok:
			return ErrStopping
		case last:
			return await()
		}
		if done += len(b); total > 0 {
			e.loading.Store(int64(min(99, done*100/total)))
		}
		batch, spare = spare, batch
		batch.clear()
		return nil
	}
	err = rows.Each(ctx, func(m *journal.LiveMessage) error {
		if m.Seq >= e.firstSeq {
			return nil // came in during this run
		}
		if batch.add(m); len(batch.messages) == loadBatch {
			return flush(false)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := flush(true); err != nil {
		return err
	}
	return e.resume(ctx, orders)
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

// loadedAll ends the loading.
func (t *turn) loadedAll(e *Engine, unclean uint32, kept map[uint64][]keptBody, orders []uint64, swept journal.BodyID) {
	seen := make(map[uint64]bool)
	for _, u := range t.s.undo {
		t.s.restoreKept(u.order, kept[u.order], seen)
	}
	t.s.settleBodies()
	live := t.s.liveBodies(swept)
	for _, seq := range orders {
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
	t.judgeSuspects(e, unclean)
	e.cautious = false
	t.after = append(t.after, func() { e.loading.Store(100) })
}

package engine

import (
	"context"
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

package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"postern/engine/config"
	"postern/journal"
)

// Options are what an Engine works with. Journal, Rows, Deliverer and Document must be given.
type Options struct {
	Journal   *journal.Journal
	Rows      *journal.LiveRows // caught up with the journal's end
	Deliverer Deliverer
	Document  func() *config.Document // the configuration in force
	Version   string                  // for Started
	Now       func() time.Time        // the wall clock; nil: time.Now
	Mono      func() time.Duration    // the monotonic clock; nil: the system's
	Draw      func() float64          // in [0, 1), for jitter; nil: math/rand
	Space     func() Space            // nil: the journal's file system
	Memory    func() float64          // how much of the memory that the gateway may have it has, 1 is all; nil: nobody looks
	Behind    func() time.Duration    // how old the facts are that the slowest follower has not seen; nil: nobody looks
	Stalled   func() time.Duration    // for how long the store has made writers wait until now; nil: the journal's
	Drained   func()                  // called at the stop when no attempt is left: what is noted now is still written; nil: nothing
	Problem   func(error)             // what an operator should hear of; nil: dropped

	Committed *journal.ConfigurationCommitted // the document in force is new, as an edit of its file: it becomes a fact of the start; nil: it is not

	slice int // recipients that an order acts on with one turn; 0: orderSlice
}

// Engine decides. In each turn Run takes what waits in the inbox and what has become due, decides each against State with
// one reading of the clock, appends all events with one sync, and only then answers those who wait and starts attempts.
// State may be ahead of the disk only inside a turn, where nobody can look. If the append fails the process ends.
//
//	wires → inbox → decide → State.Apply → Journal.Append (one sync) → answers, attempts → outcomes → inbox
type Engine struct {
	options    Options
	inbox      inbox
	ids        [4]stock // by IDKind; 0 is not used
	admission  admission
	bodyBytes  atomic.Int64 // State.bodyBytes after the last turn
	totals     atomic.Pointer[Totals]
	pressure   atomic.Pointer[pressure] // the watcher's last reading
	loading    atomic.Int64             // per cent of the queue that is loaded
	paused     atomic.Bool              // the work queue is: what comes in waits in it
	carrying   atomic.Pointer[string]   // the order that is being carried out, in words
	listings   atomic.Int32             // of the queue, under way
	ready      chan struct{}            // closed after the first turn: ids can be had, mail can come in
	workers    sync.WaitGroup
	deliveries sync.WaitGroup  // attempts under way
	replies    sync.Pool       // of chan answer
	attempts   context.Context // ends when running attempts are to give up
	abort      context.CancelFunc

	// The rest is owned by Run.
	state       *State
	clock       *clock
	next        uint64 // Seq of the next event
	firstSeq    uint64 // of this run; set by begin, read by the loader
	unclean     uint32 // ends without order in a row; set by begin, read by the loader
	settleAt    int64  // when unclean is to be forgotten, State's clock; 0: it need not be
	stopping    bool
	abandoning  bool     // the stop's patience with attempts under way is at its end
	broken      error    // ends Run
	received    uint64   // injections over SMTP that were decided
	suspects    []uint32 // messages to be tried alone, before anything else
	aloneTil    int64    // when the one that is tried now has had its time
	aloneEnd    int64    // when ordinary times begin whatever suspects are left
	cautious    bool     // nothing is started before the queue is loaded, since a suspect may be in it
	resuming    bool     // nothing is started before the orders of before the start have claimed what is theirs
	undoing     uint64   // the order that an undo is at work on
	silent      bool     // it is a bounce: no notification is written meanwhile
	running     map[attemptKey]*running
	reporter    chan reportOrder
	reportTries map[uint64]int // message whose notification could not be written → how often
	over        chan struct{}  // closed when there are no more turns
	stopped     chan struct{}  // closed when nothing of the engine is left
}

// New makes an engine; Run brings it to life.
func New(o Options) *Engine {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Draw == nil {
		o.Draw = rand.Float64
	}
	if o.Space == nil {
		o.Space = spaceOf(o.Journal)
	}
	if o.Stalled == nil {
		o.Stalled = o.Journal.Stalled
	}
	if o.Drained == nil {
		o.Drained = func() {}
	}
	if o.slice == 0 {
		o.slice = orderSlice
	}
	if o.Problem == nil {
		o.Problem = func(error) {}
	}
	e := &Engine{options: o, clock: newClock(o.Now, o.Mono), ready: make(chan struct{}), over: make(chan struct{}), stopped: make(chan struct{}),
		reporter: make(chan reportOrder, 256), reportTries: make(map[uint64]int), state: NewState(),
		running: make(map[attemptKey]*running)}
	e.inbox.init()
	for _, k := range []journal.IDKind{journal.MID, journal.ICID, journal.DCID} {
		e.ids[k].low = func() { e.order(func(t *turn) { t.refill(e, k) }) }
	}
	e.attempts, e.abort = context.WithCancel(context.Background())
	e.totals.Store(&Totals{})
	return e
}

// Ready is closed when mail can come in: ids are reserved, the queue of before may still be loading.
func (e *Engine) Ready() <-chan struct{} { return e.ready }

// ID takes the next public id of a kind out of the stock.
func (e *Engine) ID(ctx context.Context, k journal.IDKind) (uint32, error) { return e.ids[k].take(ctx) }

// Note leaves a fact that nobody waits for; it becomes durable with the next turn, within 100 ms.
func (e *Engine) Note(ev journal.Event) { e.inbox.note(ev) }

// Inject makes a message the gateway's. It returns its Seq when the fact is durable, or an error when it never will be.
func (e *Engine) Inject(_ context.Context, m *journal.MessageInjected) (uint64, error) {
	if m.Why == journal.WhyReceived && e.paused.Load() {
		m.Queued = false
	}
	reply, _ := e.replies.Get().(chan answer)
	if reply == nil {
		reply = make(chan answer, 1)
	}
	if err := e.inbox.command(item{what: itemInjection, fact: journal.Prepare(m), reply: reply}); err != nil {
		e.replies.Put(reply)
		return 0, err
	}
	a := <-reply
	e.replies.Put(reply)
	return a.seq, a.err
}

// order has something done with the next turn.
func (e *Engine) order(do func(*turn)) bool { return e.inbox.urgent(item{what: itemOrder, do: do}) }

// decide has something done with the next turn and returns when what it wrote is durable; ErrStopping when it never will be.
// When ctx ends first it may still happen.
func (e *Engine) decide(ctx context.Context, do func(*turn)) error {
	done := make(chan struct{})
	if !e.order(func(t *turn) {
		do(t)
		t.after = append(t.after, func() { close(done) })
	}) {
		return ErrStopping
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-e.over:
	}
	select {
	case <-done:
		return nil
	default:
		return ErrStopping
	}
}

// Totals are State's figures as of the last turn.
func (e *Engine) Totals() Totals { return *e.totals.Load() }

// Loading is how much of the queue of before the start is in, in per cent.
func (e *Engine) Loading() int { return int(e.loading.Load()) }

// Run owns State until Stop has brought everything to an end or ctx ends, whichever comes first. When ctx ends it returns
// as soon as it can, without an orderly end: the next start sees what a crash would have left.
func (e *Engine) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer close(e.stopped)
	defer e.state.unmap()
	defer e.workers.Wait()
	defer e.awaitDeliveries()
	defer e.abort()
	defer cancel()
	defer e.refuseRest()
	if err := e.begin(ctx); err != nil {
		return err
	}
	close(e.ready)
	e.watchResources(ctx)
	e.load(ctx)
	e.startReporters(ctx)
	return e.turns(ctx)
}

// noteDelay is how long a note may wait for company.
const noteDelay = 100 * time.Millisecond

func (e *Engine) turns(ctx context.Context) error {
	var spare []item
	due := time.NewTimer(time.Hour)
	defer due.Stop()
	notes := time.NewTimer(time.Hour)
	defer notes.Stop()
	for {
		items, omitted := e.inbox.take(spare)
		more, err := e.turn(items, omitted)
		if err = cmp.Or(err, e.broken); err != nil {
			return err
		}
		if e.stopping && (e.state.inHand == 0 || e.abandoning) {
			return e.finish()
		}
		clear(items)
		spare = items[:0]
		if more {
			if ctx.Err() != nil {
				return nil
			}
			continue
		}
		due.Reset(e.untilDue())
		for waiting := true; waiting; {
			select {
			case <-e.inbox.wake:
				waiting = false
			case <-e.inbox.notes:
				notes.Reset(noteDelay)
			case <-notes.C:
				waiting = false
			case <-due.C:
				waiting = false
			case <-ctx.Done():
				return nil
			}
		}
	}
}

// Limits of one turn; what is beyond them comes with the next, which follows at once.
const (
	maxExpired = 500
	maxDue     = 5000
	maxStarts  = 2000
)

// turn decides on items and on what has become due, makes it durable, and lets the effects happen.
func (e *Engine) turn(items []item, omitted map[journal.Kind]int64) (more bool, err error) {
	t, doc := e.newTurn()
	if omitted != nil {
		t.emit(omittedNotes(omitted))
	}
	answers := make([]pendingAnswer, 0, len(items))
	for i := range items {
		switch it := &items[i]; it.what {
		case itemNote:
			t.emitPrepared(it.fact)
		case itemOrder:
			it.do(t)
		case itemOutcome:
			t.ended(e, it)
			e.aloneOver(it.attempt)
		case itemInjection:
			if it.fact.Event.(*journal.MessageInjected).Why == journal.WhyReceived {
				e.received++
			}
			answers = append(answers, t.inject(it, e.silent))
		}
	}
	more = t.becomeDue(maxDue)
	more = t.process() || more
	more = t.expire(maxExpired) || more
	more = t.endUndos(e, time.Duration(doc.Queue.UndoSeconds)*time.Second) || more
	t.forget()
	t.settle(e)
	t.conserve(e)
	if !e.stopping {
		more = e.startAttempts(t, doc) || more
	}
	if err := e.commit(t); err != nil {
		for _, a := range answers {
			a.reply <- answer{err: ErrStopping}
		}
		return false, err
	}
	totals := e.state.Totals()
	e.totals.Store(&totals)
	e.bodyBytes.Store(totals.BodyBytes)
	for _, do := range t.after {
		do()
	}
	for _, a := range answers {
		a.reply <- answer{seq: a.seq, err: a.err}
	}
	for _, a := range t.starts {
		e.launch(a)
	}
	e.handReports(t.clock)
	return more, nil
}

func (e *Engine) newTurn() (*turn, *config.Document) {
	doc := e.options.Document()
	now, jump := e.clock.read()
	t := &turn{s: e.state, retry: doc.Retry, draw: e.options.Draw, doubt: doc.InDoubt, now: journal.InstantOf(now), next: e.next}
	e.state.limit = max(1, doc.Delivery.PerDestination)
	e.state.initialWin = min(20, e.state.limit)
	t.clock = int64(t.now) - e.state.shift
	if jump != 0 {
		t.jump(jump)
	}
	return t, doc
}

// jump writes down that the wall clock was set.
func (t *turn) jump(by time.Duration) {
	t.emit(&journal.ClockJumped{Delta: int64(by)})
	t.clock = int64(t.now) - t.s.shift
	t.s.calm = t.clock + int64(afterJump)
}

// startAttempts begins what there is room for, and tells whether there may be more at once.
func (e *Engine) startAttempts(t *turn, doc *config.Document) bool {
	if e.cautious || e.resuming || e.tryAlone(t) {
		return false
	}
	room := min(max(1, doc.Delivery.Connections)-e.state.inHand, maxStarts)
	if room <= 0 {
		return false
	}
	t.start(room)
	return len(t.starts) >= maxStarts
}

// commit makes the turn durable. An error means that the journal refused the block; the process must end, because State
// is ahead of the truth now.
func (e *Engine) commit(t *turn) error {
	free := e.state.freed
	if len(t.events) == 0 && len(free) == 0 {
		return nil
	}
	first, err := e.options.Journal.Append(&journal.Block{Time: t.now, Events: t.events, Free: free})
	if err != nil {
		return fmt.Errorf("engine: append %d facts: %w", len(t.events), err)
	}
	if len(t.events) > 0 && first != e.next {
		return fmt.Errorf("engine: the journal put facts at %d that were decided for %d", first, e.next)
	}
	e.next = t.next
	e.state.freed = e.state.freed[:0]
	return nil
}

type pendingAnswer struct {
	reply chan<- answer
	seq   uint64
	err   error
}

func (t *turn) inject(it *item, silent bool) pendingAnswer {
	m := it.fact.Event.(*journal.MessageInjected)
	if len(m.Reports) > 0 && silent {
		return pendingAnswer{reply: it.reply, err: ErrBusy}
	}
	if len(m.Reports) > 0 && !t.s.reportsDue(m.Parent, m.Reports) {
		return pendingAnswer{reply: it.reply, err: errNotDue}
	}
	return pendingAnswer{reply: it.reply, seq: t.emitPrepared(it.fact)}
}

var errNotDue = errors.New("what the notification reports is not due")

// deliver calls the Deliverer; its panic is a temporary failure and nothing more.
func (e *Engine) deliver(ctx context.Context, a Attempt) (outcomes []Outcome) {
	defer func() {
		if p := recover(); p != nil {
			e.options.Problem(fmt.Errorf("delivery of MID %d to %q panicked: %v\n%s", a.MID, a.Destination, p, debug.Stack()))
			outcomes = failed(a, "Other mail system problem", "the delivery client failed")
		}
	}()
	outcomes = e.options.Deliverer.Deliver(ctx, a)
	if len(outcomes) != len(a.RIDs) {
		e.options.Problem(fmt.Errorf("delivery of MID %d to %q: %d outcomes for %d recipients", a.MID, a.Destination, len(outcomes), len(a.RIDs)))
		return failed(a, "Other mail system problem", "the delivery client gave no outcome")
	}
	for i := range outcomes {
		outcomes[i].RID = a.RIDs[i]
	}
	return outcomes
}

// failed is a temporary outcome for every recipient of an attempt.
func failed(a Attempt, reason, text string) []Outcome {
	outcomes := make([]Outcome, len(a.RIDs))
	for i, rid := range a.RIDs {
		outcomes[i] = Outcome{RID: rid, Result: Temporary, Code: "000", Status: "4.3.0", Reason: reason, Reply: []string{text}}
	}
	return outcomes
}

// untilDue is how long there is nothing to do unless something comes in.
func (e *Engine) untilDue() time.Duration {
	s, doc := e.state, e.options.Document()
	next := int64(1<<63 - 1)
	if d, ok := s.due.first(); ok {
		next = min(next, d.at)
	}
	if d, ok := s.probes.first(); ok {
		next = min(next, d.at)
	}
	if s.oldest != 0 {
		expiry := s.messages.at(s.oldest).injected + int64(doc.Retry.MaxQueueSeconds)*int64(time.Second)
		next = min(next, max(expiry, s.calm, s.look))
	}
	if e.aloneTil != 0 {
		next = min(next, e.aloneTil)
	}
	wait := time.Duration(next - (e.clock.last.UnixNano() - s.shift))
	// Looking once a second is what notices that the clock was set.
	return min(max(wait, time.Millisecond), time.Second)
}

func omittedNotes(n map[journal.Kind]int64) *journal.NotesOmitted {
	e := &journal.NotesOmitted{}
	for k := journal.Kind(0); k < 1000; k++ {
		if n[k] > 0 {
			e.Counts = append(e.Counts, journal.NamedValue{Name: k.String(), Value: n[k]})
		}
	}
	return e
}

// refuseRest answers what is still waiting when Run ends.
func (e *Engine) refuseRest() {
	e.admission.stopping.Store(true)
	for _, it := range e.inbox.close() {
		if it.what == itemInjection {
			it.reply <- answer{err: ErrStopping}
		}
	}
	for k := range e.ids {
		e.ids[k].end()
	}
	close(e.over)
}

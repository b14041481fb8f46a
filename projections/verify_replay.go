package projections

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"postern/journal"
)

// replayed is what the replay of the history has made so far.
type replayed struct {
	*verifier
	figures *Figures
	live    *journal.LiveReplay
	days    dayBooks
	frames  []keyframeIndex
	mark    uint64 // of the rows
	agree   int    // keyframes
	damaged uint64 // the last record of the last damage
	taken   uint64 // the record of the keyframe that the figures behind damage come from
	facts   int    // behind damage, that do not fit what is known of older messages
	aside   int    // rows of such messages that do not

	books, queue Proof
	told         []Proof // of days
}

// stepRecords is how many records are folded between two looks at the time.
const stepRecords = 64

// replay folds the history once, and proves the books, and the caches by it.
func (v *verifier) replay(ctx context.Context) ([]Proof, error) {
	r := &replayed{verifier: v, figures: NewFigures(0), live: journal.NewLiveReplay(), books: Proof{What: ProofBooks}, queue: Proof{What: ProofQueue}}
	if v.rows != nil {
		r.mark = v.rows.Mark()
	}
	r.days.begin(r)
	keyframes := &Keyframes{Rows: v.journal.Rows(KeyframeRows)}
	var err error
	if r.frames, err = keyframes.list(); err != nil {
		return nil, err
	}
	r.tail()
	rest := v.pace(ctx)
	err = r.read(ctx, keyframes, rest)
	whole := err == nil
	if kept := (*journal.DamagedError)(nil); errors.As(err, &kept) { // what the history begins with
		r.days.lost = true
		r.books.wrong("%v: nothing beyond it was looked at", kept)
	} else if err != nil && !errors.Is(err, errDamaged) {
		return nil, err
	}
	r.balance(whole)
	if err := r.compareRows(ctx, whole, rest); err != nil {
		return nil, err
	}
	return append(append([]Proof{r.books}, r.told...), r.queue), nil
}

// read folds the history.
func (r *replayed) read(ctx context.Context, keyframes *Keyframes, rest func()) error {
	fold := func(record journal.Record) error {
		if record.Seq%stepRecords == 0 {
			rest()
		}
		r.fold(record)
		return r.keyframe(keyframes)
	}
	over := r.over(&r.books)
	passed := func(d journal.Damage) error {
		r.damaged = d.Last
		r.days.lost = true
		return over(d)
	}
	return r.journal.Replay(ctx, 1, r.to, passed, fold)
}

// tail names what knows of records that the journal does not have: its end is gone.
func (r *replayed) tail() {
	end := r.journal.Durable()
	gone := func(what string, seq uint64) {
		if seq > end {
			r.books.wrong("%s as of record %d, but the journal ends at record %d: its last blocks are gone", what, seq, end)
		}
	}
	gone("the rows of the queue are", r.mark)
	if n := len(r.frames); n > 0 {
		gone("a keyframe is", r.frames[n-1].seq)
	}
}

// fold applies a record to all that is made of the history.
func (r *replayed) fold(record journal.Record) {
	r.days.note(record)
	strays, counters := r.figures.queue.strays, r.figures.counters.lifetime
	r.figures.Apply(record)
	if _, ok := record.Event.(*journal.HistoryCut); ok {
		r.days.cut(&counters)
	}
	switch n := r.figures.queue.strays; {
	case n == strays:
	case r.taken < r.damaged && r.unprovable(record.Event):
		r.facts++
	default:
		r.books.wrong("record %d (%v) names %d recipients that are not in the queue", record.Seq, record.Event.Kind(), n-strays)
	}
	if record.Seq <= r.mark && !r.live.Apply(record) && !r.unprovable(record.Event) {
		r.queue.wrong("record %d (%v) does not fit those before it", record.Seq, record.Event.Kind())
	}
}

// unprovable tells whether a fact is about a message that came before the end of damage: what was lost there may be why it
// does not fit.
func (r *replayed) unprovable(event journal.Event) bool {
	if r.damaged == 0 {
		return false
	}
	fact := reflect.ValueOf(event).Elem()
	older := func(v reflect.Value, name string) bool {
		f := v.FieldByName(name)
		return f.IsValid() && f.Kind() == reflect.Uint64 && f.Uint() != 0 && f.Uint() <= r.damaged
	}
	if set := fact.FieldByName("Set"); set.IsValid() && set.Kind() == reflect.Slice {
		for i := range set.Len() {
			if older(set.Index(i), "Message") {
				return true
			}
		}
	}
	return older(fact, "Message") || older(fact, "Parent")
}

// keyframe compares the one that was written at this record, if there is one. The first one behind damage cannot be proved:
// it is what the proof goes on from.
func (r *replayed) keyframe(k *Keyframes) error {
	for len(r.frames) > 0 && r.frames[0].seq <= r.figures.seq {
		x := r.frames[0]
		r.frames = r.frames[1:]
		if x.seq < r.figures.seq {
			continue // its record could not be read
		}
		data, err := k.read(x)
		if err != nil {
			return err
		}
		if data == nil && !k.has(x.seq) {
			continue // it had to make room meanwhile
		}
		if data == nil {
			r.books.wrong("the keyframe at record %d is not what was written", x.seq)
			continue
		}
		kept, err := decodeFigures(data, 0)
		if err != nil {
			continue // of another version: it is as good as none
		}
		if r.taken < r.damaged {
			r.figures, r.taken = kept, x.seq
			continue
		}
		if kept.Seq() != x.seq || !sameFigures(r.figures, kept) {
			r.books.wrong("the keyframe at record %d is not what a replay gives", x.seq)
			continue
		}
		r.agree++
	}
	return nil
}

// has tells whether there still is a keyframe of a Seq.
func (k *Keyframes) has(seq uint64) bool {
	_, ok, err := k.Rows.Get(indexKey(seq))
	return ok && err == nil
}

// sameFigures compares what people can see of figures.
func sameFigures(a, b *Figures) bool {
	at := a.time.Time()
	x, err1 := json.Marshal(a.View(at, nil, nil))
	y, err2 := json.Marshal(b.View(at, nil, nil))
	return err1 == nil && err2 == nil && string(x) == string(y) && sameHosts(&a.hosts, &b.hosts)
}

// sameHosts compares the counters and books of destinations.
func sameHosts(a, b *hosts) bool {
	same := len(a.byName) == len(b.byName)
	a.each(func(_ uint32, h *host) {
		if n := b.lookup(h.name); same && n != 0 {
			same = h.figures() == b.at(n).figures()
		} else {
			same = false
		}
	})
	return same
}

// hostFigures are the numbers of a destination.
type hostFigures struct {
	here, gone [7]uint64
	hard       [6]uint64
	state      HostState
}

func (h *host) figures() hostFigures {
	return hostFigures{
		here:  [7]uint64{uint64(h.unattempted), uint64(h.attempted), uint64(h.waiting), h.opening, h.injected, h.movedIn, h.reinstated},
		gone:  [7]uint64{h.soft, h.delivered, h.deleted, h.dropped, h.movedOut, h.strays, uint64(h.connections)},
		hard:  h.hard,
		state: h.state,
	}
}

// balance proves the books at the end of what could be read.
func (r *replayed) balance(whole bool) {
	r.days.end()
	if r.facts > 0 {
		r.books.wrong("%d facts behind the damage do not fit what is known of messages that came before its end: nobody can say whether they are right", r.facts)
	}
	for _, d := range r.figures.Balance() {
		r.books.wrong("%s", d.String())
	}
	c, q := &r.figures.counters.lifetime, &r.figures.queue
	r.books.Proved = fmt.Sprintf("%d recipients came in, %d of them left, %d are here; %d keyframes agree",
		c[RecipientsReceived]+c[GenBounceRecipients]+c[ExpandedRecipients]+c[MovedInRecipients]+c[Reinstated],
		c[CompletedRecipients]+c[DroppedRecipients]+c[MovedOutRecipients], q.unattempted+q.attempted+q.waiting, r.agree)
	if r.taken > 0 {
		r.books.wrong("from the damage to the keyframe at record %d nothing is proved; behind it the books go on from there", r.taken)
	}
	if !whole {
		r.books.Proved += fmt.Sprintf("; as of record %d", r.figures.seq)
	}
}

// compareRows proves the rows by the replay, if that came so far.
func (r *replayed) compareRows(ctx context.Context, whole bool, rest func()) error {
	p := &r.queue
	switch {
	case r.unread != nil:
		p.wrong("%v", r.unread)
		return nil
	case r.mark > r.to:
		p.wrong("the rows are as of record %d, which the journal does not have", r.mark)
		return nil
	case !whole && r.mark > r.figures.seq:
		p.wrong("the rows are as of record %d, and could not be compared: the journal is damaged before it", r.mark)
		return nil
	}
	s := r.rows.System()
	p.Proved = fmt.Sprintf("the rows of %d messages with %d recipients, as of record %d, are what a replay gives, and each has its content", s.Messages, s.Recipients, r.mark)
	left := func(seq uint64) bool {
		_, _, lives := r.figures.queue.messages.find(seq)
		return !lives
	}
	say := func(format string, args ...any) {
		if seq, ok := args[0].(uint64); r.damaged > 0 && (!ok || seq <= r.damaged) {
			r.aside++
			return
		}
		p.wrong(format, args...)
	}
	err := r.rows.Compare(ctx, r.live, left, rest, say)
	if r.aside > 0 {
		p.wrong("%d rows that are older than the end of the damage are not what the rest of the facts gives: nobody can say whether they are right", r.aside)
	}
	if unreadable, damaged := (*journal.LiveRowsError)(nil), (*journal.DamagedError)(nil); errors.As(err, &unreadable) || errors.As(err, &damaged) {
		p.wrong("%v", err)
		return nil
	}
	return err
}

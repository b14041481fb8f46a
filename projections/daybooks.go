package projections

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"postern/journal"
)

// DayFlow is what came and what left in a day, in recipients, in all or of a destination.
type DayFlow struct {
	Day        string `json:"day"`                   // 2026-11-23, that on which it began
	Where      string `json:"destination,omitempty"` // "": in all
	Begin      uint64 `json:"queued_at_begin"`
	Received   uint64 `json:"received,omitempty"`
	Generated  uint64 `json:"generated,omitempty"` // of notifications
	Expanded   uint64 `json:"expanded,omitempty"`  // of copies and alerts
	Reinstated uint64 `json:"reinstated,omitempty"`
	MovedIn    uint64 `json:"moved_in,omitempty"` // from another message, or by a redirection from another destination
	Delivered  uint64 `json:"delivered,omitempty"`
	Bounced    uint64 `json:"hard_bounced,omitempty"`
	Deleted    uint64 `json:"deleted,omitempty"`
	Dropped    uint64 `json:"dropped,omitempty"`
	MovedOut   uint64 `json:"moved_out,omitempty"`
	End        uint64 `json:"queued_at_end"`
	Redirected uint64 `json:"redirected,omitempty"` // in all: how many of those moved in and out only went from one destination to another
}

// In is all that came.
func (d *DayFlow) In() uint64 {
	return d.Received + d.Generated + d.Expanded + d.Reinstated + d.MovedIn
}

// Out is all that left.
func (d *DayFlow) Out() uint64 {
	return d.Delivered + d.Bounced + d.Deleted + d.Dropped + d.MovedOut
}

// Balances tells whether what was there and what came is what left and what is there.
func (d *DayFlow) Balances() bool { return d.Begin+d.In() == d.Out()+d.End }

// dayBooks are the books of days. What came and what left is counted in the facts; what was queued is counted over the
// recipients that the figures hold. A day begins with the first record written at midnight or later: when the clock is set
// back behind midnight, what follows still belongs to the day that has begun.
type dayBooks struct {
	r       *replayed
	only    bool                // one day is wanted, destination by destination
	open    bool                // a day is being counted
	until   journal.Instant     // its end
	all     DayFlow             //
	perHost map[string]*DayFlow // nil: not wanted
	before  [NumCounters]uint64
	seen    bool
	lost    bool // damage lies in the day, or before it without a keyframe between
}

func (d *dayBooks) begin(r *replayed) {
	d.r, d.only = r, !r.Begin.IsZero()
}

// note counts a record that the figures have not seen yet.
func (d *dayBooks) note(record journal.Record) {
	switch e := record.Event.(type) {
	case *journal.ClockJumped:
		return
	case *journal.HistoryCut:
		if e.Baseline(record.Seq) { // what is queued is only known behind it
			return
		}
	}
	if d.open && record.Time >= d.until {
		d.close()
	}
	if !d.open && !d.enter(record.Time) {
		return
	}
	d.count(record.Event)
}

// enter opens the day of a moment, if it is wanted. The one that is wanted is told of also when nothing was written in it.
func (d *dayBooks) enter(at journal.Instant) bool {
	begin, end := d.r.Begin, d.r.End
	if !d.only {
		local := at.Time().In(d.r.Zone)
		begin = time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, d.r.Zone)
		end = begin.AddDate(0, 0, 1)
	}
	if d.only && (d.seen || at < journal.InstantOf(begin)) {
		return false
	}
	d.start(begin, end)
	if at >= journal.InstantOf(end) {
		d.close()
	}
	return d.open
}

func (d *dayBooks) start(begin, end time.Time) {
	d.open, d.seen, d.until = true, true, journal.InstantOf(end)
	d.all = DayFlow{Day: begin.In(d.r.Zone).Format(time.DateOnly), Begin: d.queued()}
	d.before = d.r.figures.counters.lifetime
	if !d.only {
		return
	}
	d.perHost = make(map[string]*DayFlow)
	d.r.figures.hosts.each(func(_ uint32, h *host) {
		if h.live() > 0 {
			d.at(h.name).Begin = uint64(h.live())
		}
	})
}

// cut takes what a HistoryCut has just added to the counters out of the day's: it happened before.
func (d *dayBooks) cut(before *[NumCounters]uint64) {
	for k := range d.before {
		d.before[k] += d.r.figures.counters.lifetime[k] - before[k]
	}
}

func (d *dayBooks) queued() uint64 {
	q := &d.r.figures.queue
	return q.unattempted + q.attempted + q.waiting
}

// at is what is counted of a destination.
func (d *dayBooks) at(name string) *DayFlow {
	f := d.perHost[name]
	if f == nil {
		f = &DayFlow{Day: d.all.Day, Where: name}
		d.perHost[f.Where] = f
	}
	return f
}

// end closes the day that the history ends in.
func (d *dayBooks) end() {
	if d.only && !d.seen {
		d.start(d.r.Begin, d.r.End)
	}
	if d.open {
		d.close()
	}
}

// close proves a day's books.
func (d *dayBooks) close() {
	d.open = false
	all := d.all
	all.End = d.queued()
	p := Proof{What: ProofDay, Books: &all}
	if d.lost {
		d.r.told = append(d.r.told, d.unproved(p))
		return
	}
	if !all.Balances() {
		p.wrong("%d queued at its begin + %d in are not %d out + %d queued at its end", all.Begin, all.In(), all.Out(), all.End)
	}
	d.compare(&p)
	also := ""
	if d.perHost != nil {
		d.destinations(&p)
		also = fmt.Sprintf(", and so are those of its %d destinations", len(d.perHost))
	}
	if all.Redirected > 0 {
		also += fmt.Sprintf("; %d in and %d out were redirected from one destination to another, and did not leave the queue", all.Redirected, all.Redirected)
	}
	p.Proved = fmt.Sprintf("%s: %d queued at its begin + %d in = %d out + %d queued at its end%s", all.Day, all.Begin, all.In(), all.Out(), all.End, also)
	d.r.told = append(d.r.told, p)
}

// unproved is what is said of a day whose facts are not whole. What comes after it begins anew where a keyframe tells how
// things stood.
func (d *dayBooks) unproved(p Proof) Proof {
	d.lost = d.r.taken < d.r.damaged
	p.wrong("its facts are not whole: its books cannot be proved")
	return p
}

// compare holds what was counted against the counters that people see.
func (d *dayBooks) compare(p *Proof) {
	grown := func(c ...Counter) (n uint64) {
		for _, k := range c {
			n += d.r.figures.counters.lifetime[k] - d.before[k]
		}
		return n
	}
	for _, x := range []struct {
		what            string
		counted, figure uint64
	}{
		{"received", d.all.Received, grown(RecipientsReceived)},
		{"generated", d.all.Generated, grown(GenBounceRecipients)},
		{"expanded", d.all.Expanded, grown(ExpandedRecipients)},
		{"reinstated", d.all.Reinstated, grown(Reinstated)},
		{"moved in", d.all.MovedIn - d.all.Redirected, grown(MovedInRecipients)},
		{"delivered", d.all.Delivered, grown(Delivered)},
		{"hard bounced", d.all.Bounced, grown(HardBounced)},
		{"deleted", d.all.Deleted, grown(Deleted)},
		{"dropped", d.all.Dropped, grown(DroppedRecipients)},
		{"moved out", d.all.MovedOut - d.all.Redirected, grown(MovedOutRecipients)},
	} {
		if x.counted != x.figure {
			p.wrong("%d recipients %s by the facts, %d by the counters", x.counted, x.what, x.figure)
		}
	}
}

// destinations proves the books of each of them, and adds their figures to what is told.
func (d *dayBooks) destinations(p *Proof) {
	d.r.figures.hosts.each(func(_ uint32, h *host) {
		if h.live() > 0 {
			d.at(h.name).End = uint64(h.live())
		}
	})
	for _, name := range slices.Sorted(maps.Keys(d.perHost)) {
		f := d.perHost[name]
		if !f.Balances() {
			p.wrong("%s: %d queued at its begin + %d in are not %d out + %d queued at its end", name, f.Begin, f.In(), f.Out(), f.End)
		}
		d.r.told = append(d.r.told, Proof{What: ProofDestination, Books: f})
	}
}

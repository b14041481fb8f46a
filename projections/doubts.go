package projections

import (
	"context"
	"slices"
	"strings"
	"time"

	"postern/journal"
)

// Doubt is an attempt that was started and has no certain outcome: the peer may have the message.
type Doubt struct {
	Seq         uint64      `json:"seq,omitempty"` // of the OutcomeUnknown; 0: none is written yet, the attempt was in hand when the gateway ended
	Time        time.Time   `json:"timestamp,omitzero"`
	Message     uint64      `json:"message"`
	MID         uint32      `json:"mid"`
	Destination string      `json:"destination"`
	Attempt     uint32      `json:"attempt"`
	Reason      string      `json:"reason"`
	Recipients  []DoubtRCPT `json:"recipients"`
}

// DoubtRCPT is a recipient in doubt, and what was done about it.
type DoubtRCPT struct {
	RID     uint32     `json:"rid"`
	Address string     `json:"address"`
	Done    DoubtState `json:"done"`
	Since   time.Time  `json:"since,omitzero"`
	By      string     `json:"by,omitempty"`
	Next    time.Time  `json:"next,omitzero"` // when it is sent again
}

// DoubtState is what was done about a recipient in doubt.
type DoubtState string

// What is done about doubts. The first four are open.
const (
	DoubtCutOff    DoubtState = "cut_off"             // nothing yet: the gateway does not run
	DoubtWaits     DoubtState = "waits"               // it is sent again at its time
	DoubtHeld      DoubtState = "held"                // until somebody releases it
	DoubtAsked     DoubtState = "asked"               // the same, and waits for an answer
	DoubtReleased  DoubtState = "released"            // it goes on at its time
	DoubtResent    DoubtState = "resent"              // an attempt was made since
	DoubtDelivered DoubtState = "taken_for_delivered" // by an operator
	DoubtBounced   DoubtState = "bounced"
	DoubtDeleted   DoubtState = "deleted"
)

// Open tells whether a recipient in doubt is held for it.
func (s DoubtState) Open() bool { return s == DoubtHeld || s == DoubtAsked }

// maxDoubts is how many doubts are kept of a history, the newest.
const maxDoubts = 10_000

// doubtKinds are the facts that make a doubt, or tell what became of it.
var doubtKinds = journal.KindsOf(&journal.OutcomeUnknown{}, &journal.AttemptStarted{}, &journal.HardBounced{}, &journal.DoubleBounced{},
	&journal.DoubtAnswered{}, &journal.Delivered{}, &journal.Held{}, &journal.Unheld{}, &journal.RecipientsDeleted{}, &journal.RecipientsBounced{},
	&journal.RecipientsRedirected{}, &journal.MessageRemoved{}, &journal.Dropped{})

// Doubts lists the attempts since a time that have no certain outcome, the oldest first, and how many more there are that
// are not listed, older ones. With running false those in hand at the end of the journal are among them. The addresses are
// those of the envelopes.
func Doubts(ctx context.Context, j *journal.Journal, rows *journal.LiveSnapshot, since time.Time, running bool) (list []Doubt, more int, err error) {
	d := &doubts{since: since, open: map[uint64][]*Doubt{}}
	if err := d.first(ctx, j, rows.Mark()); err != nil {
		return nil, 0, err
	}
	if d.from != 0 {
		if err := j.Pick(ctx, d.from, rows.Mark(), doubtKinds.Has, func(r journal.Record) error { d.take(r); return nil }); err != nil {
			return nil, 0, err
		}
	}
	if !running {
		if err := d.inHand(ctx, rows); err != nil {
			return nil, 0, err
		}
	}
	envelopes := j.Envelopes()
	defer envelopes.Close()
	list = make([]Doubt, 0, len(d.list))
	for _, one := range d.list {
		m, err := envelopes.At(one.Message)
		if err != nil {
			return nil, 0, err
		}
		for i := range one.Recipients {
			if c := m.Recipient(one.Recipients[i].RID); c != nil {
				one.Recipients[i].Address = c.Address()
			}
		}
		list = append(list, *one)
	}
	return list, d.more, nil
}

// doubts reads the history. One goroutine uses it.
type doubts struct {
	since time.Time
	from  uint64
	list  []*Doubt
	open  map[uint64][]*Doubt // by message
	more  int
}

// first finds where the doubts begin: unknown outcomes are rare, and only what follows the first of them has to be decoded.
func (d *doubts) first(ctx context.Context, j *journal.Journal, to uint64) error {
	kinds := journal.KindsOf(&journal.OutcomeUnknown{})
	return unlessEnough(j.Pick(ctx, 1, to, kinds.Has, func(r journal.Record) error {
		if r.Time.Time().Before(d.since) {
			return nil
		}
		d.from = r.Seq
		return errEnough
	}))
}

// take takes one fact.
func (d *doubts) take(r journal.Record) {
	switch e := r.Event.(type) {
	case *journal.OutcomeUnknown:
		d.unknown(r, e)
	case *journal.AttemptStarted:
		d.done(r, e.Message, e.RIDs, DoubtResent, "")
	case *journal.HardBounced:
		d.done(r, e.Message, e.RIDs, DoubtBounced, "")
	case *journal.DoubleBounced:
		d.done(r, e.Message, e.RIDs, DoubtBounced, "")
	case *journal.DoubtAnswered:
		if e.Answer == journal.AnswerResend {
			d.done(r, e.Message, e.RIDs, DoubtReleased, e.By)
		}
	case *journal.Delivered:
		if e.By != "" {
			d.done(r, e.Message, e.RIDs, DoubtDelivered, e.By)
		}
	case *journal.Held:
		if e.By != journal.ByInDoubt { // what is held for the doubt is so from the beginning
			d.set(r, e.Set, DoubtHeld, e.By)
		}
	case *journal.Unheld:
		d.set(r, e.Set, DoubtReleased, e.By)
	case *journal.RecipientsDeleted:
		d.set(r, e.Set, DoubtDeleted, e.By)
	case *journal.RecipientsBounced:
		d.set(r, e.Set, DoubtBounced, e.By)
	case *journal.MessageRemoved:
		d.done(r, e.Message, e.RIDs, DoubtDeleted, e.By)
	case *journal.Dropped:
		d.done(r, e.Message, e.RIDs, DoubtDeleted, e.By)
	}
}

func (d *doubts) unknown(r journal.Record, e *journal.OutcomeUnknown) {
	if r.Time.Time().Before(d.since) {
		return
	}
	one := &Doubt{Seq: r.Seq, Time: r.Time.Time(), Message: e.Message, MID: e.MID, Destination: strings.Clone(e.Destination), Attempt: e.Attempts, Reason: strings.Clone(e.Reason)}
	state := DoubtWaits
	switch e.Action {
	case "hold":
		state = DoubtHeld
	case "ask":
		state = DoubtAsked
	}
	for _, rid := range e.RIDs {
		c := DoubtRCPT{RID: rid, Done: state, Since: one.Time}
		if state == DoubtWaits && e.Next != 0 {
			c.Next = e.Next.Time()
		}
		one.Recipients = append(one.Recipients, c)
	}
	d.add(one)
}

// add keeps a doubt; the oldest one goes when there are too many.
func (d *doubts) add(one *Doubt) {
	if len(d.list) == maxDoubts {
		old := d.list[0]
		d.list = d.list[1:]
		d.more++
		if d.open[old.Message] = slices.DeleteFunc(d.open[old.Message], func(o *Doubt) bool { return o == old }); len(d.open[old.Message]) == 0 {
			delete(d.open, old.Message)
		}
	}
	d.list = append(d.list, one)
	d.open[one.Message] = append(d.open[one.Message], one)
}

func (d *doubts) set(r journal.Record, set []journal.MessageRecipients, s DoubtState, who string) {
	for i := range set {
		d.done(r, set[i].Message, set[i].RIDs, s, who)
	}
}

// done notes what was done about recipients that are in doubt; what they were sent again for is a new matter.
func (d *doubts) done(r journal.Record, message uint64, rids []uint32, s DoubtState, who string) {
	for _, one := range d.open[message] {
		for i := range one.Recipients {
			c := &one.Recipients[i]
			if !slices.Contains(rids, c.RID) || c.Done != DoubtWaits && c.Done != DoubtReleased && !c.Done.Open() {
				continue
			}
			next := c.Next
			c.Done, c.Since, c.By, c.Next = s, r.Time.Time(), strings.Clone(who), time.Time{}
			if s == DoubtReleased {
				c.Next = next
			}
		}
	}
}

// inHand adds the attempts that were under way when the gateway ended and that the peer may have.
func (d *doubts) inHand(ctx context.Context, rows *journal.LiveSnapshot) error {
	return rows.Each(ctx, func(m *journal.LiveMessage) error {
		var of []*Doubt
		for i := range m.Recipients {
			r := &m.Recipients[i]
			if !r.InDoubt() {
				continue
			}
			k := slices.IndexFunc(of, func(o *Doubt) bool { return o.Destination == r.Target() })
			if k < 0 {
				k = len(of)
				of = append(of, &Doubt{Message: m.Seq, MID: m.MID, Destination: r.Target(), Attempt: r.Attempts, Reason: "the gateway ended while the attempt was under way"})
			}
			of[k].Recipients = append(of[k].Recipients, DoubtRCPT{RID: r.RID, Done: DoubtCutOff})
		}
		for _, one := range of {
			d.add(one)
		}
		return nil
	})
}

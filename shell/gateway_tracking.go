package shell

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"time"

	"postern/engine/config"
	"postern/journal"
	"postern/projections"
	"postern/projections/tracking"
)

// Tracking is what a person may ask about messages, in the queue or gone.
type Tracking interface {
	// FindMessages gives the last messages that a search means, the newest first, at most maxFound, and how many there are
	// in all. The error is a sentence when the search cannot be understood.
	FindMessages(ctx context.Context, s MessageSearch) (FoundMessages, error)
	// TraceMessage calls each for the facts that tell of the message injected at a Seq, and of what was made from it. With
	// skip damage is passed over, and told of first.
	TraceMessage(ctx context.Context, seq uint64, skip bool, each func(TracedFact) error) error
}

// maxFound is how many messages a search names; older ones are counted.
const maxFound = 1000

// MessageSearch says which messages are looked for: those to which all of it applies.
type MessageSearch struct {
	From       string    `json:"from,omitempty"`       // regular expressions (RE2)
	To         string    `json:"to,omitempty"`         //
	Subject    string    `json:"subject,omitempty"`    //
	MessageID  string    `json:"message_id,omitempty"` //
	IgnoreCase bool      `json:"ignore_case,omitempty"`
	MID        uint32    `json:"mid,omitempty"`
	Host       string    `json:"host,omitempty"` // a recipient's domain
	IP         string    `json:"ip,omitempty"`   // of the client
	Since      time.Time `json:"since,omitzero"`
	Until      time.Time `json:"until,omitzero"`
	Current    bool      `json:"current,omitempty"` // only what the current file of Log holds
	Log        string    `json:"log,omitempty"`     // "": mail_logs

	SkipDamaged bool `json:"skip_damaged,omitempty"` // look beyond damage; without it damage ends the search
}

// FoundMessages is what a search has found.
type FoundMessages struct {
	Messages []tracking.Found `json:"messages"`
	Total    int              `json:"total"`
	Skipped  []string         `json:"skipped,omitempty"` // damage that was passed over, the first maxSkipped of it
}

// TracedFact is a fact that tells of a message, with the lines that the mail log has for it.
type TracedFact struct {
	Seq   uint64          `json:"seq,omitempty"`
	Time  time.Time       `json:"timestamp,omitzero"`
	Kind  string          `json:"kind,omitempty"`
	Event json.RawMessage `json:"event,omitempty"`
	Lines []string        `json:"lines,omitzero"`

	Skipped string `json:"skipped,omitempty"` // damage that was passed over; then there is no fact
}

// query compiles a search; the error says which expression is broken, and where.
func (s *MessageSearch) query() (*tracking.Query, error) {
	q := &tracking.Query{MID: s.MID, Host: s.Host, Since: s.Since, Until: s.Until}
	for _, e := range []struct {
		name, text string
		into       **regexp.Regexp
	}{{"from", s.From, &q.From}, {"to", s.To, &q.To}, {"subject", s.Subject, &q.Subject}, {"message-id", s.MessageID, &q.MessageID}} {
		if e.text == "" {
			continue
		}
		if err := CheckPattern(e.text); err != nil {
			return nil, &MisreadError{fmt.Sprintf("%s: %v", e.name, err)}
		}
		text := e.text
		if s.IgnoreCase {
			text = "(?i)" + text
		}
		re, err := regexp.Compile(text)
		if err != nil {
			return nil, &MisreadError{fmt.Sprintf("%s: %v", e.name, err)}
		}
		*e.into = re
	}
	if s.IP != "" {
		ip, err := netip.ParseAddr(s.IP)
		if err != nil {
			return nil, &MisreadError{fmt.Sprintf("%.60q is not an IP address", s.IP)}
		}
		q.IP = ip.Unmap()
	}
	return q, nil
}

// tracker searches a journal. Searches read all of it: one at a time is enough for a machine that moves mail.
type tracker struct {
	journal *journal.Journal
	index   *tracking.Index // nil: there is none
	zone    *time.Location  // of the lines; nil: the system's
}

func (t tracker) find(ctx context.Context, s MessageSearch) (f FoundMessages, err error) {
	q, err := s.query()
	if err != nil {
		return f, err
	}
	h := t.history(s.SkipDamaged, func(damage string) error {
		f.Skipped = append(f.Skipped, damage)
		return nil
	})
	if s.Current {
		if q.Since, err = currentSince(ctx, h, cmp.Or(s.Log, config.LogTypeMail)); err != nil {
			return f, skippable(err, "findevent")
		}
	}
	f.Messages, f.Total, err = tracking.Find(ctx, h, t.index, q, maxFound)
	if f.Messages == nil {
		f.Messages = []tracking.Found{}
	}
	return f, skippable(err, "findevent")
}

// maxSkipped is how many damaged stretches a search names.
const maxSkipped = 100

// history is the journal. With skip it is read beyond damage, and skipped is told of each stretch of it, once.
func (t tracker) history(skip bool, skipped func(damage string) error) tracking.History {
	if !skip {
		return t.journal
	}
	seen := make(map[uint64]bool)
	return journal.Beyond{Journal: t.journal, Over: func(d journal.Damage) error {
		if seen[d.Last] || len(seen) > maxSkipped {
			return nil
		}
		if seen[d.Last] = true; len(seen) > maxSkipped {
			return skipped("more that is damaged")
		}
		return skipped(d.String())
	}}
}

// skippable says how a search by a command gets past damage.
func skippable(err error, command string) error {
	if damaged := (*journal.DamagedError)(nil); errors.As(err, &damaged) {
		return fmt.Errorf("%w: %s --skip-damaged passes it over", err, command)
	}
	return err
}

// currentSince is when the current file of a log was begun; zero: it has never been rolled over.
func currentSince(ctx context.Context, h tracking.History, log string) (since time.Time, err error) {
	rolled := journal.KindsOf(&journal.LogRolledOver{})
	err = h.Pick(ctx, 1, 0, rolled.Has, func(r journal.Record) error {
		if e, ok := r.Event.(*journal.LogRolledOver); ok && e.Log == log {
			since = r.Time.Time()
		}
		return nil
	})
	return since, err
}

func (t tracker) trace(ctx context.Context, seq uint64, skip bool, each func(TracedFact) error) error {
	var lines []projections.Line
	h := t.history(skip, func(damage string) error { return each(TracedFact{Skipped: damage}) })
	err := tracking.Trace(ctx, h, t.index, seq, func(r journal.Record) error {
		event, err := encoded(r.Event)
		if err != nil {
			return err
		}
		fact := TracedFact{Seq: r.Seq, Time: r.Time.Time(), Kind: r.Event.Kind().String(), Event: event, Lines: []string{}}
		lines = projections.RenderMailLog(r, t.zone, lines[:0])
		for _, l := range lines {
			framed := projections.AppendFramed(nil, fact.Time, t.zone, l)
			fact.Lines = append(fact.Lines, string(framed[:len(framed)-1]))
		}
		return each(fact)
	})
	if errors.Is(err, journal.ErrNotFound) {
		return &RefusedError{fmt.Sprintf("there is no record %d", seq)}
	}
	return skippable(err, "findevent")
}

// errSearching refuses a search behind one that does not end.
var errSearching = errors.New("another search is under way: try again when it has ended")

// tracked searches, for one person at a time; another one waits. A proof that is under way hinders nobody.
func (l *Local) tracked(ctx context.Context, do func(tracker) error) error {
	if l.Messages.Journal == nil {
		return errNoQueue
	}
	if err := takeTurn(ctx, &l.searching, errSearching); err != nil {
		return err
	}
	defer l.searching.Unlock()
	return do(tracker{journal: l.Messages.Journal, index: l.Index})
}

// FindMessages implements Gateway.
func (l *Local) FindMessages(ctx context.Context, s MessageSearch) (f FoundMessages, err error) {
	return f, l.tracked(ctx, func(t tracker) error {
		f, err = t.find(ctx, s)
		return err
	})
}

// TraceMessage implements Gateway.
func (l *Local) TraceMessage(ctx context.Context, seq uint64, skip bool, each func(TracedFact) error) error {
	return l.tracked(ctx, func(t tracker) error { return t.trace(ctx, seq, skip, each) })
}

// FindMessages implements Gateway.
func (o *Offline) FindMessages(ctx context.Context, s MessageSearch) (f FoundMessages, err error) {
	err = o.tracked(func(t tracker) error {
		f, err = t.find(ctx, s)
		return err
	})
	return f, err
}

// TraceMessage implements Gateway.
func (o *Offline) TraceMessage(ctx context.Context, seq uint64, skip bool, each func(TracedFact) error) error {
	return o.tracked(func(t tracker) error { return t.trace(ctx, seq, skip, each) })
}

// tracked searches the stopped store; what its index does not hold is read from the journal.
func (o *Offline) tracked(do func(tracker) error) error {
	j, err := o.open()
	if err != nil {
		return err
	}
	defer j.Close()
	x := o.index(j)
	defer x.Close()
	return do(tracker{journal: j, index: x, zone: o.Zone})
}

// index is that of the stopped store, as far as it can be read: the journal has it all.
func (o *Offline) index(j *journal.Journal) *tracking.Index {
	x := &tracking.Index{History: j, Dir: tracking.Dir(o.Data)}
	if x.Open(false) != nil {
		x.Close() // without a segment it knows nothing
	}
	return x
}

func (notRunning) FindMessages(context.Context, MessageSearch) (f FoundMessages, err error) {
	return f, ErrNotRunning
}

func (notRunning) TraceMessage(context.Context, uint64, bool, func(TracedFact) error) error {
	return ErrNotRunning
}

// searchLimit bounds the wait for a search through a long history.
const searchLimit = 10 * time.Minute

// FindMessages implements Gateway.
func (r *Remote) FindMessages(ctx context.Context, s MessageSearch) (f FoundMessages, err error) {
	text, err := json.Marshal(s)
	if err != nil {
		return f, err
	}
	patient := *r
	patient.Limit = searchLimit
	return f, patient.post(ctx, "/v1/messages/find", url.Values{"search": {string(text)}}, &f)
}

// TraceMessage implements Gateway.
func (r *Remote) TraceMessage(ctx context.Context, seq uint64, skip bool, each func(TracedFact) error) error {
	patient := *r
	patient.Limit = searchLimit
	return patient.order(ctx, "/v1/messages/trace", url.Values{"seq": {strconv.FormatUint(seq, 10)}, "skip": {strconv.FormatBool(skip)}}, func(raw json.RawMessage) error {
		var fact TracedFact
		if err := json.Unmarshal(raw, &fact); err != nil {
			return err
		}
		return each(fact)
	})
}

// trackingRoutes are orders by their method, so that the read-only face never hands out whose mail went where.
func trackingRoutes(mux *http.ServeMux, g Gateway) {
	post(mux, "/v1/messages/find", func(ctx context.Context, q url.Values) (any, error) {
		var s MessageSearch
		if err := json.Unmarshal([]byte(q.Get("search")), &s); err != nil {
			return nil, &RefusedError{"the search cannot be read"}
		}
		return g.FindMessages(ctx, s)
	})
	streamingOrder(mux, "/v1/messages/trace", func(ctx context.Context, q url.Values, each func(any) error) error {
		seq, err := strconv.ParseUint(q.Get("seq"), 10, 64)
		if err != nil {
			return &RefusedError{fmt.Sprintf("%.40q names no message", q.Get("seq"))}
		}
		return g.TraceMessage(ctx, seq, q.Get("skip") == "true", func(f TracedFact) error { return each(f) })
	})
}

package shell

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"postern/journal"
	"postern/projections"
)

// Doubting is what a person may see and decide of mail that a peer may have without our knowing.
type Doubting interface {
	// InDoubt lists the attempts since a time (zero: all that are kept) that have no certain outcome, the oldest first.
	InDoubt(ctx context.Context, since time.Time) (DoubtList, error)
	// HeldInDoubt counts the recipients that are held because they are in doubt: of a MID (0: of all), and of those that
	// wait for a host ("": any).
	HeldInDoubt(ctx context.Context, mid uint32, host string) (int, error)
	// AnswerDoubt decides about the recipients of a message that are held because they are in doubt, with a RID about that
	// one: journal.AnswerResend lets them go on, journal.AnswerDelivered takes them for delivered.
	AnswerDoubt(ctx context.Context, mid uint32, rid *uint32, answer string) (DoubtAnswer, error)
}

// DoubtList is what is in doubt, or was.
type DoubtList struct {
	Doubts []projections.Doubt `json:"doubts"`
	More   int                 `json:"older,omitempty"` // that are not listed
}

// DoubtAnswer is what was decided.
type DoubtAnswer struct {
	Message uint64   `json:"message"`
	MID     uint32   `json:"mid"`
	RIDs    []uint32 `json:"rids"`
	Answer  string   `json:"answer"`
}

// DoubtAnswerer carries answers out.
type DoubtAnswerer interface {
	// AnswerDoubt returns how many recipients it was carried out for, when that is durable. A refusal is an
	// *engine.RefusedError.
	AnswerDoubt(ctx context.Context, by string, seq uint64, rids []uint32, answer string) (int, error)
}

func listDoubts(ctx context.Context, j *journal.Journal, rows *journal.LiveSnapshot, since time.Time, running bool) (l DoubtList, err error) {
	l.Doubts, l.More, err = projections.Doubts(ctx, j, rows, since, running)
	return l, err
}

// InDoubt implements Gateway.
func (l *Local) InDoubt(ctx context.Context, since time.Time) (list DoubtList, err error) {
	return list, l.explained(ctx, func(rows *journal.LiveSnapshot) error {
		list, err = listDoubts(ctx, l.Messages.Journal, rows, since, true)
		return err
	})
}

// InDoubt implements Gateway.
func (o *Offline) InDoubt(ctx context.Context, since time.Time) (list DoubtList, err error) {
	return list, o.queue(ctx, func(j *journal.Journal, rows *journal.LiveSnapshot) error {
		list, err = listDoubts(ctx, j, rows, since, false)
		return err
	})
}

func (notRunning) InDoubt(context.Context, time.Time) (l DoubtList, err error) {
	return l, ErrNotRunning
}

// InDoubt implements Gateway.
func (r *Remote) InDoubt(ctx context.Context, since time.Time) (list DoubtList, err error) {
	q := url.Values{}
	if !since.IsZero() {
		q.Set("since", since.Format(time.RFC3339Nano))
	}
	patient := *r
	patient.Limit = searchLimit
	return list, patient.post(ctx, "/v1/doubts", q, &list)
}

// HeldInDoubt implements Gateway.
func (l *Local) HeldInDoubt(ctx context.Context, mid uint32, host string) (n int, err error) {
	if l.Messages.Journal == nil {
		return 0, errNoQueue
	}
	return n, l.queue(ctx, func(rows *journal.LiveSnapshot) error {
		n, err = projections.HeldInDoubt(ctx, l.Messages.Journal, l.Index, rows, mid, host)
		return err
	})
}

// HeldInDoubt implements Gateway.
func (o *Offline) HeldInDoubt(ctx context.Context, mid uint32, host string) (n int, err error) {
	return n, o.queue(ctx, func(j *journal.Journal, rows *journal.LiveSnapshot) error {
		index := o.index(j)
		defer index.Close()
		n, err = projections.HeldInDoubt(ctx, j, index, rows, mid, host)
		return err
	})
}

func (notRunning) HeldInDoubt(context.Context, uint32, string) (int, error) { return 0, ErrNotRunning }

// HeldInDoubt implements Gateway.
func (r *Remote) HeldInDoubt(ctx context.Context, mid uint32, host string) (n int, err error) {
	q := midValue(mid)
	q.Set("host", host)
	patient := *r
	patient.Limit = searchLimit
	return n, patient.post(ctx, "/v1/doubts/held", q, &n)
}

var errNoAnswerer = errors.New("this gateway takes no answers")

// AnswerDoubt implements Gateway.
func (l *Local) AnswerDoubt(ctx context.Context, mid uint32, rid *uint32, answer string) (a DoubtAnswer, err error) {
	if l.Doubts == nil {
		return a, errNoAnswerer
	}
	list, err := l.InDoubt(ctx, time.Time{})
	if err != nil {
		return a, err
	}
	a = openDoubt(list, mid, rid)
	if a.Answer = answer; len(a.RIDs) == 0 {
		return a, notInDoubt(mid, rid)
	}
	n, err := l.Doubts.AnswerDoubt(ctx, l.by(ctx), a.Message, a.RIDs, answer)
	if err == nil && n < len(a.RIDs) {
		err = fmt.Errorf("it was carried out for %d of %d recipients: the others are not held any more", n, len(a.RIDs))
	}
	return a, worded(err)
}

// openDoubt names the recipients of a message that are held because they are in doubt; of several messages that bear the
// MID, those of the newest.
func openDoubt(list DoubtList, mid uint32, rid *uint32) (a DoubtAnswer) {
	for _, d := range slices.Backward(list.Doubts) {
		if d.MID != mid || a.Message != 0 && d.Message != a.Message {
			continue
		}
		for _, c := range d.Recipients {
			if c.Done.Open() && (rid == nil || *rid == c.RID) {
				a.Message, a.MID = d.Message, mid
				a.RIDs = append(a.RIDs, c.RID)
			}
		}
	}
	slices.Sort(a.RIDs)
	a.RIDs = slices.Compact(a.RIDs)
	return a
}

func notInDoubt(mid uint32, rid *uint32) error {
	who := fmt.Sprintf("MID %d", mid)
	if rid != nil {
		who = fmt.Sprintf("recipient %d of MID %d", *rid, mid)
	}
	return &RefusedError{who + ` is not held as in doubt: "indoubt" lists what is`}
}

func (notRunning) AnswerDoubt(context.Context, uint32, *uint32, string) (a DoubtAnswer, err error) {
	return a, ErrNotRunning
}

// AnswerDoubt implements Gateway.
func (r *Remote) AnswerDoubt(ctx context.Context, mid uint32, rid *uint32, answer string) (a DoubtAnswer, err error) {
	q := midValue(mid)
	q.Set("answer", answer)
	if rid != nil {
		q.Set("rid", strconv.FormatUint(uint64(*rid), 10))
	}
	patient := *r
	patient.Limit = searchLimit
	return a, patient.post(ctx, "/v1/doubt/answer", q, &a)
}

// doubtingRoutes are orders by their method, as those of tracking are.
func doubtingRoutes(mux *http.ServeMux, g Gateway) {
	post(mux, "/v1/doubts", func(ctx context.Context, q url.Values) (any, error) {
		var since time.Time
		if word := q.Get("since"); word != "" {
			var err error
			if since, err = time.Parse(time.RFC3339Nano, word); err != nil {
				return nil, &RefusedError{fmt.Sprintf("%.40q is no time", word)}
			}
		}
		return g.InDoubt(ctx, since)
	})
	post(mux, "/v1/doubts/held", func(ctx context.Context, q url.Values) (any, error) {
		mid, err := strconv.ParseUint(q.Get("mid"), 10, 32)
		if err != nil {
			return nil, &RefusedError{fmt.Sprintf("%.40q is no MID", q.Get("mid"))}
		}
		return g.HeldInDoubt(ctx, uint32(mid), q.Get("host"))
	})
	post(mux, "/v1/doubt/answer", func(ctx context.Context, q url.Values) (any, error) {
		mid, rid, err := messageAndRecipient(q)
		if err != nil {
			return nil, err
		}
		return g.AnswerDoubt(ctx, mid, rid, q.Get("answer"))
	})
}

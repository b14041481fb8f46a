package shell

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"postern/engine/config"
	"postern/journal"
	"postern/projections"
	"postern/projections/tracking"
)

// Explaining is what a person may ask of why mail is where it is.
type Explaining interface {
	// Explain tells why each recipient of the message that bears a MID is where it is; with a RID, of that one alone. Of
	// several messages it is the newest in the queue, else the newest.
	Explain(ctx context.Context, mid uint32, rid *uint32) (*projections.Explanation, error)
}

// explain tells of the message at a Seq.
func explain(ctx context.Context, j *journal.Journal, index *tracking.Index, rows *journal.LiveSnapshot, doc *config.Document, q projections.Inquiry) (*projections.Explanation, error) {
	q.Revision = doc.Revision
	q.Connections, q.PerDestination = doc.Delivery.Connections, doc.Delivery.PerDestination
	q.QueueTime = time.Duration(doc.Retry.MaxQueueSeconds) * time.Second
	x, err := projections.Explain(ctx, j, index, rows, q)
	if unknown := (*projections.UnknownRecipientError)(nil); errors.As(err, &unknown) {
		return nil, &RefusedError{unknown.Error()}
	}
	return x, err
}

// bearer finds the message that is meant by a MID, and how many others bear or bore it. All messages of the journal are
// asked only where the queue does not tell: when it has none, or when the ids have begun anew.
func bearer(ctx context.Context, rows *journal.LiveSnapshot, mid uint32, find func(context.Context, MessageSearch) (FoundMessages, error)) (seq uint64, others int, err error) {
	seqs, err := rows.WithMID(ctx, mid)
	if err != nil {
		return 0, 0, err
	}
	for _, s := range seqs {
		m, ok, err := rows.Message(s)
		if err != nil {
			return 0, 0, err
		}
		if ok && (len(m.Recipients) > 0 || seq == 0) {
			seq = s
		}
	}
	if seq != 0 && !rows.System().Wrapped {
		return seq, len(seqs) - 1, nil
	}
	found, err := find(ctx, MessageSearch{MID: mid})
	switch {
	case err != nil:
		return 0, 0, err
	case found.Total == 0 && seq == 0:
		return 0, 0, &RefusedError{fmt.Sprintf("there is no message with MID %d in the journal: it was never accepted, or its history is not kept any more", mid)}
	case seq == 0:
		seq = found.Messages[0].Seq
	}
	return seq, max(found.Total, len(seqs)) - 1, nil
}

// errExplaining refuses an explanation behind one that does not end.
var errExplaining = errors.New("the journal is being read for another one: try again when that has ended")

// explained reads the queue and the history, for one person at a time.
func (l *Local) explained(ctx context.Context, do func(*journal.LiveSnapshot) error) error {
	if l.Messages.Journal == nil {
		return errNoQueue
	}
	if err := takeTurn(ctx, &l.explaining, errExplaining); err != nil {
		return err
	}
	defer l.explaining.Unlock()
	return l.queue(ctx, do)
}

// Explain implements Gateway.
func (l *Local) Explain(ctx context.Context, mid uint32, rid *uint32) (x *projections.Explanation, err error) {
	return x, l.explained(ctx, func(rows *journal.LiveSnapshot) error {
		seq, others, err := bearer(ctx, rows, mid, l.FindMessages)
		if err != nil {
			return err
		}
		if x, err = explain(ctx, l.Messages.Journal, l.Index, rows, l.document(), projections.Inquiry{Seq: seq, RID: rid, Now: l.now(), Running: true}); err == nil {
			x.Namesakes = others
		}
		return err
	})
}

// Explain implements Gateway.
func (o *Offline) Explain(ctx context.Context, mid uint32, rid *uint32) (x *projections.Explanation, err error) {
	found, err := o.FindMessages(ctx, MessageSearch{MID: mid}) // it opens the store itself
	if err != nil {
		return nil, err
	}
	doc := config.Default()
	if o.Document != nil {
		doc = o.Document()
	}
	return x, o.queue(ctx, func(j *journal.Journal, rows *journal.LiveSnapshot) error {
		seq, others, err := bearer(ctx, rows, mid, func(context.Context, MessageSearch) (FoundMessages, error) { return found, nil })
		if err != nil {
			return err
		}
		index := o.index(j)
		defer index.Close()
		if x, err = explain(ctx, j, index, rows, doc, projections.Inquiry{Seq: seq, RID: rid, Now: time.Now()}); err == nil {
			x.Namesakes = others
		}
		return err
	})
}

func (notRunning) Explain(context.Context, uint32, *uint32) (*projections.Explanation, error) {
	return nil, ErrNotRunning
}

// Explain implements Gateway.
func (r *Remote) Explain(ctx context.Context, mid uint32, rid *uint32) (x *projections.Explanation, err error) {
	q := midValue(mid)
	if rid != nil {
		q.Set("rid", strconv.FormatUint(uint64(*rid), 10))
	}
	patient := *r
	patient.Limit = searchLimit
	return x, patient.post(ctx, "/v1/message/explain", q, &x)
}

// explainingRoutes are orders by their method, as those of tracking are.
func explainingRoutes(mux *http.ServeMux, g Gateway) {
	post(mux, "/v1/message/explain", func(ctx context.Context, q url.Values) (any, error) {
		mid, rid, err := messageAndRecipient(q)
		if err != nil {
			return nil, err
		}
		return g.Explain(ctx, mid, rid)
	})
}

// messageAndRecipient reads a MID and, if one is given, a RID.
func messageAndRecipient(q url.Values) (mid uint32, rid *uint32, err error) {
	if mid, err = parseMID(q.Get("mid")); err != nil || q.Get("rid") == "" {
		return mid, nil, err
	}
	n, err := parseRID(q.Get("rid"))
	return mid, &n, err
}

// parseRID reads a RID; its error is a *MisreadError.
func parseRID(word string) (uint32, error) {
	rid, err := strconv.ParseUint(word, 10, 32)
	if err != nil {
		return 0, &MisreadError{fmt.Sprintf("%.40q is not a RID: give the number of a recipient, 0 for the first", word)}
	}
	return uint32(rid), nil
}

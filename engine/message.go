package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"postern/engine/config"
	"postern/journal"
)

// QueuedMessage is one message in the queue, for an operator to look at.
type QueuedMessage struct {
	Seq         uint64    `json:"seq"`
	MID         uint32    `json:"mid"`
	Injected    time.Time `json:"injected"` // moved by jumps of the clock, so that the age is true
	Bytes       int64     `json:"bytes"`
	Sender      string    `json:"sender"` // "" is the null sender
	Subject     string    `json:"subject"`
	Recipients  []string  `json:"recipients"` // who are left, the first maxAddresses of them
	More        int       `json:"more_recipients,omitempty"`
	Namesakes   int       `json:"older_with_this_mid,omitempty"` // messages in the queue of before the ids began anew
	Quarantined bool      `json:"quarantined,omitempty"`

	envelope *journal.MessageInjected
}

// maxAddresses is how many recipients of a message are named, maxHeader how much of its header is shown, in bytes.
const (
	maxAddresses = 100
	maxHeader    = 64 << 10
)

// OldestOf returns the oldest message that is not in quarantine and has recipients; nil: there is none.
func OldestOf(ctx context.Context, j *journal.Journal, rows *journal.LiveSnapshot) (q *QueuedMessage, err error) {
	found := errors.New("found")
	err = rows.Each(ctx, func(m *journal.LiveMessage) error {
		if m.Quarantines > 0 || len(m.Recipients) == 0 {
			return nil
		}
		if q, err = queued(j, m); err != nil {
			return err
		}
		return found
	})
	if err != nil && !errors.Is(err, found) {
		return nil, err
	}
	return q, nil
}

// MessageOf returns the message in the queue that bears a MID, in quarantine or not; of several, which there can be once
// the ids have begun anew, the newest. The error is a *RefusedError when there is none.
func MessageOf(ctx context.Context, j *journal.Journal, rows *journal.LiveSnapshot, mid uint32) (*QueuedMessage, error) {
	if mid == 0 || mid >= journal.IDLimit {
		return nil, &RefusedError{fmt.Sprintf("%d is not a MID: they go from 1 to %d", mid, journal.IDLimit-1)}
	}
	seqs, err := rows.WithMID(ctx, mid)
	if err != nil {
		return nil, err
	}
	var newest *journal.LiveMessage
	namesakes := -1
	for _, seq := range seqs {
		m, ok, err := rows.Message(seq)
		if err != nil {
			return nil, err
		}
		if ok && len(m.Recipients) > 0 {
			newest = m
			namesakes++
		}
	}
	if newest == nil {
		return nil, notInQueue(mid, rows.System())
	}
	q, err := queued(j, newest)
	if err != nil {
		return nil, err
	}
	q.Namesakes = namesakes
	return q, nil
}

// notInQueue tells what became of a MID, as far as the queue knows.
func notInQueue(mid uint32, sys journal.LiveSystem) error {
	if mid >= sys.NextMID && !sys.Wrapped {
		return &RefusedError{fmt.Sprintf("there is no message with MID %d: none has been given that number", mid)}
	}
	return &RefusedError{fmt.Sprintf("MID %d is not in the queue: its message has left, or never was accepted", mid)}
}

func queued(j *journal.Journal, m *journal.LiveMessage) (*QueuedMessage, error) {
	e, err := injected(j, m.Seq)
	if err != nil {
		return nil, err
	}
	q := &QueuedMessage{Seq: m.Seq, MID: m.MID, Injected: m.Injected.Time(), Bytes: m.Size, Sender: e.Sender, Subject: e.Subject,
		Recipients: []string{}, Quarantined: m.Quarantines > 0, envelope: e}
	for i := range m.Recipients {
		if len(q.Recipients) == maxAddresses {
			q.More = len(m.Recipients) - maxAddresses
			break
		}
		if c := e.Recipient(m.Recipients[i].RID); c != nil {
			q.Recipients = append(q.Recipients, c.Address())
		}
	}
	return q, nil
}

// Open opens the message's content. The error wraps journal.ErrNotFound when the message has left meanwhile.
func (q *QueuedMessage) Open(j *journal.Journal, doc *config.Document) (*Content, error) {
	return OpenContent(j, doc, q.Seq, q.envelope)
}

// Beginning returns the message's header, of a monstrous one the beginning, and at most max bytes of what follows it; both
// as they are in the queue, without the empty line between them. left is how many bytes come after.
func (q *QueuedMessage) Beginning(j *journal.Journal, doc *config.Document, max int64) (header, body []byte, left int64, err error) {
	c, err := q.Open(j, doc)
	if err != nil {
		return nil, nil, 0, err
	}
	defer c.Close()
	text, err := io.ReadAll(io.LimitReader(c, maxHeader+max))
	if err != nil {
		return nil, nil, 0, fmt.Errorf("MID %d: content: %w", q.MID, err)
	}
	header, body = splitHeader(text)
	shown := len(text)
	if len(header) > maxHeader {
		header, body, shown = header[:maxHeader], nil, maxHeader
	} else if over := int64(len(body)) - max; over > 0 {
		body, shown = body[:max], shown-int(over)
	}
	return header, body, c.Size - int64(shown), nil
}

// splitHeader parts a message at its first empty line.
func splitHeader(text []byte) (header, body []byte) {
	if body, ok := bytes.CutPrefix(text, []byte("\r\n")); ok {
		return nil, body
	}
	if end := bytes.Index(text, []byte("\r\n\r\n")); end >= 0 {
		return text[:end+2], text[end+4:]
	}
	return text, nil
}

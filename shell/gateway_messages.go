package shell

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"postern/engine"
	"postern/journal"
)

// Messages is what a person may see and order of single messages in the queue.
type Messages interface {
	// OldestMessage gives the oldest message that is not in quarantine, without its content; nil: the queue is empty.
	OldestMessage(ctx context.Context) (*Message, error)
	// Message gives the newest message that bears a MID, in quarantine or not, with at most so many bytes of its content,
	// never more than maxContent.
	Message(ctx context.Context, mid uint32, content int64) (*Message, error)
	// RemoveMessage takes a message out of the queue for good; one in quarantine is refused. With a Seq, it must be that of
	// the message that bears the MID.
	RemoveMessage(ctx context.Context, mid uint32, seq uint64) (MessageRemoved, error)
	// ArchiveMessage saves a message in a file of the configuration directory; when that is durable, the message is taken out
	// of the queue, unless it is in quarantine.
	ArchiveMessage(ctx context.Context, mid uint32) (MessageArchived, error)
}

// maxContent bounds how much of a message's content is shown, in bytes.
const maxContent = 1 << 20

// Message is a message as a person may look at it: in header and content lines end in LF, and what could steer a terminal
// or is no UTF-8 is written as escapes.
type Message struct {
	engine.QueuedMessage
	AgeSeconds int64  `json:"age_seconds"`
	Header     string `json:"header"`
	Content    string `json:"content,omitempty"` // what was asked for of it
	Left       int64  `json:"bytes_left"`        // that come after
}

// MessageRemoved is what removemessage did.
type MessageRemoved struct {
	Seq        uint64 `json:"seq"`
	MID        uint32 `json:"mid"`
	Recipients int    `json:"recipients"` // who were left, and are deleted
}

// MessageArchived is what archivemessage did.
type MessageArchived struct {
	MessageRemoved
	File    string `json:"file"`    // its name in the configuration directory
	Removed bool   `json:"removed"` // false: it stays in quarantine
}

func (notRunning) OldestMessage(context.Context) (*Message, error) { return nil, ErrNotRunning }

func (notRunning) Message(context.Context, uint32, int64) (*Message, error) {
	return nil, ErrNotRunning
}

func (notRunning) RemoveMessage(context.Context, uint32, uint64) (r MessageRemoved, err error) {
	return r, ErrNotRunning
}

func (notRunning) ArchiveMessage(context.Context, uint32) (a MessageArchived, err error) {
	return a, ErrNotRunning
}

// OldestMessage implements Gateway.
func (o *Offline) OldestMessage(ctx context.Context) (m *Message, err error) {
	return m, o.queue(ctx, func(j *journal.Journal, rows *journal.LiveSnapshot) error {
		m, err = o.looker(j).oldest(ctx, rows)
		return err
	})
}

// Message implements Gateway.
func (o *Offline) Message(ctx context.Context, mid uint32, content int64) (m *Message, err error) {
	return m, o.queue(ctx, func(j *journal.Journal, rows *journal.LiveSnapshot) error {
		m, err = o.looker(j).message(ctx, rows, mid, content)
		return err
	})
}

// OldestMessage implements Gateway.
func (r *Remote) OldestMessage(ctx context.Context) (m *Message, err error) {
	return m, r.post(ctx, "/v1/message/oldest", nil, &m)
}

// Message implements Gateway.
func (r *Remote) Message(ctx context.Context, mid uint32, content int64) (m *Message, err error) {
	q := midValue(mid)
	q.Set("content", strconv.FormatInt(content, 10))
	return m, r.post(ctx, "/v1/message/show", q, &m)
}

// RemoveMessage implements Gateway.
func (r *Remote) RemoveMessage(ctx context.Context, mid uint32, seq uint64) (done MessageRemoved, err error) {
	q := midValue(mid)
	q.Set("seq", strconv.FormatUint(seq, 10))
	return done, r.post(ctx, "/v1/message/remove", q, &done)
}

// ArchiveMessage implements Gateway.
func (r *Remote) ArchiveMessage(ctx context.Context, mid uint32) (done MessageArchived, err error) {
	return done, r.post(ctx, "/v1/message/archive", midValue(mid), &done)
}

func midValue(mid uint32) url.Values {
	return url.Values{"mid": {strconv.FormatUint(uint64(mid), 10)}}
}

// messagesRoutes takes these questions as orders too: what stands in people's mail is not for whoever may ask for the
// gateway's state.
func messagesRoutes(mux *http.ServeMux, g Gateway) {
	post(mux, "/v1/message/oldest", func(ctx context.Context, _ url.Values) (any, error) { return g.OldestMessage(ctx) })
	post(mux, "/v1/message/show", func(ctx context.Context, q url.Values) (any, error) {
		mid, err := parseMID(q.Get("mid"))
		if err != nil {
			return nil, err
		}
		content, err := strconv.ParseInt(q.Get("content"), 10, 64)
		if err != nil {
			return nil, &MisreadError{fmt.Sprintf("%q is not a number of bytes", q.Get("content"))}
		}
		return g.Message(ctx, mid, content)
	})
	post(mux, "/v1/message/remove", func(ctx context.Context, q url.Values) (any, error) {
		mid, err := parseMID(q.Get("mid"))
		if err != nil {
			return nil, err
		}
		seq, err := strconv.ParseUint(q.Get("seq"), 10, 64)
		if err != nil {
			return nil, &MisreadError{fmt.Sprintf("%q is not a Seq", q.Get("seq"))}
		}
		return g.RemoveMessage(ctx, mid, seq)
	})
	post(mux, "/v1/message/archive", func(ctx context.Context, q url.Values) (any, error) {
		mid, err := parseMID(q.Get("mid"))
		if err != nil {
			return nil, err
		}
		return g.ArchiveMessage(ctx, mid)
	})
}

// parseMID reads a MID; its error is a *MisreadError.
func parseMID(word string) (uint32, error) {
	mid, err := strconv.ParseUint(word, 10, 32)
	if err != nil || mid == 0 || mid >= journal.IDLimit {
		return 0, &MisreadError{fmt.Sprintf("%q is not a MID: give a number from 1 to %d", word, journal.IDLimit-1)}
	}
	return uint32(mid), nil
}

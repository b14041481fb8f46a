package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"postern/engine"
	"postern/engine/config"
	"postern/journal"
)

// MessageKeeper is what Local needs of the messages in the queue. Its fields are set before use.
type MessageKeeper struct {
	Journal *journal.Journal
	Rows    *journal.LiveRows
	Remover MessageRemover // nil: nothing can be removed
	Dir     string         // the configuration directory, for archives; made when it is not there

	archiving sync.Mutex // one archive is written at a time
}

// MessageRemover takes messages out of the queue.
type MessageRemover interface {
	// RemoveMessage takes what is left of a message out of the queue by an operator's order, and returns how many recipients
	// that were once it is durable. archive is the file that the message was saved in, "" for none. The error is a sentence
	// when there is nothing left to take.
	RemoveMessage(ctx context.Context, by string, seq uint64, mid uint32, archive string) (recipients int, err error)
}

// OldestMessage implements Gateway.
func (l *Local) OldestMessage(ctx context.Context) (m *Message, err error) {
	return m, l.queue(ctx, func(rows *journal.LiveSnapshot) error {
		m, err = l.looker().oldest(ctx, rows)
		return l.Messages.leaving(ctx, err)
	})
}

// Message implements Gateway.
func (l *Local) Message(ctx context.Context, mid uint32, content int64) (m *Message, err error) {
	return m, l.queue(ctx, func(rows *journal.LiveSnapshot) error {
		m, err = l.looker().message(ctx, rows, mid, content)
		return l.Messages.leaving(ctx, err)
	})
}

// RemoveMessage implements Gateway.
func (l *Local) RemoveMessage(ctx context.Context, mid uint32, seq uint64) (done MessageRemoved, err error) {
	q, err := l.queued(ctx, mid)
	switch {
	case err != nil:
		return done, err
	case seq != 0 && q.Seq != seq:
		return done, &RefusedError{fmt.Sprintf("MID %d is another message by now", mid)}
	case q.Quarantined:
		return done, inQuarantine(mid)
	}
	return l.Messages.remove(ctx, l.by(ctx), q, "")
}

func inQuarantine(mid uint32) error {
	return &RefusedError{fmt.Sprintf("MID %d is in quarantine, where removemessage does not reach: release or delete it there", mid)}
}

// ArchiveMessage implements Gateway.
func (l *Local) ArchiveMessage(ctx context.Context, mid uint32) (done MessageArchived, err error) {
	l.Messages.archiving.Lock()
	defer l.Messages.archiving.Unlock()
	q, err := l.queued(ctx, mid)
	if err != nil {
		return done, err
	}
	if !q.Quarantined && l.Messages.Remover == nil {
		return done, errNoRemover
	}
	done.MID, done.Seq = q.MID, q.Seq
	if done.File, err = l.archive(ctx, q); err != nil || q.Quarantined {
		return done, err
	}
	removed, err := l.Messages.remove(ctx, l.by(ctx), q, done.File)
	if err != nil {
		return done, fmt.Errorf("MID %d has been saved in file %s in the configuration directory, but stays in the queue: %w", mid, done.File, err)
	}
	done.MessageRemoved, done.Removed = removed, true
	return done, nil
}

// archive writes a message's file and returns its name.
func (l *Local) archive(ctx context.Context, q *engine.QueuedMessage) (name string, err error) {
	name, err = archiveMessage(l.Messages.Dir, q.MID, func(w io.Writer) error {
		content, err := q.Open(l.Messages.Journal, l.document())
		if err != nil {
			return &unreadableError{q, err}
		}
		defer content.Close()
		if err := writeMbox(w, q.Sender, q.Injected, content); err != nil {
			return &unreadableError{q, err}
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("MID %d could not be saved: %w", q.MID, l.Messages.leaving(ctx, err))
	}
	return name, nil
}

var errNoRemover = errors.New("this gateway cannot remove messages")

func (k *MessageKeeper) remove(ctx context.Context, by string, q *engine.QueuedMessage, archive string) (done MessageRemoved, err error) {
	if k.Remover == nil {
		return done, errNoRemover
	}
	done = MessageRemoved{Seq: q.Seq, MID: q.MID}
	done.Recipients, err = k.Remover.RemoveMessage(ctx, by, q.Seq, q.MID, archive)
	return done, err
}

// queue shows the queue as it is now.
func (l *Local) queue(ctx context.Context, show func(*journal.LiveSnapshot) error) error {
	rows, err := l.Messages.Rows.Current(ctx)
	if err != nil {
		return err
	}
	defer rows.Close()
	return show(rows)
}

func (l *Local) queued(ctx context.Context, mid uint32) (q *engine.QueuedMessage, err error) {
	return q, l.queue(ctx, func(rows *journal.LiveSnapshot) error {
		q, err = engine.MessageOf(ctx, l.Messages.Journal, rows, mid)
		return err
	})
}

func (l *Local) document() *config.Document {
	if l.Document == nil {
		return config.Default()
	}
	return l.Document()
}

// unreadableError is a message whose content could not be read.
type unreadableError struct {
	message *engine.QueuedMessage
	err     error
}

func (e *unreadableError) Error() string {
	return fmt.Sprintf("MID %d cannot be read: %v", e.message.MID, e.err)
}

func (e *unreadableError) Unwrap() error { return e.err }

// leaving explains why a message could not be read, if that is because it left the queue meanwhile and took its body with it.
func (k *MessageKeeper) leaving(ctx context.Context, err error) error {
	var unreadable *unreadableError
	if !errors.As(err, &unreadable) {
		return err
	}
	rows, failed := k.Rows.Current(ctx)
	if failed != nil {
		return err
	}
	defer rows.Close()
	m, ok, failed := rows.Message(unreadable.message.Seq)
	if failed != nil || ok && len(m.Recipients) > 0 {
		return err
	}
	return &RefusedError{fmt.Sprintf("MID %d left the queue while it was read", unreadable.message.MID)}
}

// messageLooker makes messages into what a person may look at.
type messageLooker struct {
	journal  *journal.Journal
	document *config.Document
	now      time.Time
}

func (l *Local) looker() messageLooker {
	return messageLooker{l.Messages.Journal, l.document(), l.now()}
}

func (o *Offline) looker(j *journal.Journal) messageLooker {
	doc := config.Default()
	if o.Document != nil {
		doc = o.Document()
	}
	return messageLooker{j, doc, time.Now()}
}

func (k messageLooker) oldest(ctx context.Context, rows *journal.LiveSnapshot) (*Message, error) {
	q, err := engine.OldestOf(ctx, k.journal, rows)
	if err != nil || q == nil {
		return nil, err
	}
	return k.show(q, 0)
}

func (k messageLooker) message(ctx context.Context, rows *journal.LiveSnapshot, mid uint32, content int64) (*Message, error) {
	q, err := engine.MessageOf(ctx, k.journal, rows, mid)
	if err != nil {
		return nil, err
	}
	return k.show(q, content)
}

func (k messageLooker) show(q *engine.QueuedMessage, content int64) (*Message, error) {
	header, body, left, err := q.Beginning(k.journal, k.document, min(max(content, 0), maxContent))
	if err != nil {
		return nil, &unreadableError{q, err}
	}
	return &Message{QueuedMessage: *q, AgeSeconds: int64(max(0, k.now.Sub(q.Injected)) / time.Second), Header: shown(header), Content: shown(body), Left: left}, nil
}

// shown is a message's text as a terminal may show it.
func shown(text []byte) string {
	return Printable(strings.ReplaceAll(string(text), "\r\n", "\n"))
}

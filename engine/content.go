package engine

import (
	"fmt"
	"io"

	"postern/engine/config"
	"postern/journal"
)

// Content is the content of a message, ready to be sent; its lines end in CRLF, dots are not stuffed.
type Content struct {
	io.Reader
	Size     int64
	eightBit bool // of a notification: it has octets above 127
	close    func() error
}

// Close gives back what the content holds.
func (c *Content) Close() error {
	if c.close == nil {
		return nil
	}
	return c.close()
}

// OpenContent opens the content of the message injected at seq: its body from the store, or, for a notification, its text
// rendered from the facts.
func OpenContent(j *journal.Journal, doc *config.Document, seq uint64, m *journal.MessageInjected) (*Content, error) {
	if m.Why.Notifies() {
		r, err := j.At(seq)
		if err != nil {
			return nil, err
		}
		return openNotification(j, doc, r.Time, m)
	}
	body, err := j.OpenBody(m.Body)
	if err != nil {
		return nil, fmt.Errorf("message %d: body: %w", seq, err)
	}
	return &Content{Reader: body, Size: m.Size, close: body.Close}, nil
}

package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/quotedprintable"
	"unicode/utf8"

	"postern/engine/config"
	"postern/journal"
)

// SevenBit returns a notification as it goes to a host that knows neither 8BITMIME nor SMTPUTF8: OpenContent renders what
// it returns in 7-bit, if need be with no more than the header of the message that is reported (RFC 3462). ok is false for
// any other message, whose content is not ours to change, and for a notification that is like that already.
func SevenBit(m *journal.MessageInjected) (plain *journal.MessageInjected, ok bool) {
	if !m.Why.Notifies() || m.Form == journal.Body7Bit && !m.SMTPUTF8 {
		return m, false
	}
	c := *m
	c.Form, c.SMTPUTF8, c.Size = journal.Body7Bit, false, 0
	return &c, true
}

// openNotification renders a delivery status notification (RFC 3461 to 3464): what happened in words, the same for
// machines, and the message itself, whole when RET and its size allow it and it fits the notification's form, else its
// header.
func openNotification(j *journal.Journal, doc *config.Document, at journal.Instant, n *journal.MessageInjected) (*Content, error) {
	rep, err := reported(j, n, false)
	if hopeless(err) {
		rep, err = reported(j, n, true)
	}
	if err != nil {
		return nil, err
	}
	return rep.open(j, doc, at, n)
}

// hopeless tells whether a record that could not be read never will be.
func hopeless(err error) bool {
	var damaged *journal.DamagedError
	var newer *journal.NewerError
	return errors.Is(err, journal.ErrNotFound) || errors.As(err, &damaged) || errors.As(err, &newer)
}

// open renders the notification in the form that it bears.
func (r *report) open(j *journal.Journal, doc *config.Document, at journal.Instant, n *journal.MessageInjected) (*Content, error) {
	c, err := r.render(j, doc, doc.Bounce.CopyBytes, at, n)
	if err == nil && c.eightBit && n.Form == journal.Body7Bit {
		c, err = r.render(j, doc, headerOnly, at, n)
	}
	return c, err
}

// headerOnly instead of a number of bytes says that a message is not copied, however small it is.
const headerOnly = -1

func (r *report) render(j *journal.Journal, doc *config.Document, copyBytes int64, at journal.Instant, n *journal.MessageInjected) (*Content, error) {
	original, whole, err := r.original(j, copyBytes)
	if err != nil {
		return nil, err
	}
	boundary := fmt.Sprintf("=_%d.%d.%s", n.Parent, n.Reports[0], doc.Hostname)
	var parts, b bytes.Buffer
	r.words(&parts, doc.Hostname, boundary)
	r.status(&parts, doc.Hostname, boundary)
	r.copied(&parts, original, whole, boundary)
	eightBit := has8Bit(parts.Bytes())
	r.header(&b, doc.Hostname, at, n, boundary, eightBit)
	b.Write(parts.Bytes())
	return &Content{Reader: bytes.NewReader(b.Bytes()), Size: int64(b.Len()), eightBit: eightBit}, nil
}

// copied writes the last part: the message, or its header. A mere header stays 7-bit, so that every host takes the
// notification: one that is not is encoded as RFC 3462 and RFC 6533 have it, and nothing of it is lost.
func (r *report) copied(b *bytes.Buffer, original []byte, whole bool, boundary string) {
	kind, form := "message/rfc822", encoding(has8Bit(original))
	switch {
	case whole && r.utf8:
		kind = "message/global"
	case whole:
	case r.parent.SMTPUTF8:
		kind = "message/global-headers"
	default:
		kind = "text/rfc822-headers"
	}
	if !whole && !r.utf8 && has8Bit(original) {
		original, form = quotedPrintable(original), "Content-Transfer-Encoding: quoted-printable\r\n"
	}
	fmt.Fprintf(b, "--%s\r\nContent-Type: %s\r\n%s\r\n", boundary, kind, form)
	b.Write(original)
	if !bytes.HasSuffix(original, []byte("\r\n")) {
		b.WriteString("\r\n")
	}
	fmt.Fprintf(b, "\r\n--%s--\r\n", boundary)
}

func quotedPrintable(text []byte) []byte {
	var b bytes.Buffer
	w := quotedprintable.NewWriter(&b)
	w.Write(text) // into memory: it cannot fail
	w.Close()
	return b.Bytes()
}

func has8Bit(b []byte) bool {
	return bytes.ContainsFunc(b, func(r rune) bool { return r >= utf8.RuneSelf })
}

// encoding is the header field that RFC 2045 section 6 wants with 8-bit content.
func encoding(eightBit bool) string {
	if eightBit {
		return "Content-Transfer-Encoding: 8bit\r\n"
	}
	return ""
}

// maxHeaderCopy bounds the header of the original in a notification.
const maxHeaderCopy = 10 << 10

// original reads what a notification carries of the message.
func (r *report) original(j *journal.Journal, copyBytes int64) (text []byte, whole bool, err error) {
	if r.parent.Body == 0 {
		return nil, false, nil
	}
	body, err := j.OpenBody(r.parent.Body)
	if errors.Is(err, journal.ErrNotFound) || err != nil && r.lenient {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("body of message %d: %w", r.parent.MID, err)
	}
	defer body.Close()
	whole = r.parent.Size <= copyBytes && r.parent.Return != journal.ReturnHeaders && r.parent.Form != journal.BodyBinary && !r.successOnly()
	limit := int64(maxHeaderCopy)
	if whole {
		limit = r.parent.Size
	}
	text, err = io.ReadAll(io.LimitReader(body, limit))
	if err != nil && r.lenient {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("body of message %d: %w", r.parent.MID, err)
	}
	if !whole {
		if end := bytes.Index(text, []byte("\r\n\r\n")); end >= 0 {
			text = text[:end+2]
		} else if end := bytes.LastIndex(text, []byte("\r\n")); end >= 0 {
			text = text[:end+2]
		}
	}
	return text, whole, nil
}

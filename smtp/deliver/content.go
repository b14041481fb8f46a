package deliver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"

	"postern/journal"
)

// chunk is a piece of content on its way: read into raw, and written from there unless a line begins with a dot.
// The room behind contentChunk is for a line end and the final dot.
type chunk struct {
	raw     [contentChunk + 8]byte
	stuffed []byte
}

var chunks = sync.Pool{New: func() any { return new(chunk) }}

// ownError is trouble on our side, with the content or with what has to be durable, of which the peer cannot know.
type ownError struct{ error }

func (e ownError) Unwrap() error { return e.error }

// sendContent writes the content and the final dot (RFC 5321 4.5.2), in one write when they are small. sent tells whether
// the peer may have all of it, so that only its answer counts from now on.
func (d *delivery) sendContent(ctx context.Context, conn *connection, places []int) (sent bool, err error) {
	content, _, err := d.client.Content(d.attempt.Message, d.message)
	if err != nil {
		return false, ownError{fmt.Errorf("content: %w", err)}
	}
	defer content.Close()
	k := chunks.Get().(*chunk)
	defer chunks.Put(k)
	s := stuffer{lineStart: true, last: [2]byte{'\r', '\n'}}
	for {
		n, end, err := fill(content, k.raw[:contentChunk])
		if err != nil {
			return false, ownError{fmt.Errorf("content: %w", err)}
		}
		out := s.next(k, n)
		if !end {
			if err := d.writeContent(conn, out); err != nil {
				return false, err
			}
			continue
		}
		if s.last != [2]byte{'\r', '\n'} {
			out = append(out, '\r', '\n')
		}
		if d.holdsDot() {
			if err := d.awaitDot(ctx, conn, out, places); err != nil {
				return false, err
			}
			out = out[:0]
		}
		return d.writeEnd(ctx, conn, append(out, ".\r\n"...))
	}
}

// fill reads until the buffer is full or the content ends.
func fill(from io.Reader, into []byte) (n int, end bool, err error) {
	for n < len(into) {
		m, err := from.Read(into[n:])
		n += m
		if errors.Is(err, io.EOF) {
			return n, true, nil
		}
		if err != nil {
			return n, false, err
		}
	}
	return n, false, nil
}

// stuffer doubles the dots that begin lines.
type stuffer struct {
	lineStart bool
	last      [2]byte // of the content so far
}

var newlineDot = []byte("\n.")

// next gives what to write for the first n bytes in k.raw.
func (s *stuffer) next(k *chunk, n int) []byte {
	raw := k.raw[:n]
	if n == 0 {
		return raw
	}
	first := s.lineStart && raw[0] == '.'
	s.lineStart = raw[n-1] == '\n'
	if n == 1 {
		s.last = [2]byte{s.last[1], raw[0]}
	} else {
		s.last = [2]byte{raw[n-2], raw[n-1]}
	}
	i := bytes.Index(raw, newlineDot)
	if !first && i < 0 {
		return raw
	}
	out := k.stuffed[:0]
	if first {
		out = append(out, '.')
	}
	for i >= 0 {
		out = append(append(out, raw[:i+2]...), '.')
		raw = raw[i+2:]
		i = bytes.Index(raw, newlineDot)
	}
	out = append(out, raw...)
	k.stuffed = out[:0]
	return out
}

// writeContent writes a piece that is not the last.
func (d *delivery) writeContent(conn *connection, b []byte) error {
	return conn.write(b, or(d.document.Delivery.DataTimeout.Duration, defaultDataTimeout))
}

// writeEnd writes the last piece, unless the attempt was called off. A write that fails before its end has not sent the
// final dot.
func (d *delivery) writeEnd(ctx context.Context, conn *connection, b []byte) (sent bool, err error) {
	if ctx.Err() != nil {
		return false, errStopped
	}
	conn.deadline(or(d.document.Delivery.DataTimeout.Duration, defaultDataTimeout))
	n, err := conn.net.Write(b)
	err = conn.failed(err)
	if n < len(b) {
		return false, err
	}
	conn.setFinal(true)
	return true, err
}

// holdsDot tells whether unknown outcomes must be exact for this message.
func (d *delivery) holdsDot() bool { return d.client.BeforeFinalDot != nil && d.attempt.Exact }

func (d *delivery) awaitDot(ctx context.Context, conn *connection, out []byte, places []int) error {
	if err := d.writeContent(conn, out); err != nil {
		return err
	}
	err := d.client.BeforeFinalDot(ctx, &journal.DataSent{DCID: conn.dcid, Message: d.attempt.Message,
		MID: d.attempt.MID, RIDs: d.rids(places)})
	switch {
	case err != nil && ctx.Err() != nil:
		return errStopped
	case err != nil:
		return ownError{fmt.Errorf("before the final dot: %w", err)}
	}
	return nil
}

// sendBinary sends binary content in one BDAT (RFC 3030 3): no line has a meaning, so nothing is stuffed, and the last
// octet counts as the final dot.
func (d *delivery) sendBinary(ctx context.Context, conn *connection, places []int) (sent bool, err error) {
	content, size, err := d.client.Content(d.attempt.Message, d.message)
	if err != nil {
		return false, ownError{fmt.Errorf("content: %w", err)}
	}
	defer content.Close()
	k := chunks.Get().(*chunk)
	defer chunks.Put(k)
	if d.holdsDot() {
		if err := d.awaitDot(ctx, conn, nil, places); err != nil {
			return false, err
		}
	}
	conn.out = append(strconv.AppendInt(append(conn.out[:0], "BDAT "...), size, 10), " LAST\r\n"...)
	if size == 0 {
		return d.writeEnd(ctx, conn, conn.out)
	}
	if err := d.writeContent(conn, conn.out); err != nil {
		return false, err
	}
	for {
		n, _, err := fill(content, k.raw[:min(contentChunk, size)])
		if err == nil && n == 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return false, ownError{fmt.Errorf("content: %w", err)}
		}
		if size -= int64(n); size == 0 {
			return d.writeEnd(ctx, conn, k.raw[:n])
		}
		if err := d.writeContent(conn, k.raw[:n]); err != nil {
			return false, err
		}
	}
}

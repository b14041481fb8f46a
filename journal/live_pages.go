package journal

import (
	"context"
	"errors"
)

// A page is full with so many messages, or so many recipients.
const (
	pageMessages   = 512
	pageRecipients = 4096
)

// LivePages reads the live messages of a snapshot in pages, ascending by Seq. Between two pages it holds nothing of the
// store, so that whoever reads may take any time. One goroutine uses it.
type LivePages struct {
	rows  *LiveSnapshot
	from  uint64
	names liveNames
	page  []LiveMessage
}

// Pages begins at the first message.
func (s *LiveSnapshot) Pages() *LivePages { return &LivePages{rows: s} }

var errPageFull = errors.New("the page is full")

// Next returns the next messages; none: there are no more. They are valid until the call after; the strings may be kept.
func (p *LivePages) Next(ctx context.Context) ([]LiveMessage, error) {
	n, recipients := 0, 0
	room := func() *LiveMessage {
		if n == len(p.page) {
			p.page = append(p.page, LiveMessage{})
		}
		m := &p.page[n]
		if cap(m.Recipients) > pageRecipients { // one huge message must not be remembered by each place of the page
			m.Recipients = nil
		}
		return m
	}
	err := p.rows.eachFrom(ctx, p.from, &p.names, room, func(m *LiveMessage) error {
		n++
		p.from = m.Seq + 1
		if recipients += len(m.Recipients); n == pageMessages || recipients >= pageRecipients {
			return errPageFull
		}
		return nil
	})
	if err != nil && !errors.Is(err, errPageFull) {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return p.page[:n], nil
}

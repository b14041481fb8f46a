package receive

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"postern/journal"
)

// wholeContent is the most that is gathered in memory before it is stored; what is larger is streamed. It bounds what is
// looked at of a header, too.
const wholeContent = 256 << 10

// progressEvery is how much content counts as progress of a connection.
const progressEvery = 64 << 10

// maxOverrun is how much beyond the size limit is read for the sake of an answer.
const maxOverrun = 16 << 20

// errOverrun says that a client goes on sending far beyond the size limit.
var errOverrun = errors.New("content far beyond the size limit")

// errAborted says that the client gave the transaction up between two chunks; errOver, that it was cut off there.
var (
	errAborted = errors.New("transaction given up")
	errOver    = errors.New("connection is over")
)

// content gathers what a client sends. It belongs to the goroutine that reads.
type content struct {
	c       *conversation
	lines   newlines
	addLine func([]byte) // add, bound once
	head    []byte       // the content, or what came before body
	prefix  []byte       // our header fields
	begun   bool         // prefix and header are made
	header  header
	body    Body  // not nil: the content is streamed
	size    int64 // of the content
	marked  int64 // size at the last progress
	tooBig  bool
	err     error // of the store
}

var contents = sync.Pool{New: func() any {
	m := &content{head: make([]byte, 0, 16<<10), prefix: make([]byte, 0, 1<<10)}
	m.addLine = m.add
	return m
}}

func newContent(c *conversation) *content {
	m := contents.Get().(*content)
	m.c = c
	m.lines = newlines{dots: c.chunk == nil, normalise: c.policy.BareNewlines == "normalise"}
	return m
}

// release gives the memory back; what was not committed is taken out of the store.
func (m *content) release() {
	if m.body != nil {
		_ = m.body.Abort() // the next start sweeps what is left
	}
	head, prefix := m.head[:0], m.prefix[:0]
	if cap(head) > wholeContent {
		head = make([]byte, 0, 16<<10)
	}
	*m = content{addLine: m.addLine, head: head, prefix: prefix}
	contents.Put(m)
}

// refusesBare tells whether bare CRs or LFs were found where they are not allowed.
func (m *content) refusesBare() bool { return m.lines.bare && !m.lines.normalise }

// refused tells whether the content cannot become a message any more, so that the rest is only read.
func (m *content) refused() bool {
	return m.tooBig || m.refusesBare() || m.err != nil || m.c.discards()
}

// add takes a run of content.
func (m *content) add(p []byte) {
	m.size += int64(len(p))
	if m.size > m.c.policy.MaxMessageSize {
		m.tooBig = true
	}
	if m.refused() {
		return
	}
	if m.size-m.marked >= progressEvery {
		m.marked = m.size
		m.c.progressed()
	}
	if m.body == nil && len(m.head)+len(p) <= wholeContent {
		m.head = append(m.head, p...)
		return
	}
	if m.body == nil {
		m.begin()
		m.body = m.c.server.Store.NewBody()
		m.write(m.prefix)
		m.write(m.head)
	}
	m.write(p)
}

func (m *content) write(p []byte) {
	if m.err == nil {
		_, m.err = m.body.Write(p)
	}
}

// begin reads the header and makes ours.
func (m *content) begin() {
	if !m.begun {
		m.begun = true
		m.header = readHeader(m.head)
		m.prefix = m.c.appendTrace(m.prefix[:0], &m.header)
	}
}

// finish is called when all has been read.
func (m *content) finish() { m.begin() }

// store puts the content into the store.
func (m *content) store() (journal.BodyID, error) {
	var id journal.BodyID
	err := m.err
	switch {
	case err != nil:
	case m.body == nil:
		id, err = m.c.server.Store.PutBody(m.prefix, m.head)
	default:
		id, err = m.body.Commit()
		m.body = nil
	}
	if err != nil {
		return 0, fmt.Errorf("content of MID %d: %w", m.c.transaction.mid, err)
	}
	return id, nil
}

// readLines reads dot-stuffed content to its end (RFC 5321 section 4.1.1.4).
func (c *conversation) readLines(m *content) error {
	c.in.widen()
	defer c.in.narrow()
	for {
		n, done := m.lines.scan(c.in.bytes(), m.addLine)
		c.in.skip(n)
		if done {
			return nil
		}
		if err := c.fillContent(m); err != nil {
			return err
		}
	}
}

// fillContent reads once, within data_timeout.
func (c *conversation) fillContent(m *content) error {
	if m.size > c.policy.MaxMessageSize+maxOverrun {
		return errOverrun
	}
	c.transaction.size = m.size
	if err := c.flush(); err != nil { // before the client's time begins
		return err
	}
	return c.fill(time.Now().Add(c.policy.DataTimeout.Duration), false)
}

// contentLost answers for content that could not be read to its end. Whatever of it may still come must not be taken for
// commands: the connection ends.
func (c *conversation) contentLost(err error) error {
	switch {
	case errors.Is(err, errAborted):
		c.silent = true // go-smtp resets, and its Session's Reset aborts
		return refuseAborted
	case errors.Is(err, errOver):
		c.silent = true
		c.abort(abortedByLoss)
		return refuseAborted
	case errors.Is(err, errOverrun):
		c.over, c.lingering, c.how = true, true, "lost"
		c.interrupted(tooBig)
		c.abort(tooBig)
		return refuseSize
	}
	c.farewell(err)
	c.out = c.out[:0] // one reply is enough
	c.lingering = true
	c.abort(abortedByLoss)
	if errors.Is(err, errKilled) {
		return refusal(421, 4, 3, 2, "the gateway is stopping, closing connection")
	}
	return refuseLost
}

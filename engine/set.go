package engine

import (
	"encoding/binary"
	"errors"
)

// set is the exact set of an order: recipients by message, ascending by Seq and RID, a few octets each. It is what the
// order's blob holds.
//
//	member = uvarint(Seq − Seq before) uvarint(count) count × uvarint(RID − RID before)
type set struct {
	b          []byte
	last       uint64 // message
	lastAt     int    // where the last member begins in b
	before     uint64 // the message before the last
	messages   uint64
	recipients uint64
}

// member is the recipients of one message.
type member struct {
	message uint64
	rids    []uint32
}

// add appends a member; its message comes after all that are in.
func (s *set) add(message uint64, rids []uint32) {
	s.lastAt, s.before = len(s.b), s.last
	s.b = binary.AppendUvarint(s.b, message-s.last)
	s.b = binary.AppendUvarint(s.b, uint64(len(rids)))
	before := uint32(0)
	for _, rid := range rids {
		s.b = binary.AppendUvarint(s.b, uint64(rid-before))
		before = rid
	}
	s.last = message
	s.messages++
	s.recipients += uint64(len(rids))
}

// pop takes the last member off again; only once after an add.
func (s *set) pop() (rids []uint32, err error) {
	m, err := (&cursor{b: s.b[s.lastAt:], last: s.before}).next()
	s.b, s.last = s.b[:s.lastAt], s.before
	s.messages--
	s.recipients -= uint64(len(m.rids))
	return m.rids, err
}

// cursor reads a set from its beginning.
type cursor struct {
	b    []byte
	last uint64
	rest member // of a message that did not fit into the slice before
}

func (s *set) cursor() *cursor { return &cursor{b: s.b} }

var errSet = errors.New("the set of an order is damaged")

func (c *cursor) uvarint() (uint64, error) {
	v, n := binary.Uvarint(c.b)
	if n <= 0 {
		return 0, errSet
	}
	c.b = c.b[n:]
	return v, nil
}

func (c *cursor) next() (m member, err error) {
	step, err := c.uvarint()
	if err != nil {
		return m, err
	}
	count, err := c.uvarint()
	if err != nil || count > uint64(len(c.b)) {
		return m, errSet
	}
	c.last += step
	m.message, m.rids = c.last, make([]uint32, count)
	before := uint64(0)
	for i := range m.rids {
		step, err := c.uvarint()
		if before += step; err != nil || before > 1<<32-1 {
			return m, errSet
		}
		m.rids[i] = uint32(before)
	}
	return m, nil
}

// slice gives the next members, of max recipients together at most; none: the set is at its end.
func (c *cursor) slice(max int) (members []member, err error) {
	for max > 0 {
		m := c.rest
		if c.rest = (member{}); len(m.rids) == 0 {
			if len(c.b) == 0 {
				return members, nil
			}
			if m, err = c.next(); err != nil {
				return nil, err
			}
		}
		if len(m.rids) > max {
			c.rest = member{m.message, m.rids[max:]}
			m.rids = m.rids[:max]
		}
		max -= len(m.rids)
		members = append(members, m)
	}
	return members, nil
}

// skip leaves out everything up to a recipient, which was the last one of an earlier slice.
func (c *cursor) skip(message uint64, rid uint32) error {
	for len(c.b) > 0 || len(c.rest.rids) > 0 {
		m := c.rest
		if c.rest = (member{}); len(m.rids) == 0 {
			var err error
			if m, err = c.next(); err != nil {
				return err
			}
		}
		if m.message < message {
			continue
		}
		if m.message == message {
			i := 0
			for i < len(m.rids) && m.rids[i] <= rid {
				i++
			}
			m.rids = m.rids[i:]
		}
		c.rest = m
		return nil
	}
	return nil
}

package journal

import (
	"bytes"
	"fmt"
)

// The rows that are few are coded with the coder of the facts.

// liveState is LiveSystem with what only the fold needs.
type liveState struct {
	LiveSystem
	anomalies uint64
}

func (s *liveState) fields(c *coder, forces *uint64) {
	c.uint64(1, &s.Boots)
	c.bool(2, &s.Clean)
	c.uint32(3, &s.NextMID)
	c.uint32(4, &s.NextICID)
	c.uint32(5, &s.NextDCID)
	c.bool(6, &s.Wrapped)
	c.int64(7, &s.ClockShift)
	c.strings(8, &s.DeliverySuspended)
	c.strings(9, &s.ListenersSuspended)
	c.bool(10, &s.WorkQueuePaused)
	c.string(11, &s.WorkQueuePauseReason)
	c.uint64(12, &s.Revision)
	c.string(13, &s.ConfigHash)
	c.instant(14, &s.LastReset)
	c.uint32(15, &s.Conservation)
	c.uint32(16, &s.Unclean)
	c.uint64s(17, &s.BulkActions)
	c.uint64(18, &s.Messages)
	c.uint64(19, &s.Recipients)
	c.int64(20, &s.BodyBytes)
	c.uint64(21, &s.anomalies)
	c.uint64(22, forces)
	list(c, 23, &s.Undoable, func(c *coder, u *LiveUndo) {
		c.uint64(1, &u.Order)
		c.uint64(2, &u.Completed)
		c.instant(3, &u.At)
		c.uint64(4, &u.UndoneBy)
	})
}

func appendLiveSystem(b []byte, s *liveState, forces uint64) []byte {
	c := coder{pub: stream{append(b, liveVersion)}}
	s.fields(&c, &forces)
	return c.pub.b
}

func decodeLiveSystem(value []byte) (s liveState, forces uint64, err error) {
	if len(value) == 0 || value[0] != liveVersion {
		return s, 0, &LiveRowsError{What: "version"}
	}
	c := coder{reading: true, pub: stream{bytes.Clone(value[1:])}}
	s.fields(&c, &forces)
	if c.err != nil {
		return liveState{}, 0, &LiveRowsError{What: "system"}
	}
	return s, forces, nil
}

func liveHostFields(c *coder, h *LiveHost, s *liveStamp) {
	c.bool(1, &h.Down)
	c.uint32(2, &h.Failures)
	c.instant(3, &h.Next)
	c.string(4, &h.Reason)
	c.int64(5, &s.shift)
	c.uint64(6, &s.forces)
}

func appendLiveHost(b []byte, h *LiveHost, s liveStamp) []byte {
	c := coder{pub: stream{b}}
	liveHostFields(&c, h, &s)
	return c.pub.b
}

func decodeLiveHost(destination string, value []byte) (h LiveHost, s liveStamp, err error) {
	c := coder{reading: true, pub: stream{bytes.Clone(value)}}
	liveHostFields(&c, &h, &s)
	h.Destination = destination
	if c.err != nil {
		return h, s, &LiveRowsError{What: fmt.Sprintf("host %q", destination)}
	}
	return h, s, nil
}

func liveForceFields(c *coder, f *liveForce) {
	c.uint64(1, &f.number)
	c.instant(2, &f.at)
	c.int64(3, &f.shift)
}

func appendLiveForce(b []byte, f liveForce) []byte {
	c := coder{pub: stream{b}}
	liveForceFields(&c, &f)
	return c.pub.b
}

func decodeLiveForce(value []byte) (f liveForce, err error) {
	c := coder{reading: true, pub: stream{value}}
	liveForceFields(&c, &f)
	if c.err != nil {
		return f, &LiveRowsError{What: "forced delivery"}
	}
	return f, nil
}

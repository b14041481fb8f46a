package journal

import (
	"fmt"
	"maps"
	"slices"
)

// liveBaseline is the whole of the live state at a cut. It stands in a fact, so its fields keep their numbers.
type liveBaseline struct {
	systems  []liveState // one
	forces   uint64
	forced   []liveForced
	hosts    []LiveHost
	messages []LiveMessage
}

// liveForced is the last DeliveryForced of a domain.
type liveForced struct {
	domain string
	liveForce
}

func (b *liveBaseline) fields(c *coder) {
	list(c, 1, &b.systems, func(c *coder, s *liveState) { s.fields(c, new(uint64)) })
	c.uint64(2, &b.forces)
	list(c, 3, &b.forced, func(c *coder, f *liveForced) {
		liveForceFields(c, &f.liveForce)
		c.string(4, &f.domain)
	})
	list(c, 4, &b.hosts, func(c *coder, h *LiveHost) {
		liveHostFields(c, h, &liveStamp{})
		c.string(7, &h.Destination)
	})
	list(c, 5, &b.messages, liveMessageFields)
}

func liveMessageFields(c *coder, m *LiveMessage) {
	c.uint64(1, &m.Seq)
	c.uint32(2, &m.MID)
	c.uint32(3, &m.ICID)
	c.instant(4, &m.Injected)
	c.int64(5, &m.Size)
	c.uint64(6, (*uint64)(&m.Body))
	c.uint8(7, (*uint8)(&m.Why))
	c.uint64(8, &m.Parent)
	c.uint32(9, &m.ParentMID)
	c.uint64(10, &m.SenderHash)
	c.bool(11, &m.Null)
	c.bool(12, &m.SetAside)
	c.bool(13, &m.InWorkQueue)
	c.uint32(14, &m.Quarantines)
	c.uint64s(15, &m.Dues)
	list(c, 16, &m.Recipients, func(c *coder, r *LiveRecipient) {
		c.uint32(1, &r.RID)
		c.string(2, &r.Destination)
		c.string(3, &r.Redirect)
		c.uint32(4, &r.Attempts)
		c.instant(5, &r.Next)
		c.bool(6, &r.Attempting)
		c.bool(7, &r.Held)
		c.uint8(8, (*uint8)(&r.Notify))
		c.bool(9, &r.Exact)
		c.bool(10, &r.Sent)
	})
}

// baseline writes down all that a replay knows.
func (f *liveFold) baseline() Blob {
	b := liveBaseline{systems: []liveState{f.state}, forces: f.adjust.forces}
	for _, domain := range slices.Sorted(maps.Keys(f.adjust.forced)) {
		b.forced = append(b.forced, liveForced{domain, f.adjust.forced[domain]})
	}
	for _, name := range slices.Sorted(maps.Keys(f.hosts)) {
		h := f.hosts[name]
		f.adjust.host(&h.LiveHost, &h.stamp)
		if !h.ended && (h.Down || h.Failures > 0) {
			b.hosts = append(b.hosts, h.LiveHost)
		}
	}
	for _, e := range f.changed() {
		f.adjust.message(&e.LiveMessage, &e.stamp)
		b.messages = append(b.messages, e.LiveMessage)
	}
	var c coder
	b.fields(&c)
	return Blob(c.pub.b)
}

// adopt makes a cut's state that of the fold, whatever it knew before. A cut without one, or with one that cannot be read,
// leaves what its other fields say.
func (f *liveFold) adopt(e *HistoryCut) {
	var b liveBaseline
	c := coder{reading: true, pub: stream{[]byte(e.Live)}}
	if e.Live != "" {
		b.fields(&c)
	}
	if c.err != nil || len(b.systems) != 1 {
		f.state.cut(e)
		if e.Live != "" {
			f.anomaly()
		}
		return
	}
	f.state = b.systems[0]
	f.adjust = liveAdjust{liveStamp: liveStamp{shift: f.state.ClockShift, forces: b.forces}, forced: make(map[string]liveForce)}
	f.messages, f.hosts = make(map[uint64]*liveEntry), make(map[string]*liveHostEntry)
	f.forced, f.outdated, f.size = make(map[string]bool), make(map[string]bool), 0
	for _, x := range b.forced {
		domain := own(x.domain)
		f.adjust.forced[domain], f.forced[domain] = x.liveForce, true
	}
	for i := range b.hosts {
		h := &liveHostEntry{LiveHost: b.hosts[i], stamp: f.adjust.liveStamp}
		h.Destination, h.Reason = f.names.ofString(h.Destination), own(h.Reason)
		f.hosts[h.Destination] = h
		f.size += liveHostCost
	}
	for i := range b.messages {
		m := &liveEntry{LiveMessage: b.messages[i], stamp: f.adjust.liveStamp}
		for k := range m.Recipients {
			c := &m.Recipients[k]
			c.Destination = f.names.ofString(c.Destination)
			if c.Redirect != "" {
				c.Redirect = f.names.ofString(c.Redirect)
			}
		}
		f.keep(m)
	}
}

// Blob is bytes that only a program reads.
type Blob string

// String tells how long it is.
func (b Blob) String() string { return fmt.Sprintf("%d bytes", len(b)) }

// MarshalJSON tells how long it is: it would be most of a dump.
func (b Blob) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%q", b.String()), nil }

package projections

import (
	"slices"
	"strings"

	"postern/journal"
)

// keyframeVersion changes whenever the encoding does; a keyframe of another version is as good as none.
const keyframeVersion = 10

// encode appends the figures. Gauges are not written: they are counted again from the recipients.
func (f *Figures) encode(b []byte) []byte {
	e := &encoder{b: append(b, keyframeVersion)}
	e.uint(f.seq)
	e.int(int64(f.time))
	e.int(f.clock)
	e.int(f.shift)
	e.uint(uint64(NumCounters))
	for k := range NumCounters {
		e.uints(f.counters.lifetime[k], f.counters.atReset[k], f.counters.atStart[k])
	}
	f.rates.encode(e, seconds(f.clock))
	f.system.encode(e)
	numbers := f.hosts.encode(e)
	f.queue.encode(e, numbers)
	f.connections.encode(e, numbers)
	f.logins.encode(e)
	f.alerts.encode(e)
	f.actions.encode(e)
	e.uint(uint64(len(f.setBacks)))
	e.uints(f.setBacks...)
	return e.b
}

func decodeFigures(b []byte, maxHosts int) (*Figures, error) {
	if len(b) == 0 || b[0] != keyframeVersion {
		return nil, errKeyframe
	}
	d := &decoder{b: b[1:]}
	f := NewFigures(maxHosts)
	f.seq = d.uint()
	f.time = journal.Instant(d.int())
	f.clock, f.shift = d.int(), d.int()
	for k := range d.count() {
		var v [3]uint64
		v[0], v[1], v[2] = d.uint(), d.uint(), d.uint()
		if k < int(NumCounters) {
			f.counters.lifetime[k], f.counters.atReset[k], f.counters.atStart[k] = v[0], v[1], v[2]
		}
	}
	f.rates.decode(d)
	f.system.decode(d)
	f.hosts.decode(d)
	f.queue.decode(d, &f.hosts)
	f.connections.decode(d, &f.hosts)
	f.logins.decode(d)
	f.alerts.decode(d)
	f.actions.decode(d)
	for range d.count() {
		f.setBacks = append(f.setBacks, d.uint())
	}
	if d.err == nil && len(d.b) > 0 {
		d.fail()
	}
	return f, d.err
}

func (r *Rates) encode(e *encoder, now int64) {
	var used []*rateSecond
	for i := range r.ring {
		if b := &r.ring[i]; b.n != [numRates]uint32{} && now-b.second < 15*60 {
			used = append(used, b)
		}
	}
	e.uint(uint64(len(used)))
	for _, b := range used {
		e.int(b.second)
		for _, n := range b.n {
			e.uint(uint64(n))
		}
	}
}

func (r *Rates) decode(d *decoder) {
	for range d.count() {
		b := r.at(d.int())
		for i := range b.n {
			b.n[i] = d.uint32()
		}
	}
}

func (s *system) encode(e *encoder) {
	e.strings([]string{s.hostname, s.version, s.pauseReason, s.pausedBy})
	e.uints(s.boot, s.revision, uint64(s.conservation), s.workQueueIn)
	e.int(int64(s.started))
	e.int(int64(s.lastReset))
	e.int(int64(s.installed))
	e.bool(s.running)
	e.bool(s.workQueuePaused)
	e.strings(s.deliverySuspended)
	e.strings(s.listenerSuspended)
	e.strings(s.conservationWhy)
	for _, id := range s.ids[1:] {
		e.uint(uint64(id.id))
		e.bool(id.anew)
		e.uint(uint64(id.first))
	}
}

func (s *system) decode(d *decoder) {
	if words := d.strings(); len(words) == 4 {
		s.hostname, s.version, s.pauseReason, s.pausedBy = words[0], words[1], words[2], words[3]
	} else {
		d.fail()
	}
	s.boot, s.revision, s.conservation, s.workQueueIn = d.uint(), d.uint(), d.uint32(), d.uint()
	s.started, s.lastReset = journal.Instant(d.int()), journal.Instant(d.int())
	s.installed = journal.Instant(d.int())
	s.running, s.workQueuePaused = d.bool(), d.bool()
	s.deliverySuspended, s.listenerSuspended, s.conservationWhy = d.strings(), d.strings(), d.strings()
	for i := range s.ids[1:] {
		s.ids[1+i] = lastID{id: d.uint32(), anew: d.bool(), first: d.uint32()}
	}
}

// encode writes the hosts in an order that makes their lists again, and returns their new numbers.
func (s *hosts) encode(e *encoder) map[uint32]uint32 {
	var order []uint32
	s.each(func(n uint32, h *host) {
		if h.list == listNone {
			order = append(order, n)
		}
	})
	for _, list := range [...]uint8{listIdle, listRetired, listSilent} {
		for n := s.head[list]; n != 0; n = s.at(n).next {
			order = append(order, n)
		}
	}
	e.uint(s.forgotten)
	e.uint(uint64(len(order)))
	numbers := make(map[uint32]uint32, len(order))
	for i, n := range order {
		numbers[n] = uint32(i + 1)
		s.at(n).encode(e)
	}
	return numbers
}

func (h *host) counters() []*uint64 {
	return []*uint64{
		&h.soft, &h.hard[1], &h.hard[2], &h.hard[3], &h.hard[4], &h.hard[5], &h.delivered, &h.deleted,
		&h.opening, &h.injected, &h.movedIn, &h.reinstated, &h.strays, &h.dropped, &h.movedOut,
	}
}

func (h *host) encode(e *encoder) {
	e.string(h.name)
	e.uints(uint64(h.list), uint64(h.state))
	for _, v := range h.counters() {
		e.uint(*v)
	}
	e.int(int64(h.lastActivity))
	e.int(h.idleSince)
	e.bool(h.error5XX != nil)
	if x := h.error5XX; x != nil {
		e.string(x.text)
		e.int(int64(x.at))
		e.addr(x.ip)
	}
	e.bool(h.errorTLS != nil)
	if x := h.errorTLS; x != nil {
		e.strings([]string{x.text, x.level})
		e.int(int64(x.at))
		e.addr(x.ip)
	}
	e.bool(h.down != nil)
	if x := h.down; x != nil {
		e.string(x.reason)
		e.uint(uint64(x.failures))
		e.int(int64(x.next))
	}
}

func (s *hosts) decode(d *decoder) {
	s.forgotten = d.uint()
	for range d.count() {
		name := d.string()
		if _, twice := s.byName[name]; twice || d.err != nil {
			d.fail()
			return
		}
		n := s.take()
		h := s.at(n)
		h.name, h.first = name, firstBytes(name)
		s.byName[name] = n
		s.most = max(s.most, len(s.byName))
		list := uint8(d.below(numLists))
		h.state = HostState(d.below(uint64(HostStateDown) + 1))
		for _, v := range h.counters() {
			*v = d.uint()
		}
		h.lastActivity, h.idleSince = journal.Instant(d.int()), d.int()
		if d.bool() {
			h.error5XX = &hostError{text: d.string(), at: journal.Instant(d.int()), ip: d.addr()}
		}
		if d.bool() {
			words := d.strings()
			if len(words) != 2 {
				d.fail()
				return
			}
			h.errorTLS = &hostError{text: words[0], level: words[1], at: journal.Instant(d.int()), ip: d.addr()}
		}
		if d.bool() {
			h.down = &hostDown{reason: d.string(), failures: d.uint32(), next: journal.Instant(d.int())}
		}
		if list != listNone {
			s.push(list, n)
		}
	}
}

func (q *queue) encode(e *encoder, numbers map[uint32]uint32) {
	e.uint(q.strays)
	e.uint(uint64(q.messages.live))
	var before message
	host, number := uint32(0), uint32(0) // of the word before: mostly the same
	q.messages.each(func(m *message) bool {
		e.uint(m.seq - before.seq)
		e.int(int64(m.mid) - int64(before.mid))
		e.int(int64(m.second) - int64(before.second))
		e.uints(uint64(m.size), uint64(m.rids), uint64(m.dues), uint64(m.quarantines), uint64(m.flags))
		before = *m
		for rid := range m.rids {
			w := q.recipient(m, rid)
			if w&wordLive == 0 {
				e.uint(uint64(makeWord(0, w&(wordAttempted|wordSilent))))
				continue
			}
			if w.host() != host {
				host, number = w.host(), numbers[w.host()]
			}
			e.uint(uint64(makeWord(number, w&(wordAttempted|wordSilent|wordLive))))
		}
		return true
	})
}

func (q *queue) decode(d *decoder, hs *hosts) {
	q.strays = d.uint()
	var before message
	for range d.count() {
		delta := d.below(1 << 62)
		mid, second := uint32(int64(before.mid)+d.int()), uint32(int64(before.second)+d.int())
		size, rids := d.uint32(), uint32(d.below(maxRIDs+1))
		dues, quarantines, flags := uint16(d.below(1<<16)), uint8(d.below(1<<8)), uint8(d.below(1<<8))
		if d.err != nil || delta == 0 || delta > 1<<62-before.seq || rids == 0 || int(rids) > len(d.b) {
			d.fail()
			return
		}
		m := q.enter(before.seq+delta, mid, 0, int64(size), rids, flags)
		m.second, m.dues, m.quarantines = second, dues, quarantines
		before = *m
		if quarantines > 0 {
			q.quarantineBytes += uint64(size)
		}
		for rid := range rids {
			w := word(d.uint32())
			if w.host() >= hs.used || w&wordLive != 0 && w.host() == 0 {
				d.fail()
				return
			}
			q.setRecipient(m, rid, w)
			if w&wordLive != 0 {
				q.count(hs.at(w.host()), m, w, +1)
			}
		}
	}
}

func (c *connections) encode(e *encoder, numbers map[uint32]uint32) {
	e.bool(c.inexact)
	icids := make(map[*clientInfo][]uint32, len(c.clients))
	for icid, info := range c.inbound {
		icids[info] = append(icids[info], icid)
	}
	e.uint(uint64(len(c.clients)))
	for _, info := range c.clients {
		e.addr(info.remote)
		e.strings([]string{info.listener, info.reverse})
		e.bool(info.verified)
		of := icids[info]
		slices.Sort(of)
		e.uint(uint64(len(of)))
		for _, icid := range of {
			e.uint(uint64(icid))
		}
	}
	e.uint(uint64(len(c.outbound)))
	for dcid, n := range c.outbound {
		e.uints(uint64(dcid), uint64(numbers[n]))
	}
}

func (c *connections) decode(d *decoder, hs *hosts) {
	inexact := d.bool()
	for range d.count() {
		a := journal.ConnectionAccepted{Remote: d.addr()}
		words := d.strings()
		a.Verified = d.bool()
		if len(words) != 2 {
			d.fail()
			return
		}
		a.Listener, a.ReverseDNS = strings.Clone(words[0]), words[1]
		for range d.count() {
			a.ICID = d.uint32()
			c.accepted(&a)
		}
	}
	for range d.count() {
		dcid, n := d.uint32(), d.uint32()
		if n == 0 || n >= hs.used {
			d.fail()
			return
		}
		c.opened(hs, dcid, n)
	}
	c.inexact = inexact
}

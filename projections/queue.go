package projections

import (
	"math"

	"postern/journal"
)

// quarantineOverhead is what a recipient adds to Kilobytes In Quarantine, in bytes.
const quarantineOverhead = 30

// queue is what is in the gateway now: the live messages and the sums over them.
type queue struct {
	messages messages
	words    words

	unattempted, attempted uint64 // active recipients
	waiting                uint64 // recipients in the work queue or in quarantine
	inWorkQueue            uint64 // messages
	quarantined            uint64 // messages that are or were in a quarantine
	bytes                  uint64 // sizes of the live messages
	quarantineBytes        uint64 // sizes and overhead of those in quarantine
	strays                 uint64 // recipients that a fact named and that were not where it says
}

// ending is how recipients leave.
type ending uint8

const (
	endDelivered ending = iota
	endHardBounced
	endDeleted
	endDropped
	endMoved
)

// end books one recipient (or n strays) out of a host.
func (h *host) end(how ending, class journal.BounceClass, n uint64) {
	switch how {
	case endDelivered:
		h.delivered += n
	case endHardBounced:
		if class == 0 || class > journal.BounceOther {
			class = journal.BounceOther
		}
		h.hard[class] += n
	case endDeleted:
		h.deleted += n
	case endDropped:
		h.dropped += n
	case endMoved:
		h.movedOut += n
	}
}

// recipient returns a recipient's word, 0 when it is none of the message's.
func (q *queue) recipient(m *message, rid uint32) word {
	switch {
	case rid >= m.rids:
		return 0
	case m.rids == 1:
		return word(m.recipients)
	}
	return q.words.block(m.recipients, m.rids)[1+rid]
}

func (q *queue) setRecipient(m *message, rid uint32, w word) {
	if m.rids == 1 {
		m.recipients = uint32(w)
		return
	}
	b := q.words.block(m.recipients, m.rids)
	if b[1+rid]&wordLive != w&wordLive {
		if w&wordLive != 0 {
			b[0]++
		} else {
			b[0]--
		}
	}
	b[1+rid] = w
}

// left counts the recipients of a message that are still here.
func (q *queue) left(m *message) uint64 {
	if m.rids == 1 {
		return uint64(m.recipients) & uint64(wordLive)
	}
	return uint64(q.words.block(m.recipients, m.rids)[0])
}

// eachLive calls fn for the live recipients of a message.
func (q *queue) eachLive(m *message, fn func(rid uint32, w word)) {
	for rid := range m.rids {
		if w := q.recipient(m, rid); w&wordLive != 0 {
			fn(rid, w)
		}
	}
}

// count adds one recipient to the gauges, or with by −1 takes it out.
func (q *queue) count(h *host, m *message, w word, by int32) {
	switch {
	case m.waiting():
		h.waiting += uint32(by)
		q.waiting += uint64(int64(by))
	case w&wordAttempted != 0:
		h.attempted += uint32(by)
		q.attempted += uint64(int64(by))
	default:
		h.unattempted += uint32(by)
		q.unattempted += uint64(int64(by))
	}
	if m.quarantines > 0 {
		q.quarantineBytes += uint64(int64(by) * quarantineOverhead)
	}
}

// enter makes a message with room for so many RIDs, without any recipient yet.
func (q *queue) enter(seq uint64, mid uint32, clock, size int64, rids uint32, flags uint8) *message {
	m := message{
		seq: seq, mid: mid, rids: rids, flags: flags,
		second: uint32(min(max(seconds(clock), 0), math.MaxUint32)),
		size:   uint32(min(max(size, 0), math.MaxUint32)),
	}
	if rids != 1 {
		m.recipients = q.words.alloc(rids)
	}
	q.bytes += uint64(m.size)
	if flags&flagWorkQueue != 0 {
		q.inWorkQueue++
	}
	if flags&flagQuarantined != 0 {
		q.quarantined++
	}
	return q.messages.add(m)
}

// finish lets a message go that has neither recipients nor dues left.
func (q *queue) finish(m *message, p place) {
	if m.dues > 0 || q.left(m) > 0 {
		return
	}
	q.bytes -= uint64(m.size)
	if m.flags&flagWorkQueue != 0 {
		q.inWorkQueue--
	}
	if m.flags&flagQuarantined != 0 {
		q.quarantined--
	}
	if m.quarantines > 0 {
		q.quarantineBytes -= uint64(m.size)
	}
	if m.rids != 1 {
		q.words.release(m.recipients, m.rids)
	}
	q.messages.remove(p)
}

// change alters where a message stands and books its recipients anew.
func (q *queue) change(hs *hosts, m *message, alter func()) {
	q.eachLive(m, func(_ uint32, w word) { q.count(hs.at(w.host()), m, w, -1) })
	alter()
	q.eachLive(m, func(_ uint32, w word) { q.count(hs.at(w.host()), m, w, +1) })
}

// leaveWorkQueue notes that a message waits for delivery.
func (q *queue) leaveWorkQueue(hs *hosts, m *message) {
	if m.flags&flagWorkQueue != 0 {
		q.inWorkQueue--
		q.change(hs, m, func() { m.flags &^= flagWorkQueue })
	}
}

func (q *queue) quarantine(hs *hosts, m *message) {
	if m.quarantines == math.MaxUint8 {
		return
	}
	if m.flags&flagQuarantined == 0 {
		q.quarantined++
	}
	if m.quarantines == 0 {
		q.quarantineBytes += uint64(m.size)
	}
	q.change(hs, m, func() { m.quarantines++; m.flags |= flagQuarantined })
}

func (q *queue) release(hs *hosts, m *message, last bool) {
	if m.quarantines == 0 {
		return
	}
	left := m.quarantines - 1
	if last {
		left = 0
	}
	q.change(hs, m, func() { m.quarantines = left })
	if left == 0 {
		q.quarantineBytes -= uint64(m.size)
	}
}

// oldest returns the oldest message with a recipient (of a host, unless it is 0) that is not in quarantine; for a host,
// only recipients that wait for delivery count.
func (q *queue) oldest(host uint32) (found message, ok bool) {
	q.messages.each(func(m *message) bool {
		if m.quarantines > 0 || q.left(m) == 0 || host != 0 && m.waiting() {
			return true
		}
		if host == 0 {
			found, ok = *m, true
			return false
		}
		for rid := range m.rids {
			if w := q.recipient(m, rid); w&wordLive != 0 && w.host() == host {
				found, ok = *m, true
				return false
			}
		}
		return true
	})
	return found, ok
}

package projections

import (
	"strings"

	"postern/journal"
)

// applyMessage folds the life of a message, but for what operators do to it; false: it was something else.
func (f *Figures) applyMessage(r journal.Record) bool {
	switch e := r.Event.(type) {
	case *journal.MessageInjected:
		f.injected(r, e)
	case *journal.AttemptStarted:
		f.attempt(r, e)
	case *journal.DeliveryStarted, *journal.DataSent:
	case *journal.Delivered:
		f.counters.deliver(len(e.RIDs))
		n := f.end(endDelivered, 0, e.Message, e.Destination, e.RIDs, e.Notify)
		f.answered(n)
		if e.DCID != 0 {
			f.reached(n)
		}
	case *journal.SoftBounced:
		f.counters.add(SoftBouncedEvents, len(e.RIDs))
		f.answered(f.softBounce(e.Message, e.Destination, e.RIDs))
	case *journal.OutcomeUnknown:
		f.counters.add(SoftBouncedEvents, len(e.RIDs))
		f.counters.add(UnknownOutcomes, len(e.RIDs))
		f.softBounce(e.Message, e.Destination, e.RIDs)
	case *journal.HardBounced:
		f.counters.hardBounce(e.Class, len(e.RIDs))
		n := f.end(endHardBounced, e.Class, e.Message, e.Destination, e.RIDs, e.Notify)
		f.answered(n)
		if e.Class == journal.Bounce5XX && n != 0 {
			f.hosts.at(n).error5XX = &hostError{text: answerText(e), at: r.Time, ip: e.Address}
		}
	case *journal.NotificationDropped:
		f.reported(e.Message, len(e.Reports))
	case *journal.DoubleBounced:
		f.counters.hardBounce(e.Class, len(e.RIDs))
		f.answered(f.end(endHardBounced, e.Class, e.Message, e.Destination, e.RIDs, false))
	default:
		return f.applyWorkQueue(r)
	}
	return true
}

// applyWorkQueue folds what happens between acceptance and the delivery queue.
func (f *Figures) applyWorkQueue(r journal.Record) bool {
	switch e := r.Event.(type) {
	case *journal.Queued:
		if m, _, ok := f.queue.messages.find(e.Message); ok {
			f.queue.leaveWorkQueue(&f.hosts, m)
		}
	case *journal.Quarantined:
		if m, _, ok := f.queue.messages.find(e.Message); ok {
			f.queue.quarantine(&f.hosts, m)
		}
	case *journal.Released:
		if m, _, ok := f.queue.messages.find(e.Message); ok {
			f.queue.release(&f.hosts, m, e.Last)
		}
	case *journal.Dropped:
		f.counters.add(DroppedMessages, 1)
		if e.Filter {
			f.counters.hardBounce(journal.BounceFilter, len(e.RIDs))
			f.end(endHardBounced, journal.BounceFilter, e.Message, "", e.RIDs, false)
		} else {
			f.counters.add(DroppedRecipients, len(e.RIDs))
			f.end(endDropped, 0, e.Message, "", e.RIDs, false)
		}
	case *journal.Split:
		f.counters.add(MovedOutRecipients, len(e.RIDs))
		f.end(endMoved, 0, e.Message, "", e.RIDs, false)
	case *journal.Rewritten:
		rids := f.liveRIDs(e.Message)
		f.counters.add(MovedOutRecipients, len(rids))
		f.end(endMoved, 0, e.Message, "", rids, false)
	case *journal.WorkQueuePaused:
		f.system.workQueuePaused, f.system.pauseReason, f.system.pausedBy = true, strings.Clone(e.Reason), strings.Clone(e.By)
	case *journal.WorkQueueResumed:
		f.system.workQueuePaused, f.system.pauseReason, f.system.pausedBy = false, "", ""
	default:
		return false
	}
	return true
}

func (f *Figures) injected(r journal.Record, e *journal.MessageInjected) {
	f.counters.inject(e)
	f.gave(journal.MID, e.MID)
	switch e.Why {
	case journal.WhyBounce, journal.WhySuccess: // a delay was never due
		f.reported(e.Parent, len(e.Reports))
	}
	if len(e.Recipients) == 0 {
		return
	}
	flags := uint8(0)
	if !e.Queued {
		flags = flagWorkQueue
		f.system.workQueueIn++
	}
	m := f.queue.enter(r.Seq, e.MID, f.clock, e.Size, ridsOf(e), flags)
	for i := range e.Recipients {
		rc := &e.Recipients[i]
		if rc.RID >= m.rids || f.queue.recipient(m, rc.RID) != 0 {
			f.queue.strays++
			continue
		}
		n := f.hosts.number(rc.Domain, f.clock)
		h := f.hosts.at(n)
		h.injected++
		w := makeWord(n, wordLive|silent(e.Sender, rc.Notify))
		f.queue.setRecipient(m, rc.RID, w)
		f.queue.count(h, m, w, +1)
		f.hosts.settled(n, f.clock)
	}
	if f.queue.left(m) == 0 {
		f.finishIfEmpty(r.Seq)
	}
}

// finishIfEmpty lets a message go that came without any recipient that fits.
func (f *Figures) finishIfEmpty(seq uint64) {
	if m, p, ok := f.queue.messages.find(seq); ok {
		f.queue.finish(m, p)
	}
}

// ridsOf is how many RIDs have to be told apart.
func ridsOf(e *journal.MessageInjected) uint32 {
	top := uint32(0)
	for i := range e.Recipients {
		if rid := e.Recipients[i].RID; rid < maxRIDs {
			top = max(top, rid)
		}
	}
	return top + 1
}

// reported takes n dues off a message.
func (f *Figures) reported(seq uint64, n int) {
	m, p, ok := f.queue.messages.find(seq)
	if !ok {
		return
	}
	m.dues -= uint16(min(n, int(m.dues)))
	f.queue.finish(m, p)
}

func (f *Figures) attempt(r journal.Record, e *journal.AttemptStarted) {
	m, _, ok := f.queue.messages.find(e.Message)
	if !ok || len(e.RIDs) == 0 {
		return
	}
	f.queue.leaveWorkQueue(&f.hosts, m) // whoever is delivered has been through it
	if w := f.queue.recipient(m, e.RIDs[0]); w&wordLive != 0 {
		f.hosts.at(w.host()).lastActivity = r.Time
	}
}

// stray notes recipients that a fact named and that are not known; the host's books keep them apart.
func (f *Figures) stray(host uint32, n uint64) {
	f.queue.strays += n
	if host != 0 {
		f.hosts.at(host).strays += n
	}
}

// strayEnd books out recipients of a message, or RIDs of it, that are not known. Without a name nobody can say from where.
func (f *Figures) strayEnd(how ending, class journal.BounceClass, destination string, n uint64) uint32 {
	host := uint32(0)
	if destination != "" && n > 0 {
		host = f.hosts.number(destination, f.clock)
		f.hosts.at(host).end(how, class, n)
	}
	f.stray(host, n)
	return host
}

// end lets recipients of a message go; due: its sender has yet to be told. It returns the host of the last one.
func (f *Figures) end(how ending, class journal.BounceClass, seq uint64, destination string, rids []uint32, due bool) uint32 {
	m, p, ok := f.queue.messages.find(seq)
	if !ok {
		return f.strayEnd(how, class, destination, uint64(len(rids)))
	}
	if due && m.dues < 1<<16-1 {
		m.dues++
	}
	host, strays := uint32(0), uint64(0)
	for _, rid := range rids {
		w := f.queue.recipient(m, rid)
		if w&wordLive == 0 {
			strays++
			continue
		}
		host = w.host()
		h := f.hosts.at(host)
		h.end(how, class, 1)
		f.queue.count(h, m, w, -1)
		f.queue.setRecipient(m, rid, w&^wordLive)
		f.hosts.settled(host, f.clock)
	}
	if strays > 0 {
		host = max(host, f.strayEnd(how, class, destination, strays))
	}
	f.queue.finish(m, p)
	return host
}

// softBounce notes that an attempt for recipients has failed; it returns the host of the last one.
func (f *Figures) softBounce(seq uint64, destination string, rids []uint32) uint32 {
	m, _, ok := f.queue.messages.find(seq)
	if !ok {
		host := uint32(0)
		if destination != "" {
			host = f.hosts.number(destination, f.clock)
			f.hosts.at(host).soft += uint64(len(rids))
		}
		f.queue.strays += uint64(len(rids))
		return host
	}
	f.queue.leaveWorkQueue(&f.hosts, m)
	host := uint32(0)
	for _, rid := range rids {
		w := f.queue.recipient(m, rid)
		if w&wordLive == 0 {
			f.queue.strays++
			continue
		}
		host = w.host()
		h := f.hosts.at(host)
		h.soft++
		if w&wordAttempted == 0 {
			f.queue.count(h, m, w, -1)
			w |= wordAttempted
			f.queue.count(h, m, w, +1)
			f.queue.setRecipient(m, rid, w)
		}
	}
	return host
}

// answered notes that an attempt has ended.
func (f *Figures) answered(host uint32) {
	if host != 0 {
		f.hosts.at(host).lastActivity = f.time
	}
}

// reached notes that a destination answers. One that is down stays so until its HostUp.
func (f *Figures) reached(host uint32) {
	if host == 0 {
		return
	}
	if h := f.hosts.at(host); h.state == HostUnknown {
		f.hosts.touched(host, f.clock)
		h.state = HostStateUp
	}
}

// liveRIDs lists who is left of a message.
func (f *Figures) liveRIDs(seq uint64) (rids []uint32) {
	if m, _, ok := f.queue.messages.find(seq); ok {
		f.queue.eachLive(m, func(rid uint32, _ word) { rids = append(rids, rid) })
	}
	return rids
}

package projections

import (
	"slices"
	"strings"

	"postern/journal"
)

// applyConnection folds what happens on connections and to destinations; false: it was something else.
func (f *Figures) applyConnection(r journal.Record) bool {
	switch e := r.Event.(type) {
	case *journal.ConnectionAccepted:
		f.counters.add(ConnectionsAccepted, 1)
		f.gave(journal.ICID, e.ICID)
		f.connections.accepted(e)
	case *journal.ConnectionClosed:
		f.counters.add(RejectedRecipients, int(e.Rejected))
		f.connections.closed(e.ICID)
	case *journal.ConnectionRefused:
		f.counters.add(ConnectionsRefused, int(e.Count))
	case *journal.ReceivingAborted:
		f.gave(journal.MID, e.MID)
		f.counters.add(RejectedRecipients, len(e.Rejected)+len(e.Recipients))
	case *journal.DeliveryConnectionOpened:
		f.gave(journal.DCID, e.DCID)
		n := f.hosts.number(e.Destination, f.clock)
		f.connections.opened(&f.hosts, e.DCID, n)
		f.hosts.at(n).lastActivity = r.Time
		f.reached(n)
	case *journal.DeliveryConnectionFailed:
		f.gave(journal.DCID, e.DCID)
		f.connections.ended(&f.hosts, e.DCID)
		if n := f.hosts.lookup(e.Destination); n != 0 {
			f.hosts.at(n).lastActivity = r.Time
		}
	case *journal.DeliveryConnectionSecured:
		if n := f.hosts.lookup(e.Destination); n != 0 && e.Failure != "" {
			f.hosts.at(n).errorTLS = tlsErrorOf(r.Time, e)
		}
	case *journal.DeliveryConnectionClosed:
		f.connections.ended(&f.hosts, e.DCID)
	case *journal.HostDown:
		n := f.hosts.number(e.Destination, f.clock)
		f.hosts.touched(n, f.clock)
		h := f.hosts.at(n)
		h.state, h.down = HostStateDown, &hostDown{reason: printable(e.Reason), failures: e.Failures, next: e.Next}
	case *journal.HostUp:
		n := f.hosts.number(e.Destination, f.clock)
		f.hosts.touched(n, f.clock)
		h := f.hosts.at(n)
		h.state, h.down = HostStateUp, nil
	case *journal.DestinationsForgotten:
		for _, name := range e.Destinations {
			f.hosts.forget(name)
		}
	default:
		return false
	}
	return true
}

// applySystem folds what belongs to no message and no connection.
func (f *Figures) applySystem(r journal.Record) {
	s := &f.system
	switch e := r.Event.(type) {
	case *journal.Started:
		if s.running {
			f.logins.ended(r.Time, LoginCrash)
		}
		if s.installed == 0 {
			s.installed = r.Time
		}
		s.boot, s.started, s.running = e.Boot, r.Time, true
		for k := range s.ids {
			s.ids[k].first = 0
		}
		s.hostname, s.version = strings.Clone(e.Hostname), strings.Clone(e.Version)
		f.counters.atStart = f.counters.lifetime
		f.connections.reset(&f.hosts)
	case *journal.Stopped:
		s.running = false
		f.logins.ended(r.Time, LoginShutdown)
		f.gaveBefore(journal.MID, e.NextMID)
		f.gaveBefore(journal.ICID, e.NextICID)
		f.gaveBefore(journal.DCID, e.NextDCID)
	case *journal.CountersReset:
		s.lastReset = r.Time
		f.counters.atReset = f.counters.lifetime
		f.hosts.reset()
	case *journal.IDsReserved:
		f.reserved(e)
	case *journal.ConfigurationCommitted:
		s.revision = e.Revision
	case *journal.ResourceConservationChanged:
		s.conservation = e.Degree
		s.conservationWhy = nil
		for _, why := range e.Reasons {
			s.conservationWhy = append(s.conservationWhy, strings.Clone(why))
		}
	case *journal.NotesOmitted:
		f.connections.omitted(e)
	case *journal.Sampled:
		f.counters.resolver(e)
	case *journal.AlertRaised:
		f.alerts.raise(r, e)
	case *journal.AlertCleared:
		f.alerts.clear(r.Time, e)
	case *journal.OperatorLoggedIn:
		f.logins.entered(r.Time, e)
	case *journal.OperatorLoggedOut:
		f.logins.left(r.Time, e)
	default:
		s.suspension(r.Event)
	}
}

// suspension folds what is suspended and resumed.
func (s *system) suspension(event journal.Event) {
	switch e := event.(type) {
	case *journal.DeliverySuspended:
		s.deliverySuspended = withWords(s.deliverySuspended, orAll(e.Domains))
	case *journal.DeliveryResumed:
		s.deliverySuspended = withoutWords(s.deliverySuspended, orAll(e.Domains))
	case *journal.ListenerSuspended:
		s.listenerSuspended = withWords(s.listenerSuspended, []string{e.Listener})
	case *journal.ListenerResumed:
		s.listenerSuspended = withoutWords(s.listenerSuspended, []string{e.Listener})
	}
}

// orAll is every domain when none is named.
func orAll(domains []string) []string {
	if len(domains) == 0 {
		return []string{"*"}
	}
	return domains
}

// withWords returns a sorted list with more words in it; lists that were handed out do not change.
func withWords(list, more []string) []string {
	list = slices.Clone(list)
	for _, w := range more {
		if i, ok := slices.BinarySearch(list, w); !ok {
			list = slices.Insert(list, i, strings.Clone(w))
		}
	}
	return list
}

// withoutWords returns a list without some words, an empty one without "*".
func withoutWords(list, less []string) []string {
	if slices.Contains(less, "*") {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(list), func(w string) bool { return slices.Contains(less, w) })
}

// Baseline writes down all that the figures know, for a HistoryCut.
func (f *Figures) Baseline() journal.Blob { return journal.Blob(f.encode(nil)) }

// adopt begins where a shortened history begins: with the figures as they stood there. When they were written in a form that
// is not read any more, what the cut says in words is left: the counters among it.
func (f *Figures) adopt(r journal.Record, e *journal.HistoryCut) {
	kept, err := decodeFigures([]byte(e.Figures), f.hosts.max)
	if err != nil || kept.seq != r.Seq {
		f.time, f.clock = r.Time, int64(r.Time)-f.shift
		f.cut(e)
		return
	}
	*f = *kept
}

// cut begins the history anew with what stands for the records that are gone. A fold that has seen them loses nothing.
func (f *Figures) cut(e *journal.HistoryCut) {
	s := &f.system
	f.counters.cut(e)
	if s.installed == 0 {
		s.installed = -1
	}
	s.boot, s.lastReset, s.revision = e.Boots, e.LastReset, e.Revision
	s.deliverySuspended = withWords(nil, e.SuspendedHosts)
	s.listenerSuspended = withWords(nil, e.Suspended)
	s.pauseReason = strings.Clone(e.WorkQueuePause)
	if s.workQueuePaused = e.WorkQueuePause != ""; !s.workQueuePaused {
		s.pausedBy = ""
	}
	for _, v := range e.NextIDs {
		for _, k := range [...]journal.IDKind{journal.MID, journal.ICID, journal.DCID} {
			if v.Name == k.String() && s.ids[k].id == 0 && v.Value > 1 && v.Value <= journal.IDLimit {
				s.ids[k].id = uint32(v.Value - 1)
			}
		}
	}
	f.queue.strays = 0
}

// gave notes that an id was seen. Facts come a little out of the order in which their ids were given, so the id last
// given is the one that is ahead of the others, counted around the limit at which ids begin anew.
func (f *Figures) gave(kind journal.IDKind, id uint32) {
	if id == 0 {
		return
	}
	last := &f.system.ids[kind]
	if last.anew || last.id == 0 || ahead(id, last.id) {
		last.id, last.anew = id, false
	}
}

// ahead tells whether id a was given after b: it lies less than half of the ids before it.
func ahead(a, b uint32) bool {
	d := (a - b) & (journal.IDLimit - 1)
	return d != 0 && d < journal.IDLimit/2
}

// gaveBefore notes the next id that would have been given.
func (f *Figures) gaveBefore(kind journal.IDKind, next uint32) {
	last := &f.system.ids[kind]
	switch {
	case next == 0 || next > journal.IDLimit:
	case next == last.first: // none was given in this run
	case next == 1 && last.id == 0: // none was given yet
	case next == 1:
		last.id = journal.IDLimit - 1
	default:
		last.id = next - 1
	}
}

// reserved notes a block of ids; one that lies behind the last id given means that somebody has set the ids back.
func (f *Figures) reserved(e *journal.IDsReserved) {
	if e.ID < journal.MID || e.ID > journal.DCID {
		return
	}
	last := &f.system.ids[e.ID]
	if last.first == 0 {
		for last.first = e.From; last.first < e.To && slices.Contains(e.Skip, last.first); {
			last.first++
		}
	}
	if last.id != 0 && e.From != 0 && !ahead(e.From, last.id) && e.From != last.id {
		last.anew = true
	}
}

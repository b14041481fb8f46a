package engine

import (
	"postern/journal"
)

// State is what decisions need, folded from the records. It holds no text but the names of destinations: addresses,
// subjects and bodies stay in the store. A message that has ended leaves it.
//
// One goroutine owns all of it. Nothing in it is ordered by a public id or by map iteration.
type State struct {
	messages   slab[message]
	recipients slab[recipient]
	bySeq      map[uint64]uint32 // Seq of MessageInjected → message

	destinations []*destination // by index; 0 is none; nil: free
	freeDest     []uint32
	byName       map[string]uint32

	due    dueHeap // recipients that have a time of their own
	probes dueHeap // destinations that are down

	oldest, newest uint32 // messages in the order in which they came, for expiry
	loadedTo       uint32 // the newest of before the start that is in; what came during the loading stands behind it
	expiring       uint32 // where expiry goes on with the next turn; 0: it begins anew
	look           int64  // and not before; State's clock

	runnable []uint32 // destinations that may have something to start, in turn

	looking   int   // the next destination to be looked at for whether it can go; 0: it begins anew
	lookOver  int64 // and not before; State's clock
	mostHosts int   // in byName since it was last made

	shared map[journal.BodyID]bodyUse // bodies that copies (notifications, splits) need too
	freed  []journal.BodyID           // bodies that nobody needs since the last turn
	loaded bool                       // everything of before the start is in; until then no body is freed
	parked []journal.BodyID           // bodies that would have been freed before that

	reports     map[uint32][]uint64 // message → Seqs of facts whose report is due
	reportQueue []uint32            // messages with reports due that no writer has in hand
	reportLater dueHeap             // messages whose notification could not be written

	undo           []*undoable // orders that can be undone, by Seq
	broughtBack    uint32      // the message that came back last, and its Seq: the next one comes behind it
	broughtBackSeq uint64

	keptTwice map[uint64]uint32 // message → how many more undos may need its body than its flag says

	workQueue   []uint32 // messages in the work queue, in the order in which they came; ended ones may be among them
	unprocessed uint32   // how many are really there
	paused      bool     // the work queue is

	claimedInHand int // recipients that are claimed and in an attempt

	now        int64  // time of the last record; State's clock
	inHand     int    // attempts under way
	calm       int64  // nothing expires before; State's clock
	alone      uint32 // the suspect message that is tried by itself, 0 in ordinary times
	shift      int64  // sum of the clock's jumps; times in slabs are as if there had been none
	bodyBytes  int64  // of live messages with a body of their own
	totals     Totals
	suspended  map[string]bool // domains whose delivery is suspended; "*" is all
	nextID     [4]uint32       // the first id not reserved, by IDKind
	wrapped    [4]bool         // ids of an earlier round may still live
	conserved  conservation    // how much resources are conserved
	anomalies  uint64          // facts that did not fit; always 0 unless the journal lies
	initialWin int             // connections that a destination may begin with
	limit      int             // and what it may grow to
}

// Totals are figures of State that others may read after each turn.
type Totals struct {
	Messages   int
	Recipients int
	Attempting int   // attempts under way
	BodyBytes  int64 // of live messages
	Reports    int   // notifications due
	Hosts      int
	Anomalies  uint64 // facts that did not fit; always 0 unless the journal lies
}

// message is one live message. 64 bytes, no pointers.
type message struct {
	seq          uint64
	injected     int64 // nanoseconds, State's clock
	body         journal.BodyID
	size         int64
	sender       uint64 // hash; 0 is the null sender
	mid          uint32
	first        uint32 // its recipients, linked by next
	older, newer uint32
	live         uint32 // recipients left
	inHand       uint16 // attempts under way
	flags        messageFlags
	why          journal.Why
}

type messageFlags uint8

const (
	setAside    messageFlags = 1 << iota // out of the schedule
	reporting                            // a writer has its reports in hand
	suspect                              // was in hand when the process ended without order
	copyBody                             // Body belongs to another message
	keepBody                             // an undo may need it when the message has gone
	inWorkQueue                          // not yet in the delivery queue
)

// recipient is one live recipient. 48 bytes, no pointers.
type recipient struct {
	due          int64 // when waiting; State's clock
	message      uint32
	destination  uint32
	next         uint32 // of the same message
	before, then uint32 // neighbours in one of the destination's lines
	rid          uint32
	attempts     uint32
	round        uint16 // waiting: the destination's when it began to
	state        phase  // ask State.phase, which knows of forced deliveries
	was          phase  // parked: where it stood before
	flags        recipientFlags
	notify       journal.Notify
}

type recipientFlags uint8

const (
	claimed    recipientFlags = 1 << iota // an operator's order is about to take it
	redirected                            // its destination is where an operator has sent it
	heldItself                            // not only as one of a message that is set aside
)

// phase is where a recipient stands.
type phase uint8

const (
	gone    phase = iota
	ready         // in its destination's line, as soon as there is room
	waiting       // until its due time
	trying        // an attempt is under way
	held          // until somebody releases it
	pending       // in the work queue
	parked        // claimed, and in nobody's hand
)

// NewState is the state before the first record.
func NewState() *State {
	return &State{
		bySeq:        make(map[uint64]uint32),
		destinations: make([]*destination, 1),
		byName:       make(map[string]uint32),
		shared:       make(map[journal.BodyID]bodyUse),
		reports:      make(map[uint32][]uint64),
		suspended:    make(map[string]bool),
		keptTwice:    make(map[uint64]uint32),
		loaded:       true,
		initialWin:   20,
		limit:        500,
	}
}

// Totals returns the figures as they stand.
func (s *State) Totals() Totals {
	t := s.totals
	t.Messages = s.messages.live()
	t.Recipients = s.recipients.live()
	t.Attempting = s.inHand
	t.BodyBytes = s.bodyBytes
	t.Hosts = len(s.byName)
	t.Anomalies = s.anomalies
	return t
}

// addMessage links a new message at the end of the order of age.
func (s *State) addMessage(m message) uint32 { return s.addAfter(s.newest, m) }

// addLoaded links a message of before the start: behind those that were loaded already, before all that came since.
func (s *State) addLoaded(m message) uint32 {
	s.loadedTo = s.addAfter(s.loadedTo, m)
	return s.loadedTo
}

// addAfter links a message behind another one in the order of age, 0 for the first place.
func (s *State) addAfter(older uint32, m message) uint32 {
	i := s.messages.take()
	m.older, m.newer = older, s.oldest
	if older != 0 {
		m.newer = s.messages.at(older).newer
		s.messages.at(older).newer = i
	} else {
		s.oldest = i
	}
	if m.newer != 0 {
		s.messages.at(m.newer).older = i
	} else {
		s.newest = i
	}
	*s.messages.at(i) = m
	s.bySeq[m.seq] = i
	if m.flags&copyBody == 0 {
		s.bodyBytes += m.size
	}
	return i
}

// addRecipient appends a recipient to a message; it is in no list yet.
func (s *State) addRecipient(mi uint32, dest string, rid uint32, notify journal.Notify) uint32 {
	i := s.recipients.take()
	m := s.messages.at(mi)
	di := s.destination(dest)
	*s.recipients.at(i) = recipient{message: mi, destination: di, rid: rid, notify: notify, next: m.first}
	m.first = i
	m.live++
	s.destinations[di].recipients++
	return i
}

// removeRecipient takes a recipient out of everything; the message may end by it.
func (s *State) removeRecipient(ri uint32) {
	r := s.recipients.at(ri)
	s.unlist(ri)
	s.leave(r.destination)
	m := s.messages.at(r.message)
	at := &m.first
	for *at != ri {
		at = &s.recipients.at(*at).next
	}
	*at = r.next
	m.live--
	s.recipients.release(ri)
}

// leave counts a recipient out of a destination.
func (s *State) leave(di uint32) {
	d := s.destinations[di]
	if d.recipients == 1 {
		d.quiet = s.now
	}
	d.recipients--
}

// endIfDone lets a message go that has neither recipients nor reports left.
func (s *State) endIfDone(mi uint32) {
	m := s.messages.at(mi)
	if m.seq == 0 || m.live > 0 || len(s.reports[mi]) > 0 { // it may be gone already
		return
	}
	delete(s.bySeq, m.seq)
	s.leaveWorkQueue(m)
	if s.loadedTo == mi {
		s.loadedTo = m.older
	}
	if s.expiring == mi {
		s.expiring = m.newer
	}
	if s.broughtBack == mi {
		s.broughtBack = m.older
		if m.older != 0 {
			s.broughtBackSeq = s.messages.at(m.older).seq
		}
	}
	if m.older != 0 {
		s.messages.at(m.older).newer = m.newer
	} else {
		s.oldest = m.newer
	}
	if m.newer != 0 {
		s.messages.at(m.newer).older = m.older
	} else {
		s.newest = m.older
	}
	s.giveUpBody(m)
	s.messages.release(mi)
}

// recipientOf finds a recipient of a message by its RID, 0 when it is not there (any more).
func (s *State) recipientOf(mi, rid uint32) uint32 {
	for i := s.messages.at(mi).first; i != 0; {
		r := s.recipients.at(i)
		if r.rid == rid {
			return i
		}
		i = r.next
	}
	return 0
}

// unmap gives up the memory of the queue; only Totals may be asked afterwards.
func (s *State) unmap() {
	s.messages.unmap()
	s.recipients.unmap()
}

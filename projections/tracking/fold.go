package tracking

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"

	"postern/journal"
)

// nearby is how many records behind its beginning a message or a connection is found by reading on. What comes later is
// noted, so that a message which waits for days costs no more to trace than one that leaves at once.
const nearby = 20_000

// Limits of a segment that is being filled; the one that is reached first seals it. A crash costs that it is filled again.
const (
	segmentMessages = 32_768
	segmentRecords  = 400_000
	segmentText     = 64 << 20
	segmentLate     = 16 << 20
)

// sizes are nearby and segmentMessages, which tests make small. All who use an index's files must agree about near.
type sizes struct {
	near     uint64
	messages int
}

var usualSizes = sizes{near: nearby, messages: segmentMessages}

// fold fills a segment from records. It has one owner, which hands it all of them in order, but those of other kinds than
// foldedKinds.
type fold struct {
	segment
	sizes
	elsewhere func(message, seq uint64) // is told of the ends (seq 0: of the coming back) of messages that have no row here

	inbound  map[uint32]connection // open ones, by ICID
	outbound map[uint32]uint64     // opened, by DCID
}

// connection is one that is open.
type connection struct {
	accepted uint64
	remote   netip.Addr
}

// maxOpen bounds the connections that are kept in mind. Beyond it the older half is forgotten: the end of some was never
// written down, in a flood. Of one that is forgotten the trace reads on for it as without an index.
const maxOpen = 100_000

func makeRoom[C any](open map[uint32]C, began func(C) uint64) {
	if len(open) < maxOpen {
		return
	}
	all := make([]uint64, 0, len(open))
	for _, c := range open {
		all = append(all, began(c))
	}
	slices.Sort(all)
	for id, c := range open {
		if began(c) < all[len(all)/2] {
			delete(open, id)
		}
	}
}

var foldedKinds = func() journal.KindSet {
	s := make(journal.KindSet)
	for k := range tracedKinds {
		s[k] = true
	}
	return s
}()

func newFold(from uint64, state []byte, z sizes) *fold {
	f := &fold{sizes: z, segment: segment{from: from, to: from - 1, near: z.near}, inbound: map[uint32]connection{}, outbound: map[uint32]uint64{}}
	f.reopen(state)
	return f
}

func (f *fold) full() bool {
	return f.count >= f.messages || f.to-f.from >= segmentRecords || len(f.text) >= segmentText || len(f.late) >= segmentLate
}

// apply takes a record.
func (f *fold) apply(r journal.Record) {
	f.to = r.Seq
	switch e := r.Event.(type) {
	case *journal.Started:
		clear(f.inbound)
		clear(f.outbound)
	case *journal.ConnectionAccepted:
		makeRoom(f.inbound, func(c connection) uint64 { return c.accepted })
		f.inbound[e.ICID] = connection{r.Seq, e.Remote}
	case *journal.SenderGroupMatched:
		f.noteLate(f.inbound[e.ICID].accepted, r.Seq)
	case *journal.ConnectionSecured:
		f.noteLate(f.inbound[e.ICID].accepted, r.Seq)
	case *journal.ConnectionClosed:
		f.noteLate(f.inbound[e.ICID].accepted, r.Seq)
		delete(f.inbound, e.ICID)
	case *journal.DeliveryConnectionOpened:
		makeRoom(f.outbound, func(opened uint64) uint64 { return opened })
		f.outbound[e.DCID] = r.Seq
	case *journal.DeliveryConnectionClosed:
		f.noteLate(f.outbound[e.DCID], r.Seq)
		delete(f.outbound, e.DCID)
	case *journal.MessageInjected:
		f.noteLate(e.Parent, r.Seq)
		f.add(r, e)
	default:
		f.mention(r)
	}
}

// noteLate notes that something is spoken of long after it began. 0 is nothing.
func (f *fold) noteLate(of, seq uint64) {
	if of != 0 && seq-of > f.sizes.near {
		f.late = binary.LittleEndian.AppendUint64(f.late, of)
		f.late = binary.LittleEndian.AppendUint64(f.late, seq)
	}
}

// mention notes what a fact says of messages.
func (f *fold) mention(r journal.Record) {
	if m := journal.MessageOf(r.Event); m != 0 {
		f.noteLate(m, r.Seq)
		if finished(r.Event) {
			f.ended(m, r.Seq)
		}
		return
	}
	_, back := r.Event.(*journal.RecipientsReinstated)
	set := journal.SetOf(r.Event)
	for i := range set {
		f.noteLate(set[i].Message, r.Seq)
		switch {
		case set[i].Finished:
			f.ended(set[i].Message, r.Seq)
		case back:
			f.ended(set[i].Message, 0)
		}
	}
}

// finished tells whether a fact about one message is the one after which nobody of it is left.
func finished(e journal.Event) bool {
	switch e := e.(type) {
	case *journal.Delivered:
		return e.Finished
	case *journal.HardBounced:
		return e.Finished
	case *journal.DoubleBounced:
		return e.Finished
	case *journal.MessageRemoved, *journal.Rewritten:
		return true
	}
	return false
}

func (f *fold) ended(message, seq uint64) {
	if i := f.row(message); i >= 0 {
		f.setEnd(i, seq)
	} else if f.elsewhere != nil {
		f.elsewhere(message, seq)
	}
}

// add gives a message its row.
func (f *fold) add(r journal.Record, e *journal.MessageInjected) {
	from := f.inbound[e.ICID]
	if e.ICID == 0 {
		from = connection{}
	}
	mid := e.MID
	if e.Why != journal.WhyReceived {
		mid |= ownMessage
	}
	f.seqs = binary.LittleEndian.AppendUint64(f.seqs, r.Seq)
	f.times = binary.LittleEndian.AppendUint64(f.times, uint64(r.Time))
	f.conns = binary.LittleEndian.AppendUint64(f.conns, from.accepted)
	f.mids = binary.LittleEndian.AppendUint32(f.mids, mid)
	f.texts = binary.LittleEndian.AppendUint32(f.texts, uint32(len(f.text)))
	f.ends = binary.LittleEndian.AppendUint64(f.ends, 0)
	f.text = appendField(f.text, e.Sender)
	f.text = appendField(f.text, e.Subject)
	f.text = appendField(f.text, e.MessageID)
	if from.remote.IsValid() {
		f.text = from.remote.Unmap().AppendTo(f.text)
	}
	for _, rc := range e.Recipients {
		f.text = append(f.text, 0)
		f.text = appendPlain(f.text, rc.Local)
		if rc.Domain != "" {
			f.text = append(f.text, '@')
			f.text = appendPlain(f.text, rc.Domain)
		}
	}
	f.text = append(f.text, '\n')
	if f.count == 0 {
		f.first, f.last = r.Time, r.Time
	}
	f.first, f.last = min(f.first, r.Time), max(f.last, r.Time)
	f.count++
}

func appendField(b []byte, s string) []byte { return append(appendPlain(b, s), 0) }

// appendPlain leaves out of a field what parts fields; no address and no header that was taken in holds it.
func appendPlain(b []byte, s string) []byte {
	if strings.IndexByte(s, 0) < 0 && strings.IndexByte(s, '\n') < 0 {
		return append(b, s...)
	}
	for i := range len(s) {
		if s[i] == 0 || s[i] == '\n' {
			b = append(b, ' ')
		} else {
			b = append(b, s[i])
		}
	}
	return b
}

// open lists the connections that are open: what the next segment begins with.
func (f *fold) open() (state []byte) {
	state = binary.AppendUvarint(state, uint64(len(f.inbound)))
	for icid, c := range f.inbound {
		state = binary.AppendUvarint(state, uint64(icid))
		state = binary.AppendUvarint(state, c.accepted)
		raw, _ := c.remote.MarshalBinary()
		state = append(binary.AppendUvarint(state, uint64(len(raw))), raw...)
	}
	state = binary.AppendUvarint(state, uint64(len(f.outbound)))
	for dcid, opened := range f.outbound {
		state = binary.AppendUvarint(state, uint64(dcid))
		state = binary.AppendUvarint(state, opened)
	}
	return state
}

// reopen reads what open has written; of what is malformed it takes what can be read.
func (f *fold) reopen(state []byte) {
	bad := false
	next := func() uint64 {
		v, n := binary.Uvarint(state)
		if n <= 0 {
			bad, state = true, nil
			return 0
		}
		state = state[n:]
		return v
	}
	for n := next(); n > 0 && !bad; n-- {
		icid, c := uint32(next()), connection{accepted: next()}
		if size := next(); size <= uint64(len(state)) {
			if c.remote.UnmarshalBinary(state[:size]) != nil {
				bad = true
			}
			state = state[size:]
		}
		if !bad {
			f.inbound[icid] = c
		}
	}
	for n := next(); n > 0 && !bad; n-- {
		dcid, opened := uint32(next()), next()
		if !bad {
			f.outbound[dcid] = opened
		}
	}
}

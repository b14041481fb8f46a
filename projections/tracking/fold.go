package tracking

import (
	"encoding/binary"
	"maps"
	"strings"

	"postern/journal"
)

// nearby is how many records behind its beginning a message or a connection is found by reading on. What comes later is
// noted, one record at a time, so that a message which waits for days costs no more to trace than one that leaves at once.
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
	outbound map[uint32]delivery   // by DCID
}

// foldedKinds are those that a trace looks at, and those that tell why a message is still here.
var foldedKinds = func() journal.KindSet {
	s := journal.KindsOf(&journal.AttemptStarted{}, &journal.HostDown{}, &journal.HostUp{})
	maps.Copy(s, tracedKinds)
	return s
}()

func newFold(from uint64, state []byte, z sizes) *fold {
	f := &fold{sizes: z, segment: segment{from: from, to: from - 1, near: z.near}, inbound: map[uint32]connection{}, outbound: map[uint32]delivery{}}
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
		makeRoom(f.outbound, func(d delivery) uint64 { return d.opened })
		f.outbound[e.DCID] = delivery{opened: r.Seq}
	case *journal.DeliveryConnectionSecured:
		f.secured(r.Seq, e.DCID)
	case *journal.DeliveryStarted:
		f.noteLate(e.Message, r.Seq)
		f.carried(r.Seq, e)
	case *journal.DeliveryConnectionClosed:
		f.closed(r.Seq, e.DCID)
	case *journal.HostDown:
		f.note(hostTopic(e.Destination), r.Seq)
	case *journal.HostUp:
		f.note(hostTopic(e.Destination), r.Seq)
	case *journal.MessageInjected:
		f.noteLate(e.Parent, r.Seq)
		f.add(r, e)
	default:
		if k := r.Event.Kind(); noted.Has(k) {
			f.note(kindTopic(k), r.Seq)
		}
		f.mention(r)
	}
}

// noteLate notes that something is spoken of long after it began. 0 is nothing.
func (f *fold) noteLate(of, seq uint64) {
	if of != 0 && seq-of > f.sizes.near {
		f.note(of, seq)
	}
}

// note notes a record that has to do with something.
func (f *fold) note(of, seq uint64) {
	f.late = binary.LittleEndian.AppendUint64(f.late, of)
	f.late = binary.LittleEndian.AppendUint64(f.late, seq)
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

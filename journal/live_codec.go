package journal

import (
	"encoding/binary"
	"fmt"
)

// liveVersion is the form of all rows described here. Rows of another version are dropped and made anew from the records.
const liveVersion = 4

// The keys of the rows.
const (
	liveForceKey   = 'f' // domain → a liveForce
	liveHostKey    = 'h' // destination → a host
	liveMessageKey = 'm' // Seq (8) → a message
	liveSystemKey  = 's' // the system, with the version
)

// The value of a message's row:
//
//	flags MID ICID injected(8) shift forces size body why [sender(8)] [parent parentMID] [quarantines]
//	[count dues] [count] recipients
//
// Numbers are uvarints unless a width is given, signed ones zigzag. Parent and dues count from the message's own Seq, a
// RID from the one before, a due time from injected.
const (
	liveSetAside byte = 1 << iota
	liveNull
	liveInWorkQueue
	liveHasParent
	liveHasDues
	liveQuarantined
	liveSingle // one recipient, no count
	liveUnusedFlag
)

// The value of a recipient: flags RID attempts [next] [notify] [length destination] [length redirect].
const (
	liveAttempting byte = 1 << iota
	liveHeld
	liveRedirected
	liveSameDestination // as the recipient before
	liveHasNotify
	liveNoNext
	liveExact
	liveSent
)

func zigzag(v int64) uint64   { return uint64(v)<<1 ^ uint64(v>>63) }
func unzigzag(x uint64) int64 { return int64(x>>1) ^ -int64(x&1) }

func liveMessageRowKey(seq uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{liveMessageKey}, seq)
}

// appendLiveMessage encodes a message whose times bear the stamp.
func appendLiveMessage(b []byte, m *LiveMessage, s liveStamp) []byte {
	flags := liveMessageFlags(m)
	b = append(b, flags)
	b = binary.AppendUvarint(b, uint64(m.MID))
	b = binary.AppendUvarint(b, uint64(m.ICID))
	b = binary.LittleEndian.AppendUint64(b, uint64(m.Injected))
	b = binary.AppendUvarint(b, zigzag(s.shift))
	b = binary.AppendUvarint(b, s.forces)
	b = binary.AppendUvarint(b, uint64(m.Size))
	b = binary.AppendUvarint(b, uint64(m.Body))
	b = append(b, byte(m.Why))
	if !m.Null {
		b = binary.LittleEndian.AppendUint64(b, m.SenderHash)
	}
	if flags&liveHasParent != 0 {
		b = binary.AppendUvarint(b, m.Seq-m.Parent)
		b = binary.AppendUvarint(b, uint64(m.ParentMID))
	}
	if flags&liveQuarantined != 0 {
		b = binary.AppendUvarint(b, uint64(m.Quarantines))
	}
	if flags&liveHasDues != 0 {
		b = binary.AppendUvarint(b, uint64(len(m.Dues)))
		for _, due := range m.Dues {
			b = binary.AppendUvarint(b, due-m.Seq)
		}
	}
	if flags&liveSingle == 0 {
		b = binary.AppendUvarint(b, uint64(len(m.Recipients)))
	}
	for i := range m.Recipients {
		b = appendLiveRecipient(b, m, i)
	}
	return b
}

func liveMessageFlags(m *LiveMessage) (flags byte) {
	for _, f := range [...]struct {
		on  bool
		bit byte
	}{
		{m.SetAside, liveSetAside}, {m.Null, liveNull}, {m.InWorkQueue, liveInWorkQueue},
		{m.Parent != 0 || m.ParentMID != 0, liveHasParent}, {len(m.Dues) > 0, liveHasDues},
		{m.Quarantines > 0, liveQuarantined}, {len(m.Recipients) == 1, liveSingle},
	} {
		if f.on {
			flags |= f.bit
		}
	}
	return flags
}

func appendLiveRecipient(b []byte, m *LiveMessage, i int) []byte {
	r := &m.Recipients[i]
	at, rid := len(b), uint64(r.RID)
	var flags byte
	if i > 0 {
		rid -= uint64(m.Recipients[i-1].RID) + 1
	}
	b = append(b, 0)
	b = binary.AppendUvarint(b, rid)
	b = binary.AppendUvarint(b, uint64(r.Attempts))
	if r.Attempting {
		flags |= liveAttempting
	}
	if r.Held {
		flags |= liveHeld
	}
	if r.Exact {
		flags |= liveExact
	}
	if r.Sent {
		flags |= liveSent
	}
	if r.Next == 0 {
		flags |= liveNoNext
	} else {
		b = binary.AppendUvarint(b, zigzag(int64(r.Next-m.Injected)))
	}
	if r.Notify != 0 {
		flags |= liveHasNotify
		b = append(b, byte(r.Notify))
	}
	if i > 0 && r.Destination == m.Recipients[i-1].Destination {
		flags |= liveSameDestination
	} else {
		b = binary.AppendUvarint(b, uint64(len(r.Destination)))
		b = append(b, r.Destination...)
	}
	if r.Redirect != "" {
		flags |= liveRedirected
		b = binary.AppendUvarint(b, uint64(len(r.Redirect)))
		b = append(b, r.Redirect...)
	}
	b[at] = flags
	return b
}

// liveReader takes a row apart; after an error everything is zero.
type liveReader struct {
	b   []byte
	bad bool
}

func (r *liveReader) uvarint() uint64 {
	if len(r.b) > 0 && r.b[0] < 0x80 {
		v := uint64(r.b[0])
		r.b = r.b[1:]
		return v
	}
	v, w := binary.Uvarint(r.b)
	if w <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[w:]
	return v
}

func (r *liveReader) uint32() uint32 {
	v := r.uvarint()
	if v > 1<<32-1 {
		r.bad = true
	}
	return uint32(v)
}

func (r *liveReader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *liveReader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *liveReader) word() uint64 {
	if b := r.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// decodeLiveMessage reads a row into m, whose slices are used again. All of m is set.
func decodeLiveMessage(seq uint64, value []byte, m *LiveMessage, s *liveStamp, names *liveNames) error {
	in := liveReader{b: value}
	flags := in.byte()
	recipients, dues := m.Recipients[:0], m.Dues[:0]
	*m = LiveMessage{
		Seq: seq, MID: in.uint32(), ICID: in.uint32(), Injected: Instant(in.word()),
		SetAside: flags&liveSetAside != 0, Null: flags&liveNull != 0, InWorkQueue: flags&liveInWorkQueue != 0,
	}
	s.shift, s.forces = unzigzag(in.uvarint()), in.uvarint()
	m.Size, m.Body, m.Why = int64(in.uvarint()), BodyID(in.uvarint()), Why(in.byte())
	if !m.Null {
		m.SenderHash = in.word()
	}
	if flags&liveHasParent != 0 {
		m.Parent, m.ParentMID = seq-in.uvarint(), in.uint32()
	}
	if flags&liveQuarantined != 0 {
		m.Quarantines = in.uint32()
	}
	if flags&liveHasDues != 0 {
		for n := in.uvarint(); n > 0 && !in.bad; n-- {
			dues = append(dues, seq+in.uvarint())
		}
	}
	n := uint64(1)
	if flags&liveSingle == 0 {
		n = in.uvarint()
	}
	for ; n > 0 && !in.bad; n-- {
		recipients = in.recipient(recipients, m.Injected, names)
	}
	m.Recipients, m.Dues = recipients, dues
	if in.bad || len(in.b) > 0 || flags&liveUnusedFlag != 0 {
		return &LiveRowsError{What: fmt.Sprintf("message %d", seq)}
	}
	return nil
}

func (r *liveReader) recipient(to []LiveRecipient, injected Instant, names *liveNames) []LiveRecipient {
	flags := r.byte()
	rid := r.uvarint()
	if len(to) > 0 {
		rid += uint64(to[len(to)-1].RID) + 1
	}
	if rid > 1<<32-1 {
		r.bad = true
		return to
	}
	c := LiveRecipient{RID: uint32(rid), Attempts: r.uint32(), Attempting: flags&liveAttempting != 0, Held: flags&liveHeld != 0,
		Exact: flags&liveExact != 0, Sent: flags&liveSent != 0}
	if flags&liveNoNext == 0 {
		c.Next = injected + Instant(unzigzag(r.uvarint()))
	}
	if flags&liveHasNotify != 0 {
		c.Notify = Notify(r.byte())
	}
	switch {
	case flags&liveSameDestination == 0:
		c.Destination = names.of(r.take(r.uvarint()))
	case len(to) > 0:
		c.Destination = to[len(to)-1].Destination
	default:
		r.bad = true
	}
	if flags&liveRedirected != 0 {
		c.Redirect = names.of(r.take(r.uvarint()))
	}
	return append(to, c)
}

// LiveRowsError says that the rows cannot be read; the next CatchUp makes them anew from the records.
type LiveRowsError struct{ What string }

func (e *LiveRowsError) Error() string { return "journal: live rows: unreadable: " + e.What }

// maxLiveNames bounds the names kept for reuse; beyond it, it begins with an empty store.
const maxLiveNames = 1 << 18

// liveNames gives equal names the same string, in memory of its own.
type liveNames struct {
	last  string
	names map[string]string
}

func (n *liveNames) of(b []byte) string {
	if n.last == string(b) {
		return n.last
	}
	s, ok := n.names[string(b)]
	if !ok {
		if n.names == nil || len(n.names) >= maxLiveNames {
			n.names = make(map[string]string)
		}
		s = string(b)
		n.names[s] = s
	}
	n.last = s
	return s
}

// ofString is of for a string that may lie in a block.
func (n *liveNames) ofString(s string) string {
	if n.last == s {
		return n.last
	}
	return n.of([]byte(s))
}

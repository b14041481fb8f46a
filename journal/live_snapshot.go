package journal

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// LiveSnapshot is the rows as they stood at one Seq, whatever is written meanwhile. It must be closed: as long as it is open
// the store keeps what it shows, the bodies of messages that have left since included. Many goroutines may use it at once.
type LiveSnapshot struct {
	live   *LiveRows
	db     *pebble.Snapshot
	mark   uint64
	state  liveState
	adjust liveAdjust

	tail    liveTail // what it is ahead of its rows
	rowless bool     // it does not look at rows
}

// Snapshot opens a snapshot of the rows; its error is a *LiveRowsError when they cannot be read.
func (l *LiveRows) Snapshot() (*LiveSnapshot, error) {
	s := &LiveSnapshot{live: l, db: l.journal.db.NewSnapshot()}
	if err := s.load(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close gives the snapshot up.
func (s *LiveSnapshot) Close() error {
	if s.db == nil { // it is in memory
		return nil
	}
	return s.db.Close()
}

// Mark returns the Seq as of which the snapshot is.
func (s *LiveSnapshot) Mark() uint64 { return s.mark }

// System returns the state that belongs to no message.
func (s *LiveSnapshot) System() LiveSystem { return s.state.LiveSystem.clone() }

// load reads what the other rows are understood by.
func (s *LiveSnapshot) load() error {
	s.adjust.forced = make(map[string]liveForce)
	mark, ok, err := s.get(s.live.rows.mark)
	if err != nil || !ok {
		return err
	}
	if len(mark) != 8 {
		return s.unusable(&LiveRowsError{What: "mark"})
	}
	s.mark = binary.BigEndian.Uint64(mark)
	v, ok, err := s.row([]byte{liveSystemKey})
	if err != nil {
		return err
	}
	if !ok {
		return s.unusable(&LiveRowsError{What: "no system"})
	}
	if s.state, s.adjust.forces, err = decodeLiveSystem(v); err != nil {
		return s.unusable(err)
	}
	s.adjust.shift = s.state.ClockShift
	return s.scan(context.Background(), liveForceKey, nil, func(k, v []byte) error {
		f, err := decodeLiveForce(v)
		s.adjust.forced[string(k)] = f
		return err
	})
}

// unusable lets the next CatchUp make the rows anew if they cannot be read.
func (s *LiveSnapshot) unusable(err error) error {
	var unreadable *LiveRowsError
	if errors.As(err, &unreadable) {
		s.live.unusable.Store(true)
	}
	return err
}

// row returns a copy of a row.
func (s *LiveSnapshot) row(key []byte) ([]byte, bool, error) {
	if s.rowless {
		return nil, false, nil
	}
	return s.get(append(bytes.Clone(s.live.rows.prefix), key...))
}

func (s *LiveSnapshot) get(key []byte) ([]byte, bool, error) {
	v, closer, err := s.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, s.live.journal.readError(err)
	}
	defer closer.Close()
	return bytes.Clone(v), true, nil
}

// ctxEvery is how many rows are read between two looks at the context.
const ctxEvery = 1024

// scan calls fn for the rows of a kind whose keys after the kind, with which it is called, are not before from.
func (s *LiveSnapshot) scan(ctx context.Context, kind byte, from []byte, fn func(k, v []byte) error) error {
	if s.rowless {
		return nil
	}
	prefix := append(bytes.Clone(s.live.rows.prefix), kind)
	lower := append(bytes.Clone(prefix), from...)
	upper := append(bytes.Clone(s.live.rows.prefix), kind+1)
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return s.live.journal.readError(err)
	}
	defer it.Close()
	n := 0
	for ok := it.First(); ok; ok = it.Next() {
		if n++; n%ctxEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		v, err := it.ValueAndErr()
		if err != nil {
			return s.live.journal.readError(err)
		}
		if err := fn(it.Key()[len(prefix):], v); err != nil {
			return s.unusable(err)
		}
	}
	return s.live.journal.readError(it.Error())
}

// Each calls fn for every live message, ascending by Seq. The struct and its slices are used again for the next one: fn
// copies what it keeps; the strings may be kept. An error of fn ends it and is returned.
func (s *LiveSnapshot) Each(ctx context.Context, fn func(*LiveMessage) error) error {
	var m LiveMessage
	var names liveNames
	return s.eachFrom(ctx, 0, &names, func() *LiveMessage { return &m }, fn)
}

// eachFrom is Each for the messages with Seq ≥ from. Each message is put into what room returns.
func (s *LiveSnapshot) eachFrom(ctx context.Context, from uint64, names *liveNames, room func() *LiveMessage, fn func(*LiveMessage) error) error {
	first, _ := s.tail.find(from)
	tail := liveTail{messages: s.tail.messages[first:]}
	copied := func(t *LiveMessage) error {
		m := room()
		recipients, dues := append(m.Recipients[:0], t.Recipients...), append(m.Dues[:0], t.Dues...)
		*m = *t
		m.Recipients, m.Dues = recipients, dues
		return fn(m)
	}
	var stamp liveStamp
	err := s.scan(ctx, liveMessageKey, binary.BigEndian.AppendUint64(nil, from), func(k, v []byte) error {
		if len(k) != 8 {
			return &LiveRowsError{What: "key of a message"}
		}
		seq := binary.BigEndian.Uint64(k)
		if err := tail.before(seq, copied); err != nil {
			return err
		}
		if len(tail.messages) > 0 && tail.messages[0].Seq == seq {
			return tail.before(seq+1, copied)
		}
		m := room()
		if err := decodeLiveMessage(seq, v, m, &stamp, names); err != nil {
			return err
		}
		s.adjust.message(m, &stamp)
		return fn(m)
	})
	if err != nil {
		return err
	}
	return tail.before(1<<64-1, copied)
}

// MIDs returns the MIDs with from ≤ MID < to that live messages bear. It reads no more of a row than its beginning.
func (s *LiveSnapshot) MIDs(ctx context.Context, from, to uint32) (in []uint32, err error) {
	err = s.eachMID(ctx, func(_ uint64, mid uint32) {
		if mid >= from && mid < to {
			in = append(in, mid)
		}
	})
	return in, err
}

// WithMID returns the Seqs of the live messages that bear a MID, ascending: after a rollover of the ids that may be several.
// It reads the beginning of each row.
func (s *LiveSnapshot) WithMID(ctx context.Context, mid uint32) (seqs []uint64, err error) {
	err = s.eachMID(ctx, func(seq uint64, its uint32) {
		if its == mid {
			seqs = append(seqs, seq)
		}
	})
	slices.Sort(seqs)
	return seqs, err
}

// eachMID calls fn for every live message, in no order.
func (s *LiveSnapshot) eachMID(ctx context.Context, fn func(seq uint64, mid uint32)) error {
	for _, m := range s.tail.messages {
		if m.live() {
			fn(m.Seq, m.MID)
		}
	}
	return s.scan(ctx, liveMessageKey, nil, func(k, v []byte) error {
		row := liveReader{b: v}
		row.byte() // the flags
		mid := row.uint32()
		if row.bad || len(k) != 8 {
			return &LiveRowsError{What: "MID of a message"}
		}
		seq := binary.BigEndian.Uint64(k)
		if _, newer := s.tail.find(seq); !newer {
			fn(seq, mid)
		}
		return nil
	})
}

// EachHost calls fn for every destination that is down or has failed, ascending by name.
func (s *LiveSnapshot) EachHost(ctx context.Context, fn func(LiveHost) error) error {
	tail := liveTail{hosts: s.tail.hosts}
	err := s.scan(ctx, liveHostKey, nil, func(k, v []byte) error {
		if err := tail.hostsBefore(string(k), false, fn); err != nil {
			return err
		}
		if len(tail.hosts) > 0 && tail.hosts[0].Destination == string(k) {
			return tail.hostsBefore(string(k)+"\x00", false, fn)
		}
		h, stamp, err := decodeLiveHost(string(k), v)
		if err != nil {
			return err
		}
		s.adjust.host(&h, &stamp)
		if !h.Down && h.Failures == 0 {
			return nil
		}
		return fn(h)
	})
	if err != nil {
		return err
	}
	return tail.hostsBefore("", true, fn)
}

// Message returns the live message with that Seq, and whether there is one.
func (s *LiveSnapshot) Message(seq uint64) (*LiveMessage, bool, error) {
	if m, ok := s.tail.message(seq); ok {
		return m.clone(), m.live(), nil
	}
	v, ok, err := s.row(liveMessageRowKey(seq))
	if err != nil || !ok {
		return nil, false, err
	}
	m, stamp := &LiveMessage{}, liveStamp{}
	if err := decodeLiveMessage(seq, v, m, &stamp, &liveNames{}); err != nil {
		return nil, false, s.unusable(err)
	}
	s.adjust.message(m, &stamp)
	return m, true, nil
}

// Each is LiveSnapshot.Each as of Mark.
func (l *LiveRows) Each(ctx context.Context, fn func(*LiveMessage) error) error {
	s, err := l.Snapshot()
	if err != nil {
		return err
	}
	defer s.Close()
	return s.Each(ctx, fn)
}

// EachHost is LiveSnapshot.EachHost as of Mark.
func (l *LiveRows) EachHost(ctx context.Context, fn func(LiveHost) error) error {
	s, err := l.Snapshot()
	if err != nil {
		return err
	}
	defer s.Close()
	return s.EachHost(ctx, fn)
}

// Message is LiveSnapshot.Message as of Mark.
func (l *LiveRows) Message(seq uint64) (*LiveMessage, bool, error) {
	s, err := l.Snapshot()
	if err != nil {
		return nil, false, err
	}
	defer s.Close()
	return s.Message(seq)
}

// MIDs is LiveSnapshot.MIDs as of Mark.
func (l *LiveRows) MIDs(ctx context.Context, from, to uint32) ([]uint32, error) {
	s, err := l.Snapshot()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.MIDs(ctx, from, to)
}

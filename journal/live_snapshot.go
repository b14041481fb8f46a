package journal

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// LiveSnapshot is the rows as they stood at one Seq, whatever is written meanwhile. It must be closed. Many goroutines may
// use it at once.
type LiveSnapshot struct {
	live   *LiveRows
	db     *pebble.Snapshot
	mark   uint64
	state  liveState
	adjust liveAdjust
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
func (s *LiveSnapshot) Close() error { return s.db.Close() }

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
	return s.scan(context.Background(), liveForceKey, func(k, v []byte) error {
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

// scan calls fn for the rows of a kind, with their keys after the kind.
func (s *LiveSnapshot) scan(ctx context.Context, kind byte, fn func(k, v []byte) error) error {
	lower := append(bytes.Clone(s.live.rows.prefix), kind)
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
		if err := fn(it.Key()[len(lower):], v); err != nil {
			return s.unusable(err)
		}
	}
	return s.live.journal.readError(it.Error())
}

// Each calls fn for every live message, ascending by Seq. The struct and its slices are used again for the next one: fn
// copies what it keeps; the strings may be kept. An error of fn ends it and is returned.
func (s *LiveSnapshot) Each(ctx context.Context, fn func(*LiveMessage) error) error {
	var m LiveMessage
	var stamp liveStamp
	var names liveNames
	return s.scan(ctx, liveMessageKey, func(k, v []byte) error {
		if len(k) != 8 {
			return &LiveRowsError{What: "key of a message"}
		}
		if err := decodeLiveMessage(binary.BigEndian.Uint64(k), v, &m, &stamp, &names); err != nil {
			return err
		}
		s.adjust.message(&m, &stamp)
		return fn(&m)
	})
}

// MIDs returns the MIDs with from ≤ MID < to that live messages bear. It reads no more of a row than its beginning.
func (s *LiveSnapshot) MIDs(ctx context.Context, from, to uint32) (in []uint32, err error) {
	err = s.scan(ctx, liveMessageKey, func(_, v []byte) error {
		row := liveReader{b: v}
		row.byte() // the flags
		if mid := row.uint32(); mid >= from && mid < to {
			in = append(in, mid)
		}
		if row.bad {
			return &LiveRowsError{What: "MID of a message"}
		}
		return nil
	})
	return in, err
}

// EachHost calls fn for every destination that is down or has failed, ascending by name.
func (s *LiveSnapshot) EachHost(ctx context.Context, fn func(LiveHost) error) error {
	return s.scan(ctx, liveHostKey, func(k, v []byte) error {
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
}

// Message returns the live message with that Seq, and whether there is one.
func (s *LiveSnapshot) Message(seq uint64) (*LiveMessage, bool, error) {
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

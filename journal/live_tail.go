package journal

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
)

// liveTail is what the records after a snapshot's rows change in them.
type liveTail struct {
	messages []*LiveMessage // ascending by Seq; one that has left has neither recipients nor dues
	hosts    []LiveHost     // ascending by name; one that is well again is neither down nor has it failed
}

// Current returns a snapshot as of the last record that was durable when it was asked for, or of a later one. In a journal
// that is only read nothing can be written, so there what the rows lack is folded in memory: after a crash that is what a
// window holds, but without usable rows it is the whole queue.
func (l *LiveRows) Current(ctx context.Context) (*LiveSnapshot, error) {
	to := l.journal.Durable()
	if l.journal.options.ReadOnly {
		return l.folded(ctx, to)
	}
	for {
		if err := l.CatchUp(ctx, to); err != nil {
			return nil, err
		}
		s, err := l.Snapshot()
		if err != nil || s.mark >= to {
			return s, err
		}
		// The rows were made anew just now.
		if err := s.Close(); err != nil {
			return nil, err
		}
	}
}

// folded returns a snapshot as of to, without writing anything. Rows that cannot be read count as none.
func (l *LiveRows) folded(ctx context.Context, to uint64) (*LiveSnapshot, error) {
	var unreadable *LiveRowsError
	s, err := l.Snapshot()
	if err == nil && s.mark <= to && !l.journal.cutAway(s.mark) {
		if err = s.foldTo(ctx, to); err == nil {
			return s, nil
		}
	}
	if err != nil && !errors.As(err, &unreadable) {
		return nil, errors.Join(err, s.closeIf())
	}
	if err := s.closeIf(); err != nil {
		return nil, err
	}
	s = &LiveSnapshot{live: l, db: l.journal.db.NewSnapshot(), rowless: true}
	s.adjust.forced = make(map[string]liveForce)
	if err := s.foldTo(ctx, to); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// closeIf closes a snapshot that there may not be.
func (s *LiveSnapshot) closeIf() error {
	if s == nil {
		return nil
	}
	return s.Close()
}

// tailRecords is how many records are folded between two looks at the context.
const tailRecords = 1 << 16

// foldTo moves the snapshot to a later record.
func (s *LiveSnapshot) foldTo(ctx context.Context, to uint64) error {
	f := newLiveFold()
	f.at, f.state, f.adjust = s.mark, s.state, s.adjust
	if !s.rowless {
		f.get = s.row
	}
	f.begin()
	for f.at < to {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := eachRecord(s.live.journal, f.at, min(to, f.at+tailRecords), func(r Record) {
			if f.err == nil {
				f.apply(r)
			}
		})
		if err := errors.Join(err, f.err); err != nil {
			return err
		}
	}
	s.mark, s.state, s.adjust = f.at, f.state, f.adjust
	s.tail = f.tail()
	return nil
}

// tail takes what a fold has touched, as of now.
func (f *liveFold) tail() (t liveTail) {
	for _, e := range f.changed() {
		f.adjust.message(&e.LiveMessage, &e.stamp)
		t.messages = append(t.messages, &e.LiveMessage)
	}
	for _, name := range slices.Sorted(maps.Keys(f.hosts)) {
		h := f.hosts[name]
		f.adjust.host(&h.LiveHost, &h.stamp)
		if h.ended {
			h.LiveHost = LiveHost{Destination: name}
		}
		t.hosts = append(t.hosts, h.LiveHost)
	}
	return t
}

// live tells whether a message is still in the queue.
func (m *LiveMessage) live() bool { return len(m.Recipients) > 0 || len(m.Dues) > 0 }

// find returns where a message stands among those of the tail, or would.
func (t *liveTail) find(seq uint64) (int, bool) {
	return slices.BinarySearchFunc(t.messages, seq, func(m *LiveMessage, seq uint64) int { return cmp.Compare(m.Seq, seq) })
}

// message returns what the tail knows of a message; ok is false when it knows nothing.
func (t *liveTail) message(seq uint64) (m *LiveMessage, ok bool) {
	i, ok := t.find(seq)
	if !ok {
		return nil, false
	}
	return t.messages[i], true
}

// before takes the messages off the tail's front that stand before a Seq, and hands on those that live.
func (t *liveTail) before(seq uint64, fn func(*LiveMessage) error) error {
	for len(t.messages) > 0 && t.messages[0].Seq < seq {
		m := t.messages[0]
		t.messages = t.messages[1:]
		if !m.live() {
			continue
		}
		if err := fn(m); err != nil {
			return err
		}
	}
	return nil
}

// hostsBefore takes the hosts off the tail's front that stand before a name, or with all of them all, and hands on those that are
// not well.
func (t *liveTail) hostsBefore(name string, all bool, fn func(LiveHost) error) error {
	for len(t.hosts) > 0 && (all || t.hosts[0].Destination < name) {
		h := t.hosts[0]
		t.hosts = t.hosts[1:]
		if !h.Down && h.Failures == 0 {
			continue
		}
		if err := fn(h); err != nil {
			return err
		}
	}
	return nil
}

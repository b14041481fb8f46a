package journal

import (
	"bytes"
	"context"
	"encoding/binary"
	"maps"
	"reflect"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// LiveReplay is what a replay of all records from the first one gives of the live state: what the rows must agree with. One
// goroutine owns it.
type LiveReplay struct{ fold *liveFold }

// NewLiveReplay begins before the first record.
func NewLiveReplay() *LiveReplay { return &LiveReplay{newLiveFold()} }

// Apply folds a record and tells whether it fits those before it.
func (l *LiveReplay) Apply(r Record) bool {
	before := l.fold.state.anomalies
	l.fold.replay(r)
	return l.fold.state.anomalies == before
}

// Compare proves that a snapshot of the rows is what the replay of all records up to its Mark gave, and that the store has
// the body of every live message but those that have left meanwhile, as left says: their bodies went with them. It says what
// is wrong, and calls rest, unless it is nil, after each of the rows. The replay is of no use afterwards.
func (s *LiveSnapshot) Compare(ctx context.Context, replay *LiveReplay, left func(seq uint64) bool, rest func(), say func(format string, args ...any)) error {
	rowless := replay.fold.messages // as far as is known
	if err := s.eachForm(ctx, rest, say); err != nil {
		return err
	}
	err := s.Each(ctx, func(m *LiveMessage) error {
		want := rowless[m.Seq]
		delete(rowless, m.Seq)
		switch {
		case want == nil:
			say("message %d (MID %d) has a row, but is not in the queue", m.Seq, m.MID)
		case !sameLive(m, &want.LiveMessage):
			say("message %d (MID %d) has another row than its facts give", m.Seq, m.MID)
		}
		if m.Body != 0 && !s.hasBody(m.Body) && !left(m.Seq) {
			say("message %d (MID %d) has lost its body", m.Seq, m.MID)
		}
		if rest != nil {
			rest()
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, seq := range slices.Sorted(maps.Keys(rowless)) {
		say("message %d (MID %d) is in the queue, but has no row", seq, rowless[seq].MID)
	}
	if !reflect.DeepEqual(listed(s.System()), listed(replay.fold.state.LiveSystem)) {
		say("the state that belongs to no message has another row than %s", "its facts give")
	}
	return s.compareHosts(ctx, replay.fold.hosts, say)
}

// hasBody tells whether the store had a body when the snapshot was opened.
func (s *LiveSnapshot) hasBody(id BodyID) bool {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: bodyKey(nil, id, 0), UpperBound: bodyKey(nil, id, 1)})
	if err != nil {
		return false
	}
	found := it.First()
	return it.Close() == nil && found
}

// eachForm proves that the rows of messages are such as are written: what a row says beyond the message, that it has the last
// adjustments in it, shows only when the next one is made.
func (s *LiveSnapshot) eachForm(ctx context.Context, rest func(), say func(format string, args ...any)) error {
	var m LiveMessage
	var stamp liveStamp
	var names liveNames
	var again []byte
	return s.scan(ctx, liveMessageKey, nil, func(k, v []byte) error {
		if len(k) != 8 {
			return &LiveRowsError{What: "key of a message"}
		}
		seq := binary.BigEndian.Uint64(k)
		if err := decodeLiveMessage(seq, v, &m, &stamp, &names); err != nil {
			return err
		}
		again = appendLiveMessage(again[:0], &m, stamp)
		if stamp.forces > s.adjust.forces || !bytes.Equal(again, v) {
			say("message %d (MID %d) has a row that was not written so", seq, m.MID)
		}
		if rest != nil {
			rest()
		}
		return nil
	})
}

func (s *LiveSnapshot) compareHosts(ctx context.Context, left map[string]*liveHostEntry, say func(format string, args ...any)) error {
	maps.DeleteFunc(left, func(_ string, h *liveHostEntry) bool { return h.ended || !h.Down && h.Failures == 0 })
	err := s.EachHost(ctx, func(h LiveHost) error {
		if want, ok := left[h.Destination]; !ok || want.LiveHost != h {
			say("host %q has another row than its facts give", h.Destination)
		}
		delete(left, h.Destination)
		return nil
	})
	for _, name := range slices.Sorted(maps.Keys(left)) {
		say("host %q is down, but has no row", name)
	}
	return err
}

// listed makes lists of its own, so that none is as good as an empty one.
func listed(s LiveSystem) LiveSystem {
	s.DeliverySuspended = append([]string{}, s.DeliverySuspended...)
	s.ListenersSuspended = append([]string{}, s.ListenersSuspended...)
	s.BulkActions = append([]uint64{}, s.BulkActions...)
	s.Undoable = append([]LiveUndo{}, s.Undoable...)
	return s
}

func sameLive(a, b *LiveMessage) bool {
	x, y := *a, *b
	x.Recipients, y.Recipients, x.Dues, y.Dues = nil, nil, nil, nil
	return reflect.DeepEqual(x, y) && slices.Equal(a.Recipients, b.Recipients) && slices.Equal(a.Dues, b.Dues)
}

package journal

import (
	"context"
	"fmt"
	"reflect"
	"slices"
)

// VerifyRows proves that a snapshot of the rows is what a replay of all records up to its Seq gives, and that the store has
// the body of every live message. It returns what is wrong, at most max of it, and how much there is. The replay holds the
// whole queue in memory.
func (s *LiveSnapshot) VerifyRows(ctx context.Context, max int) (wrong []string, total int, err error) {
	j := s.live.journal
	image, err := FoldAll(j, s.mark)
	if err != nil {
		return nil, 0, err
	}
	say := func(format string, args ...any) {
		if total++; len(wrong) < max {
			wrong = append(wrong, fmt.Sprintf(format, args...))
		}
	}
	if image.Anomalies > 0 {
		say("%d facts do not fit those before them", image.Anomalies)
	}
	err = s.Each(ctx, func(m *LiveMessage) error {
		want := image.Messages[m.Seq]
		delete(image.Messages, m.Seq)
		switch {
		case want == nil:
			say("message %d (MID %d) has a row, but is not in the queue", m.Seq, m.MID)
		case !sameLive(m, want):
			say("message %d (MID %d) has another row than its facts give", m.Seq, m.MID)
		}
		if m.Body != 0 && !j.HasBody(m.Body) {
			say("message %d (MID %d) has lost its body", m.Seq, m.MID)
		}
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	for _, seq := range sortedKeys(image.Messages) {
		say("message %d (MID %d) is in the queue, but has no row", seq, image.Messages[seq].MID)
	}
	err = s.EachHost(ctx, func(h LiveHost) error {
		if want, ok := image.Hosts[h.Destination]; !ok || want != h {
			say("host %q has another row than its facts give", h.Destination)
		}
		delete(image.Hosts, h.Destination)
		return nil
	})
	for name := range image.Hosts {
		say("host %q is down, but has no row", name)
	}
	return wrong, total, err
}

func sameLive(a, b *LiveMessage) bool {
	x, y := *a, *b
	x.Recipients, y.Recipients, x.Dues, y.Dues = nil, nil, nil, nil
	return reflect.DeepEqual(x, y) && slices.Equal(a.Recipients, b.Recipients) && slices.Equal(a.Dues, b.Dues)
}

func sortedKeys(m map[uint64]*LiveMessage) []uint64 {
	keys := make([]uint64, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

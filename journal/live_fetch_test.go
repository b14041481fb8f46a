package journal

import (
	"context"
	"testing"
)

// Orders about many messages leave the rows that a replay gives, whether their messages are neighbours or lie far apart,
// and whether they have rows, had rows, are of this window or never were.
func TestOrdersAboutManyMessagesEqualReplay(t *testing.T) {
	j, l := openLive(t, NewMemoryDisk())
	defer j.Close()
	append1 := func(e Event) uint64 {
		t.Helper()
		seq, err := j.AppendEvents(second(1), e)
		if err != nil {
			t.Fatal(err)
		}
		return seq
	}
	catchUp := func() {
		t.Helper()
		if err := l.CatchUp(context.Background(), j.Durable()); err != nil {
			t.Fatal(err)
		}
		sameAsReplay(t, j, l)
	}
	var all []uint64
	for range 400 {
		all = append(all, append1(to("a.example", 2)))
	}
	catchUp()
	every := func(n int, rids ...uint32) (sets []MessageRecipients) {
		for i := 0; i < len(all); i += n {
			sets = append(sets, set(all[i], rids...)...)
		}
		return sets
	}
	back := func(n int) *RecipientsReinstated {
		e := &RecipientsReinstated{}
		for i := 0; i < len(all); i += n {
			one := reinstated(all[i], second(9), 0, 1)
			e.Set, e.Messages = append(e.Set, one.Set...), append(e.Messages, one.Messages...)
		}
		return e
	}
	for _, together := range []bool{false, true} {
		for _, e := range []Event{
			&RecipientsRedirected{Target: "b.example", Set: every(1, 0)},
			&Held{Set: every(20, 1)},
			&RecipientsDeleted{Set: every(20, 0, 1)}, // more lies between than is read
			back(20),
			&RecipientsDeleted{Set: every(3, 0, 1)},
			&RecipientsBounced{Set: append(every(2, 0), set(1<<40, 0)...)}, // some are gone, one never was
			&RecipientsDeleted{Set: every(1, 0, 1)},
			back(1),
			&Unheld{Set: every(1, 0, 1)},
		} {
			append1(e)
			if all = append(all, append1(to("c.example", 2))); !together {
				catchUp()
			}
		}
		catchUp()
	}
	if m := imageOf(t, l).Messages; len(m) < 400 {
		t.Fatalf("%d messages are left: the orders did not come back", len(m))
	}
}

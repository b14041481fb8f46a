package journal

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
)

const jane = "Jane.Doe@example.com"

// personHistory writes facts of which some are about a person, and some quote it.
func personHistory(t *testing.T, j *Journal, rng *rand.Rand, turns int) {
	t.Helper()
	var messages []Record
	names := []string{"jane.doe", "JANE.DOE", "john", "mary"}
	for range turns {
		var events []Event
		next := j.Durable() + 1
		for range 1 + rng.IntN(4) {
			seq := next + uint64(len(events))
			local := names[rng.IntN(len(names))]
			switch rng.IntN(6) {
			case 0, 1:
				e := &MessageInjected{MID: uint32(seq), Sender: []string{"", "jane.doe@example.com", "x@other.test"}[rng.IntN(3)], Subject: "lunch with jane.doe@example.com", MessageID: "<1@other.test>",
					Recipients: []InjectedRecipient{{RID: 0, Domain: "example.com", Local: local, ORcpt: "rfc822;" + local + "@example.com"}, {RID: 1, Domain: "other.test", Local: local}}}
				messages = append(messages, Record{Seq: seq, Event: e})
				events = append(events, e)
			case 2, 3:
				if len(messages) > 0 {
					m := messages[rng.IntN(len(messages))]
					events = append(events, &HardBounced{Message: m.Seq, Destination: "example.com", RIDs: []uint32{uint32(rng.IntN(2))}, Class: Bounce5XX, Code: "550",
						Reply: []string{"5.1.1 <" + local + "@example.com>: no", "user " + local}})
					continue
				}
				fallthrough
			case 4:
				events = append(events, &DeliveryConnectionFailed{Destination: "example.com", Details: "blocked: " + local + "@example.com."})
			default:
				events = append(events, &ReceivingAborted{ICID: 1, Sender: "a@b.test", Rejected: []RejectedRecipient{{By: "RAT", Address: local + "@example.com"}}})
			}
		}
		mustAppend(t, j, events...)
	}
}

func TestAPersonIsForgotten(t *testing.T) {
	checkLeaks(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	disk := NewMemoryDisk()
	j := open(t, disk, Options{})
	personHistory(t, j, rand.New(rand.NewPCG(seed, 1)), 300)
	before := everything(t, j)

	x := &Erasure{Address: jane}
	if err := x.Find(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	told := make(map[uint64]Event)
	if err := x.Each(t.Context(), func(was, is Record) error {
		if !reflect.DeepEqual(was.Event, before[was.Seq-1].Event) {
			t.Errorf("record %d: what was there is %s", was.Seq, Describe(was.Event))
		}
		told[is.Seq] = is.Event
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := x.Make(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := j.Scrub(t.Context(), 1, "keyframes"); err != nil {
		t.Error(err)
	}
	x.Close()
	if uint64(len(told)) != x.Records() || len(told) == 0 {
		t.Errorf("%d facts were to be changed, %d were told of", x.Records(), len(told))
	}

	check := func() {
		t.Helper()
		for i, r := range everything(t, j) {
			text := strings.ToLower(fmt.Sprintf("%+v", r.Event))
			if strings.Contains(text, strings.ToLower(jane)) || strings.Contains(text, "local:jane.doe orcpt") && strings.Contains(text, "domain:example.com notify:0 local:jane.doe") {
				t.Errorf("record %d still says %s", r.Seq, Describe(r.Event))
			}
			want := before[i].Event
			if e, ok := told[r.Seq]; ok {
				want = e
			}
			if !reflect.DeepEqual(r.Event, want) {
				t.Errorf("record %d is %s, want %s", r.Seq, Describe(r.Event), Describe(want))
			}
			samePublic(t, r.Event, before[i].Event)
		}
		if err := j.VerifyChain(0, func(uint64) error { return nil }); err != nil {
			t.Errorf("the chain: %v", err)
		}
	}
	check()
	closeJournal(t, j)
	j = open(t, disk, Options{})
	defer closeJournal(t, j)
	check()
	again := &Erasure{Address: jane}
	if err := again.Find(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if again.Records() != 0 {
		t.Errorf("a second time there are %d facts to change, from record %d on", again.Records(), again.First())
	}
}

// TestAnErasureCutShortIsCompleted by another one, which finds all that is left of the person.
func TestAnErasureCutShortIsCompleted(t *testing.T) {
	checkLeaks(t)
	j := open(t, NewMemoryDisk(), Options{})
	defer closeJournal(t, j)
	filler := strings.Repeat("x", 60_000)
	m := mustAppend(t, j, &MessageInjected{MID: 1, Sender: jane, Recipients: []InjectedRecipient{{Local: "jane.doe", Domain: "example.com"}}})
	for i := range 300 {
		mustAppend(t, j, &SoftBounced{Message: m, MID: 1, RIDs: []uint32{0}, Reply: []string{fmt.Sprintf("%d %s", i, filler)}})
	}
	ctx, cancel := context.WithCancel(t.Context())
	erase := func(ctx context.Context) (uint64, error) {
		x := &Erasure{Address: jane, step: 1 << 10}
		if err := x.Find(t.Context(), j); err != nil {
			t.Fatal(err)
		}
		defer x.Close()
		return x.Records(), x.Make(ctx)
	}
	personHistory(t, j, rand.New(rand.NewPCG(1, 2)), 3)
	large := 0 // blocks of some size are written in several steps: the first of them takes away the last facts
	for _, r := range everything(t, j) {
		if e, ok := r.Event.(*SoftBounced); ok && len(e.Reply[0]) > 1000 {
			large++
		}
	}
	cancel()
	n, err := erase(ctx)
	if err == nil || n < uint64(large) {
		t.Fatalf("%d facts, cut short: %v", n, err)
	}
	left, err := erase(t.Context())
	if err != nil || left == 0 || left >= n {
		t.Errorf("after one step of %d facts %d are left: %v", n, left, err)
	}
	if n, _ := erase(t.Context()); n != 0 {
		t.Errorf("%d facts are left", n)
	}
}

// TestTheStoreIsScrubbedAfterACrash: that it has to be outlives the end of the process, and is over when the store has had its
// time.
func TestTheStoreIsScrubbedAfterACrash(t *testing.T) {
	checkLeaks(t)
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	disk, o := NewMemoryDisk(), Options{Now: func() time.Time { return now }}
	j := open(t, disk, o)
	personHistory(t, j, rand.New(rand.NewPCG(4, 2)), 20)
	due := func(want uint64) {
		t.Helper()
		if from, err := j.ScrubDue(); err != nil || from != want {
			t.Errorf("to be scrubbed from record %d on, not %d: %v", from, want, err)
		}
	}
	due(0)
	x := &Erasure{Address: jane}
	if err := x.Find(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	if err := x.Make(t.Context()); err != nil {
		t.Fatal(err)
	}
	x.Close()
	first := x.First()
	due(first)
	closeJournal(t, j)
	j = open(t, disk, o)
	defer func() { closeJournal(t, j) }()
	due(first)
	if err := j.Scrub(t.Context(), first, "keyframes"); err != nil {
		t.Fatal(err)
	}
	for _, later := range []time.Duration{0, eagerFor} {
		due(first)
		now = now.Add(later)
		if err := j.EndScrub(); err != nil {
			t.Fatal(err)
		}
	}
	due(0)
}

func everything(t *testing.T, j *Journal) (out []Record) {
	t.Helper()
	for after := uint64(0); ; {
		records, err := j.Read(after, 1000, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(records) == 0 {
			return out
		}
		out = append(out, records...)
		after = records[len(records)-1].Seq
	}
}

func samePublic(t *testing.T, a, b Event) {
	t.Helper()
	if string(Prepare(a).public) != string(Prepare(b).public) {
		t.Errorf("the public part of %s was %s", Describe(a), Describe(b))
	}
}

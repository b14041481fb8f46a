package shell

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"postern/journal"
	"postern/projections"
)

// TestVerifyNamesDamageThatTheRowsNeed: on a running gateway too, where the rows of the queue cannot be brought up to date for it.
func TestVerifyNamesDamageThatTheRowsNeed(t *testing.T) {
	data := t.TempDir()
	k := keeping(t, data)
	k.put(t, 1, "ann@a.example", "Subject: one\r\n\r\n", 1)
	k.put(t, 2, "ann@a.example", "Subject: two\r\n\r\n", 1)
	if err := errors.Join(k.j.ReplaceBlock(1, func([]byte) []byte { return nil }), k.j.Close()); err != nil {
		t.Fatal(err)
	}
	k = keeping(t, data) // it has nothing in memory
	defer k.j.Close()
	told := ""
	k.Proving = func() func(string) { return func(wrong string) { told = wrong } }
	for _, g := range []Gateway{k, overSocket(t, k)} {
		told = ""
		got, err := dialogue(t, t.Context(), g, "verify", "batch")
		if err == nil || !strings.Contains(err.Error(), "the journal does not prove true") || !strings.Contains(got, "chain  FALSE") || !strings.Contains(got, "the block is missing") || told == "" {
			t.Errorf("%v, %q\n%s", err, told, got)
		}
	}
}

// TestVerifyHasAllOfTheHistory: nothing of it is removed until all was read, however slowly the proofs are taken; and the
// books of one day prove nothing of the others.
func TestVerifyHasAllOfTheHistory(t *testing.T) {
	k := keeping(t, "")
	k.put(t, 1, "ann@a.example", "Subject: one\r\n\r\n", 1)
	whole, proofs, told := new(sync.Mutex), 0, 0
	k.Whole = whole
	k.Proving = func() func(string) { return func(string) { told++ } }
	verify := func(w Wanted) {
		t.Helper()
		err := k.Verify(t.Context(), w, func(p projections.Proof) error {
			proofs++
			if free := whole.TryLock(); free {
				whole.Unlock()
			} else if p.What != projections.ProofChain {
				t.Errorf("with %s it is not over", p.What)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	verify(Wanted{})
	if proofs < 3 || told != 1 {
		t.Errorf("%d proofs, told %d times", proofs, told)
	}
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	if verify(Wanted{Begin: day, End: day.AddDate(0, 0, 1)}); told != 1 {
		t.Error("the books of a day take the alert back")
	}
	whole.Lock()
	began := make(chan error, 1)
	go func() {
		began <- k.Verify(t.Context(), Wanted{}, func(projections.Proof) error { return errors.New("begun") })
	}()
	select {
	case err := <-began:
		t.Errorf("it begins while something is removed: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	whole.Unlock()
	<-began
}

func TestVerify(t *testing.T) {
	outcome := &journal.Delivered{MID: 2, Destination: "b.example", RIDs: []uint32{0}}
	for name, c := range map[string]struct {
		line   string
		twice  bool // an outcome
		moving bool // a recipient is sent elsewhere by an order
		want   []string
	}{
		"true": {line: "verify", want: []string{"chain  true   records 1 to ", "books  true   3 recipients came in, 1 of them left, 2 are here",
			"day    true   2026-03-01: 0 queued at its begin + 3 in = 1 out + 2 queued at its end\n", "queue  true   the rows of 2 messages"}},
		"day": {line: "verify --day 2026-03-01", want: []string{
			"Destination  At Begin  Received  Generated  Other In  Delivered  Bounced  Deleted  Other Out  At End\n" +
				"b.example           0         3          0         0          1        0        0          0       2\n" +
				"In all              0         3          0         0          1        0        0          0       2\n" +
				"day    true   2026-03-01: 0 queued at its begin + 3 in = 1 out + 2 queued at its end, and so are those of its 1 destinations\n"}},
		"redirected": {line: "verify --day 2026-03-01", moving: true, want: []string{
			"b.example           0         3          0         0          1        0        0          1       1\n" +
				"c.example           0         0          0         1          0        0        0          0       1\n" +
				"In all              0         3          0         1          1        0        0          1       2\n" +
				"day    true   2026-03-01: 0 queued at its begin + 4 in = 2 out + 2 queued at its end, and so are those of its 2 destinations; " +
				"1 in and 1 out were redirected from one destination to another, and did not leave the queue\n"}},
		"today":        {line: "verify --day=today", want: []string{": 2 queued at its begin + 0 in = 0 out + 2 queued at its end"}},
		"yesterday":    {line: "verify --day yesterday", want: []string{": 2 queued at its begin + 0 in = 0 out + 2 queued at its end"}},
		"false":        {line: "verify", twice: true, want: []string{"books  FALSE  3 wrong:\n  record 4 (Delivered) names 1 recipients that are not in the queue\n", "day    FALSE  1 wrong: 2026-03-01\n", "error: the journal does not prove true: 5 findings"}},
		"programs":     {line: "verify --json --day 2026-03-01", want: []string{`{"what":"destination","books":{"day":"2026-03-01","destination":"b.example","queued_at_begin":0,"received":3,"delivered":1,"queued_at_end":2}}` + "\n"}},
		"no day":       {line: "verify --day soon", want: []string{`error: --day: "soon" is not a date: give 2026-11-23 or 11/23/2026, today or yesterday`}},
		"what day":     {line: "verify --day", want: []string{"error: --day wants a day"}},
		"other option": {line: "verify --night", want: []string{`error: verify does not take "--night"`}},
	} {
		t.Run(name, func(t *testing.T) {
			k := keeping(t, "")
			k.put(t, 1, "ann@a.example", "Subject: one\r\n\r\n", 1)
			e := *outcome
			e.Message = k.put(t, 2, "ann@a.example", "Subject: two\r\n\r\n", 2)
			k.fact(t, &e)
			if c.twice {
				k.fact(t, &e)
			}
			if c.moving {
				k.fact(t, &journal.RecipientsRedirected{By: "ann", Target: "c.example", Set: []journal.MessageRecipients{{Message: e.Message, MID: 2, Destination: "b.example", RIDs: []uint32{1}}}})
			}
			for _, g := range []Gateway{k, overSocket(t, k)} {
				got, err := dialogue(t, t.Context(), g, c.line, "batch")
				if err != nil {
					got += "error: " + err.Error()
				}
				for _, w := range c.want {
					if !strings.Contains(got, w) {
						t.Errorf("%s:\n%s\nwant\n%s", c.line, got, w)
					}
				}
			}
		})
	}
}

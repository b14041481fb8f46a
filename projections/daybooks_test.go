package projections

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"postern/journal"
)

// longStory puts a random history into a journal so that it takes some days, and returns its records as they stand there.
func longStory(t *testing.T, seed uint64) (*journal.Journal, []journal.Record) {
	t.Helper()
	j, err := journal.Open("j", journal.Options{Disk: journal.NewMemoryDisk()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	records := tell(seed, 600)
	first, last := records[0].Time, records[0].Time
	for _, r := range records {
		last = max(last, r.Time)
	}
	stretch := float64(4*24*time.Hour) / float64(max(last.Sub(first), 1))
	for i := range records {
		r := &records[i]
		r.Time = first + journal.Instant(float64(r.Time-first)*stretch)
		if _, err := j.AppendEvents(r.Time, r.Event); err != nil {
			t.Fatal(err)
		}
	}
	return j, records
}

// scrutinised gives the proofs of the books, and fails when one is false.
func scrutinised(t *testing.T, j *journal.Journal, s Scrutiny) (days, destinations []DayFlow) {
	t.Helper()
	live, err := journal.OpenLiveRows(j)
	if err != nil {
		t.Fatal(err)
	}
	s.Zone = time.UTC
	if err := Verify(t.Context(), j, live, s, func(p Proof) error {
		switch p.What {
		case ProofDay:
			days = append(days, *p.Books)
		case ProofDestination:
			destinations = append(destinations, *p.Books)
		}
		if len(p.Wrong) > 0 {
			t.Errorf("%s:\n%s", p.What, strings.Join(p.Wrong, "\n"))
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return days, destinations
}

// TestBooksOfDays: whatever happens, each day balances, begins as the one before ended, and what is queued at its end at each
// destination is what a naive fold counts there.
func TestBooksOfDays(t *testing.T) {
	const look = 3 // days of each history, one by one
	looked := 0
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			j, records := longStory(t, seed)
			days, _ := scrutinised(t, j, Scrutiny{})
			queued := uint64(0)
			for i, day := range days {
				if day.Begin != queued {
					t.Errorf("%s begins with %d, the day before ended with %d", day.Day, day.Begin, queued)
				}
				if queued = day.End; i < look {
					compareDay(t, j, records, day)
					looked++
				}
			}
		})
	}
	if looked < 3*look {
		t.Errorf("only %d days were looked at", looked)
	}
}

// compareDay looks at one day, destination by destination.
func compareDay(t *testing.T, j *journal.Journal, records []journal.Record, want DayFlow) {
	t.Helper()
	begin, err := time.Parse(time.DateOnly, want.Day)
	if err != nil {
		t.Fatal(err)
	}
	end := begin.AddDate(0, 0, 1)
	days, destinations := scrutinised(t, j, Scrutiny{Begin: begin, End: end})
	if len(days) != 1 || days[0] != want {
		t.Fatalf("got %+v, want %+v", days, want)
	}
	n := fold(untilDay(records, begin, end))
	sum := DayFlow{}
	for _, d := range destinations {
		if live := uint64(n.hostLive(d.Where)); d.End != live {
			t.Errorf("%s: %s ends with %d, a naive fold counts %d", want.Day, d.Where, d.End, live)
		}
		sum.Begin, sum.End = sum.Begin+d.Begin, sum.End+d.End
		sum.Received, sum.Delivered, sum.Bounced, sum.Deleted = sum.Received+d.Received, sum.Delivered+d.Delivered, sum.Bounced+d.Bounced, sum.Deleted+d.Deleted
	}
	if sum.Begin != want.Begin || sum.End != want.End || sum.Received != want.Received || sum.Delivered != want.Delivered || sum.Bounced != want.Bounced || sum.Deleted != want.Deleted {
		t.Errorf("%s: the destinations are %+v together, in all %+v", want.Day, sum, want)
	}
}

// untilDay takes the records until a day has ended, which is with the first one at its end or later after it has begun.
func untilDay(records []journal.Record, begin, end time.Time) []journal.Record {
	begun := false
	for i, r := range records {
		if _, jumped := r.Event.(*journal.ClockJumped); jumped {
			continue
		}
		begun = begun || r.Time >= journal.InstantOf(begin)
		if begun && r.Time >= journal.InstantOf(end) {
			return records[:i]
		}
	}
	return records
}

// TestDayWithoutRecords: the books of a day in which nothing was written say what was queued.
func TestDayWithoutRecords(t *testing.T) {
	j, err := journal.Open("j", journal.Options{Disk: journal.NewMemoryDisk()})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if _, err := j.AppendEvents(noon, &journal.MessageInjected{MID: 1, Queued: true, Recipients: []journal.InjectedRecipient{{Domain: "y.example"}}}); err != nil {
		t.Fatal(err)
	}
	day := noon.Time().Truncate(24 * time.Hour)
	for after := range 3 {
		begin := day.AddDate(0, 0, after)
		want := DayFlow{Day: begin.Format(time.DateOnly), Begin: 1, End: 1}
		if after == 0 {
			want.Begin, want.Received = 0, 1
		}
		if days, to := scrutinised(t, j, Scrutiny{Begin: begin, End: begin.AddDate(0, 0, 1)}); len(days) != 1 || days[0] != want || len(to) != 1 {
			t.Errorf("%+v %+v, want %+v", days, to, want)
		}
		if after == 1 { // there is a record after the day that has none
			if _, err := j.AppendEvents(noon.Add(7*24*time.Hour), &journal.CountersReset{}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

package projections

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"postern/journal"
)

// TestSampledGaugesOfThePast: the last sample of the run that was under way tells of what no fact does, no other one.
func TestSampledGaugesOfThePast(t *testing.T) {
	j := memoryJournal(t, journal.NewMemoryDisk())
	defer j.Close()
	add := func(second int, events ...journal.Event) {
		if _, err := j.AppendEvents(noon.Add(time.Duration(second)*time.Second), events...); err != nil {
			t.Fatal(err)
		}
	}
	sample := func(ram, active int64) *journal.Sampled {
		return &journal.Sampled{Values: []journal.NamedValue{{Name: "RAMUtil", Value: ram}, {Name: "ActvRcp", Value: active}, {Name: "NewerThanThis", Value: 1}},
			Texts: []journal.NamedText{{Name: "LogAvail", Text: "148G"}}}
	}
	add(0, &journal.Started{Boot: 1})
	add(60, sample(10, 99))
	add(119, sample(20, 99))
	add(120, &journal.Started{Boot: 2})
	add(180, sample(30, 99))
	add(500, threeTo("x.example", true))
	add(510, &journal.Stopped{})
	past := &Past{Journal: j, Now: func() time.Time { return noon.Time().Add(time.Hour) }}
	for second, want := range map[int]string{
		30:  "0 false  []",
		60:  "10 true 148G [ram_utilization]",
		119: "20 true 148G [ram_utilization]",
		121: "0 false  []", // the sample is of the run before
		299: "30 true 148G [ram_utilization]",
		301: "0 false  []", // it is too old
		520: "0 false  []", // nothing ran
	} {
		m, err := past.Moment(noon.Time().Add(time.Duration(second) * time.Second))
		if err != nil {
			t.Fatal(err)
		}
		f, err := past.Figures(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		s, err := past.Status(t.Context(), m, f)
		if err != nil {
			t.Fatal(err)
		}
		ram, known := s.Gauges[GaugeRAMUtilization]
		if got := fmt.Sprint(ram, known, s.Texts[GaugeLogAvailable], s.Past.FromSample); strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(want, " ", "") || s.Gauges[GaugeActive] == 99 {
			t.Errorf("%d seconds on: %s, want %s", second, got, want)
		}
		if slices.Contains(s.Past.NotRecorded, GaugeRAMUtilization) == known || !slices.Contains(s.Past.NotRecorded, GaugeOpenFiles) || slices.Contains(s.Past.NotRecorded, GaugeActive) {
			t.Errorf("%d seconds on is not recorded: %s", second, s.Past.NotRecorded)
		}
		if s.Running != (second < 510) || s.System == SystemOffline == s.Running {
			t.Errorf("%d seconds on: running %v, %s", second, s.Running, s.System)
		}
	}
}

func TestMomentsWithoutHistory(t *testing.T) {
	j := memoryJournal(t, journal.NewMemoryDisk())
	defer j.Close()
	past := &Past{Journal: j, Now: func() time.Time { return noon.Time().Add(time.Hour) }}
	expect := func(at time.Time, want string) {
		t.Helper()
		_, err := past.Moment(at)
		if none := (*NoHistoryError)(nil); !errors.As(err, &none) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", at, err)
		}
	}
	expect(noon.Time(), "the journal is empty")
	if _, err := j.AppendEvents(noon, &journal.Started{Boot: 1}); err != nil {
		t.Fatal(err)
	}
	expect(noon.Time().Add(-1), "the history begins at")
	expect(noon.Time().Add(time.Hour+1), "lies in the future: it is")
	if m, err := past.Moment(noon.Time()); err != nil || m.Seq != 1 || m.Crashed {
		t.Errorf("%+v: %v", m, err)
	}
	past.Stopped = true
	if m, err := past.Moment(noon.Time()); err != nil || !m.Crashed || !m.Restarted.IsZero() {
		t.Errorf("%+v: %v", m, err)
	}
}

// TestSetBacksAreBounded: the newest are remembered.
func TestSetBacksAreBounded(t *testing.T) {
	f := NewFigures(0)
	for i := range uint64(2*maxSetBacks + 10) {
		f.Apply(journal.Record{Seq: i + 1, Time: noon.Add(-time.Duration(i%2) * time.Second), Event: &journal.HostUp{Destination: "x.example"}})
	}
	backs := f.SetBacks()
	if n := len(backs); n != maxSetBacks || backs[n-1] != 2*maxSetBacks+10 || backs[0] != backs[n-1]-2*(maxSetBacks-1) {
		t.Errorf("%d: from %d to %d", n, backs[0], backs[n-1])
	}
}

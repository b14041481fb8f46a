package tracking_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"postern/journal"
	"postern/projections"
	"postern/projections/tracking"
)

// explainSame explains all messages as of the rows, with the index and by reading all that came after them.
func explainSame(t *testing.T, h *tracking.RandomHistory, x *tracking.Index, rows *journal.LiveSnapshot) (told int) {
	t.Helper()
	found, _, err := tracking.Find(t.Context(), h.Journal(), nil, &tracking.Query{}, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(rows.Mark(), 5))
	r.Shuffle(len(found), func(i, j int) { found[i], found[j] = found[j], found[i] })
	for _, m := range found[:min(len(found), 25)] {
		if m.Seq > rows.Mark() {
			continue
		}
		inquiry := projections.Inquiry{Seq: m.Seq, Now: h.Now().Time(), Running: m.Seq%2 == 0, Revision: 1, Connections: 10, PerDestination: 5, QueueTime: time.Hour}
		explain := func(x *tracking.Index) string {
			e, err := projections.Explain(t.Context(), h.Journal(), x, rows, inquiry)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range e.Recipients {
				told += len(c.History)
			}
			told += len(e.Bounds) + len(e.Hosts)
			text, err := json.MarshalIndent(e, "", " ")
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		if got, want := explain(x), explain(nil); got != want {
			t.Fatalf("the message of %d: with the index\n%s\nwithout\n%s", m.Seq, got, want)
		}
	}
	if _, cut := h.Journal().LastCut(); !cut { // what an undo brought back that a cut has removed is not for the list
		doubtsSame(t, h, x, rows)
	}
	return told
}

// doubtsSame counts what is held as in doubt, with the index and as the list of doubts does, which reads all of the history.
func doubtsSame(t *testing.T, h *tracking.RandomHistory, x *tracking.Index, rows *journal.LiveSnapshot) {
	t.Helper()
	held := 0
	list, _, err := projections.Doubts(t.Context(), h.Journal(), rows, time.Time{}, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range list {
		for _, c := range d.Recipients {
			if c.Done.Open() {
				held++
			}
		}
	}
	if got, err := projections.HeldInDoubt(t.Context(), h.Journal(), x, rows, 0, ""); got != held || err != nil {
		t.Errorf("%d recipients are held as in doubt, %v, the list has %d", got, err, held)
	}
}

// explained does so as of now.
func explained(t *testing.T, h *tracking.RandomHistory, x *tracking.Index) {
	t.Helper()
	if rows := current(t, h); explainSame(t, h, x, rows) == 0 {
		t.Error("nothing is told of any message")
	}
}

func current(t *testing.T, h *tracking.RandomHistory) *journal.LiveSnapshot {
	t.Helper()
	live, err := journal.OpenLiveRows(h.Journal())
	if err != nil {
		t.Fatal(err)
	}
	rows, err := live.Current(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rows.Close() })
	return rows
}

// What is told of a message is the same with an index as without one: of one that follows, of one that is only read and knows
// but the beginning, as of rows that are older than the index, with damaged segments, and after retention has cut the history,
// with the index of before it and with a new one.
func TestExplainWithIndex(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			h, dir, r := tracking.NewRandomHistory(t, seed), t.TempDir(), rand.New(rand.NewPCG(seed, 3))
			x := h.Index(dir, true)
			h.GoOn(250)
			explained(t, h, x)
			rows := current(t, h)
			h.GoOn(50)
			explainSame(t, h, x, rows)
			x.Close()
			read := h.Index(dir, false)
			explained(t, h, read)
			read.Close()

			paths, err := filepath.Glob(filepath.Join(dir, "*.segment"))
			if err != nil || len(paths) < 3 {
				t.Fatalf("%d segments, %v", len(paths), err)
			}
			if err := os.Truncate(paths[1+r.IntN(len(paths)-1)], r.Int64N(200)); err != nil {
				t.Fatal(err)
			}
			for _, writable := range []bool{false, true} {
				x = h.Index(dir, writable)
				explained(t, h, x)
				x.Close()
			}

			x = h.Index(dir, true)
			x.Cut(h.Cut(h.Journal().Durable() * 2 / 3))
			explained(t, h, x)
			h.GoOn(60)
			explained(t, h, x)
			x.Close()
			for _, dir := range []string{dir, t.TempDir()} {
				x = h.Index(dir, true)
				explained(t, h, x)
				x.Close()
			}
		})
	}
}

// What retention keeps of the time whose segments it has let go is found all the same: the commit of the configuration.
func TestExplainWithLetGoSegments(t *testing.T) {
	h, dir := tracking.NewRandomHistory(t, 1), t.TempDir()
	x := h.Index(dir, true)
	defer x.Close()
	to := []journal.InjectedRecipient{{Local: "a", Domain: "a.example"}}
	h.Write(&journal.ConfigurationCommitted{Revision: 1, By: "ann"})
	for range 50 {
		m := h.Write(&journal.MessageInjected{MID: 1, Recipients: to})
		h.Write(&journal.Delivered{Message: m, MID: 1, RIDs: []uint32{0}, Finished: true})
	}
	if err := x.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	x.Cut(h.Cut(h.Journal().Durable()))
	if paths, err := filepath.Glob(filepath.Join(dir, "00000000000000000001.segment")); len(paths) > 0 || err != nil {
		t.Fatalf("%v, %v: the first segment is still there", paths, err)
	}
	m := h.Write(&journal.MessageInjected{MID: 2, Recipients: to})
	e, err := projections.Explain(t.Context(), h.Journal(), x, current(t, h), projections.Inquiry{Seq: m, Now: h.Now().Time()})
	if err != nil || e.Configuration.By != "ann" {
		t.Errorf("%+v, %v: who has committed the configuration is not told", e, err)
	}
}

package engine

import (
	"context"
	"io"
	"runtime"
	"strings"
	"testing"

	"postern/journal"
)

func TestDeliversWhatItAccepts(t *testing.T) {
	p := newPeer()
	g := start(t, journal.NewMemoryDisk(), p, nil)
	seq := g.inject("a@example.com", "b@example.net", "c@example.net", "d@example.org")
	all := g.until("all delivered", func(all []journal.Record) bool {
		n := 0
		for _, d := range find[*journal.Delivered](all) {
			n += len(d.RIDs)
		}
		return n == 3
	})
	finished := 0
	for _, d := range find[*journal.Delivered](all) {
		if d.Message != seq {
			t.Errorf("delivered message %d, want %d", d.Message, seq)
		}
		if d.Finished {
			finished++
		}
	}
	if finished != 1 {
		t.Errorf("the message finished %d times", finished)
	}
	m := find[*journal.MessageInjected](all)[0]
	for g.e.Loading() < 100 { // before that a body is only marked as to be freed
		runtime.Gosched()
	}
	g.stop()
	if g.e.state.Totals().Messages != 0 || g.e.state.anomalies != 0 {
		t.Errorf("left over: %+v, anomalies %d", g.e.state.Totals(), g.e.state.anomalies)
	}
	j, err := journal.Open("j", journal.Options{Disk: g.disk})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if _, err := j.OpenBody(m.Body); err == nil {
		t.Error("the body outlived its message")
	}
}

func TestDeadHostIsProbedByOneMessage(t *testing.T) {
	p := newPeer()
	p.answer = func(Attempt, uint32) Outcome {
		return Outcome{Result: Temporary, Host: true, Code: "000", Status: "4.4.1", Reason: "No answer from host"}
	}
	g := start(t, journal.NewMemoryDisk(), p, nil)
	g.inject("a@example.com", "b@dead.example")
	g.until("host down", func(all []journal.Record) bool { return count[*journal.HostDown](all) == 1 })
	for range 50 {
		g.inject("a@example.com", "b@dead.example")
	}
	g.stop()
	if p.tried != 1 {
		t.Errorf("%d attempts were made while the host was down", p.tried)
	}
	if got := g.e.state.Totals().Recipients; got != 51 {
		t.Errorf("%d recipients wait, want 51", got)
	}
}

func TestHardBounceIsReportedToTheSender(t *testing.T) {
	p := newPeer()
	p.answer = func(a Attempt, rid uint32) Outcome {
		if a.Destination == "example.net" {
			return Outcome{Result: Permanent, Class: journal.Bounce5XX, Code: "550", Status: "5.1.1", Reason: "Bad destination email address", Reply: []string{"no such user"}}
		}
		return delivered
	}
	var text string
	g := start(t, journal.NewMemoryDisk(), p, nil)
	p.mu.Lock()
	inner := p.answer
	p.answer = func(a Attempt, rid uint32) Outcome {
		if r, err := g.j.At(a.Message); err == nil {
			if m := r.Event.(*journal.MessageInjected); m.Why == journal.WhyBounce {
				c, err := OpenContent(g.j, document(), a.Message, m)
				if err != nil {
					t.Error(err)
				} else {
					raw, _ := io.ReadAll(c)
					text = string(raw)
					if int64(len(raw)) != m.Size {
						t.Errorf("rendered %d bytes, the fact says %d", len(raw), m.Size)
					}
				}
			}
		}
		return inner(a, rid)
	}
	p.mu.Unlock()
	parent := g.inject("a@example.com", "b@example.net")
	all := g.until("notification delivered", func(all []journal.Record) bool { return count[*journal.Delivered](all) == 1 })
	injections := find[*journal.MessageInjected](all)
	if len(injections) != 2 || injections[1].Parent != parent || injections[1].Sender != "" || injections[1].Recipients[0].Address() != "a@example.com" {
		t.Fatalf("injections: %+v", injections)
	}
	for _, want := range []string{"Final-Recipient: rfc822; b@example.net", "Action: failed", "Status: 5.1.1", "Diagnostic-Code: smtp; 550 no such user", "multipart/report", "hello"} {
		if !strings.Contains(text, want) {
			t.Errorf("the notification lacks %q:\n%s", want, text)
		}
	}
	g.stop()
	if got := g.e.state.Totals(); got.Messages != 0 {
		t.Errorf("left over: %+v", got)
	}
}

func TestIDsRollOver(t *testing.T) {
	disk := journal.NewMemoryDisk()
	j, err := journal.Open("j", journal.Options{Disk: disk})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.AppendEvents(0, &journal.Stopped{NextMID: journal.IDLimit - 2, NextICID: 1, NextDCID: 1}); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	g := start(t, disk, newPeer(), nil)
	var got []uint32
	for range 4 {
		id, err := g.e.ID(context.Background(), journal.MID)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, id)
	}
	if got[0] != journal.IDLimit-2 || got[1] != journal.IDLimit-1 || got[2] != 1 || got[3] != 2 {
		t.Errorf("ids %v", got)
	}
	g.stop()
	g = start(t, disk, newPeer(), nil)
	if id, _ := g.e.ID(context.Background(), journal.MID); id != 3 {
		t.Errorf("after a clean stop the next MID is %d, want 3", id)
	}
	g.stop()
}

// After the ids have begun anew, a start gives no MID that a message of the queue still bears, though the queue is not
// loaded yet when the first block is reserved.
func TestStartAfterRolloverSparesLiveMIDs(t *testing.T) {
	for name, facts := range map[string][]journal.Event{
		"at the limit": {&journal.IDsReserved{ID: journal.MID, From: journal.IDLimit - 1024, To: journal.IDLimit}},
		"long ago": {&journal.IDsReserved{ID: journal.MID, From: journal.IDLimit - 1024, To: journal.IDLimit},
			&journal.IDsReserved{ID: journal.MID, From: 1, To: 1025}, &journal.Stopped{NextMID: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			disk := journal.NewMemoryDisk()
			j, err := journal.Open("j", journal.Options{Disk: disk})
			if err != nil {
				t.Fatal(err)
			}
			live := map[uint32]bool{}
			for mid := uint32(3); mid < 3*blockOfIDs; mid += 2 {
				live[mid] = true
				facts = append([]journal.Event{&journal.MessageInjected{MID: mid, Sender: "a@example.com", Queued: true, Recipients: recipients("b@held.example")}}, facts...)
			}
			if _, err := j.AppendEvents(0, append(facts, &journal.DeliverySuspended{By: "test"})...); err != nil {
				t.Fatal(err)
			}
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			g := start(t, disk, newPeer(), nil)
			given := 0
			for mid := uint32(0); mid < 2*blockOfIDs; given++ {
				if mid, err = g.e.ID(context.Background(), journal.MID); err != nil {
					t.Fatal(err)
				}
				if live[mid] {
					t.Fatalf("MID %d is given to a second message", mid)
				}
			}
			if given < blockOfIDs {
				t.Errorf("%d ids were given of two blocks that are half free", given)
			}
			g.stop()
		})
	}
}

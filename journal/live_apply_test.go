package journal

import (
	"reflect"
	"testing"
	"time"
)

// to is a message to n recipients of a domain, RIDs 0 to n−1.
func to(domain string, n int) *MessageInjected {
	e := &MessageInjected{MID: 100, ICID: 9, Size: 4096, Body: 5, Queued: true, Sender: "joe@Example.com"}
	for i := range n {
		e.Recipients = append(e.Recipients, InjectedRecipient{RID: uint32(i), Domain: domain})
	}
	return e
}

func silentTo(notify Notify, sender string) *MessageInjected {
	return &MessageInjected{Sender: sender, Queued: true, Recipients: []InjectedRecipient{{Domain: "x.example", Notify: notify}}}
}

func why(e *MessageInjected, w Why, parent uint64, reports ...uint64) *MessageInjected {
	e.Why, e.Parent, e.Reports = w, parent, reports
	return e
}

// replayOf folds events, one a second from liveStart on, in memory.
func replayOf(events ...Event) *LiveImage {
	f := newLiveFold()
	for i, e := range events {
		f.replay(Record{Seq: uint64(i + 1), Time: liveStart.Add(time.Duration(i) * time.Second), Event: e})
	}
	return f.image()
}

// second is the time of the nth event of replayOf, from 0.
func second(n int) Instant { return liveStart.Add(time.Duration(n) * time.Second) }

func set(message uint64, rids ...uint32) []MessageRecipients {
	return []MessageRecipients{{Message: message, RIDs: rids}}
}

// reinstated is the fact that recipients of a message of 4096 bytes came back, tried four times, due at next.
func reinstated(message uint64, next Instant, rids ...uint32) *RecipientsReinstated {
	s := MessageRecipients{Message: message, Destination: "x.example", RIDs: rids}
	for range rids {
		s.Attempts, s.Next = append(s.Attempts, 4), append(s.Next, next)
	}
	return &RecipientsReinstated{Set: []MessageRecipients{s},
		Messages: []ReinstatedMessage{{Message: message, Size: 4096, Injected: second(60), SenderHash: HashSender("joe@example.com")}}}
}

func TestFactsAndTheQueueTheyLeave(t *testing.T) {
	later := second(3600)
	type queue struct{ messages, recipients, anomalies uint64 }
	for _, c := range []struct {
		name   string
		events []Event
		want   queue
		check  func(t *testing.T, image *LiveImage)
	}{
		{"injected", []Event{to("x.example", 2)}, queue{1, 2, 0}, func(t *testing.T, image *LiveImage) {
			want := &LiveMessage{
				Seq: 1, MID: 100, ICID: 9, Injected: liveStart, Size: 4096, Body: 5, SenderHash: HashSender("joe@example.com"),
				Recipients: []LiveRecipient{{RID: 0, Destination: "x.example", Next: liveStart}, {RID: 1, Destination: "x.example", Next: liveStart}},
			}
			if got := image.Messages[1]; !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v", got)
			}
		}},
		{"attempt in hand over a restart", []Event{to("x.example", 2), &AttemptStarted{Message: 1, RIDs: []uint32{1}, Attempt: 3, Next: later}, &Started{Boot: 2}},
			queue{1, 2, 0}, func(t *testing.T, image *LiveImage) {
				want := LiveRecipient{RID: 1, Destination: "x.example", Attempts: 3, Next: later, Attempting: true}
				if got := image.Messages[1].Recipients; got[0].Attempting || got[1] != want {
					t.Errorf("got %+v", got)
				}
			}},
		{"soft bounce", []Event{to("x.example", 1), &AttemptStarted{Message: 1, RIDs: []uint32{0}, Attempt: 1, Next: second(60)}, &SoftBounced{Message: 1, RIDs: []uint32{0}, Attempts: 1, Next: later}},
			queue{1, 1, 0}, func(t *testing.T, image *LiveImage) {
				if got := image.Messages[1].Recipients[0]; got.Attempting || got.Attempts != 1 || got.Next != later {
					t.Errorf("got %+v", got)
				}
			}},
		{"delivered in part", []Event{to("x.example", 3), &Delivered{Message: 1, RIDs: []uint32{0, 2}}}, queue{1, 1, 0}, nil},
		{"delivered", []Event{to("x.example", 3), &Delivered{Message: 1, RIDs: []uint32{2, 0, 1}, Finished: true}}, queue{0, 0, 0}, nil},
		{"hard bounce waits for its notification", []Event{to("x.example", 1), &HardBounced{Message: 1, RIDs: []uint32{0}, Notify: true}},
			queue{1, 0, 0}, func(t *testing.T, image *LiveImage) {
				if got := image.Messages[1].Dues; !reflect.DeepEqual(got, []uint64{2}) {
					t.Errorf("dues %v", got)
				}
			}},
		{"notification takes over", []Event{to("x.example", 1), &HardBounced{Message: 1, RIDs: []uint32{0}, Notify: true}, why(to("y.example", 1), WhyBounce, 1, 2)},
			queue{1, 1, 0}, func(t *testing.T, image *LiveImage) {
				if image.Messages[3] == nil || image.System.BodyBytes != 0 {
					t.Errorf("messages %v, %d bytes of bodies", image.Messages, image.System.BodyBytes)
				}
			}},
		{"delay report is never due", []Event{to("x.example", 1), &SoftBounced{Message: 1, RIDs: []uint32{0}, Next: later}, why(to("y.example", 1), WhyDelay, 1, 2)}, queue{2, 2, 0}, nil},
		{"double bounce", []Event{to("x.example", 1), &DoubleBounced{Message: 1, RIDs: []uint32{0}}}, queue{0, 0, 0}, nil},
		{"bounced by an operator", []Event{to("x.example", 1), &RecipientsBounced{Set: set(1, 0)}}, queue{1, 0, 0}, nil},
		{"unknown message", []Event{&Delivered{Message: 77, RIDs: []uint32{0}}}, queue{0, 0, 1}, nil},
		{"unknown and doubled RID", []Event{to("x.example", 2), &Delivered{Message: 1, RIDs: []uint32{0, 0, 9}}}, queue{1, 1, 2}, nil},
		{"outcome after the end", []Event{to("x.example", 1), &Delivered{Message: 1, RIDs: []uint32{0}}, &SoftBounced{Message: 1, RIDs: []uint32{0}}}, queue{0, 0, 1}, nil},
		{"split", []Event{to("x.example", 3), &Split{Message: 1, New: 3, RIDs: []uint32{1, 2}}, why(to("x.example", 2), WhySplit, 1)}, queue{2, 3, 0}, nil},
		{"rewritten", []Event{to("x.example", 3), &Rewritten{Message: 1, New: 3}, why(to("x.example", 3), WhyRewrite, 1)}, queue{1, 3, 0}, nil},
		{"quarantined twice, released once", []Event{to("x.example", 1), &Quarantined{Message: 1}, &Quarantined{Message: 1}, &Released{Message: 1}},
			queue{1, 1, 0}, func(t *testing.T, image *LiveImage) {
				if got := image.Messages[1].Quarantines; got != 1 {
					t.Errorf("in %d quarantines", got)
				}
			}},
		{"held, redirected, set aside", []Event{to("x.example", 2), &Held{Set: set(1, 0)}, &RecipientsRedirected{Target: "z.example", Set: set(1, 1)}, &SetAside{Message: 1}},
			queue{1, 2, 0}, func(t *testing.T, image *LiveImage) {
				m := image.Messages[1]
				if !m.SetAside || !m.Recipients[0].Held || m.Recipients[1].Held || m.Recipients[1].Redirect != "z.example" {
					t.Errorf("got %+v", m)
				}
			}},
		{"clock set forward", []Event{to("x.example", 1), &SoftBounced{Message: 1, RIDs: []uint32{0}, Next: later}, &HostDown{Destination: "x.example", Failures: 1, Next: later}, &ClockJumped{Delta: int64(time.Hour)}},
			queue{1, 1, 0}, func(t *testing.T, image *LiveImage) {
				m := image.Messages[1]
				if m.Injected != second(3600) || m.Recipients[0].Next != later.Add(time.Hour) || image.Hosts["x.example"].Next != later.Add(time.Hour) {
					t.Errorf("got %+v, %+v", m, image.Hosts)
				}
			}},
		{"no further attempt stays so", []Event{to("x.example", 1), &SoftBounced{Message: 1, RIDs: []uint32{0}}, &ClockJumped{Delta: 5}, &DeliveryForced{}},
			queue{1, 1, 0}, func(t *testing.T, image *LiveImage) {
				if got := image.Messages[1].Recipients[0].Next; got != 0 {
					t.Errorf("due at %v", got.Time())
				}
			}},
		{"delivery forced", []Event{to("x.example", 1), to("y.example", 1), &SoftBounced{Message: 1, RIDs: []uint32{0}, Next: later}, &SoftBounced{Message: 2, RIDs: []uint32{0}, Next: later}, &HostDown{Destination: "x.example", Failures: 2, Next: later}, &DeliveryForced{Domain: "X.example"}},
			queue{2, 2, 0}, func(t *testing.T, image *LiveImage) {
				if a, b := image.Messages[1].Recipients[0].Next, image.Messages[2].Recipients[0].Next; a != second(5) || b != later {
					t.Errorf("due at %v and %v", a.Time(), b.Time())
				}
				if h := image.Hosts["x.example"]; h.Down || h.Failures != 0 {
					t.Errorf("host %+v", h)
				}
			}},
		{"delivery forced leaves what an attempt reserved", []Event{to("x.example", 2), &AttemptStarted{Message: 1, RIDs: []uint32{1}, Attempt: 1, Next: later}, &DeliveryForced{}},
			queue{1, 2, 0}, func(t *testing.T, image *LiveImage) {
				if r := image.Messages[1].Recipients; r[0].Next != second(2) || r[1].Next != later {
					t.Errorf("due at %v and %v", r[0].Next.Time(), r[1].Next.Time())
				}
			}},
		{"host up", []Event{&HostDown{Destination: "x.example", Failures: 1, Next: later}, &HostUp{Destination: "x.example"}},
			queue{0, 0, 0}, func(t *testing.T, image *LiveImage) {
				if len(image.Hosts) != 0 {
					t.Errorf("hosts %+v", image.Hosts)
				}
			}},
		{"bounced by order, nobody is told", []Event{silentTo(NotifyNever, "joe@example.com"), silentTo(NotifySuccess, "joe@example.com"), silentTo(0, ""),
			&RecipientsBounced{Set: append(append(set(1, 0), set(2, 0)...), set(3, 0)...)}}, queue{0, 0, 0}, nil},
		{"bounced by order, told of one", []Event{&MessageInjected{Sender: "joe@example.com", Queued: true, Recipients: []InjectedRecipient{
			{RID: 0, Notify: NotifyNever}, {RID: 1, Notify: NotifyFailure}, {RID: 2}}},
			&RecipientsBounced{Set: set(1, 0)}, &RecipientsBounced{Set: append(set(1, 1), set(1, 2)...)}}, queue{1, 0, 0}, func(t *testing.T, image *LiveImage) {
			if m := image.Messages[1]; len(m.Dues) != 1 || m.Dues[0] != 3 {
				t.Errorf("due: %v", m.Dues)
			}
		}},
		{"notification dropped", []Event{to("x.example", 1), &HardBounced{Message: 1, RIDs: []uint32{0}, Notify: true},
			&NotificationDropped{Message: 1, Reports: []uint64{2}}, &NotificationDropped{Message: 1, Reports: []uint64{2}}}, queue{0, 0, 1}, nil},
		{"hosts forgotten", []Event{&HostDown{Destination: "x.example", Failures: 1, Next: later}, &HostDown{Destination: "y.example", Failures: 2, Next: later},
			&HostDown{Destination: "z.example", Failures: 3, Next: later}, &DestinationsForgotten{Destinations: []string{"z.example", "unknown.example", "x.example"}}},
			queue{0, 0, 0}, func(t *testing.T, image *LiveImage) {
				if len(image.Hosts) != 1 || image.Hosts["y.example"].Failures != 2 {
					t.Errorf("hosts %+v", image.Hosts)
				}
			}},
		{"undo brings attempts and times back", []Event{to("x.example", 2), &SoftBounced{Message: 1, RIDs: []uint32{0, 1}, Attempts: 4, Next: later},
			&RecipientsDeleted{Set: set(1, 0, 1)}, &ClockJumped{Delta: int64(time.Minute)}, reinstated(1, later.Add(time.Minute), 1)},
			queue{1, 1, 0}, func(t *testing.T, image *LiveImage) {
				want := LiveRecipient{RID: 1, Destination: "x.example", Attempts: 4, Next: later.Add(time.Minute)}
				m := image.Messages[1]
				if m.Recipients[0] != want || m.Injected != second(60) || image.System.BodyBytes != 4096 {
					t.Errorf("got %+v", m)
				}
			}},
		{"undo of a part of a message", []Event{to("x.example", 2), &RecipientsDeleted{Set: set(1, 0)}, reinstated(1, later, 0)}, queue{1, 2, 0}, nil},
		{"undo of what was not taken", []Event{to("x.example", 1), reinstated(1, later, 0)}, queue{1, 1, 1}, nil},
		{"undo of a message that nobody knows", []Event{to("x.example", 1), &RecipientsReinstated{Set: set(7, 0)}}, queue{1, 1, 1}, nil},
		{"redirected twice and back", []Event{to("x.example", 1), &SoftBounced{Message: 1, RIDs: []uint32{0}, Attempts: 2, Next: later},
			&RecipientsRedirected{Target: "a.example", Set: set(1, 0)}, &AttemptStarted{Message: 1, RIDs: []uint32{0}, Attempt: 3, Next: later.Add(1)},
			&RecipientsRedirected{Target: "b.example", Set: set(1, 0)},
			&RecipientsReinstated{Target: "b.example", Set: []MessageRecipients{{Message: 1, RIDs: []uint32{0}, Redirect: "a.example", Attempts: []uint32{3}, Next: []Instant{later}}}}},
			queue{1, 1, 0}, func(t *testing.T, image *LiveImage) {
				want := LiveRecipient{RID: 0, Destination: "x.example", Redirect: "a.example", Attempts: 3, Next: later}
				if m := image.Messages[1]; m.Recipients[0] != want {
					t.Errorf("got %+v", m)
				}
			}},
		{"set aside, and one let go", []Event{to("x.example", 2), &SetAside{Message: 1}, &Unheld{Set: set(1, 0)}},
			queue{1, 2, 0}, func(t *testing.T, image *LiveImage) {
				if m := image.Messages[1]; m.SetAside || m.Recipients[0].Held || !m.Recipients[1].Held {
					t.Errorf("%+v", m)
				}
			}},
		{"held, and let go with what was set aside", []Event{to("x.example", 2), &SetAside{Message: 1}, &Held{Set: set(1, 0)}, &Unheld{Set: set(1, 0, 1)}},
			queue{1, 2, 0}, func(t *testing.T, image *LiveImage) {
				if m := image.Messages[1]; m.SetAside || m.Recipients[0].Held {
					t.Errorf("got %+v", m)
				}
			}},
		{"a fact without meaning here", []Event{&Sampled{}, &Unknown{K: 999}, nil, (*Sampled)(nil)}, queue{0, 0, 0}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			image := replayOf(c.events...)
			if got := (queue{image.System.Messages, image.System.Recipients, image.Anomalies}); got != c.want {
				t.Errorf("messages, recipients, anomalies: %v, want %v", got, c.want)
			}
			if c.check != nil && !t.Failed() {
				c.check(t, image)
			}
		})
	}
}

func TestSystemFacts(t *testing.T) {
	for _, c := range []struct {
		name   string
		events []Event
		want   LiveSystem
	}{
		{"first start", []Event{&Started{Boot: 1}}, LiveSystem{Boots: 1}},
		{"clean stop", []Event{&Started{Boot: 1}, &IDsReserved{ID: MID, From: 1, To: 1025}, &Stopped{NextMID: 17}}, LiveSystem{Boots: 1, Clean: true, NextMID: 17}},
		{"crash twice", []Event{&Started{Boot: 1}, &Started{Boot: 2}, &Started{Boot: 3}}, LiveSystem{Boots: 3, Unclean: 2}},
		{"crashes long ago", []Event{&Started{Boot: 1}, &Started{Boot: 2}, &Started{Boot: 3}, &Settled{Unclean: 2}, &Started{Boot: 4}}, LiveSystem{Boots: 4, Unclean: 1}},
		{"crash and clean", []Event{&Started{Boot: 1}, &Started{Boot: 2}, &Stopped{}, &Started{Boot: 3, Clean: true}}, LiveSystem{Boots: 3}},
		{"ids begin anew", []Event{&IDsReserved{ID: ICID, From: IDLimit - 10, To: IDLimit}, &IDsReserved{ID: ICID, From: 1, To: 1025}}, LiveSystem{NextICID: 1025, Wrapped: true}},
		{"suspensions", []Event{&DeliverySuspended{}, &DeliverySuspended{Domains: []string{"B.example", "a.example"}}, &DeliveryResumed{Domains: []string{"b.EXAMPLE"}}, &ListenerSuspended{Listener: "In"}},
			LiveSystem{DeliverySuspended: []string{"*", "a.example"}, ListenersSuspended: []string{"In"}}},
		{"resumed", []Event{&DeliverySuspended{}, &DeliverySuspended{Domains: []string{"b.example"}}, &DeliveryResumed{}}, LiveSystem{}},
		{"paused", []Event{&WorkQueuePaused{Reason: "why not"}}, LiveSystem{WorkQueuePaused: true, WorkQueuePauseReason: "why not"}},
		{"clock", []Event{&ClockJumped{Delta: 5}, &ClockJumped{Delta: -7}}, LiveSystem{ClockShift: -2}},
		{"cut", []Event{&DeliverySuspended{}, &HistoryCut{Before: 100, Boots: 4, LastReset: 9, Revision: 3, NextIDs: []NamedValue{{"DCID", 77}, {"MID", -1}}, Suspended: []string{"In"}, WorkQueuePause: "full"}},
			LiveSystem{Boots: 4, LastReset: 9, Revision: 3, NextDCID: 77, ListenersSuspended: []string{"In"}, WorkQueuePaused: true, WorkQueuePauseReason: "full"}},
		{"configuration and reset", []Event{&ConfigurationCommitted{Revision: 2, Hash: "ab"}, &CountersReset{}, &ResourceConservationChanged{Degree: 5}}, LiveSystem{Revision: 2, ConfigHash: "ab", LastReset: second(1), Conservation: 5}},
		{"orders that can be undone", []Event{&BulkActionOrdered{Action: "delete"}, &BulkActionOrdered{Action: "hold"}, &BulkActionOrdered{Action: "redirect"},
			&BulkActionCompleted{Action: 1}, &ClockJumped{Delta: 7}, &UndoEnded{Action: 3}},
			LiveSystem{BulkActions: []uint64{2, 3}, Undoable: []LiveUndo{{Order: 1, Completed: 4, At: second(3) + 7}}, ClockShift: 7}},
		{"order under way", []Event{&BulkActionOrdered{}, &BulkActionOrdered{}, &BulkActionCompleted{Action: 1}}, LiveSystem{BulkActions: []uint64{2}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := replayOf(c.events...)
			want := &LiveImage{System: c.want, Messages: map[uint64]*LiveMessage{}, Hosts: map[string]LiveHost{}}
			equalImages(t, got, want)
		})
	}
}

func TestHashSender(t *testing.T) {
	if HashSender("") != 0 {
		t.Error("the null sender has a hash")
	}
	if HashSender("a@B.Example") != HashSender("a@b.example") {
		t.Error("the case of a domain counts")
	}
	if HashSender("A@b.example") == HashSender("a@b.example") || HashSender("postmaster") == HashSender("Postmaster@") {
		t.Error("the case of a local part does not count")
	}
}

// FuzzLiveFold holds that no sequence of facts breaks the fold, and that its running totals are those of what it holds.
func FuzzLiveFold(f *testing.F) {
	f.Add(uint64(1), uint16(200))
	f.Add(uint64(2), uint16(2000))
	f.Fuzz(func(t *testing.T, seed uint64, n uint16) {
		source := newFactSource(seed)
		fold := newLiveFold()
		for range n % 3000 {
			fold.apply(source.next())
		}
		if fold.err != nil {
			t.Fatal(fold.err)
		}
		counted := fold.image().System
		s := fold.state.LiveSystem
		if s.Messages != counted.Messages || s.Recipients != counted.Recipients || s.BodyBytes != counted.BodyBytes {
			t.Fatalf("totals %d %d %d, held %d %d %d", s.Messages, s.Recipients, s.BodyBytes, counted.Messages, counted.Recipients, counted.BodyBytes)
		}
		for _, e := range fold.messages {
			if len(e.Recipients)+len(e.Dues) == 0 {
				t.Fatalf("message %d is not live", e.Seq)
			}
		}
	})
}

// FuzzLiveRow holds that no bytes break the row decoder, and that what it takes it gives back.
func FuzzLiveRow(f *testing.F) {
	for _, e := range replayOf(to("x.example", 1), to("y.example", 3), &HardBounced{Message: 2, RIDs: []uint32{1}, Notify: true},
		&RecipientsRedirected{Target: "z.example", Set: set(2, 0)}, why(to("y.example", 2), WhySplit, 1)).Messages {
		f.Add(appendLiveMessage(nil, e, liveStamp{shift: -5, forces: 3}))
	}
	f.Fuzz(func(t *testing.T, row []byte) {
		var m, again LiveMessage
		var s, stamp liveStamp
		if decodeLiveMessage(9, row, &m, &s, &liveNames{}) != nil {
			return
		}
		if err := decodeLiveMessage(9, appendLiveMessage(nil, &m, s), &again, &stamp, &liveNames{}); err != nil {
			t.Fatal(err)
		}
		if s != stamp || !reflect.DeepEqual(m, again) {
			t.Fatalf("%+v\n%+v", m, again)
		}
	})
}

// TestLiveInDoubt says when a peer may have a message whose attempt is in hand: an exact one only once DataSent is written.
func TestLiveInDoubt(t *testing.T) {
	rids := []uint32{0}
	f := newLiveFold()
	seq := uint64(0)
	for _, c := range []struct {
		event Event
		want  bool
	}{
		{&MessageInjected{Queued: true, Sender: "s@a.example", Recipients: []InjectedRecipient{{Domain: "a.example"}}}, false},
		{&AttemptStarted{Message: 1, RIDs: rids, Attempt: 1}, true},
		{&SoftBounced{Message: 1, RIDs: rids, Attempts: 1}, false},
		{&AttemptStarted{Message: 1, RIDs: rids, Attempt: 2, Exact: true}, false},
		{&DataSent{Message: 1, RIDs: rids}, true},
		{&SoftBounced{Message: 1, RIDs: rids, Attempts: 2}, false},
		{&DataSent{Message: 1, RIDs: rids}, false}, // too late: the attempt is over
		{&AttemptStarted{Message: 1, RIDs: rids, Attempt: 3, Exact: true}, false},
		{&DataSent{Message: 1, RIDs: rids}, true},
		{&Held{Set: []MessageRecipients{{Message: 1, RIDs: rids}}}, false},
		{&Unheld{Set: []MessageRecipients{{Message: 1, RIDs: rids}}}, false},
		{&AttemptStarted{Message: 1, RIDs: rids, Attempt: 4, Exact: true}, false},
	} {
		seq++
		f.apply(Record{Seq: seq, Time: Instant(seq), Event: c.event})
		if got := f.message(1).Recipients[0].InDoubt(); got != c.want {
			t.Errorf("%d, after %s: in doubt %t", seq, Describe(c.event), got)
		}
	}
	f.apply(Record{Seq: seq + 1, Event: &DataSent{Message: 99, RIDs: rids}}) // one that has left
	if f.state.anomalies != 0 {
		t.Errorf("%d facts did not fit", f.state.anomalies)
	}
}

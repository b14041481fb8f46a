package engine

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"postern/engine/config"
	"postern/journal"
)

func testTurn(s *State, clock int64) *turn {
	return &turn{s: s, retry: config.Default().Retry, draw: func() float64 { return 0.5 }, doubt: config.Default().InDoubt, now: journal.Instant(clock), clock: clock, next: 1000}
}

// What is loaded after the start is older than what came meanwhile and must expire before it.
func TestLoadedMessagesStandBeforeNewOnes(t *testing.T) {
	s := NewState()
	for _, seq := range []uint64{100, 101} {
		s.addMessage(message{seq: seq})
	}
	var loaded []uint32
	for _, seq := range []uint64{1, 2, 3} {
		loaded = append(loaded, s.addLoaded(message{seq: seq}))
		if seq == 2 { // ends while the loading goes on
			s.endIfDone(loaded[1])
		}
	}
	var order []uint64
	for i := s.oldest; i != 0; i = s.messages.at(i).newer {
		order = append(order, s.messages.at(i).seq)
	}
	if got := fmt.Sprint(order); got != "[1 3 100 101]" || s.messages.at(s.newest).seq != 101 {
		t.Errorf("order of age %s, newest %d", got, s.messages.at(s.newest).seq)
	}
}

// Old messages that cannot expire now neither keep younger ones from expiring nor the engine from resting.
func TestHeldMessagesDoNotStopExpiry(t *testing.T) {
	s := NewState()
	clock := int64(100 * 24 * time.Hour)
	for seq := uint64(1); seq <= 20; seq++ {
		mi := s.addMessage(message{seq: seq, injected: int64(seq), sender: 1})
		ri := s.addRecipient(mi, "example.net", 0, 0)
		if s.recipients.at(ri).state = held; seq == 20 {
			s.makeReady(ri)
		}
	}
	turn := testTurn(s, clock)
	turns := 1
	for turn.expire(5) {
		if turns++; turns > 10 {
			t.Fatal("there is always more to expire")
		}
	}
	if s.messages.at(s.bySeq[20]).live != 0 {
		t.Error("the youngest is still in the queue")
	}
	if turn.expire(5) {
		t.Error("looked again at once")
	}
}

// A notification that could not be written at first is written later.
func TestNotificationIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := start(t, journal.NewMemoryDisk(), newPeer(), nil)
		<-time.After(time.Second)
		g.e.order(func(tn *turn) { // a report that a writer took in hand and could not hand in
			seq := tn.emit(&journal.MessageInjected{MID: 9, Sender: "a@example.com", Queued: true,
				Recipients: []journal.InjectedRecipient{{RID: 0, Local: "b", Domain: "example.net"}}})
			tn.emit(&journal.HardBounced{Message: seq, MID: 9, RIDs: []uint32{0}, Destination: "example.net", Status: "5.0.0", Code: "550", Notify: true, Finished: true})
			tn.s.reportQueue = tn.s.reportQueue[:0]
			tn.after = append(tn.after, func() { g.e.reportWritten(reportOrder{message: seq}, ErrBusy) })
		})
		<-time.After(reportAgain / 2)
		if n := count[*journal.MessageInjected](g.records()); n != 1 {
			t.Errorf("%d injections, want 1 so far", n)
		}
		<-time.After(reportAgain)
		if n := count[*journal.MessageInjected](g.records()); n != 2 {
			t.Errorf("%d injections, want the notification's too", n)
		}
		g.stop()
		if got := g.e.state.Totals(); got.Messages != 0 || got.Reports != 0 {
			t.Errorf("left over: %+v", got)
		}
	})
}

// A gateway that wakes with a clock far behind, which is set right later, sends its queue when it would have.
func TestClockBehindAtStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer()
		p.answer = func(Attempt, uint32) Outcome { return Outcome{Result: Temporary, Code: "450", Status: "4.2.1"} }
		off := time.Duration(0)
		tune := func(o *Options) { o.Now = func() time.Time { return time.Now().Add(off) } }
		g := start(t, journal.NewMemoryDisk(), p, tune)
		g.inject("a@example.com", "b@example.net")
		<-time.After(2 * time.Second)
		g.stop()
		off = -20 * 365 * 24 * time.Hour
		p.answer = func(Attempt, uint32) Outcome { return delivered }
		g = start(t, g.disk, p, tune)
		<-time.After(2 * time.Minute)
		if n := count[*journal.Delivered](g.records()); n != 1 {
			t.Errorf("delivered %d times within two minutes", n)
		}
		g.stop()
	})
}

func notification(t *testing.T, parent *journal.MessageInjected, body string, reply string) (*Content, string) {
	t.Helper()
	j, err := journal.Open("j", journal.Options{Disk: journal.NewMemoryDisk()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	if parent.Body, err = j.PutBody([]byte(body)); err != nil {
		t.Fatal(err)
	}
	parent.Size = int64(len(body))
	first, err := j.AppendEvents(1, parent, &journal.HardBounced{Message: 1, RIDs: []uint32{0}, Code: "550", Status: "5.1.1", Reply: []string{reply}})
	if err != nil {
		t.Fatal(err)
	}
	n := &journal.MessageInjected{Parent: first, Reports: []uint64{first + 1}, SMTPUTF8: parent.SMTPUTF8, Form: journal.Body8Bit,
		Recipients: []journal.InjectedRecipient{{Local: "a", Domain: "example.com"}}}
	c, err := openNotification(j, document(), 1, n)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return c, string(raw)
}

// What is 8-bit in a notification is declared, and nothing is 8-bit that need not be (RFC 2045, 3464, 6533).
func TestNotificationDeclaresItsForm(t *testing.T) {
	to := []journal.InjectedRecipient{{Local: "b", Domain: "example.net", ORcpt: "utf-8;jörg@example.net"}}
	c, text := notification(t, &journal.MessageInjected{Recipients: to, Return: journal.ReturnHeaders}, "Subject: Grüße\r\n\r\nGrüße\r\n", "unbekannter Empfänger")
	if c.eightBit || strings.ContainsFunc(text, func(r rune) bool { return r > 126 }) || strings.Contains(text, "Encoding: 8bit") {
		t.Errorf("a header's copy is not 7-bit:\n%s", text)
	}
	if !strings.Contains(text, `Original-Recipient: utf-8;j\x{F6}rg@example.net`) {
		t.Errorf("the original recipient is not in utf-8-addr-xtext:\n%s", text)
	}
	c, text = notification(t, &journal.MessageInjected{Recipients: to}, "Subject: x\r\n\r\nGrüße\r\n", "no")
	if !c.eightBit || strings.Count(text, "Content-Transfer-Encoding: 8bit\r\n") != 2 {
		t.Errorf("a whole 8-bit copy is not declared:\n%s", text)
	}
	to[0].Local = "jörg"
	c, text = notification(t, &journal.MessageInjected{Recipients: to, SMTPUTF8: true}, "Subject: Grüße\r\n\r\n\r\n", "no")
	for _, want := range []string{"Final-Recipient: utf-8; jörg@example.net", "Content-Type: message/global\r\n", "message/global-delivery-status"} {
		if !strings.Contains(text, want) || !c.eightBit {
			t.Errorf("lacks %q:\n%s", want, text)
		}
	}
}

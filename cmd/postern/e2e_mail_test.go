package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"postern/bench/load"
	"postern/journal"
)

const quickRetries = "[retry]\ninitial_seconds = 1\nmax_seconds = 1\n"

func TestMessageIsDelivered(t *testing.T) {
	s := runSink(t)
	g := runGateway(t, s, "")
	got := talk(t, g.Address, "EHLO here\r\nMAIL FROM:<a@sender.test>\r\nRCPT TO:<b@sink.test>\r\nRCPT TO:<c@other.test>\r\nDATA\r\n"+
		"From: <a@sender.test>\r\nSubject: greeting\r\n\r\n..a dot\r\nend\r\n.\r\nQUIT\r\n", 10*time.Second)
	if !strings.Contains(got, "\n250 2.6.0") && !strings.Contains(got, "\n250 ok") || !strings.Contains(got, "\n221") {
		t.Errorf("the dialogue: %q", got)
	}
	eventually(t, "both recipients have it", func() bool { return s.Total() == 2 })
	for _, m := range s.Messages() {
		if m.Sender != "a@sender.test" || m.ID != "greeting" || !strings.HasPrefix(m.Content, "Received: ") ||
			!strings.HasSuffix(m.Content, "\r\n\r\n.a dot\r\nend\r\n") {
			t.Errorf("%+v", m)
		}
	}
	stop(t, g)
}

func TestMessageIsDelayedThenDelivered(t *testing.T) {
	s := runSink(t)
	g := runGateway(t, s, quickRetries)
	send(t, g.Address, "defer-b@sink.test")
	eventually(t, "the mail log tells of the delay", func() bool {
		log, _ := os.ReadFile(filepath.Join(g.Data, "logs", "mail_logs.current"))
		return bytes.Contains(log, []byte("Delayed")) && bytes.Contains(log, []byte("4.2.1"))
	})
	stop(t, g)
	soft := 0
	for _, r := range facts(t, g) {
		if f, ok := r.Event.(*journal.SoftBounced); ok && f.Code == "450" && f.Status == "4.2.1" {
			soft++
		}
	}
	if soft == 0 || s.Total() != 0 {
		t.Fatalf("%d soft bounces, %d delivered", soft, s.Total())
	}
	s.Lift()
	start(t, g)
	eventually(t, "it is delivered after a restart", func() bool { return s.Total() == 1 })
	stop(t, g)
}

func TestMessageIsBouncedToItsSender(t *testing.T) {
	s := runSink(t)
	g := runGateway(t, s, quickRetries)
	send(t, g.Address, "bounce-b@sink.test")
	eventually(t, "the sender has a notification", func() bool { return s.Total() == 1 })
	m := s.Messages()[0]
	for _, want := range []string{"multipart/report", "bounce-b@sink.test", "5.1.1", "no such user"} {
		if !strings.Contains(m.Content, want) {
			t.Errorf("the notification lacks %q:\n%s", want, m.Content)
		}
	}
	if m.Sender != "" || len(m.Recipients) != 1 || m.Recipients[0] != "load@sender.test" {
		t.Errorf("from <%s> to %v", m.Sender, m.Recipients)
	}
	stop(t, g)
}

// A reply to the final dot that is lost may mean a second copy; the journal says so.
func TestLostReplyIsListed(t *testing.T) {
	s := runSink(t)
	g := runGateway(t, s, quickRetries)
	send(t, g.Address, "lost-b@sink.test")
	eventually(t, "it is sent again", func() bool { return s.Total() == 2 })
	stop(t, g)
	for _, r := range facts(t, g) {
		if _, ok := r.Event.(*journal.OutcomeUnknown); ok {
			return
		}
	}
	t.Error("no OutcomeUnknown in the journal")
}

func TestGarbageHurtsNobody(t *testing.T) {
	s := runSink(t)
	g := runGateway(t, s, "")
	for name, text := range map[string]string{
		"binary":        strings.Repeat("\x00\xff\x80\x16\x03\x01\r\n", 2000),
		"endless line":  strings.Repeat("A", 4<<20),
		"http":          "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"out of order":  "DATA\r\nRCPT TO:<a@b>\r\n.\r\nBDAT x LAST\r\nMAIL FROM:<\x00>\r\nQUIT\r\n",
		"half a letter": "EHLO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\nSubject: half\r\n\r\nand gone",
		"smuggling":     "EHLO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\nSubject: one\r\n\r\nx\n.\nMAIL FROM:<evil@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\nSubject: two\r\n\r\n.\r\nQUIT\r\n",
	} {
		if got := talk(t, g.Address, text, 500*time.Millisecond); !strings.HasPrefix(got, "220 ") {
			t.Errorf("%s: answered %.80q", name, got)
		}
	}
	send(t, g.Address, "user@sink.test")
	eventually(t, "ordinary mail flows", func() bool { return s.Total() >= 1 })
	if m := s.Messages(); len(m) != 1 || m[0].ID != "e2e-0000000001" {
		t.Errorf("the sink has %+v", m)
	}
	stop(t, g)
}

// A stop in the midst of mail refuses what it cannot take and keeps what it took.
func TestStopLosesNothing(t *testing.T) {
	s := runSink(t)
	g := runGateway(t, s, quickRetries)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan *load.Result, 1)
	go func() {
		done <- load.Run(ctx, load.Config{Address: g.Address, Clients: 8, Patience: 15 * time.Second})
	}()
	for round := range 2 {
		before := s.Total()
		eventually(t, "mail flows", func() bool { return s.Total() > before+200 })
		stop(t, g)
		if round == 0 {
			start(t, g)
		}
	}
	cancel()
	r := <-done
	start(t, g)
	arrived := func() map[string]int {
		n := map[string]int{}
		for a, times := range s.Arrived() {
			n[a.ID] += times
		}
		return n
	}
	eventually(t, "all acked messages arrive", func() bool {
		n := arrived()
		for _, id := range r.Acked {
			if n[id] == 0 {
				return false
			}
		}
		return true
	})
	stop(t, g)
	for id, n := range arrived() {
		if n > 1 {
			t.Errorf("%s arrived %d times, though nothing crashed", id, n)
		}
	}
	if len(r.Unanswered) > 0 {
		t.Errorf("%d messages were sent whole and never answered", len(r.Unanswered))
	}
}

func send(t *testing.T, address, recipient string) {
	t.Helper()
	r := load.Run(t.Context(), load.Config{Address: address, Messages: 1, Prefix: "e2e", Recipient: func(int) string { return recipient }})
	if len(r.Acked) != 1 {
		t.Fatalf("not accepted: %+v", r)
	}
}

package engine

import (
	"context"
	"errors"
	"io"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"postern/engine/config"
	"postern/journal"
)

func alerting(to ...string) func(*Options) {
	d := document()
	d.Alerts.To = to
	return func(o *Options) { o.Document = func() *config.Document { return d } }
}

var full = Alert{Kind: "mailRefused", Severity: "Critical", Text: "Nothing is accepted: the queue is full.\r\nBcc: x@evil.example\x1b[2J"}

// An alert leaves when nothing else comes in: with a full queue, on a full disk, while all commands are refused.
func TestAlertLeavesWhenNothingIsAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer()
		g := start(t, journal.NewMemoryDisk(), p, func(o *Options) {
			alerting("ops@example.com", "boss@[192.0.2.1]")(o)
			o.Space = func() Space { return Space{Free: 1 << 20, Total: 1 << 40} }
			o.Memory = func() float64 { return 2 }
		})
		<-time.After(2 * time.Second)
		if err := g.e.Admit(); err == nil || g.e.Conservation() != Refusing {
			t.Fatalf("%v, degree %d", err, g.e.Conservation())
		}
		if err := g.e.Alert(context.Background(), full); err != nil {
			t.Fatal(err)
		}
		all := g.records()
		raised, mails := find[*journal.AlertRaised](all), find[*journal.MessageInjected](all)
		if len(raised) != 1 || *raised[0] != (journal.AlertRaised{Alert: full.Kind, Severity: full.Severity, Text: full.Text}) || len(mails) != 1 {
			t.Fatalf("the facts are %+v and %+v", raised, mails)
		}
		g.readsAsAlert(mails[0])
		<-time.After(5 * time.Second)
		if n := len(find[*journal.Delivered](g.records())); n != 2 {
			t.Errorf("delivered to %d of 2", n)
		}
		if err := g.e.Alert(context.Background(), Alert{Kind: full.Kind, Text: "All is well.", Over: true}); err != nil {
			t.Fatal(err)
		}
		all = g.records()
		if cleared := find[*journal.AlertCleared](all); len(cleared) != 1 || *cleared[0] != (journal.AlertCleared{Alert: full.Kind}) {
			t.Errorf("cleared: %+v", cleared)
		}
		if m := find[*journal.MessageInjected](all); len(m) != 2 || !strings.HasPrefix(m[1].Subject, "Information <System> gw.example.com: All is well.") {
			t.Errorf("mails: %+v", m)
		}
		g.stop()
	})
}

// readsAsAlert checks the mail: for machines an automatic one, for people short lines of harmless text.
func (g *gateway) readsAsAlert(m *journal.MessageInjected) {
	t := g.t
	t.Helper()
	if m.Why != journal.WhyAlert || m.ICID != 0 || m.Sender != "" || len(m.Recipients) != 2 || m.Recipients[1].Domain != "[192.0.2.1]" ||
		m.Recipients[0].Notify != journal.NotifyNever {
		t.Errorf("the injection is %+v", m)
	}
	content, err := OpenContent(g.j, document(), 0, m)
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	raw, err := io.ReadAll(content)
	if err != nil || int64(len(raw)) != m.Size {
		t.Fatalf("%d bytes of %d: %v", len(raw), m.Size, err)
	}
	for line := range strings.SplitSeq(string(raw), "\r\n") {
		if len(line) > 200 || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r > '~' }) {
			t.Errorf("a line of the mail: %q", line)
		}
	}
	read, err := mail.ReadMessage(strings.NewReader(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"Auto-Submitted": "auto-generated", "Message-Id": m.MessageID, "Subject": m.Subject, "Bcc": "",
		"To": "<ops@example.com>, <boss@[192.0.2.1]>"} {
		if got := read.Header.Get(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if !strings.HasPrefix(m.Subject, "Critical <System> gw.example.com: Nothing is accepted: the queue is full.") {
		t.Errorf("the subject is %q", m.Subject)
	}
}

// What becomes of an alert's mail makes no other mail, whatever it is, and whatever the envelope sender.
func TestAlertMakesNoNotification(t *testing.T) {
	for _, from := range []string{"", "gateway@example.com"} {
		for name, fate := range map[string]Outcome{"refused": {Result: Permanent, DCID: 1, Code: "550", Status: "5.1.1"},
			"never": {Result: Temporary, DCID: 1, Code: "450", Status: "4.2.1"}, "relayed": {Result: Delivered, DCID: 1, Code: "250", Status: "2.0.0", Relayed: true}} {
			synctest.Test(t, func(t *testing.T) {
				p := newPeer()
				p.answer = func(Attempt, uint32) Outcome { return fate }
				d := document()
				d.Alerts = config.Alerts{To: []string{"ops@example.com"}, From: from}
				d.Retry.MaxQueueSeconds = 600
				g := start(t, journal.NewMemoryDisk(), p, func(o *Options) { o.Document = func() *config.Document { return d } })
				if err := g.e.Alert(context.Background(), full); err != nil {
					t.Fatal(err)
				}
				<-time.After(2 * time.Hour)
				all := g.records()
				if m := find[*journal.MessageInjected](all); len(m) != 1 || m[0].Sender != from {
					t.Errorf("%s from <%s>: %d messages, the first from <%s>", name, from, len(m), m[0].Sender)
				}
				if left := g.e.Totals(); left.Messages != 0 || left.Reports != 0 {
					t.Errorf("%s from <%s>: left are %+v", name, from, left)
				}
				g.stop()
			})
		}
	}
}

// Without anybody to be told the fact is written all the same.
func TestAlertWithoutRecipients(t *testing.T) {
	g := start(t, journal.NewMemoryDisk(), newPeer(), nil)
	if err := g.e.Alert(context.Background(), full); err != nil {
		t.Fatal(err)
	}
	if all := g.records(); count[*journal.AlertRaised](all) != 1 || count[*journal.MessageInjected](all) != 0 {
		t.Errorf("%d alerts, %d messages", count[*journal.AlertRaised](all), count[*journal.MessageInjected](all))
	}
	g.stop()
	if err := g.e.Alert(context.Background(), full); !errors.Is(err, ErrStopping) {
		t.Errorf("after the stop: %v", err)
	}
}

// Alerts that are raised while the gateway stops are written down, or refused; nobody waits for ever.
func TestAlertWhileStopping(t *testing.T) {
	g := start(t, journal.NewMemoryDisk(), newPeer(), alerting("ops@example.com"))
	var all sync.WaitGroup
	var mu sync.Mutex
	written := 0
	for range 50 {
		all.Go(func() {
			if err := g.e.Alert(context.Background(), full); err == nil {
				mu.Lock()
				written++
				mu.Unlock()
			} else if !errors.Is(err, ErrStopping) {
				t.Error(err)
			}
		})
	}
	j := g.j
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	g.e.Stop(ctx)
	all.Wait()
	if err := <-g.done; err != nil {
		t.Fatal(err)
	}
	if n := count[*journal.AlertRaised](g.records()); n != written {
		t.Errorf("%d were said to be written, %d are", written, n)
	}
	g.cancel()
	j.Close()
}

func TestAlertLetterIsBounded(t *testing.T) {
	l := alertLetter{Alert: Alert{Kind: "k", Object: strings.Repeat("o", 5000), Severity: "Warning", Text: strings.Repeat("wörd ", 5000) + strings.Repeat("y", 3000)}, host: "h.test", to: []string{"a@b.test"}}
	if text := l.render(); len(text) > 8000 || len(l.subject()) > 300 {
		t.Errorf("%d bytes, the subject has %d", len(text), len(l.subject()))
	}
}

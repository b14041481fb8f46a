package deliver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"postern/engine"
	"postern/journal"
	"postern/smtp/dns"
)

func TestRecipientsDiffer(t *testing.T) {
	for _, extensions := range [][]string{pipelining, nil} {
		w := newWorld(t)
		w.recipients(4)
		p := w.peer("192.0.2.1", &peer{extensions: extensions, script: verbsOf("RCPT", func(line string) string {
			switch {
			case strings.Contains(line, "to1@"):
				return "550 5.1.1 unknown"
			case strings.Contains(line, "to2@"):
				return "450 4.2.0 busy"
			}
			return ""
		})})
		out := w.deliver()
		w.end()
		w.want(out[0], `delivered 250 2.0.0 "taken as 1"`)
		w.want(out[1], `permanent 550 5.1.1 "unknown"`)
		w.want(out[2], `temporary 450 4.2.0 "busy"`)
		w.want(out[3], `delivered 250 2.0.0 "taken as 1"`)
		for i, o := range out {
			if o.RID != uint32(i) {
				t.Errorf("outcome %d is of RID %d", i, o.RID)
			}
		}
		if m := p.got(); len(m) != 1 || len(m[0].to) != 2 {
			t.Errorf("the peer got %v", m)
		}
	}
}

func verbsOf(verb string, f func(line string) string) func(int, int, string) string {
	return func(_, _ int, line string) string {
		if strings.HasPrefix(line, verb) {
			return f(line)
		}
		return ""
	}
}

// The answer to the final dot is missing for some, others were refused before: each gets its own.
func TestUnknownOnlyForAccepted(t *testing.T) {
	w := newWorld(t)
	w.recipients(2)
	w.peer("192.0.2.1", &peer{extensions: pipelining, script: func(_, _ int, line string) string {
		switch {
		case strings.HasPrefix(line, "RCPT TO:<to1@"):
			return "550 5.1.1 unknown"
		case line == ".":
			return hangUp
		}
		return ""
	}})
	out := w.deliver()
	w.end()
	w.want(out[0], `unknown 000 4.4.2 "EOF"`)
	w.want(out[1], `permanent 550 5.1.1 "unknown"`)
}

// A peer that accepts DATA although it refused everybody gets a lone dot, and the connection is still good.
func TestLoneDot(t *testing.T) {
	w := newWorld(t)
	p := w.peer("192.0.2.1", &peer{extensions: pipelining, script: func(_, n int, line string) string {
		switch {
		case strings.HasPrefix(line, "RCPT") && n < 4:
			return "550 5.1.1 unknown"
		case line == "DATA":
			return "354 go"
		}
		return ""
	}})
	first, second := w.deliver(), w.deliver()
	w.end()
	w.want(first[0], `permanent 550 5.1.1 "unknown"`)
	w.want(second[0], `delivered 250 2.0.0 "taken as 1"`)
	if p.sessions != 1 || p.got()[0].content != "" || p.got()[1].content != w.content {
		t.Errorf("%d sessions, got %q", p.sessions, p.got())
	}
}

// When MAIL was refused and DATA taken all the same, nothing must be sent.
func TestNoContentWithoutSender(t *testing.T) {
	w := newWorld(t)
	p := w.peer("192.0.2.1", &peer{extensions: pipelining,
		script: verbs(map[string]string{"MAIL": "550 5.7.1 no", "RCPT": "250 ok", "DATA": "354 go"})})
	w.want(w.deliver()[0], `permanent 550 5.7.1 "no"`)
	w.end()
	if len(p.got()) != 0 {
		t.Errorf("sent %v", p.got())
	}
}

// A transaction left open is reset before the next one.
func TestResetAfterRefusal(t *testing.T) {
	for _, extensions := range [][]string{pipelining, nil} {
		w := newWorld(t)
		p := w.peer("192.0.2.1", &peer{extensions: extensions, script: func(_, n int, line string) string {
			if strings.HasPrefix(line, "RCPT") && n < 4 {
				return "550 5.1.1 unknown"
			}
			return ""
		}})
		w.deliver()
		w.want(w.deliver()[0], `delivered 250 2.0.0 "taken as 1"`)
		w.end()
		if all := strings.Join(p.seen(), " "); p.sessions != 1 || strings.Count(all, "RSET") != 1 {
			t.Errorf("%d sessions: %s", p.sessions, all)
		}
	}
}

func TestManyRecipients(t *testing.T) {
	for name, set := range map[string]func(p *peer){
		"a hundred at a time": func(p *peer) {},
		"RCPTMAX":             func(p *peer) { p.extensions = append(p.extensions, "LIMITS RCPTMAX=30 MAILMAX=9") },
		"452": func(p *peer) {
			p.script = func(_, _ int, line string) string {
				if strings.HasPrefix(line, "RCPT") && len(p.lines)%70 > 60 {
					return "452 too many recipients"
				}
				return ""
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.recipients(250)
			p := w.peer("192.0.2.1", &peer{extensions: append([]string(nil), pipelining...)})
			set(p)
			for i, o := range w.deliver() {
				if o.Result != engine.Delivered || o.RID != uint32(i) {
					t.Fatalf("%d: %s", i, short(o))
				}
			}
			w.end()
			n := 0
			for _, m := range p.got() {
				n += len(m.to)
			}
			if n != 250 || len(p.got()) < 3 || p.sessions != 1 {
				t.Errorf("%d recipients in %d transactions and %d sessions", n, len(p.got()), p.sessions)
			}
		})
	}
}

func TestHonesty(t *testing.T) {
	all := []string{"PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 100", "DSN"}
	cases := []struct {
		name       string
		extensions []string
		set        func(m *journal.MessageInjected)
		want       string
		mail       string
	}{
		{"8bit", all, func(m *journal.MessageInjected) { m.Form = journal.Body8Bit }, "", "MAIL FROM:<from@example.net> SIZE=21 BODY=8BITMIME"},
		{"8bit lacking", nil, func(m *journal.MessageInjected) { m.Form = journal.Body8Bit },
			`permanent 000 5.6.3 "the peer does not take 8-bit content"`, ""},
		{"utf8", all, func(m *journal.MessageInjected) { m.SMTPUTF8 = true }, "", "MAIL FROM:<from@example.net> SIZE=21 SMTPUTF8"},
		{"utf8 lacking", nil, func(m *journal.MessageInjected) { m.Recipients[0].Local = "jürgen" },
			`permanent 000 5.6.7 "the peer does not take internationalized mail"`, ""},
		{"binary lacking", all, func(m *journal.MessageInjected) { m.Form = journal.BodyBinary },
			`permanent 000 5.6.1 "the peer does not take binary content"`, ""},
		{"too large", all, func(m *journal.MessageInjected) { m.Size = 101 },
			`permanent 000 5.3.4 "the message is larger than the peer's limit"`, ""},
		{"REQUIRETLS", append(all, "REQUIRETLS"), func(m *journal.MessageInjected) { m.RequireTLS = true },
			`permanent 000 5.7.30 "the peer does not offer REQUIRETLS over a verified connection"`, ""},
		{"smuggled command", all, func(m *journal.MessageInjected) { m.Sender = "a b@x> SIZE=1 X=<y@z" },
			`permanent 000 5.1.7 "the sender's address cannot be sent"`, ""},
		{"smuggled line", all, func(m *journal.MessageInjected) { m.Recipients[0].Local = "a>\r\nRSET" },
			`permanent 000 5.1.3 "the recipient's address cannot be sent"`, ""},
		{"quoted", all, func(m *journal.MessageInjected) { m.Sender = `"a > \" b"@example.net` }, "", `MAIL FROM:<"a > \" b"@example.net> SIZE=21`},
		{"DSN", all, func(m *journal.MessageInjected) {
			m.Sender, m.Return, m.EnvID = "", journal.ReturnHeaders, "a+b=c d"
		}, "", "MAIL FROM:<> SIZE=21 RET=HDRS ENVID=a+2Bb+3Dc+20d"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			c.set(w.message)
			p := w.peer("192.0.2.1", &peer{extensions: c.extensions})
			out := w.deliver()
			w.end()
			if c.want != "" {
				w.want(out[0], c.want)
				if all := strings.Join(p.seen(), " "); strings.Contains(all, "MAIL") {
					t.Errorf("a transaction was begun: %s", all)
				}
				return
			}
			w.want(out[0], `delivered 250 2.0.0 "taken as 1"`)
			if got := p.got()[0].from; got != c.mail {
				t.Errorf("said %s, want %s", got, c.mail)
			}
		})
	}
}

// A notification is written in 7-bit for the peer that takes nothing else, and for that one alone.
func TestNotificationIsMadeSevenBit(t *testing.T) {
	w := newWorld(t)
	w.mx["example.com"] = []dns.MX{{Host: "old.example.com", Preference: 10}, {Host: "mx.example.com", Preference: 20}}
	w.hosts["old.example.com"] = "192.0.2.2"
	w.message.Sender, w.message.Why, w.message.Form, w.message.SMTPUTF8 = "", journal.WhyBounce, journal.Body8Bit, true
	w.client.Content = func(_ uint64, m *journal.MessageInjected) (io.ReadCloser, int64, error) {
		text := fmt.Sprintf("form %d, utf8 %v\r\n", m.Form, m.SMTPUTF8)
		return io.NopCloser(strings.NewReader(text)), int64(len(text)), nil
	}
	farewell := ""
	old := w.peer("192.0.2.2", &peer{extensions: []string{"PIPELINING", "SIZE 20"}, script: func(_, _ int, line string) string {
		if line == "DATA" {
			return farewell
		}
		return ""
	}})
	w.want(w.deliver()[0], `delivered 250 2.0.0 "taken as 1"`)
	if got := old.got()[0]; got.from != "MAIL FROM:<>" || got.content != "form 0, utf8 false\r\n" {
		t.Errorf("the old peer got %+v", got)
	}
	farewell = "421 closing"
	able := w.peer("192.0.2.1", &peer{extensions: []string{"8BITMIME", "SMTPUTF8", "SIZE 100"}})
	out := w.deliver()
	w.end()
	if out[0].Result != engine.Delivered {
		t.Fatalf("got %s", short(out[0]))
	}
	if got := able.got()[0]; got.from != "MAIL FROM:<> SIZE=21 BODY=8BITMIME SMTPUTF8" || got.content != "form 1, utf8 true\r\n" {
		t.Errorf("the able peer got %+v", got)
	}
}

func TestDSNParameters(t *testing.T) {
	w := newWorld(t)
	w.recipients(4)
	r := w.message.Recipients
	r[0].Notify, r[0].ORcpt = journal.NotifyNever, "rfc822;a+b@example.org"
	r[1].Notify, r[1].ORcpt = journal.NotifySuccess|journal.NotifyFailure|journal.NotifyDelay, "utf-8;jürgen@example.org"
	r[2].ORcpt = "rfc822;" + strings.Repeat("x", 600)
	p := w.peer("192.0.2.1", &peer{extensions: []string{"DSN"}})
	out := w.deliver()
	w.end()
	want := []string{
		"RCPT TO:<to0@example.com> NOTIFY=NEVER ORCPT=rfc822;a+2Bb@example.org",
		`RCPT TO:<to1@example.com> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=utf-8;j\x{FC}rgen@example.org`,
		"RCPT TO:<to2@example.com>", "RCPT TO:<to3@example.com>"}
	for i, line := range p.got()[0].to {
		if line != want[i] {
			t.Errorf("said %s, want %s", line, want[i])
		}
	}
	if out[0].Relayed {
		t.Error("the peer speaks DSN, and the delivery counts as relayed")
	}
	w = newWorld(t)
	w.message.Recipients[0].Notify = journal.NotifySuccess
	p = w.peer("192.0.2.1", &peer{extensions: pipelining})
	out = w.deliver()
	w.end()
	if p.got()[0].to[0] != "RCPT TO:<to@example.com>" || !out[0].Relayed {
		t.Errorf("said %v, relayed %t", p.got()[0].to, out[0].Relayed)
	}
}

// Whatever the content, the peer gets it byte by byte, in whatever pieces it is read and written.
func TestContentArrivesUnchanged(t *testing.T) {
	contents := []string{"", ".\r\n", "..\r\n.\r\n", "a\r\n.", "no line end", ".\r\n.x\r\n\r\n..\r\nx\r\n"}
	r := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{10, 1000, contentChunk - 1, contentChunk, contentChunk + 1, 3*contentChunk + 7} {
		var b strings.Builder
		for b.Len() < size {
			b.WriteString([]string{".", "..", "\r\n.", "text", "\r\n"}[r.IntN(5)])
		}
		contents = append(contents, b.String()[:size-2]+"\r\n")
	}
	for i, content := range contents {
		w := newWorld(t)
		w.content = content
		if i%2 == 1 {
			w.client.Content = func(uint64, *journal.MessageInjected) (io.ReadCloser, int64, error) {
				return io.NopCloser(&dribble{content, r}), int64(len(content)), nil
			}
		}
		p := w.peer("192.0.2.1", &peer{extensions: pipelining})
		w.want(w.deliver()[0], `delivered 250 2.0.0 "taken as 1"`)
		w.end()
		want := content
		if want != "" && !strings.HasSuffix(want, "\r\n") {
			want += "\r\n"
		}
		want = strings.ReplaceAll(want, "\r\r\n", "\r\n") // of the random cut; the peer's reader drops it
		if got := strings.ReplaceAll(p.got()[0].content, "\r\r\n", "\r\n"); got != want {
			t.Errorf("content %d of %d bytes arrived as %d bytes", i, len(want), len(got))
		}
	}
}

func TestBinaryGoesInOnePiece(t *testing.T) {
	for _, extensions := range [][]string{{"PIPELINING", "BINARYMIME", "CHUNKING"}, {"BINARYMIME", "CHUNKING"}} {
		w := newWorld(t)
		w.message.Form = journal.BodyBinary
		w.content = "\r\n.\r\n\x00\n." + strings.Repeat("\xff.\n", contentChunk)
		w.message.Size = int64(len(w.content))
		p := w.peer("192.0.2.1", &peer{extensions: extensions})
		w.want(w.deliver()[0], `delivered 250 2.0.0 "taken as 1"`)
		w.end()
		if got := p.got()[0]; got.content != w.content || !strings.HasSuffix(got.from, " BODY=BINARYMIME") {
			t.Errorf("%s: got %d bytes, sent %d", got.from, len(got.content), len(w.content))
		}
	}
}

// A peer that sends a little now and then is cut off all the same.
func TestDribblingPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.client.Dial = func(context.Context, string, netip.Addr, netip.AddrPort) (net.Conn, error) {
			ours, theirs := net.Pipe()
			w.work.Go(func() {
				for {
					if _, err := theirs.Write([]byte("220-wait\r\n")); err != nil {
						return
					}
					time.Sleep(minute)
				}
			})
			return ours, nil
		}
		started := time.Now()
		w.want(w.deliver()[0], `temporary host 000 4.4.1 "timeout"`)
		if took := time.Since(started); took > 5*minute {
			t.Errorf("took %s", took)
		}
		w.end()
	})
}

// dribble reads in random small pieces.
type dribble struct {
	left string
	r    *rand.Rand
}

func (d *dribble) Read(p []byte) (int, error) {
	n := copy(p, d.left[:min(len(d.left), 1+d.r.IntN(5000))])
	if d.left = d.left[n:]; n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func TestContentFails(t *testing.T) {
	w := newWorld(t)
	w.client.Content = func(uint64, *journal.MessageInjected) (io.ReadCloser, int64, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader("half\r\n"), broken{})), 100, nil
	}
	p := w.peer("192.0.2.1", &peer{extensions: pipelining})
	w.want(w.deliver()[0], `temporary 000 4.3.0 "content: the disk is sick"`)
	w.end()
	if len(p.got()) != 0 {
		t.Error("half a message was ended with a dot")
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the disk is sick") }

func TestDataSentBeforeFinalDot(t *testing.T) {
	w := newWorld(t)
	w.exact = true
	p := w.peer("192.0.2.1", &peer{extensions: pipelining})
	var sent *journal.DataSent
	w.client.BeforeFinalDot = func(_ context.Context, e *journal.DataSent) error {
		if len(p.got()) != 0 {
			t.Error("the final dot came first")
		}
		sent = e
		return nil
	}
	w.want(w.deliver()[0], `delivered 250 2.0.0 "taken as 1"`)
	if sent == nil || sent.DCID != 1 || sent.Message != 1 || len(sent.RIDs) != 1 {
		t.Errorf("%+v", sent)
	}
	w.client.BeforeFinalDot = func(context.Context, *journal.DataSent) error { return errors.New("the disk is full") }
	w.want(w.deliver()[0], `temporary 000 4.3.0 "before the final dot: the disk is full"`)
	w.end()
	if len(p.got()) != 1 {
		t.Errorf("%d arrived", len(p.got()))
	}
}

// The last octet of a BDAT waits as the final dot does.
func TestDataSentBeforeBDAT(t *testing.T) {
	w := newWorld(t)
	w.exact, w.message.Form = true, journal.BodyBinary
	p := w.peer("192.0.2.1", &peer{extensions: []string{"PIPELINING", "CHUNKING", "BINARYMIME"}})
	sent := 0
	w.client.BeforeFinalDot = func(context.Context, *journal.DataSent) error {
		if len(p.got()) != sent {
			t.Error("the content came first")
		}
		if sent++; sent > 1 {
			return errors.New("the disk is full")
		}
		return nil
	}
	w.want(w.deliver()[0], `delivered 250 2.0.0 "taken as 1"`)
	w.want(w.deliver()[0], `temporary 000 4.3.0 "before the final dot: the disk is full"`)
	w.exact = false
	w.want(w.deliver()[0], `delivered 250 2.0.0 "taken as 1"`) // on a connection of its own
	w.end()
	if len(p.got()) != 2 || sent != 2 {
		t.Errorf("%d arrived, %d were written down", len(p.got()), sent)
	}
}

func TestDescribe(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{os.ErrDeadlineExceeded, "timeout"}, {io.EOF, "EOF"}, {context.DeadlineExceeded, "timeout"},
		{&net.OpError{Op: "read", Err: io.ErrUnexpectedEOF}, "EOF"}, {fmt.Errorf("a\x1b[2Jb"), `a\x1b[2Jb`},
	} {
		if got := describe(c.err); got != c.want {
			t.Errorf("%v is %s, want %s", c.err, got, c.want)
		}
	}
}

// An answer that comes before its question is no answer to it.
func TestAnswerBeforeTheFinalDot(t *testing.T) {
	for _, extensions := range [][]string{pipelining, nil} {
		w := newWorld(t)
		p := w.peer("192.0.2.1", &peer{extensions: extensions, script: verbs(map[string]string{"DATA": "354 go\r\n250 taken"})})
		w.want(w.deliver()[0], `temporary 000 4.5.0 "the peer spoke before it was its turn"`)
		w.end()
		if len(p.got()) != 0 {
			t.Error("the final dot was sent")
		}
	}
}

package receive

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	smtp "github.com/emersion/go-smtp"

	"postern/engine/config"
)

// The tests in this file each show a behaviour of bare go-smtp that a gateway cannot live with, and that it is gone here.
// Where the bare half fails, a new release of go-smtp has changed: look whether the cure is still needed.

// plainSession takes everything.
type plainSession struct {
	from, to, data *[]string
}

func (s plainSession) Reset()        {}
func (s plainSession) Logout() error { return nil }
func (s plainSession) Mail(a string, _ *smtp.MailOptions) error {
	*s.from = append(*s.from, a)
	return nil
}
func (s plainSession) Rcpt(a string, _ *smtp.RcptOptions) error {
	*s.to = append(*s.to, a)
	return nil
}
func (s plainSession) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	*s.data = append(*s.data, string(b))
	return err
}

// bare is go-smtp as it comes.
type bare struct {
	server         *smtp.Server
	port           *pipes
	from, to, data []string
}

func newBare(change func(*smtp.Server)) *bare {
	b := &bare{port: newPipes()}
	b.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return plainSession{from: &b.from, to: &b.to, data: &b.data}, nil
	}))
	b.server.Domain = "mx.test"
	b.server.EnableSMTPUTF8 = true
	b.server.ErrorLog = errorLog(func(error) {})
	if change != nil {
		change(b.server)
	}
	go func() { _ = b.server.Serve(b.port) }()
	return b
}

func (b *bare) close() { _ = b.server.Close(); synctest.Wait() }

// versus runs the same talk against bare go-smtp and against us.
func versus(t *testing.T, changeBare func(*smtp.Server), change func(*config.Listener, *Server), do func(t *testing.T, b *bare, w *world)) {
	t.Helper()
	inBubble(t, change, func(t *testing.T, w *world) {
		b := newBare(changeBare)
		defer b.close()
		do(t, b, w)
	})
}

func open(p *pipes) *talker {
	c := p.dial("127.0.0.1")
	c.hear()
	return c
}

// Defect 1: a timeout within DATA leaves the connection open, and the rest of the content is taken for commands.
func TestCure1ContentIsNeverTakenForCommands(t *testing.T) {
	slow := func(c *talker) string {
		c.say(begin)
		c.say("MAIL FROM:<a@x.org>\r\n")
		c.say("RCPT TO:<b@example.com>\r\n")
		c.say("DATA\r\n")
		c.send("Subject: x\r\n")
		time.Sleep(4 * time.Minute)
		return c.say("MAIL FROM:<evil@x.org>\r\n") + c.say("NOOP\r\n")
	}
	versus(t, func(s *smtp.Server) { s.ReadTimeout = 3 * time.Minute }, nil, func(t *testing.T, b *bare, w *world) {
		slow(open(b.port))
		if len(b.from) < 2 {
			t.Errorf("bare go-smtp takes the content no more for commands: %q", b.from)
		}
		got := slow(open(w.port))
		wants(t, got, "451 4.4.2 ", "<closed>")
		if facts := strings.Join(w.queue.facts(), "\n"); strings.Contains(facts, "evil") || strings.Count(facts, "MID") != 1 {
			t.Errorf("facts:\n%s", facts)
		}
	})
}

// The counterpart: a sender that is slow but steady is let through, however long it takes in all.
func TestSteadySenderIsNotCutOff(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		c := open(w.port)
		c.say(begin + envelope + "DATA\r\n")
		for range 5 {
			c.send("a line\r\n")
			time.Sleep(2*time.Minute + 59*time.Second)
		}
		wants(t, c.say(".\r\n"), "250 ok:  Message 1 accepted\r\n")
	})
}

// Defect 2: a BDAT chunk longer than MaxLineLength without a newline drops the connection.
func TestCure2ChunkWithoutNewline(t *testing.T) {
	body := strings.Repeat("z", 5000)
	talk := func(c *talker) string {
		c.say(begin)
		c.say("MAIL FROM:<a@x.org>\r\n")
		c.say("RCPT TO:<b@example.com>\r\n")
		return c.say(fmt.Sprintf("BDAT %d LAST\r\n%s", len(body), body))
	}
	versus(t, nil, nil, func(t *testing.T, b *bare, w *world) {
		wants(t, talk(open(b.port)), "500 ")
		wants(t, talk(open(w.port)), "250 ok:  Message 1 accepted\r\n")
		if got := w.content(t, 0); got != "\r\n"+body+"\r\n" {
			t.Errorf("%d octets stored, want %d", len(got), len(body)+4)
		}
	})
}

// The other half of 2: without the limit on lines, a command line is endless.
func TestCure2EndlessCommandLine(t *testing.T) {
	versus(t, func(s *smtp.Server) { s.MaxLineLength = 0 }, nil, func(t *testing.T, b *bare, w *world) {
		c := open(b.port)
		if got := c.say(strings.Repeat("A", 200<<10)); got != "" {
			t.Errorf("bare go-smtp now bounds a line: %q", got)
		}
		_ = c.Close()
		c = open(w.port)
		wants(t, c.say(strings.Repeat("A", 200<<10)), "500 5.5.2 line too long\r\n", "<closed>")
		c = open(w.port)
		if got := c.say(strings.Repeat("A", 20<<10) + "\r\nNOOP\r\n"); got != "500 5.5.2 line too long\r\n250 2.0.0 ok\r\n" {
			t.Errorf("a long line: %q", got)
		}
	})
}

// Defect 3: one write for each line of a reply, pipelined or not.
func TestCure3OneWriteForAGroupOfReplies(t *testing.T) {
	versus(t, nil, nil, func(t *testing.T, b *bare, w *world) {
		for _, side := range []struct {
			name string
			port *pipes
			min  int
			max  int
		}{{"bare", b.port, 12, 100}, {"ours", w.port, 4, 4}} {
			c := open(side.port)
			c.say(begin)
			c.say(envelope + "DATA\r\n")
			c.say("Subject: x\r\n\r\n.\r\nQUIT\r\n")
			if n := int(c.writes.Load()); n < side.min || n > side.max {
				t.Errorf("%s: %d writes, want %d to %d", side.name, n, side.min, side.max)
			}
		}
	})
}

// Defect 4: a second MAIL is accepted.
func TestCure4SecondMail(t *testing.T) {
	versus(t, nil, nil, func(t *testing.T, b *bare, w *world) {
		for _, side := range []struct {
			port *pipes
			want string
		}{{b.port, "250 "}, {w.port, "503 5.5.1 "}} {
			c := open(side.port)
			c.say(begin)
			c.say("MAIL FROM:<a@x.org>\r\n")
			if got := c.say("MAIL FROM:<b@x.org>\r\n"); !strings.HasPrefix(got, side.want) {
				t.Errorf("second MAIL: %q, want %q", got, side.want)
			}
		}
	})
}

// Defect 5: quoting is lost, and with it where the domain begins.
func TestCure5QuotingIsKept(t *testing.T) {
	versus(t, nil, nil, func(t *testing.T, b *bare, w *world) {
		for _, p := range []*pipes{b.port, w.port} {
			c := open(p)
			c.say(begin)
			c.say("MAIL FROM:<\"a b\"@x.org>\r\n")
			c.say("RCPT TO:<\"x@evil\"@Example.com>\r\n")
			c.say("DATA\r\n")
			c.say(".\r\n")
		}
		if b.from[0] != "a b@x.org" {
			t.Errorf("bare go-smtp keeps quoting: %q", b.from)
		}
		e := w.queue.injected[0]
		if r := e.Recipients[0]; e.Sender != `"a b"@x.org` || r.Local != `"x@evil"` || r.Domain != "example.com" {
			t.Errorf("sender %s, recipient %s at %s", e.Sender, r.Local, r.Domain)
		}
	})
}

// Defect 6: RCPT TO:<postmaster> is refused.
func TestCure6Postmaster(t *testing.T) {
	versus(t, nil, nil, func(t *testing.T, b *bare, w *world) {
		for _, side := range []struct {
			port *pipes
			want string
		}{{b.port, "501 "}, {w.port, "250 2.1.5 recipient <postmaster@mx.test> ok"}} {
			c := side.port.dial("192.0.2.1")
			c.hear()
			c.say(begin)
			c.say("MAIL FROM:<a@x.org>\r\n")
			if got := c.say("RCPT TO:<PostMaster>\r\n"); !strings.HasPrefix(got, side.want) {
				t.Errorf("%q, want %q", got, side.want)
			}
		}
	})
}

// Defect 7: bare CR and LF are passed on, and of ".\r" the dot and the CR are lost.
func TestCure7BareNewlines(t *testing.T) {
	const content = "Subject: x\r\n\r\na\nb\rc\r\n.\rd\r\n"
	talk := func(c *talker) string {
		c.say(begin)
		c.say("MAIL FROM:<a@x.org>\r\n")
		c.say("RCPT TO:<b@example.com>\r\n")
		c.say("DATA\r\n")
		return c.say(content + ".\r\n")
	}
	versus(t, nil, nil, func(t *testing.T, b *bare, w *world) {
		wants(t, talk(open(b.port)), "250 ")
		if !strings.Contains(b.data[0], "a\nb\rc") || strings.HasSuffix(b.data[0], "\rd\r\n") {
			t.Errorf("bare go-smtp has changed: %q", b.data[0])
		}
		wants(t, talk(open(w.port)), "550 5.6.11 ")
		if len(w.queue.injected) != 0 {
			t.Error("accepted all the same")
		}
	})
	inBubble(t, func(l *config.Listener, _ *Server) { l.BareNewlines = "normalise" }, func(t *testing.T, w *world) {
		wants(t, talk(open(w.port)), "250 ok:  Message 1 accepted")
		if got, want := w.content(t, 0), "Subject: x\r\n\r\na\r\nb\r\nc\r\n\r\nd\r\n"; got != want {
			t.Errorf("stored %q, want %q", got, want)
		}
	})
}

// Defect 8: UTF-8 without SMTPUTF8, addresses without brackets, SIZE of 4 GiB and more.
func TestCure8Addresses(t *testing.T) {
	versus(t, func(s *smtp.Server) { s.MaxMessageBytes = 1 << 20 }, nil, func(t *testing.T, b *bare, w *world) {
		for _, x := range []struct{ line, bare, ours string }{
			{"MAIL FROM:<ü@x.org>", "250 ", "550 5.6.7 "},
			{"MAIL FROM:u@x.org", "250 ", "501 5.5.2 "},
			{"MAIL FROM:<u@x.org> SIZE=5000000000", "501 ", "552 5.3.4 "},
		} {
			for _, side := range []struct {
				port *pipes
				want string
			}{{b.port, x.bare}, {w.port, x.ours}} {
				c := open(side.port)
				c.say(begin)
				if got := c.say(x.line + "\r\n"); !strings.HasPrefix(got, side.want) {
					t.Errorf("%s: %q, want %q", x.line, got, side.want)
				}
			}
		}
	})
}

// Defect 9: texts that cannot be chosen, 500 and 502 where 555 and 503 are due, the fourth bad command closes.
func TestCure9Replies(t *testing.T) {
	versus(t, nil, nil, func(t *testing.T, b *bare, w *world) {
		for _, x := range []struct{ before, line, bare, ours string }{
			{"", "EHLO client.test", "250-Hello client.test", "250-mx.test"},
			{begin, "MAIL FROM:<u@x.org>", "250 2.0.0 Roger", "250 2.1.0 sender <u@x.org> ok"},
			{begin, "MAIL FROM:<u@x.org> FOO=1", "500 ", "555 5.5.4 "},
			{begin, "RCPT TO:<u@example.com>", "502 ", "503 5.5.1 "},
			{"", "MAIL FROM:<u@x.org>", "502 ", "503 5.5.1 "},
			{"A\r\nB\r\nC\r\n", "D", "501 5.5.2 Bad command\r\n500 5.5.1 Too many errors", "500 5.5.1 command unrecognized\r\n"},
			{"", "QUIT", "221 2.0.0 Bye", "221 2.0.0 mx.test"},
		} {
			for _, side := range []struct {
				port *pipes
				want string
			}{{b.port, x.bare}, {w.port, x.ours}} {
				c := open(side.port)
				if x.before != "" {
					for _, l := range strings.SplitAfter(strings.TrimSuffix(x.before, "\n"), "\n") {
						c.say(strings.TrimSuffix(l, "\r") + map[bool]string{true: "", false: "\n"}[strings.HasSuffix(l, "\n")])
					}
				}
				if got := c.say(x.line + "\r\n"); !strings.HasPrefix(got, side.want) {
					t.Errorf("%s: %q, want %q", x.line, got, side.want)
				}
			}
		}
		if got := w.port.dial("127.0.0.1").hear(); got != "220 mx.test ESMTP\r\n" {
			t.Errorf("banner %q", got)
		}
	})
}

// Defect 10: Shutdown waits for ever for idle clients and tells them nothing.
func TestCure10Shutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBare(nil)
		idle := open(b.port)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := b.server.Shutdown(ctx); err == nil {
			t.Error("bare go-smtp's Shutdown ends with an idle client")
		}
		_ = idle.Close()
		synctest.Wait()

		w := newWorld(t, nil)
		idle = open(w.port)
		busy := open(w.port)
		busy.say(begin + envelope)
		start := time.Now()
		done := make(chan error)
		go func() { done <- w.Shutdown(ctx2(t, time.Hour)) }()
		synctest.Wait()
		if got := idle.hear(); got != "421 4.3.2 the gateway is stopping, closing connection\r\n<closed>" {
			t.Errorf("idle client hears %q", got)
		}
		wants(t, busy.say("DATA\r\n"), "354 ")
		wants(t, busy.say("x\r\n.\r\n"), "250 ok:  Message 1 accepted\r\n", "421 4.3.2 ", "<closed>")
		if err := <-done; err != nil || time.Since(start) > time.Second {
			t.Errorf("Shutdown: %v after %v", err, time.Since(start))
		}
		w.end()
	})
}

// At the end of its context, Shutdown cuts off who is left.
func TestShutdownCutsOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		c := open(w.port)
		c.say(begin + envelope + "DATA\r\n")
		done := make(chan error)
		go func() { done <- w.Shutdown(ctx2(t, time.Minute)) }()
		time.Sleep(time.Minute)
		synctest.Wait()
		wants(t, c.hear(), "421 4.3.2 ", "<closed>")
		if err := <-done; err != context.DeadlineExceeded {
			t.Errorf("Shutdown: %v", err)
		}
		w.end()
		facts := w.queue.facts()
		wants(t, strings.Join(facts, "\n"), "aborted MID 1", "close ICID 1 killed")
	})
}

func ctx2(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// No variant of an end of data but CRLF.CRLF ends a message, with bare newlines refused or normalised.
func TestSmuggling(t *testing.T) {
	for _, mode := range []string{"reject", "normalise"} {
		for _, end := range []string{"\n.\n", "\n.\r\n", "\r\n.\n", "\r\n.\r", "\r.\r", "\r.\r\n", "\n.\r", "\r\n\x00.\r\n", "\r\n.\r\r\n", "\r\r\n.\r\r\n", "\r\n..\r\n", "\n\n.\n\n"} {
			inBubble(t, func(l *config.Listener, _ *Server) { l.BareNewlines = mode }, func(t *testing.T, w *world) {
				c := open(w.port)
				c.say(begin + envelope + "DATA\r\n")
				got := c.say("x" + end + "MAIL FROM:<evil@x.org>\r\nRCPT TO:<b@example.com>\r\nDATA\r\nsmuggled\r\n.\r\nQUIT\r\n")
				if n := strings.Count(strings.Join(w.queue.facts(), "\n"), "MID"); n != 1 || strings.Contains(got, "354") {
					t.Errorf("%s %q: %d transactions, replies %q", mode, end, n, got)
				}
				for _, body := range w.store.bodies {
					if strings.ContainsAny(strings.ReplaceAll(body, "\r\n", ""), "\r\n") {
						t.Errorf("%s %q: a bare newline is stored: %q", mode, end, body)
					}
				}
			})
		}
	}
}

// The same content gives the same result however it is cut into pieces.
func TestNewlinesInPieces(t *testing.T) {
	const text = ".\r\r\n..a\r\n.b\n.\r\n\r\n.\rc\r\nx\r.\r\nlong line\r\n.\r\nrest"
	for _, normalise := range []bool{false, true} {
		whole, n := scanPieces(text, len(text), normalise)
		if text[n:] != "rest" {
			t.Fatalf("ended before %q", text[n:])
		}
		for size := 1; size < len(text); size++ {
			if got, m := scanPieces(text, size, normalise); got != whole || m != n {
				t.Errorf("in pieces of %d: %q, end %d; whole: %q, end %d", size, got, m, whole, n)
			}
		}
	}
}

func scanPieces(text string, size int, normalise bool) (string, int) {
	s := newlines{dots: true, normalise: normalise}
	var out strings.Builder
	for at := 0; at < len(text); {
		n, done := s.scan([]byte(text[at:min(at+size, len(text))]), func(p []byte) { out.Write(p) })
		at += n
		if done {
			return out.String(), at
		}
	}
	return out.String(), len(text)
}

var _ net.Listener = (*pipes)(nil)

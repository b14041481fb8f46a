package receive

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"postern/engine"
	"postern/engine/config"
	"postern/journal"
)

// What the queue says becomes the right reply at MAIL and at the end of the content, and a body that did not make it into
// the queue is deleted.
func TestQueueRefusals(t *testing.T) {
	for _, x := range []struct {
		err   error
		reply string
	}{
		{engine.ErrBusy, "451 4.3.2 "}, {engine.ErrQueueFull, "452 4.3.1 "}, {engine.ErrRefused, "452 4.3.1 "},
		{fmt.Errorf("wrapped: %w", engine.ErrStopping), "421 4.3.2 "}, {errors.New("secret detail"), "451 4.3.0 "},
	} {
		inBubble(t, nil, func(t *testing.T, w *world) {
			w.queue.admit = func() error { return x.err }
			c := open(w.port)
			c.say(begin)
			if got := c.say("MAIL FROM:<a@x.org>\r\n"); !strings.HasPrefix(got, x.reply) || strings.Contains(got, "secret") {
				t.Errorf("%v at MAIL: %q", x.err, got)
			}
			w.queue.admit = nil
			w.queue.inject = func(*journal.MessageInjected) error { return x.err }
			c = open(w.port)
			c.say(begin + envelope + "DATA\r\n")
			if got := c.say("x\r\n.\r\n"); !strings.HasPrefix(got, x.reply) || strings.Contains(got, "secret") {
				t.Errorf("%v after content: %q", x.err, got)
			}
			if len(w.store.bodies) != 0 {
				t.Error("the body was not deleted")
			}
			wants(t, strings.Join(w.queue.facts(), "\n"), "aborted MID 1 ", "Queue refused the message")
		})
	}
}

// A store that fails gets 451, for small content and for streamed.
func TestStoreFails(t *testing.T) {
	for _, size := range []int{1, 1 << 20} {
		inBubble(t, nil, func(t *testing.T, w *world) {
			w.store.err = errors.New("disk on fire")
			c := open(w.port)
			c.say(begin + envelope + "DATA\r\n")
			got := c.say(strings.Repeat("0123456789\r\n", size/12+1) + ".\r\nNOOP\r\n")
			if got != "451 4.3.0 local error, try again later\r\n250 2.0.0 ok\r\n" {
				t.Errorf("%d octets: %q", size, got)
			}
		})
	}
}

// Large content is streamed in pieces and arrives whole; small content goes in one.
func TestLargeContentIsStreamed(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		content := "Subject: large\r\nMessage-ID: <l@x>\r\n\r\n" + strings.Repeat("..0123456789 0123456789 0123456789\r\n", 100_000)
		c := open(w.port)
		c.say(begin + envelope + "DATA\r\n")
		wants(t, c.say(content+".\r\n"), "250 ok:  Message 1 accepted")
		if got := w.content(t, 0); got != strings.ReplaceAll(content, "\r\n..", "\r\n.") {
			t.Errorf("%d octets stored of %d", len(got), len(content))
		}
		if w.store.whole != 0 || w.store.largest > wholeContent {
			t.Errorf("stored %d whole, largest piece %d", w.store.whole, w.store.largest)
		}
		if e := w.queue.injected[0]; e.Subject != "large" || e.MessageID != "<l@x>" {
			t.Errorf("subject %q, id %q", e.Subject, e.MessageID)
		}
	})
}

// The fields we add: Received always, Date and Message-ID where a private listener's client left them out, an empty line
// where there is no header.
func TestAddedHeader(t *testing.T) {
	for _, x := range []struct {
		kind          config.Kind
		content, want string
	}{
		{config.Public, "Subject: x\r\n\r\nb\r\n", "RECEIVEDSubject: x\r\n\r\nb\r\n"},
		{config.Private, "Date: today\r\nMessage-Id: <1@x>\r\n\r\n", "RECEIVEDDate: today\r\nMessage-Id: <1@x>\r\n\r\n"},
		{config.Private, "Subject: x\r\n\r\nDate: no\r\n", "RECEIVEDDate: Sat, 01 Jan 2000 00:00:00 +0000\r\nMessage-ID: <20000101000000.000000.1@mx.test>\r\nSubject: x\r\n\r\nDate: no\r\n"},
		{config.Public, "no header\r\n", "RECEIVED\r\nno header\r\n"},
		{config.Public, "\r\nbody\r\n", "RECEIVED\r\nbody\r\n"},
		{config.Public, "", "RECEIVED\r\n"},
	} {
		inBubble(t, func(l *config.Listener, s *Server) {
			l.Kind = x.kind
			s.Now = func() time.Time { return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) }
		}, func(t *testing.T, w *world) {
			c := open(w.port)
			c.say("EHLO evil\"(c)\r\n" + envelope + "DATA\r\n")
			c.say(x.content + ".\r\n")
			const received = "Received: from evil??c? ([127.0.0.1])\r\n\tby mx.test with ESMTP id 1;\r\n\tSat, 01 Jan 2000 00:00:00 +0000\r\n"
			if got := w.store.bodies[1]; got != strings.Replace(x.want, "RECEIVED", received, 1) {
				t.Errorf("%s %q: stored %q", x.kind, x.content, got)
			}
			if x.kind == config.Private && w.queue.injected[0].MessageID == "" {
				t.Error("the fact has no Message-ID")
			}
		})
	}
}

// reverses answers after a delay.
type reverses struct {
	delay time.Duration
	name  string
	asked *int
}

func (r reverses) Verified(ctx context.Context, _ netip.Addr) (string, bool) {
	*r.asked++
	select {
	case <-time.After(r.delay):
		return r.name, true
	case <-ctx.Done():
		return "", false
	}
}

// The banner never waits for the reverse lookup, the first MAIL does for 3 s at most, and loopback is not asked about.
func TestReverseLookup(t *testing.T) {
	for _, x := range []struct {
		client, name string
		delay, wait  time.Duration
		asked        int
		fact         string
	}{
		{"192.0.2.1", "client.example", 2 * time.Second, 2 * time.Second, 1, "host client.example verified true"},
		{"192.0.2.1", "client.example", time.Minute, 3 * time.Second, 1, "host unknown verified false"},
		{"192.0.2.1", "evil\r\nX: y", 0, 0, 1, "host unknown verified false"},
		{"127.0.0.1", "localhost", 0, 0, 0, "host unknown verified false"},
	} {
		asked := 0
		inBubble(t, func(_ *config.Listener, s *Server) { s.Reverse = reverses{x.delay, x.name, &asked} }, func(t *testing.T, w *world) {
			start := time.Now()
			c := w.port.dial(x.client)
			_ = c.SetReadDeadline(time.Now().Add(time.Hour))
			buf := make([]byte, 1024)
			if n, _ := c.Read(buf); string(buf[:n]) != "220 mx.test ESMTP\r\n" || time.Since(start) != 0 {
				t.Errorf("banner %q after %v", buf[:n], time.Since(start))
			}
			c.send(begin)
			_, _ = c.Read(buf)
			c.send("MAIL FROM:<a@x.org>\r\n")
			_, _ = c.Read(buf)
			if waited := time.Since(start); waited != x.wait || asked != x.asked {
				t.Errorf("%v: MAIL waited %v, want %v; asked %d times", x, waited, x.wait, asked)
			}
			wants(t, w.queue.facts()[0], x.fact)
		})
	}
}

// Connections over a limit are told why, and a flood of them costs one fact a second.
func TestConnectionLimits(t *testing.T) {
	inBubble(t, func(l *config.Listener, _ *Server) { l.MaxConnections, l.MaxConnectionsPerClient = 3, 2 }, func(t *testing.T, w *world) {
		first, second := open(w.port), open(w.port)
		for range 50 {
			if got := w.port.dial("127.0.0.1").hear(); got != "421 4.7.0 Too many connections from your host.\r\n<closed>" {
				t.Fatalf("third connection of a client: %q", got)
			}
		}
		third := w.port.dial("127.0.0.2")
		wants(t, third.hear(), "220 ")
		wants(t, w.port.dial("127.0.0.3").hear(), "421 4.3.2 Too many connections.")
		if w.Connections() != 3 || len(w.Clients()) != 2 {
			t.Errorf("%d connections, %v", w.Connections(), w.Clients())
		}
		time.Sleep(2 * time.Second)
		facts := w.queue.facts()
		if len(facts) != 2 || facts[0] != "refused 1 times on In, last 127.0.0.1: Connection limit of client exceeded" ||
			facts[1] != "refused 50 times on In, last 127.0.0.3: Connection limit exceeded" {
			t.Errorf("facts %q", facts)
		}
		_ = first.Close()
		synctest.Wait()
		wants(t, open(w.port).say("NOOP\r\n"), "250 ")
		_ = second.Close()
	})
}

// The times of a connection: idle, in all, and what counts as progress.
func TestTimes(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		c := open(w.port)
		time.Sleep(5*time.Minute - time.Millisecond)
		if got := c.hear(); got != "421 4.4.2 timeout, closing connection\r\n<closed>" {
			t.Errorf("idle client hears %q", got)
		}
		c = open(w.port)
		for range 3 {
			time.Sleep(4*time.Minute + 50*time.Second)
			wants(t, c.say("NOOP\r\n"), "250 ")
		}
		time.Sleep(time.Minute)
		wants(t, c.hear(), "421 4.4.2 connection time exceeded", "<closed>")
		c = open(w.port)
		c.say(begin)
		for i := range 6 { // half an hour of messages
			time.Sleep(4*time.Minute + 50*time.Second)
			c.say(envelope + "DATA\r\n")
			wants(t, c.say(".\r\n"), fmt.Sprintf("250 ok:  Message %d accepted", i+1))
		}
		c = open(w.port) // a byte a minute is not a command
		for range 5 {
			c.send("N")
			time.Sleep(time.Minute)
		}
		wants(t, c.hear(), "421 4.4.2 timeout")
	})
}

// A panic ends one connection, with 421 and a stack in the log; the others do not notice.
func TestPanic(t *testing.T) {
	for _, where := range []string{"inject", "admit"} {
		inBubble(t, nil, func(t *testing.T, w *world) {
			other := open(w.port)
			boom := true
			if where == "inject" {
				w.queue.inject = func(*journal.MessageInjected) error {
					if boom {
						panic("boom")
					}
					return nil
				}
			} else {
				w.queue.admit = func() error {
					if boom {
						panic("boom")
					}
					return nil
				}
			}
			c := open(w.port)
			got := c.say(begin+envelope+"DATA\r\n") + c.say("x\r\n.\r\n")
			wants(t, got, "421 4.", "<closed>")
			if log := w.log.list(); len(log) != 1 || !strings.Contains(log[0], "boom") || !strings.Contains(log[0], "session.go") {
				t.Errorf("log %q", log)
			}
			boom = false
			other.say(begin + envelope + "DATA\r\n")
			wants(t, other.say(".\r\n"), "accepted")
			wants(t, strings.Join(w.queue.facts(), "\n"), "close ICID 2 internal error")
		})
	}
}

// A port that is taken is a clear error, or is retried where that is asked for.
func TestListenFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var busy atomic.Bool
		busy.Store(true)
		port := newPipes()
		var log problems
		document := &config.Document{Hostname: "mx.test", Listeners: []config.Listener{{Name: "In", Kind: config.Public, Address: netip.MustParseAddrPort("127.0.0.1:25")}}}
		s := &Server{Queue: &fakeQueue{}, Store: &fakeStore{}, Document: func() *config.Document { return document }}
		s.OnProblem = func(_ string, err error) { log.add(err) }
		s.Announce = func(context.Context, string, string) (net.Listener, error) {
			if busy.Load() {
				return nil, errors.New("address already in use")
			}
			return port, nil
		}
		if err := s.Listen(); err == nil || err.Error() != `listener "In" cannot listen on 127.0.0.1:25: address already in use` {
			t.Errorf("Listen: %v", err)
		}
		s.listeners = nil
		s.Tolerant = true
		if err := s.Listen(); err != nil || len(log.list()) != 1 {
			t.Fatalf("tolerant Listen: %v, problems %q", err, log.list())
		}
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- s.Serve(ctx) }()
		time.Sleep(6 * time.Second)
		busy.Store(false)
		time.Sleep(5 * time.Second)
		wants(t, port.dial("127.0.0.1").hear(), "220 ")
		if len(log.list()) != 2 {
			t.Errorf("problems %q", log.list())
		}
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

// failingPort cannot accept for a while, as when no file is left.
type failingPort struct {
	*pipes
	failing *atomic.Bool
}

func (p failingPort) Accept() (net.Conn, error) {
	if p.failing.Load() {
		return nil, errors.New("too many open files")
	}
	return p.pipes.Accept()
}

// A port that cannot accept is waited for, reported once a minute, and works again by itself.
func TestAcceptFails(t *testing.T) {
	var failing atomic.Bool
	failing.Store(true)
	var port *pipes
	inBubble(t, func(_ *config.Listener, s *Server) {
		port = newPipes()
		s.Announce = func(context.Context, string, string) (net.Listener, error) { return failingPort{port, &failing}, nil }
	}, func(t *testing.T, w *world) {
		time.Sleep(5 * time.Minute)
		if n := len(w.log.list()); n < 4 || n > 6 {
			t.Errorf("%d reports in five minutes", n)
		}
		failing.Store(false)
		wants(t, port.dial("127.0.0.1").hear(), "220 ")
	})
}

// A new document governs new connections.
func TestNewDocument(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		old := w.port.dial("192.0.2.1")
		old.hear()
		document := *w.Document()
		l := document.Listeners[0]
		l.AcceptDomains = []string{"ALL"}
		document.Hostname, document.Listeners = "new.test", []config.Listener{l}
		w.replace(&document)
		fresh := w.port.dial("192.0.2.1")
		wants(t, fresh.hear(), "220 new.test ESMTP")
		for _, c := range []*talker{old, fresh} {
			c.say(begin)
			c.say("MAIL FROM:<a@x.org>\r\n")
		}
		wants(t, old.say("RCPT TO:<a@b.c>\r\n"), "550 5.1.0 ")
		wants(t, fresh.say("RCPT TO:<a@b.c>\r\n"), "250 2.1.5 ")
	})
}

// writeCertificate makes a self-signed pair in dir.
func writeCertificate(t *testing.T, dir, name string) (file, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Unix(0, 0), NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	bits, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	file, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{file: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: bits}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return file, key
}

// secureTalk does STARTTLS and returns the TLS connection.
func secureTalk(t *testing.T, c *talker) *tls.Conn {
	t.Helper()
	wants(t, c.say(begin), "250-STARTTLS\r\n")
	wants(t, c.say("STARTTLS\r\n"), "220 2.0.0 ")
	_ = c.SetDeadline(time.Now().Add(time.Hour))
	secure := tls.Client(c.Conn, &tls.Config{InsecureSkipVerify: true})
	if err := secure.Handshake(); err != nil {
		t.Fatal(err)
	}
	return secure
}

func TestStartTLS(t *testing.T) {
	file, key := writeCertificate(t, t.TempDir(), "one.test")
	change := func(l *config.Listener, _ *Server) { l.Certificate, l.Key = file, key }
	inBubble(t, change, func(t *testing.T, w *world) {
		c := open(w.port)
		c.say(begin + "MAIL FROM:<before@x.org>\r\n")
		secure := &talker{Conn: secureTalk(t, c)}
		wants(t, secure.say("MAIL FROM:<a@x.org>\r\n"), "503 5.5.1 EHLO or HELO first")
		if got := secure.say(begin); strings.Contains(got, "STARTTLS") {
			t.Errorf("offered again: %q", got)
		}
		wants(t, secure.say("STARTTLS\r\n"), "503 ")
		wants(t, secure.say(envelope+"DATA\r\n"), "354 ")
		wants(t, secure.say("x\r\n.\r\n"), "accepted")
		wants(t, w.store.bodies[1], " with ESMTPS id 2\r\n\t(using TLSv1.3 with cipher TLS_AES_128_GCM_SHA256);\r\n")
		wants(t, strings.Join(w.queue.facts(), "\n"), "aborted MID 1", `ICID 1 TLS TLSv1.3 failure ""`)
		wants(t, secure.say("QUIT\r\n"), "221 ")
	})
	inBubble(t, change, func(t *testing.T, w *world) { // what is sent in the clear behind STARTTLS never counts
		c := open(w.port)
		c.say(begin)
		wants(t, c.say("STARTTLS\r\nMAIL FROM:<evil@x.org>\r\n"), "220 ")
		_ = c.SetDeadline(time.Now().Add(time.Hour))
		secure := tls.Client(c.Conn, &tls.Config{InsecureSkipVerify: true})
		if err := secure.Handshake(); err != nil {
			t.Fatal(err)
		}
		if got := (&talker{Conn: secure}).say("NOOP\r\n"); got != "250 2.0.0 ok\r\n" {
			t.Errorf("after the handshake: %q", got)
		}
		if len(w.queue.facts()) != 0 {
			t.Errorf("facts %q", w.queue.facts())
		}
	})
	inBubble(t, change, func(t *testing.T, w *world) { // garbage instead of a handshake, and silence
		for _, s := range []string{"garbage that is no TLS record\r\n", ""} {
			c := open(w.port)
			c.say(begin)
			c.say("STARTTLS\r\n")
			c.send(s)
			time.Sleep(31 * time.Second)
			wants(t, c.hear(), "<closed>")
		}
		if facts := strings.Join(w.queue.facts(), "\n"); strings.Count(facts, `TLS  failure "`) != 2 {
			t.Errorf("facts:\n%s", facts)
		}
	})
}

// Certificates are read again when they change; a broken pair leaves the old one and is reported once.
func TestCertificateReload(t *testing.T) {
	dir := t.TempDir()
	file, key := writeCertificate(t, dir, "one.test")
	inBubble(t, func(l *config.Listener, _ *Server) { l.Certificate, l.Key = file, key }, func(t *testing.T, w *world) {
		expect := func(name string) {
			t.Helper()
			c := open(w.port)
			if got := secureTalk(t, c).ConnectionState().PeerCertificates[0].Subject.CommonName; got != name {
				t.Errorf("certificate of %s, want %s", got, name)
			}
			_ = c.Close()
		}
		expect("one.test")
		if err := os.WriteFile(file, []byte("broken"), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		expect("one.test")
		time.Sleep(10 * time.Second)
		expect("one.test")
		if log := w.log.list(); len(log) != 1 || !strings.Contains(log[0], "cert.pem") {
			t.Errorf("problems %q", log)
		}
		writeCertificate(t, dir, "two.test")
		expect("one.test") // not yet looked at
		time.Sleep(10 * time.Second)
		expect("two.test")
	})
}

// cipherName is what operators read in logs.
func TestCipherNames(t *testing.T) {
	for suite, want := range map[uint16]string{
		tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384:         "ECDHE-RSA-AES256-GCM-SHA384",
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256:       "ECDHE-ECDSA-AES128-GCM-SHA256",
		tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256:   "ECDHE-RSA-CHACHA20-POLY1305",
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: "ECDHE-ECDSA-CHACHA20-POLY1305",
		tls.TLS_AES_256_GCM_SHA384:                        "TLS_AES_256_GCM_SHA384",
	} {
		if got := cipherName(suite); got != want {
			t.Errorf("%s: %s, want %s", tls.CipherSuiteName(suite), got, want)
		}
	}
}

// A client that never reads its replies is cut off, too.
func TestClientThatNeverReads(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		c := w.port.dial("127.0.0.1")
		time.Sleep(2*writeTimeout + time.Second)
		synctest.Wait()
		if got := c.hear(); got != "<closed>" || w.Connections() != 0 {
			t.Errorf("%q, %d connections", got, w.Connections())
		}
	})
}

// A journal is a Store.
var _ = func(j *journal.Journal) Store { return StoreOf(j) }

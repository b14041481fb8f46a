package logpush

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"postern/journal"
	"postern/projections"
)

// seeds is how many histories each of these tests goes through; POSTERN_CRASH_SEEDS says another number.
func seeds(t *testing.T) uint64 {
	if n, err := strconv.ParseUint(os.Getenv("POSTERN_CRASH_SEEDS"), 10, 32); err == nil {
		return min(n, 200)
	}
	if testing.Short() {
		return 2
	}
	return 5
}

// TestSyslogCrash has servers die, in any way and at any moment, and come back, and followers end and begin anew: every
// line arrives, in order.
func TestSyslogCrash(t *testing.T) {
	for _, network := range []string{"tcp", "udp"} {
		for seed := range seeds(t) {
			t.Run(fmt.Sprintf("%s/seed=%d", network, seed), func(t *testing.T) {
				t.Parallel()
				rng, b, server := pick(seed), newBed(t), newServer(t, network)
				s := b.syslog(network, server.address)
				stop := running(t, s.Run)
				many := 60
				if network == "udp" {
					many = 12 // all of them sent again fit into what a socket keeps
				}
				for range 3 {
					n := 1 + rng.IntN(many)
					if rng.IntN(3) > 0 {
						server.hang(rng.IntN(3 * n)) // what it does not read is lost with it
					}
					b.traffic(n)
					eventually(t, "all is sent", func() bool { return s.Seq() == b.journal.Durable() })
					sent := s.Seq()
					server.die(rng.IntN(2) == 0)
					b.traffic(1 + rng.IntN(many)) // while nobody is there
					if rng.IntN(2) == 0 {
						stop()
						s = b.syslog(network, server.address)
						stop = running(t, s.Run)
						b.traffic(rng.IntN(3))
					} else {
						eventually(t, "the follower sees that nobody is there", func() bool { return s.Reason() != "" && s.Seq() < sent })
					}
					server.start()
				}
				want := b.lines()
				eventually(t, "all lines arrive", func() bool { return hasAll(server.received(), want) })
				eventually(t, "the follower is content", func() bool { return s.Reason() == "" && s.Seq() == b.journal.Durable() })
				stop()
				inOrder(t, server.received(), want)
			})
		}
	}
}

// A server that is there gets each line once, also when followers end and begin anew.
func TestSyslogOnce(t *testing.T) {
	for _, network := range []string{"tcp", "udp"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			b, server := newBed(t), newServer(t, network)
			for range 4 {
				stop := running(t, b.syslog(network, server.address).Run)
				b.traffic(30)
				stop() // what is durable is sent by then
			}
			eventually(t, "all lines are read", func() bool { return hasAll(server.received(), b.lines()) })
			if again := inOrder(t, server.received(), b.lines()); again > 0 {
				t.Errorf("%d lines were sent again", again)
			}
		})
	}
}

// A new subscription begins with the present, and a place beyond the journal's end is none.
func TestSyslogBegins(t *testing.T) {
	b := newBed(t)
	empty, err := journal.Open("store", journal.Options{Disk: journal.NewMemoryDisk()})
	if err != nil {
		t.Fatal(err)
	}
	defer empty.Close()
	fresh := &bed{t: t, journal: empty, now: b.now}
	fresh.syslog("tcp", "127.0.0.1:1")
	fresh.traffic(3)
	if s := fresh.syslog("tcp", "127.0.0.1:1"); s.Seq() != 0 {
		t.Errorf("begun at the beginning of all, it goes on at %d", s.Seq())
	}
	b.traffic(5)
	if s := b.syslog("tcp", "127.0.0.1:1"); s.Seq() != b.journal.Durable() {
		t.Errorf("it begins at %d of %d", s.Seq(), b.journal.Durable())
	}
	before := b.journal.Durable()
	b.traffic(5)
	if s := b.syslog("tcp", "127.0.0.1:1"); s.Seq() != before {
		t.Errorf("it goes on at %d, want %d", s.Seq(), before)
	}
	rows := b.journal.Rows("syslog:siem")
	if err := rows.Write(1<<40, func(*journal.RowBatch) error { return nil }); err != nil {
		t.Fatal(err)
	}
	s := b.syslog("tcp", "127.0.0.1:1")
	if s.Seq() != b.journal.Durable() {
		t.Errorf("after a backup was put back it goes on at %d", s.Seq())
	}
	if err := s.Forget(); err != nil {
		t.Fatal(err)
	}
	if at, err := rows.Mark(); at != 0 || err != nil {
		t.Errorf("forgotten, its place is %d, %v", at, err)
	}
}

// A server that cannot be reached keeps nobody from stopping, and what is told of it is told once.
func TestSyslogUnreachable(t *testing.T) {
	b := newBed(t)
	s := b.syslog("tcp", "127.0.0.1:1")
	var told []error
	s.OnProblem = func(err error) { told = append(told, err) }
	stop := running(t, s.Run)
	b.traffic(2000)
	eventually(t, "it fails", func() bool { return strings.Contains(s.Reason(), "refused") })
	if s.Seq() != b.from {
		t.Errorf("it claims to have sent all up to %d", s.Seq())
	}
	stop()
	if len(told) != 1 || told[0] == nil {
		t.Errorf("told %v", told)
	}
	if cap(s.batch.bytes) > 4*batchBytes+maxStreamed || len(s.sent) > 0 {
		t.Errorf("it keeps %d octets and %d marks", cap(s.batch.bytes), len(s.sent))
	}
}

// A server that accepts and never reads costs a bounded time and no memory.
func TestSyslogStalls(t *testing.T) {
	b := newBed(t)
	here, there := net.Pipe()
	defer there.Close()
	s := b.syslog("tcp", "server")
	dials := 0
	s.Dial = func(context.Context, string, string) (net.Conn, error) {
		if dials++; dials > 1 {
			return nil, fmt.Errorf("no route")
		}
		return here, nil
	}
	stop := running(t, s.Run)
	b.traffic(100)
	if _, err := there.Read(make([]byte, 10)); err != nil { // it is in the middle of its write
		t.Fatal(err)
	}
	began := time.Now()
	stop()
	if took := time.Since(began); took > 4*stopTime {
		t.Errorf("stopping took %s", took)
	}
	if at, err := s.Rows.Mark(); at != b.from || err != nil {
		t.Errorf("its place is %d, %v, want %d", at, err, b.from)
	}
}

// cutJournal is a journal of which retention has taken the beginning.
type cutJournal struct {
	*journal.Journal
	before uint64
}

func (c cutJournal) LastCut() (journal.Cut, bool) { return journal.Cut{Before: c.before}, c.before > 0 }

// What retention has removed meanwhile is said to be gone.
func TestSyslogHistoryIsGone(t *testing.T) {
	b, server := newBed(t), newServer(t, "tcp")
	s := b.syslog("tcp", server.address)
	b.traffic(10)
	gone := b.journal.Durable()
	b.traffic(1)
	s.Journal, s.Now = cutJournal{b.journal, gone + 1}, func() time.Time { return b.now }
	stop := running(t, s.Run)
	first := fmt.Sprintf("Records %d to %d were removed from the journal before they could be sent", b.from+1, gone)
	b.from = gone
	eventually(t, "the rest arrives", func() bool { return hasAll(server.received(), b.lines()) })
	stop()
	got := server.received()
	if !strings.HasPrefix(got[0], "<20>1 ") || !strings.HasSuffix(got[0], " - - - Warning: "+first) {
		t.Errorf("%q", got[0])
	}
	inOrder(t, got[1:], b.lines())
}

func TestSyslogTLS(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"logs.example.com"}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(crand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	b, server := newBed(t), newServer(t, "tcp")
	server.mu.Lock()
	server.tls = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	server.mu.Unlock()
	bad := b.syslog("tls", server.address)
	bad.TLS = &tls.Config{ServerName: "other.example.com", RootCAs: roots}
	stop := running(t, bad.Run)
	b.traffic(20)
	eventually(t, "a server of another name is refused", func() bool { return strings.Contains(bad.Reason(), "certificate") })
	stop()
	good := b.syslog("tls", server.address)
	good.TLS = &tls.Config{ServerName: "logs.example.com", RootCAs: roots}
	stop = running(t, good.Run)
	eventually(t, "all lines arrive", func() bool { return hasAll(server.received(), b.lines()) })
	stop()
	if again := inOrder(t, server.received(), b.lines()); again > 0 {
		t.Errorf("%d lines were sent again", again)
	}
}

func TestMessages(t *testing.T) {
	at := journal.InstantOf(time.Date(2026, 11, 6, 1, 2, 3, 4_000, time.UTC))
	f := Format{Hostname: "mail.example.com", Log: "mail_logs", Facility: 20, Zone: time.FixedZone("EDT", -4*3600)}
	for _, c := range []struct {
		bsd  bool
		l    projections.Line
		most int
		want string
	}{
		{false, projections.Line{Text: "MID 1 done"}, 2048, "<166>1 2026-11-06T01:02:03.000004Z mail.example.com mail_logs - Delivered [postern@32473 record=\"1099511627776\" line=\"2\"] Info: MID 1 done"},
		{false, projections.Line{Level: projections.LineCritical, Text: "x"}, 2048, "<162>1 2026-11-06T01:02:03.000004Z mail.example.com mail_logs - Delivered [postern@32473 record=\"1099511627776\" line=\"2\"] Critical: x"},
		{true, projections.Line{Level: projections.LineWarning, Text: "x"}, 2048, "<164>Nov  5 21:02:03 mail.example.com mail_logs: Warning: x"},
		{true, projections.Line{Text: "0123456789"}, 61, "<166>Nov  5 21:02:03 mail.example.com mail_logs: Info: 012..."},
		{true, projections.Line{Text: "01é3456789"}, 61, "<166>Nov  5 21:02:03 mail.example.com mail_logs: Info: 01..."},
		{true, projections.Line{Text: "0123456789"}, 65, "<166>Nov  5 21:02:03 mail.example.com mail_logs: Info: 0123456789"},
	} {
		f.BSD = c.bsd
		if got := string(f.appendMessage(nil, at, place{"Delivered", 1 << 40, 2}, c.l, c.most)); got != c.want {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
	}
	long := projections.Line{Text: strings.Repeat("a", 100_000)}
	var b batch
	f.BSD = false
	b.add(&f, true, at, place{kind: "x"}, long)
	b.add(&f, false, at, place{kind: "x"}, long)
	if b.ends[0] != maxDatagram || !strings.HasPrefix(string(b.bytes[b.ends[0]:]), fmt.Sprint(maxStreamed, " <166>1 ")) || b.ends[1]-b.ends[0] != maxStreamed+5 {
		t.Errorf("messages end at %v", b.ends)
	}
	f.BSD = true
	b.reset()
	b.add(&f, false, at, place{kind: "x"}, projections.Line{Text: "y"})
	if !strings.HasSuffix(string(b.bytes), " mail_logs: Info: y\n") {
		t.Errorf("%q", b.bytes)
	}
}

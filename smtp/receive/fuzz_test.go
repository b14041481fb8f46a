package receive

import (
	"context"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"postern/engine/config"
)

// FuzzConversation sends octets to a server, cut into pieces: it never panics, answers with well-formed replies of bounded
// length, ends with the connection, and leaves neither a connection nor an open body.
func FuzzConversation(f *testing.F) {
	f.Add([]byte(begin+envelope+"DATA\r\nSubject: x\r\n\r\n..\r\n.\r\nQUIT\r\n"), uint8(255))
	f.Add([]byte(begin+envelope+"BDAT 3\r\nabcNOOP\r\nBDAT 2 LAST\r\n\r\nRSET\r\n"), uint8(7))
	f.Add([]byte("HELO x\r\nMAIL FROM:<\"a\\\"b\"@[IPv6:::1]> SIZE=9 BODY=7BIT SMTPUTF8 RET=FULL ENVID=+41\r\nRCPT TO:<@a,@b:c@d> NOTIFY=NEVER ORCPT=utf-8;\\x{41}\r\n"), uint8(1))
	f.Add([]byte("EHLO c\nMAIL FROM:<>\nRCPT TO:<postmaster>\nDATA\n.\r\r\n.\n\r\n.\r\n"), uint8(3))
	f.Fuzz(func(t *testing.T, in []byte, cut uint8) {
		queue, store, port := &fakeQueue{}, &fakeStore{}, newPipes()
		document := &config.Document{Hostname: "mx.test", Listeners: []config.Listener{{Name: "In", Kind: config.Private,
			Address: netip.MustParseAddrPort("127.0.0.1:25"), MaxMessageSize: 1 << 12}}}
		s := &Server{Queue: queue, Store: store, Document: func() *config.Document { return document }}
		var mu sync.Mutex
		s.OnProblem = func(_ string, err error) {
			mu.Lock()
			defer mu.Unlock()
			t.Error(err)
		}
		s.Announce = func(context.Context, string, string) (net.Listener, error) { return port, nil }
		if err := s.Listen(); err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- s.Serve(context.Background()) }()
		c := port.dial("127.0.0.1")
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		heard := make(chan string, 1)
		go func() {
			b, _ := io.ReadAll(c)
			heard <- string(b)
		}()
		for len(in) > 0 {
			n := min(len(in), int(cut)+1)
			if _, err := c.Write(in[:n]); err != nil {
				break // cut off
			}
			in = in[n:]
		}
		_ = c.Close()
		replies := <-heard
		for _, line := range strings.SplitAfter(replies, "\n") {
			if line == "" {
				continue
			}
			if len(line) > longestReply || len(line) < 6 || line[0] < '2' || line[0] > '5' || line[3] != ' ' && line[3] != '-' ||
				strings.HasSuffix(line, "\n") && strings.ContainsAny(line[:len(line)-2], "\r\n\x00") {
				t.Errorf("malformed reply %q", line)
			}
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("the conversation does not end: %v", err)
		}
		<-served
		if s.Connections() != 0 || store.open != 0 || len(queue.injected) != len(store.bodies) {
			t.Errorf("left: %d connections, %d bodies open, %d messages with %d bodies", s.Connections(), store.open, len(queue.injected), len(store.bodies))
		}
		if got := strings.Count(replies, " accepted\r\n"); got > len(queue.injected) {
			t.Errorf("%d messages answered 250, %d injected", got, len(queue.injected))
		}
	})
}

// FuzzPath: what is taken for an address can be written down and read again, and stays the same.
func FuzzPath(f *testing.F) {
	for _, s := range []string{"<a@b>", `<"a\"b"@c.d> X=1`, "<@r:u@[1.2.3.4]>", "<ü@é.x>", "<a..b@x>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		address, _, ok := path(s)
		if !ok {
			return
		}
		m, ok := parseMailbox(address)
		if !ok || m.domain == "" {
			return
		}
		again, _, ok := path("<" + m.String() + ">")
		if !ok || again != m.String() {
			t.Fatalf("%q: path of %q is %q", s, m, again)
		}
		n, ok := parseMailbox(again)
		if !ok || n.local != m.local || n.domain != m.domain {
			t.Fatalf("%q: %q is read again as %q", s, m, n)
		}
		if hasControl(m.local) || hasControl(m.domain) {
			t.Fatalf("%q: control characters in %q", s, m)
		}
	})
}

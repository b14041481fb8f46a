package web

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"postern/engine/config"
)

func TestPages(t *testing.T) {
	s := testServer(config.HTTP{})
	for path, want := range map[string]string{"/": "/metrics", "/xml/status": "<status ", "/metrics": "postern_info{", "/healthz": "ok\n"} {
		if w := ask(s, path); w.Code != 200 || !strings.Contains(w.Body.String(), want) || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d, %v, %.200s", path, w.Code, w.Header(), w.Body)
		}
	}
	for _, path := range []string{"/xml", "/xml/status/", "//metrics", "/metrics/../xml/status", "/api"} {
		if w := ask(s, path); w.Code != 404 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE", "XYZ"} {
		if w := ask(s, "/xml/status", func(r *http.Request) { r.Method = method }); w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d", method, w.Code)
		}
	}
}

// Without a password only somebody who means this machine is answered: not a page of the Web with a name of its own.
func TestNamesOfTheServer(t *testing.T) {
	s := testServer(config.HTTP{})
	for host, want := range map[string]int{"localhost": 200, "localhost:8080": 200, "LOCALHOST.": 200, "127.0.0.1:80": 200, "[::1]:80": 200, "": 200,
		"gateway.test": 200, "evil.example": 421, "evil.example:8080": 421, "localhost.evil.example": 421} {
		if w := ask(s, "/metrics", func(r *http.Request) { r.Host = host }); w.Code != want {
			t.Errorf("%s: %d, want %d", host, w.Code, want)
		}
	}
	if w := ask(testServer(withPassword()), "/metrics", as("monitor", secret), func(r *http.Request) { r.Host = "behind.proxy.example" }); w.Code != 200 {
		t.Errorf("with a password: %d", w.Code)
	}
}

func TestHealth(t *testing.T) {
	s := testServer(withPassword())
	reasons := []string{"the queue is loading, 42 %", "the disk is full"}
	s.Health = func(time.Time) []string { return reasons }
	if w := ask(s, "/healthz", as("monitor", secret)); w.Code != 503 || w.Body.String() != "the queue is loading, 42 %\nthe disk is full\n" {
		t.Errorf("%d, %s", w.Code, w.Body)
	}
	if w := ask(s, "/healthz"); w.Code != 503 || w.Body.String() != "not healthy\n" {
		t.Errorf("to nobody in particular it says %d, %s", w.Code, w.Body)
	}
	reasons = nil
	if w := ask(s, "/healthz"); w.Code != 200 || w.Body.String() != "ok\n" {
		t.Errorf("%d, %s", w.Code, w.Body)
	}
}

func TestAPI(t *testing.T) {
	s := testServer(withPassword())
	fold(s.Figures, injected(3, "a.example"))
	w := ask(s, "/api/v1/status", as("monitor", secret))
	var v struct {
		Gauges map[string]int64 `json:"gauges"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || w.Code != 200 || v.Gauges["active_recips"] != 3 {
		t.Errorf("%d, %v, %s", w.Code, err, w.Body)
	}
	if w := ask(s, "/api/v1/whoami", as("monitor", secret)); !strings.Contains(w.Body.String(), `"username":"monitor"`) {
		t.Errorf("it does not know who asks: %s", w.Body)
	}
	if w := ask(s, "/api/v1/status", as("monitor", secret), func(r *http.Request) { r.Method = "POST" }); w.Code != 405 {
		t.Errorf("an order: %d", w.Code)
	}
	if w := ask(testServer(config.HTTP{}), "/api/v1/status"); w.Code != 403 {
		t.Errorf("without a password anybody on this machine may ask: %d", w.Code)
	}
	for range maxAsking {
		s.asking <- struct{}{}
	}
	if w := ask(s, "/api/v1/status", as("monitor", secret)); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("one question too many: %d", w.Code)
	}
}

func TestSlowClients(t *testing.T) {
	for name, said := range map[string]string{"silent": "", "in the header": "GET /metrics HTTP/1.1\r\nHost: local", "a byte at a time": "drip"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, p, stop := onPipes(t, config.HTTP{})
				defer stop()
				c, began := p.dial(), time.Now()
				var dripping sync.WaitGroup
				defer dripping.Wait()
				if said == "drip" {
					dripping.Go(func() {
						for _, b := range []byte("GET / HTTP/1.1\r\nX: " + strings.Repeat("x", 1000)) {
							if _, err := c.Write([]byte{b}); err != nil {
								return
							}
							time.Sleep(time.Second)
						}
					})
				} else if _, err := io.WriteString(c, said); err != nil {
					t.Fatal(err)
				}
				if text := rest(c); time.Since(began) != headerTime {
					t.Errorf("it was let go after %v with %q", time.Since(began), text)
				}
				synctest.Wait()
				if s.door.Load().open != 0 {
					t.Errorf("%d connections are open", s.door.Load().open)
				}
			})
		})
	}
}

func TestClientsThatDoNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p, stop := onPipes(t, config.HTTP{})
		defer stop()
		c := p.dial()
		fmt.Fprint(c, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
		time.Sleep(writeTime + time.Second)
		synctest.Wait()
		if s.door.Load().open != 0 {
			t.Errorf("%d connections are open after %v", s.door.Load().open, writeTime)
		}
	})
}

func TestIdleClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, p, stop := onPipes(t, config.HTTP{})
		defer stop()
		c, began := p.dial(), time.Now()
		fmt.Fprint(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if text := rest(c); firstLine(text) != "HTTP/1.1 200 OK" || time.Since(began) != idleTime {
			t.Errorf("closed after %v with %q", time.Since(began), text)
		}
	})
}

// A question has no content, whatever is said of its length: there is nothing behind which another could be hidden.
func TestContentIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ header, want string }{
		"a length":      {"Content-Length: 5\r\n\r\nhello", "HTTP/1.1 413 Request Entity Too Large"},
		"never sent":    {"Content-Length: 100000\r\n\r\n", "HTTP/1.1 413 Request Entity Too Large"},
		"chunks":        {"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 413 Request Entity Too Large"},
		"both":          {"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 413 Request Entity Too Large"},
		"two lengths":   {"Content-Length: 0\r\nContent-Length: 4\r\n\r\n", "HTTP/1.1 400 Bad Request"},
		"a long header": {"X: " + strings.Repeat("x", 2*maxHeader) + "\r\n\r\n", "HTTP/1.1 431 Request Header Fields Too Large"},
		"h2c":           {"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n", "HTTP/1.1 200 OK"},
	} {
		synctest.Test(t, func(t *testing.T) {
			_, p, stop := onPipes(t, config.HTTP{})
			defer stop()
			conn := p.dial()
			go fmt.Fprint(conn, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n"+c.header+"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
			text := rest(conn)
			if firstLine(text) != c.want || name != "h2c" && strings.Contains(text, "postern_") {
				t.Errorf("%s: %.300q", name, text)
			}
		})
	}
}

// Priming HTTP/2 without being asked leads nowhere.
func TestNoHTTP2(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, p, stop := onPipes(t, config.HTTP{})
		defer stop()
		c := p.dial()
		go fmt.Fprint(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
		if text := rest(c); strings.HasPrefix(text, "\x00") || !strings.HasPrefix(text, "HTTP/1.1 4") && !strings.HasPrefix(text, "HTTP/1.1 5") {
			t.Errorf("%.100q", text)
		}
	})
}

func TestTooManyConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p, stop := onPipes(t, config.HTTP{})
		defer stop()
		var open []net.Conn
		for range maxOfClient {
			open = append(open, p.dial())
		}
		if text := rest(p.dial()); text != "" || s.door.Load().refused.Load() != 1 {
			t.Errorf("one connection more is told %q, %d were refused", text, s.door.Load().refused.Load())
		}
		open[0].Close()
		synctest.Wait()
		c := p.dial()
		go fmt.Fprint(c, "GET /healthz HTTP/1.0\r\n\r\n")
		if text := rest(c); !strings.HasSuffix(text, "ok\n") {
			t.Errorf("when there is room again: %q", text)
		}
	})
}

// Who keeps coming for nothing is not let in any more, before any handshake; others and later ones are.
func TestClientsThatComeForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p, stop := onPipes(t, withPassword())
		defer stop()
		come := func(header string) string {
			c := p.dial()
			defer c.Close()
			go fmt.Fprint(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"+header+"\r\n")
			return firstLine(rest(c))
		}
		for range 2 * maxVain { // health is for everybody
			if line := come(""); line != "HTTP/1.1 200 OK" {
				t.Fatalf("%q", line)
			}
		}
		for i := range maxVain {
			if line := come("Authorization: Bearer x\r\n"); line != "HTTP/1.1 401 Unauthorized" {
				t.Fatalf("%d: %q", i, line)
			}
			synctest.Wait()
		}
		if line := come(""); line != "" || s.door.Load().refused.Load() != 1 {
			t.Errorf("%q", line)
		}
		if d := s.door.Load(); !d.enter(netip.MustParsePrefix("192.0.2.1/32")) {
			t.Error("another is not let in")
		} else {
			d.left(netip.MustParsePrefix("192.0.2.1/32"), true)
		}
		time.Sleep(vainTime)
		if line := come(""); line != "HTTP/1.1 200 OK" {
			t.Errorf("later: %q", line)
		}
	})
}

// What is remembered of clients is bounded.
func TestManyVainClients(t *testing.T) {
	now := time.Now()
	d := newDoor(nil, func() time.Time { return now })
	come := func(n int) {
		from := networkOf(netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}))
		if d.enter(from) {
			d.left(from, false)
		}
	}
	for n := range 2 * maxVainClients {
		come(n)
	}
	if len(d.vain) != maxVainClients {
		t.Errorf("%d clients are remembered", len(d.vain))
	}
	now = now.Add(vainTime)
	come(1 << 20)
	if len(d.vain) != 1 || d.open != 0 || len(d.by) != 0 {
		t.Errorf("later %d are; %d are open, of %v", len(d.vain), d.open, d.by)
	}
}

// A stop waits for nobody who was told to wait.
func TestStopping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, p, stop := onPipes(t, withPassword())
		c := p.dial()
		go fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic bW9uaXRvcjp3cm9uZw==\r\n\r\n")
		synctest.Wait()
		began := time.Now()
		stop()
		if time.Since(began) != 0 {
			t.Errorf("the stop took %v", time.Since(began))
		}
	})
}

// A port that is taken does not keep a gateway with mail from starting, and is tried again.
func TestBusyPort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := testServer(config.HTTP{Address: netip.MustParseAddrPort("127.0.0.1:8080")}), newPipes()
		s.door.Store(nil)
		var mu sync.Mutex
		busy := true
		s.Announce = func(context.Context, string, string) (net.Listener, error) {
			mu.Lock()
			defer mu.Unlock()
			if busy {
				return nil, fmt.Errorf("busy")
			}
			return p, nil
		}
		if err := s.Listen(); err == nil || !strings.Contains(err.Error(), "127.0.0.1:8080") {
			t.Errorf("it says %v", err)
		}
		stop := serve(t, s)
		time.Sleep(rebindTime + time.Second)
		mu.Lock()
		busy = false
		mu.Unlock()
		time.Sleep(rebindTime)
		c := p.dial()
		go fmt.Fprint(c, "GET /healthz HTTP/1.0\r\n\r\n")
		if text := rest(c); !strings.HasSuffix(text, "ok\n") {
			t.Errorf("%q", text)
		}
		stop()
	})
}

// writeCertificate makes a pair for a name, valid for 127.0.0.1.
func writeCertificate(t *testing.T, dir, name string) (h config.HTTP) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	h = withPassword()
	h.Certificate, h.Key = filepath.Join(dir, "c.pem"), filepath.Join(dir, "k.pem")
	for file, block := range map[string]*pem.Block{h.Certificate: {Type: "CERTIFICATE", Bytes: der}, h.Key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// shown is the name in the certificate that a client is shown, and the protocol that was agreed upon.
func shown(t *testing.T, address string, offer ...string) (name, protocol string) {
	t.Helper()
	c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, NextProtos: offer})
	if err != nil {
		t.Error(err)
		return "", ""
	}
	defer c.Close()
	state := c.ConnectionState()
	return state.PeerCertificates[0].DNSNames[0], state.NegotiatedProtocol
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	s := testServer(writeCertificate(t, dir, "one.test"))
	var mu sync.Mutex
	now, said := time.Now(), []string{}
	s.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	s.OnProblem = func(err error) { mu.Lock(); defer mu.Unlock(); said = append(said, err.Error()) }
	later := func() { mu.Lock(); defer mu.Unlock(); now = now.Add(certificateCheck) }
	serving(t, s)
	address := s.Addr().String()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	r, _ := http.NewRequest("GET", "https://"+address+"/xml/status", nil)
	r.SetBasicAuth("monitor", secret)
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(answer.Body)
	answer.Body.Close()
	if answer.StatusCode != 200 || answer.ProtoMajor != 1 || len(parseFeed(t, text).Gauges) != 23 {
		t.Errorf("%s %s, %s", answer.Proto, answer.Status, text)
	}
	if name, protocol := shown(t, address, "h2", "http/1.1"); name != "one.test" || protocol != "http/1.1" {
		t.Errorf("it is %s and speaks %s", name, protocol)
	}
	writeCertificate(t, dir, "two.test")
	later()
	if name, _ := shown(t, address); name != "two.test" {
		t.Errorf("after a change of the files it is %s", name)
	}
	if err := os.WriteFile(s.Document().HTTP.Key, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		later()
		if name, _ := shown(t, address); name != "two.test" {
			t.Errorf("with a broken key it is %s", name)
		}
	}
	mu.Lock()
	if len(said) != 1 || !strings.Contains(said[0], "k.pem") {
		t.Errorf("a broken key is told as %q", said)
	}
	mu.Unlock()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if line, _ := bufio.NewReader(c).ReadString('\n'); !strings.Contains(line, " 400 ") {
		t.Errorf("without TLS it says %q", line)
	}
}

func TestCertificateThatIsMissing(t *testing.T) {
	h := withPassword()
	h.Certificate, h.Key = "/nonexistent/c.pem", "/nonexistent/k.pem"
	if err := testServer(h).Listen(); err == nil || !strings.Contains(err.Error(), "/nonexistent/c.pem") {
		t.Errorf("%v", err)
	}
}

// Nothing is served unless it is asked for.
func TestOff(t *testing.T) {
	s := testServer(config.HTTP{})
	s.door.Store(nil)
	serving(t, s)()
	if s.Addr() != nil {
		t.Errorf("it listens on %s", s.Addr())
	}
}

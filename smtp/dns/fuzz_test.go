package dns

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// FuzzAnswer is a server that answers any bytes behind a header that fits, over UDP and TCP. Whatever they are, every
// lookup ends with an answer of usable names or an *Error that can be logged.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte{}, false)
	f.Add([]byte{0x81, 0x80, 0, 1, 0xff, 0xff, 0, 0, 0, 0}, true)
	for _, text := range []string{"example.com. 60 IN MX 10 mx.example.com.", "example.com. 60 IN CNAME example.com.",
		"example.com. 60 IN MX 0 .", `example.com. 60 IN TXT "a\010\"b"`} {
		m := new(dns.Msg)
		m.SetQuestion("example.com.", dns.TypeMX)
		m.Response, m.RecursionAvailable = true, true
		m.Answer = parse(f, text)
		b, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[2:], true)
		b[2] |= flagsTC
		f.Add(b[2:], true)
	}
	f.Fuzz(func(t *testing.T, body []byte, fit bool) {
		if len(body) > 4000 {
			return
		}
		r := &Resolver{Servers: addrs("192.0.2.1:53"), Tries: 1, Timeout: 50 * time.Millisecond}
		defer r.Close()
		r.Dial = finite(func(_ string, q []byte) []byte {
			if !fit {
				return append([]byte{}, body...)
			}
			return append([]byte{q[0], q[1]}, body...)
		})
		a, err := r.LookupMX(t.Context(), "example.com")
		for _, h := range a.Hosts {
			usable(t, h.Host)
		}
		printableError(t, err)
		_, err = r.LookupTXT(t.Context(), "example.com")
		printableError(t, err)
	})
}

// finite is pipes whose server hangs up after its answer, so that no timeout is waited for.
func finite(respond func(string, []byte) []byte) func(context.Context, string, string) (net.Conn, error) {
	return func(_ context.Context, network, address string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer theirs.Close()
			q := make([]byte, 4096)
			n, err := theirs.Read(q)
			if err != nil {
				return
			}
			b := q[:n]
			if network == "tcp" {
				b = b[2:]
			}
			a := respond(address, b)
			if network == "tcp" {
				a = append([]byte{byte(len(a) >> 8), byte(len(a))}, a...)
			}
			theirs.Write(a)
		}()
		return ours, nil
	}
}

func usable(t *testing.T, name string) {
	if got, ok := hostName(name); !ok || got != name {
		t.Errorf("the host %q was let through", name)
	}
}

func printableError(t *testing.T, err error) {
	if err == nil {
		return
	}
	if _, ok := err.(*Error); !ok {
		t.Errorf("%T is not *Error", err)
	}
	if strings.ContainsFunc(err.Error(), func(c rune) bool { return c < ' ' || c > '~' }) {
		t.Errorf("the error is not printable: %q", err)
	}
}

package deliver

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"postern/engine"
	"postern/journal"
	"postern/smtp/dns"
)

// stuckResolver answers one kind of question only when the asker gives up.
type stuckResolver struct {
	*world
	stuck string
}

func (r stuckResolver) LookupMX(ctx context.Context, domain string) (dns.MXAnswer, error) {
	if r.stuck == "MX" {
		<-ctx.Done()
		return dns.MXAnswer{}, &dns.Error{Name: domain, Type: "MX", Kind: dns.Canceled, Err: ctx.Err()}
	}
	return r.world.LookupMX(ctx, domain)
}

func (r stuckResolver) LookupAddr(ctx context.Context, host string, want dns.Want) (dns.AddrAnswer, error) {
	if r.stuck == "A" {
		<-ctx.Done()
		return dns.AddrAnswer{}, &dns.Error{Name: host, Type: "A", Kind: dns.Canceled, Err: ctx.Err()}
	}
	return r.world.LookupAddr(ctx, host, want)
}

// phase is a place where a delivery is held up.
type phase struct {
	name string
	hold func(w *world, p *peer)
}

// stallAt holds a delivery up where the peer does not answer a command; before it the peer answers as usual.
func stallAt(verb string) phase {
	return phase{verb, func(_ *world, p *peer) { p.script = verbs(map[string]string{verb: stall}) }}
}

// beforeDot are all places before the final dot is out.
func beforeDot() []phase {
	secured := func(w *world, p *peer) {
		w.document.Delivery.TLS = "opportunistic"
		cert, roots := certificate(w.T, "mx.example.com")
		w.client.RootCAs = roots
		p.extensions = append(p.extensions, "STARTTLS")
		p.tls = &tls.Config{Certificates: []tls.Certificate{cert}}
	}
	deaf := func(w *world, p *peer, size int) {
		w.content = strings.Repeat("0123456789abcde\r\n", size/17+1)
		p.deaf = make(chan struct{})
	}
	return []phase{
		{"id", func(w *world, _ *peer) {
			w.client.DCID = func(ctx context.Context) (uint32, error) { <-ctx.Done(); return 0, ctx.Err() }
		}},
		{"MX", func(w *world, _ *peer) { w.client.Resolver = stuckResolver{w, "MX"} }},
		{"A", func(w *world, _ *peer) { w.client.Resolver = stuckResolver{w, "A"} }},
		{"dial", func(w *world, _ *peer) {
			w.client.Dial = func(ctx context.Context, _ string, _ netip.Addr, _ netip.AddrPort) (net.Conn, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}
		}},
		stallAt(""), stallAt("EHLO"), stallAt("MAIL"), stallAt("RCPT"), stallAt("DATA"),
		{"STARTTLS", func(w *world, p *peer) { secured(w, p); p.script = verbs(map[string]string{"STARTTLS": stall}) }},
		{"handshake", func(w *world, p *peer) {
			secured(w, p)
			p.deaf = make(chan struct{})
			p.tls.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { <-p.deaf; return nil, nil }
		}},
		{"EHLO over TLS", func(w *world, p *peer) {
			secured(w, p)
			p.script = func(_, n int, line string) string {
				if n > 2 && strings.HasPrefix(line, "EHLO") {
					return stall
				}
				return ""
			}
		}},
		{"content", func(w *world, p *peer) { deaf(w, p, 3*contentChunk) }},
		{"content over TLS", func(w *world, p *peer) { secured(w, p); deaf(w, p, 3*contentChunk) }},
		{"content and dot in one piece", func(w *world, p *peer) { deaf(w, p, 100) }},
		{"content and dot in one piece over TLS", func(w *world, p *peer) { secured(w, p); deaf(w, p, 100) }},
		{"before the dot", func(w *world, _ *peer) {
			w.exact = true
			w.client.BeforeFinalDot = func(ctx context.Context, _ *journal.DataSent) error { <-ctx.Done(); return ctx.Err() }
		}},
	}
}

// ended is how a delivery ended that was called off while nothing moved any more.
type ended struct {
	out  []engine.Outcome
	took time.Duration
}

// callOff starts a delivery, waits until it is held up, calls it off, and waits for its end.
func (w *world) callOff(cause error) ended {
	ctx, cancel := context.WithCancelCause(w.Context())
	defer cancel(nil)
	done := make(chan []engine.Outcome, 1)
	go func() { done <- w.client.Deliver(ctx, w.attempt()) }()
	synctest.Wait()
	if len(done) > 0 {
		w.Fatalf("it was not held up: %s", short((<-done)[0]))
	}
	began := time.Now()
	cancel(cause)
	out := <-done
	return ended{out, time.Since(began)}
}

var causes = map[string]error{"recalled": nil, "cut off": engine.ErrCutOff}

// Called off before its final dot, a delivery ends at once wherever it is: the peer has no message, the host is not
// blamed, no other address is tried, and the connection is not kept.
func TestCalledOffBeforeTheDot(t *testing.T) {
	for how, cause := range causes {
		for name, extensions := range map[string][]string{"pipelining": pipelining, "stepwise": nil} {
			for i, at := range beforeDot() {
				t.Run(how+"/"+name+"/"+at.name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						w := newWorld(t)
						w.hosts["mx.example.com"] = "192.0.2.1 192.0.2.2"
						p := w.peer("192.0.2.1", &peer{extensions: append([]string(nil), extensions...)})
						second := w.peer("192.0.2.2", &peer{})
						beforeDot()[i].hold(w, p) // its channels belong to the bubble
						e := w.callOff(cause)
						if n := w.client.Connections() + w.client.Dialling(); n != 0 {
							t.Errorf("%d connections are left", n)
						}
						if p.deaf != nil {
							close(p.deaf)
						}
						w.end()
						w.want(e.out[0], `temporary 000 4.3.2 "delivery was stopped"`)
						if e.took > 100*time.Millisecond || len(p.got()) != 0 || second.sessions != 0 {
							t.Errorf("took %s; the peer has %d messages, the other address saw %d sessions", e.took, len(p.got()), second.sessions)
						}
						if notes := w.noted(); strings.Contains(notes, "failed") {
							t.Errorf("the host is blamed:\n%s", notes)
						}
					})
				})
			}
		}
	}
}

// A probe that is called off before a host let it begin has not found out anything: the destination is still down.
func TestCalledOffProbe(t *testing.T) {
	for at, want := range map[string]string{
		"":     `temporary host 000 4.3.2 "delivery was stopped"`,
		"MAIL": `temporary 000 4.3.2 "delivery was stopped"`,
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.peer("192.0.2.1", &peer{script: verbs(map[string]string{at: stall})})
			w.probe = true
			e := w.callOff(nil)
			w.end()
			w.want(e.out[0], want)
		})
	}
}

// Likewise on a connection that an earlier message left: at RSET, which goes before the next transaction, and at MAIL.
func TestCalledOffOnReusedConnection(t *testing.T) {
	for how, cause := range causes {
		for _, extensions := range [][]string{pipelining, nil} {
			for _, at := range []string{"RSET", "MAIL"} {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					first := true
					p := w.peer("192.0.2.1", &peer{extensions: extensions, script: func(_, _ int, line string) string {
						switch {
						case first && strings.HasPrefix(line, "RCPT"):
							first = false
							return "550 5.1.1 unknown"
						case !first && strings.HasPrefix(line, at):
							return stall
						}
						return ""
					}})
					w.want(w.deliver()[0], `permanent 550 5.1.1 "unknown"`)
					e := w.callOff(cause)
					left := w.client.Connections()
					w.end()
					w.want(e.out[0], `temporary 000 4.3.2 "delivery was stopped"`)
					if e.took > 100*time.Millisecond || left != 0 || len(p.got()) != 0 || p.sessions != 1 {
						t.Errorf("%s at %s: took %s, %d connections left, %d messages, %d sessions", how, at, e.took, left, len(p.got()), p.sessions)
					}
				})
			}
		}
	}
}

// A recall past the final dot changes nothing for that transaction: what the peer says, however late, is the outcome.
// Nothing else is sent, and the connection is not kept.
func TestRecalledPastTheDot(t *testing.T) {
	for reply, want := range map[string]string{
		"":                          `delivered 250 2.0.0 "taken as 1"`,
		"451 4.7.1 later":           `temporary 451 4.7.1 "later"`,
		"554 5.7.1 no":              `permanent 554 5.7.1 "no"`,
		hangUp:                      `unknown 000 4.4.2 "EOF"`,
		stall:                       `unknown 000 4.4.2 "timeout"`,
		"421 4.3.2 closing for now": `temporary 421 4.3.2 "closing for now"`,
	} {
		t.Run(reply, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.recipients(MaxRecipients + 1)
				w.hosts["mx.example.com"] = "192.0.2.1 192.0.2.2"
				p := w.peer("192.0.2.1", &peer{extensions: pipelining, script: func(_, _ int, line string) string {
					if line == "." {
						time.Sleep(9 * minute)
						return reply
					}
					return ""
				}})
				e := w.callOff(nil)
				left := w.client.Connections()
				w.end()
				w.want(e.out[0], want)
				w.want(e.out[MaxRecipients], `temporary 000 4.3.2 "delivery was stopped"`)
				if e.took < 9*minute || e.took > 10*minute || left != 0 {
					t.Errorf("took %s, %d connections left", e.took, left)
				}
				if all := strings.Join(p.seen(), " "); strings.Count(all, "MAIL") != 1 || p.sessions != 1 || len(w.dialed) != 1 {
					t.Errorf("%d transactions, %d sessions, dialled %v", strings.Count(all, "MAIL"), p.sessions, w.dialed)
				}
			})
		})
	}
}

// Cut off past its final dot, nobody knows whether the peer has the message.
func TestCutOffPastTheDot(t *testing.T) {
	for _, c := range []struct {
		how      string
		cause    error
		byClient bool // a minute later
	}{
		{"by its cause", engine.ErrCutOff, false},
		{"by the client, after a recall", nil, true},
	} {
		t.Run(c.how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.hosts["mx.example.com"] = "192.0.2.1 192.0.2.2"
				w.peer("192.0.2.1", &peer{extensions: pipelining, script: verbs(map[string]string{".": stall})})
				expected := time.Duration(0)
				if c.byClient {
					expected = minute
					time.AfterFunc(minute, w.client.CutOff)
				}
				e := w.callOff(c.cause)
				left, dialed := w.client.Connections(), len(w.dialed)
				if c.byClient { // then nothing is delivered any more
					w.want(w.deliver()[0], `temporary 000 4.3.2 "delivery was stopped"`)
				}
				w.end()
				w.want(e.out[0], `unknown 000 4.4.2 "delivery was stopped"`)
				if e.took < expected || e.took > expected+100*time.Millisecond || left != 0 || dialed != 1 || e.out[0].DCID != 1 {
					t.Errorf("took %s, %d connections left, dialled %d, DCID %d", e.took, left, dialed, e.out[0].DCID)
				}
			})
		})
	}
}

// CutOff reaches a delivery that nobody has called off otherwise, at any place.
func TestCutOffByTheClientAlone(t *testing.T) {
	for at, want := range map[string]string{
		"RCPT": `temporary 000 4.3.2 "delivery was stopped"`,
		".":    `unknown 000 4.4.2 "delivery was stopped"`,
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.peer("192.0.2.1", &peer{extensions: pipelining, script: verbs(map[string]string{at: stall})})
			time.AfterFunc(minute, w.client.CutOff)
			began := time.Now()
			out := w.deliver()
			took := time.Since(began)
			w.end()
			w.want(out[0], want)
			if took != minute {
				t.Errorf("at %q: took %s", at, took)
			}
		})
	}
}

// A delivery that is called off before it has begun does nothing, and a good connection stays for the next one.
func TestCalledOffBeforeItBegan(t *testing.T) {
	w := newWorld(t)
	p := w.peer("192.0.2.1", &peer{extensions: pipelining})
	w.deliver()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.want(w.client.Deliver(ctx, w.attempt())[0], `temporary 000 4.3.2 "delivery was stopped"`)
	w.want(w.deliver()[0], `delivered 250 2.0.0 "taken as 1"`)
	w.end()
	if p.sessions != 1 || len(p.got()) != 2 {
		t.Errorf("%d sessions, %d messages", p.sessions, len(p.got()))
	}
}

// On real sockets, where peers and buffers have their own pace: whenever a delivery is recalled, its outcome says exactly
// whether the peer has the message.
func TestRecallTellsTheTruth(t *testing.T) {
	w := newWorld(t)
	p := &peer{extensions: pipelining}
	stop := w.listen(p)
	delivered, stopped, late := 0, 0, time.Now().Add(time.Minute)
	for i, step := 0, time.Microsecond; delivered < 50 || stopped < 50; i++ {
		if i == 300 { // a busy machine: later
			i, step = 0, 2*step
		}
		if time.Now().After(late) {
			t.Fatalf("%d delivered, %d stopped", delivered, stopped)
		}
		before := len(p.got())
		ctx, cancel := context.WithCancel(t.Context())
		timer := time.AfterFunc(time.Duration(i)*step, cancel)
		o := w.client.Deliver(ctx, w.attempt())[0]
		timer.Stop()
		cancel()
		has := len(p.got()) - before
		switch {
		case o.Result == engine.Delivered && has == 1:
			delivered++
		case o.Result == engine.Temporary && o.Status == "4.3.2" && has == 0:
			stopped++
		default:
			t.Fatalf("recalled after %s: %s, the peer has it %d times", time.Duration(i)*step, short(o), has)
		}
	}
	stop()
	if n := len(p.got()); n != delivered {
		t.Errorf("%d outcomes are Delivered, and the peer has %d messages", delivered, n)
	}
}

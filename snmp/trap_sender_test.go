package snmp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosnmp/gosnmp"
	"go.uber.org/goleak"

	"postern/engine/config"
)

// runSender runs a sender of an agent whose port is taken by somebody else, until the test ends.
func runSender(t testing.TB, d *config.Document, more ...func(*Sender)) (*Sender, *complaints) {
	t.Helper()
	said := &complaints{}
	s := &Sender{Agent: deafAgent(t, d), OnTarget: func(target string, err error) { said.add(fmt.Errorf("%s: %w", target, orWell(err))) },
		OnDropped: func(target string) { said.add(fmt.Errorf("%s: too many", target)) }}
	for _, set := range more {
		set(s)
	}
	s.Configure(d)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s, said
}

var errWell = fmt.Errorf("it is well")

func orWell(err error) error {
	if err == nil {
		return errWell
	}
	return err
}

// deafAgent could not bind its port, and signs all the same.
func deafAgent(t testing.TB, d *config.Document) *Agent {
	a := &Agent{EngineFile: filepath.Join(t.TempDir(), "engine.json"), Listen: func(context.Context, netip.AddrPort) (*net.UDPConn, error) {
		return nil, fmt.Errorf("the port is busy")
	}}
	a.Start(d)
	a.retry() // as it does again and again; that is no further start of its engine
	if e := a.Engine(); a.Addr().IsValid() || e == nil && d.SNMP.Enabled || e != nil && e.Boots != 1 {
		t.Fatalf("bound to %v, engine %+v", a.Addr(), e)
	}
	return a
}

// far is a network of targets in the test's own process: whoever is dialled reads datagrams and may answer.
type far struct {
	mu       sync.Mutex
	received map[netip.AddrPort][]*gosnmp.SnmpPacket
	answer   func(to netip.AddrPort, p *gosnmp.SnmpPacket, datagram []byte) [][]byte // nil: silence
}

func (f *far) dial(_ context.Context, to netip.AddrPort) (net.Conn, error) {
	near, end := net.Pipe()
	go func() { // ends when the sender closes its end
		defer end.Close()
		buffer := make([]byte, maxMessage)
		for {
			n, err := end.Read(buffer)
			if err != nil {
				return
			}
			p, _ := (&gosnmp.GoSNMP{}).SnmpDecodePacket(slices.Clone(buffer[:n]))
			f.mu.Lock()
			if f.received == nil {
				f.received = map[netip.AddrPort][]*gosnmp.SnmpPacket{}
			}
			f.received[to] = append(f.received[to], p)
			answer := f.answer
			f.mu.Unlock()
			if answer == nil {
				continue
			}
			for _, reply := range answer(to, p, buffer[:n]) {
				if _, err := end.Write(reply); err != nil {
					return
				}
			}
		}
	}()
	return near, nil
}

func (f *far) setAnswer(answer func(netip.AddrPort, *gosnmp.SnmpPacket, []byte) [][]byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = answer
}

func (f *far) count(to string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.received[addrPort(to)])
}

// confirms answers informs of version 2c, except those to some addresses.
func confirms(t testing.TB, dead ...string) func(netip.AddrPort, *gosnmp.SnmpPacket, []byte) [][]byte {
	return func(to netip.AddrPort, p *gosnmp.SnmpPacket, _ []byte) [][]byte {
		if slices.Contains(dead, to.String()) {
			return nil
		}
		r := *p
		r.PDUType = gosnmp.GetResponse
		return [][]byte{bytesOf(t, &r)}
	}
}

const inform2c = "trap_version = '2c'\ninform = true\ncommunity = '" + secret + "'"

// Ten targets, some dead, some without an address: the others have everything at once, and of each that fails one sentence
// is said, and one when it is well again.
func TestTenTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		broken.Store(true)
		f := &far{answer: confirms(t, "192.0.2.8:162", "192.0.2.9:162")}
		resolve := func(ctx context.Context, host string) ([]netip.Addr, error) {
			switch {
			case !broken.Load():
				return []netip.Addr{netip.MustParseAddr("192.0.2.99")}, nil
			case host == "slow.example":
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return nil, errors.New("no such host")
		}
		d := snmpSection(t, config.NoAuthNoPriv, inform2c, `trap_targets = ["192.0.2.1", "gone.example", "192.0.2.2", "slow.example", "192.0.2.8", "192.0.2.3", "192.0.2.9", "192.0.2.4", "192.0.2.5", "192.0.2.6:1162"]`)
		s, said := runSender(t, d, func(s *Sender) { s.Dial, s.Resolve = f.dial, resolve })
		began := time.Now()
		for n := range 20 {
			s.Notify(cpuTrap(int64(n)))
		}
		synctest.Wait()
		if time.Since(began) != 0 {
			t.Fatal("time has passed")
		}
		for _, got := range s.Status() {
			alive := strings.HasPrefix(got.Target, "192.0.2.") && got.Target != "192.0.2.8" && got.Target != "192.0.2.9"
			if alive && (got != TargetStatus{Target: got.Target, Sent: 20}) || !alive && (got.Sent != 0 || got.Waiting != 20) {
				t.Errorf("at once: %+v", got)
			}
		}
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		for _, got := range s.Status() {
			if got.Sent+got.Failed != 20 || got.Waiting != 0 || (got.Failed == 20) != (got.Problem != "") {
				t.Errorf("in the end: %+v", got)
			}
		}
		lines := strings.Split(said.all(), "\n")
		slices.Sort(lines)
		want := []string{"192.0.2.8: it does not answer informs", "192.0.2.9: it does not answer informs",
			"gone.example: its name cannot be resolved: no such host", "slow.example: its name cannot be resolved: context deadline exceeded"}
		if !slices.Equal(lines, want) {
			t.Errorf("it says %q", lines)
		}
		broken.Store(false)
		f.setAnswer(confirms(t))
		s.Notify(cpuTrap(99))
		synctest.Wait()
		if text := said.all(); strings.Count(text, errWell.Error()) != 4 {
			t.Errorf("four are well again; it says\n%s", text)
		}
		if f.count("192.0.2.99:162") != 2 || f.count("192.0.2.8:162") != 61 {
			t.Errorf("%d and %d datagrams", f.count("192.0.2.99:162"), f.count("192.0.2.8:162"))
		}
	})
}

// A queue has an end: what is oldest makes room, is counted, and one sentence is said.
func TestFullQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &far{}
		s, said := runSender(t, snmpSection(t, config.NoAuthNoPriv, inform2c, `trap_targets = ["192.0.2.1"]`), func(s *Sender) { s.Dial = f.dial })
		for n := range 2000 {
			s.Notify(cpuTrap(int64(n % 100)))
			synctest.Wait()
		}
		if got := s.Status()[0]; got.Waiting != maxWaiting+1 || got.Dropped != 2000-maxWaiting-1 {
			t.Errorf("%+v", got)
		}
		time.Sleep(24 * time.Hour)
		if got := s.Status()[0]; got.Waiting != 0 || got.Failed != maxWaiting+1 {
			t.Errorf("%+v", got)
		}
		if text := said.all(); strings.Count(text, "too many") != 1 || strings.Count(text, "\n") != 1 {
			t.Errorf("it says\n%s", text)
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		if last := f.received[addrPort("192.0.2.1:162")]; last[len(last)-1].Variables[2].Value != 1999%100 {
			t.Errorf("the last one was not kept: %s", shown(last[len(last)-1]))
		}
	})
}

// A commit while notifications wait: those for a target that stays go out in the new version with the new words; a target
// that is gone has no goroutine any more.
func TestConfigureWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		others := goleak.IgnoreCurrent()
		f := &far{}
		s, _ := runSender(t, snmpSection(t, config.NoAuthNoPriv, inform2c, `trap_targets = ["192.0.2.1", "192.0.2.2"]`), func(s *Sender) { s.Dial = f.dial })
		for n := range 10 {
			s.Notify(cpuTrap(int64(n)))
		}
		synctest.Wait()
		was := time.Now()
		s.Configure(snmpSection(t, config.AuthPriv, "trap_version = '3'", `trap_targets = ["192.0.2.3", "192.0.2.2"]`))
		s.Notify(cpuTrap(10))
		synctest.Wait()
		if got := s.Status(); !time.Now().Equal(was) || len(got) != 2 || got[0] != (TargetStatus{Target: "192.0.2.3", Sent: 1}) || got[1].Waiting != 11 {
			t.Errorf("%+v", got)
		}
		time.Sleep(time.Minute) // the inform under way is given up
		synctest.Wait()
		if got := s.Status()[1]; got.Sent != 11 && (got.Sent != 10 || got.Failed != 1) || got.Waiting != 0 {
			t.Errorf("%+v", got)
		}
		f.mu.Lock()
		list := f.received[addrPort("192.0.2.2:162")]
		if p := list[len(list)-1]; p.Version != gosnmp.Version3 || p.MsgFlags != gosnmp.AuthPriv {
			t.Errorf("the last one is of version %v with flags %v", p.Version, p.MsgFlags)
		}
		if n := len(f.received[addrPort("192.0.2.1:162")]); n != 1 {
			t.Errorf("the target that is gone has %d", n)
		}
		f.mu.Unlock()
		off := snmpSection(t, config.AuthPriv, `trap_targets = ["192.0.2.3", "192.0.2.2"]`)
		off.SNMP.Enabled = false
		s.Configure(off)
		s.Notify(cpuTrap(11))
		synctest.Wait()
		if len(s.Status()) != 0 || f.count("192.0.2.3:162") != 1 {
			t.Error("it sends while SNMP is off")
		}
		if err := goleak.Find(others, goleak.IgnoreTopFunction("internal/synctest.Run"), goleak.IgnoreAnyFunction("postern/snmp.(*Sender).Run")); err != nil {
			t.Error(err)
		}
	})
}

// Peers that answer informs with anything, for ever, cost a bounded time each.
func TestPeersThatLie(t *testing.T) {
	report := func(t *testing.T, p *gosnmp.SnmpPacket, engineID, object string) []byte {
		u := &gosnmp.UsmSecurityParameters{AuthoritativeEngineID: engineID, AuthoritativeEngineBoots: 1, AuthenticationProtocol: gosnmp.NoAuth, PrivacyProtocol: gosnmp.NoPriv}
		return bytesOf(t, &gosnmp.SnmpPacket{Version: gosnmp.Version3, MsgID: p.MsgID, MsgMaxSize: maxMessage, SecurityModel: gosnmp.UserSecurityModel, SecurityParameters: u,
			ContextEngineID: engineID, PDUType: gosnmp.Report, Variables: []gosnmp.SnmpPDU{{Name: object, Type: gosnmp.Counter32, Value: uint32(1)}}})
	}
	times := func(n int, b []byte) (out [][]byte) {
		for range n {
			out = append(out, b)
		}
		return out
	}
	for name, c := range map[string]struct {
		answer func(t *testing.T, n int, p *gosnmp.SnmpPacket, datagram []byte) [][]byte
		want   error
	}{
		"noise": {func(_ *testing.T, _ int, _ *gosnmp.SnmpPacket, _ []byte) [][]byte {
			return times(1000, []byte("noise"))
		}, errConfusing},
		"echo": {func(_ *testing.T, _ int, _ *gosnmp.SnmpPacket, b []byte) [][]byte { return times(3, slices.Clone(b)) }, errNoAnswer},
		"new engine": {func(t *testing.T, n int, p *gosnmp.SnmpPacket, _ []byte) [][]byte {
			return times(1, report(t, p, fmt.Sprintf("engine %d", n), "1.3"))
		}, errEndless},
		"refusal": {func(t *testing.T, _ int, p *gosnmp.SnmpPacket, _ []byte) [][]byte {
			return times(1, report(t, p, "engine", usmStats.Append(wrongDigests, 0).dotted()))
		}, errUnsigned},
		"no time": {func(t *testing.T, _ int, p *gosnmp.SnmpPacket, _ []byte) [][]byte {
			return times(1, report(t, p, "engine", usmStats.Append(notInTimeWindows, 0).dotted()))
		}, errUnsigned},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := 0
				f := &far{answer: func(_ netip.AddrPort, p *gosnmp.SnmpPacket, datagram []byte) [][]byte {
					n++
					return c.answer(t, n, p, datagram)
				}}
				s, _ := runSender(t, snmpSection(t, config.AuthPriv, "inform = true", `trap_targets = ["192.0.2.1"]`), func(s *Sender) { s.Dial = f.dial })
				s.Notify(cpuTrap(97))
				time.Sleep(sendTries * tryPatience)
				synctest.Wait()
				if got := s.Status()[0]; got.Failed != 1 || got.Unanswered != uint64(truth(c.want == errNoAnswer)) || got.Problem != c.want.Error() || n > sendTries*2*maxRounds {
					t.Errorf("%+v after %d datagrams, want %v", got, n, c.want)
				}
			})
		})
	}
}

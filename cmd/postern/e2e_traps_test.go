package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gosnmp/gosnmp"

	"postern/engine/config"
)

// trapReceiver takes traps of version 2c.
type trapReceiver struct {
	conn *net.UDPConn
	mu   sync.Mutex
	got  []string // snmpTrapOID and the object's value
}

func receiveTraps(t *testing.T) *trapReceiver {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	r := &trapReceiver{conn: conn}
	t.Cleanup(func() { conn.Close() })
	go r.read() // ends when the socket is closed
	return r
}

func (r *trapReceiver) read() {
	buffer := make([]byte, 1<<16)
	for {
		n, err := r.conn.Read(buffer)
		if err != nil {
			return
		}
		p, err := (&gosnmp.GoSNMP{}).SnmpDecodePacket(slices.Clone(buffer[:n]))
		line := fmt.Sprintf("%v", err)
		if err == nil && len(p.Variables) > 2 {
			value := p.Variables[2].Value
			if text, ok := value.([]byte); ok {
				value = string(text)
			}
			line = fmt.Sprintf("%s %s %v", p.Community, strings.TrimPrefix(p.Variables[1].Value.(string), ".1.3.6.1.4.1.15497.1.1.2."), value)
		}
		r.mu.Lock()
		r.got = append(r.got, line)
		r.mu.Unlock()
	}
}

func (r *trapReceiver) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// mark sends something that is no trap, waits for it, and gives all that has come, with it at the end.
func (r *trapReceiver) mark(t *testing.T) (all []string) {
	t.Helper()
	before := len(r.all())
	if _, err := r.conn.WriteTo([]byte("mark"), r.conn.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the mark comes", func() bool {
		all = r.all()
		return len(all) > before && !strings.HasPrefix(all[len(all)-1], "word ")
	})
	return all
}

// A gateway whose port for SNMP is busy tells its targets what goes wrong, one that has no address beside them. What went
// wrong before a start is told by nobody after it, and a commit is followed.
func TestTraps(t *testing.T) {
	var status atomic.Int64
	status.Store(http.StatusServiceUnavailable)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/bad" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.WriteHeader(int(status.Load()))
	}))
	defer web.Close()
	first, second := receiveTraps(t), receiveTraps(t)
	busy, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	g := runGateway(t, runSink(t), quickRetries+"\n[queue]\nkilobytes = 2000\n[conservation]\nreply_delay = \"2ms\"\n"+
		fmt.Sprintf("[snmp]\nenabled = true\nport = %d\nlevel = \"noAuthNoPriv\"\ntrap_version = \"2c\"\ncommunity = \"word\"\ntrap_targets = [\"host.invalid\", %q]\n"+
			"traps = [\"connectivityFailure\", \"resourceConservationMode\"]\nconnectivity_url = %q\n",
			busy.LocalAddr().(*net.UDPAddr).Port, first.conn.LocalAddr(), web.URL+"/"))
	has := func(r *trapReceiver, want ...string) {
		t.Helper()
		eventually(t, fmt.Sprintf("%q is received", want), func() bool { return len(r.all()) >= len(want) })
		if got := r.all(); !slices.Equal(got, want) {
			t.Errorf("received is %q, want %q", got, want)
		}
	}
	has(first, "word 8 "+web.URL+"/")
	k := connect(t, g.Address)
	for n := 0; ; n++ {
		if refused, _ := k.mail(fmt.Sprintf("defer-%d@sink.test", n), 20_000); refused != "" {
			break
		}
		if n > 105 {
			t.Fatal("the queue takes more than it may")
		}
	}
	eventually(t, "the full queue is told", func() bool { return slices.Contains(first.all(), "word 1 4") })
	eventually(t, "the target without an address is named", func() bool { return strings.Contains(g.Said(), `"target":"host.invalid"`) })

	g.Kill() // what is wrong when it starts again is told again: nobody knows whether it was
	before := len(first.all())
	start(t, g)
	eventually(t, "the full queue is told again", func() bool { return slices.Contains(first.all()[before:], "word 1 4") })

	status.Store(http.StatusOK)
	busy.Close()
	commit(t, g, "more room", func(d *config.Document) { d.Queue.Kilobytes = 0 })
	eventually(t, "conservation ends", func() bool { return statusOf(t, g).Gauges["resource_conservation"] == 0 })
	g.Kill()
	told := first.mark(t)
	start(t, g)
	commit(t, g, "another URL, another target", func(d *config.Document) {
		d.SNMP.ConnectivityURL, d.SNMP.TrapTargets = web.URL+"/bad", []string{second.conn.LocalAddr().String()}
	})
	has(second, "word 8 "+web.URL+"/bad")
	if got := first.mark(t); len(got) != len(told)+1 {
		t.Errorf("after the start the first target has %q", got[len(told):])
	}
	stop(t, g)
	if said := g.Said(); strings.Count(said, `"traps do not reach their target"`) > 1 || !strings.Contains(said, `"sent":1,"failed":0`) {
		t.Errorf("it says\n%s", said)
	}
}

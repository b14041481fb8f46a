package snmp

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"

	"postern/engine/config"
)

func TestLimiter(t *testing.T) {
	var l limiter
	now := time.Unix(1_000_000, 0)
	burst := func(from string, n int) (admitted int) {
		for range n {
			if l.admit(netip.MustParseAddr(from), now) {
				admitted++
			}
		}
		return admitted
	}
	if n := burst("192.0.2.1", 3*sourceRate); n != 2*sourceRate {
		t.Errorf("at once %d of one source are taken", n)
	}
	if n := burst("::ffff:192.0.2.1", 10); n != 0 {
		t.Errorf("the same source in another form gets %d", n)
	}
	if n := burst("192.0.2.2", 10); n != 10 {
		t.Errorf("another source gets %d", n)
	}
	now = now.Add(500 * time.Millisecond)
	if n := burst("192.0.2.1", 2*sourceRate); n != sourceRate/2 {
		t.Errorf("half a second later it gets %d", n)
	}
	burst("2001:db8::1", 2*sourceRate)
	if n := burst("2001:db8::ffff:1", 10); n != 0 {
		t.Errorf("another address of the same network gets %d", n)
	}
	now = now.Add(-time.Hour) // the clock was set back
	if n := burst("192.0.2.2", 10); n != 10 {
		t.Errorf("with a clock that was set back a source gets %d", n)
	}
}

// However many sources somebody makes up, the table does not grow, and all together get no more than a bounded number.
func TestLimiterIsBounded(t *testing.T) {
	var l limiter
	now, admitted := time.Unix(1_000_000, 0), 0
	for i := range 100_000 {
		if l.admit(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), now) {
			admitted++
		}
	}
	if len(l.sources) > maxSources || admitted > 2*overallRate {
		t.Errorf("%d sources are known, %d datagrams were taken", len(l.sources), admitted)
	}
	now = now.Add(3 * time.Second)
	if !l.admit(netip.MustParseAddr("192.0.2.1"), now) || len(l.sources) != 1 {
		t.Errorf("after a silence %d sources are known", len(l.sources))
	}
}

func TestLimitedDatagrams(t *testing.T) {
	a, said := newAgent(t, snmpSection(t, config.NoAuthNoPriv, withCommunity("'127.0.0.1/32'")))
	datagram, answered := bytesOf(t, asked(gosnmp.GetRequest, oneName)), 0
	for range 4 * sourceRate {
		if a.Answer(datagram, home) != nil {
			answered++
		}
	}
	if n := int(a.count.limited.Load()); answered+n != 4*sourceRate || n == 0 || int(a.count.inPkts.Load()) != answered {
		t.Errorf("%d were answered, %d dropped, %d looked at", answered, n, a.count.inPkts.Load())
	}
	if want := fmt.Sprintf("more SNMP requests than %d a second come from 127.0.0.1", sourceRate); strings.Count(said.all(), want) != 1 {
		t.Errorf("it is said %q", said.all())
	}
}

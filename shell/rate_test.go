package shell

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"postern/projections"
)

// rateReadings are the seed's: seconds, connections in and out, received, completed, kilobytes.
var rateReadings = [][6]int{{13, 10, 2, 41708833, 40842686, 64}, {14, 8, 2, 41708841, 40842692, 105}, {15, 9, 2, 41708848, 40842700, 76},
	{16, 7, 3, 41708852, 40842705, 64}, {17, 5, 3, 41708858, 40842711, 64}, {18, 9, 3, 41708871, 40842722, 67}, {19, 7, 3, 41708881, 40842734, 64},
	{21, 11, 3, 41708893, 40842744, 79}}

func seedRates() (list []projections.Status) {
	for _, r := range rateReadings {
		s := projections.Status{Timestamp: time.Date(2003, 8, 23, 23, 37, r[0], 0, gmt), Gauges: map[string]int64{
			projections.GaugeInbound: int64(r[1]), projections.GaugeOutbound: int64(r[2]), projections.GaugeKilobytesUsed: int64(r[5])}}
		s.Counters[projections.RecipientsReceived].Lifetime = uint64(r[3])
		s.Counters[projections.CompletedRecipients].Lifetime = uint64(r[4])
		list = append(list, s)
	}
	return list
}

func TestRateTranscript(t *testing.T) {
	g := &told{statuses: seedRates()}
	got := play(t, g, gmt, "rate\n1\n", func(_ context.Context, cancel func()) { g.last = cancel })
	compareTranscript(t, "rate.txt", got)
}

func TestRateEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		out, err := batch(&told{statuses: seedRates()}, "rate", "30", "--count", "3")
		if rows := strings.Count(out, "23:37:"); err != nil || rows != 3 || time.Since(began) != time.Minute {
			t.Errorf("%d rows in %s, %v:\n%s", rows, time.Since(began), err, out)
		}
	})
}

// TestLiveDisplayOutlivesNobody: when the gateway stops meanwhile it ends with a sentence, and does not go on from the
// stopped store as if nothing had happened.
func TestLiveDisplayOutlivesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out, err := batch(&told{statuses: seedRates()[:2]}, "rate", "1")
		if err == nil || errors.Is(err, ErrNotRunning) || err.Error() != "the gateway has stopped" || strings.Count(out, "23:37:") != 2 {
			t.Errorf("%v:\n%s", err, out)
		}
		if _, err := batch(&told{}, "rate", "1"); !errors.Is(err, ErrNotRunning) {
			t.Errorf("one that never ran: %v", err)
		}
	})
}

func TestRateRefusesSeconds(t *testing.T) {
	for _, word := range []string{"0", "-1", "1.5", "x", "86401"} {
		if _, err := batch(&told{statuses: seedRates()}, "rate", word); err == nil {
			t.Errorf("rate %s", word)
		}
	}
}

func TestDNSStatusTranscript(t *testing.T) {
	s := projections.Status{Timestamp: time.Date(2003, 8, 23, 21, 57, 28, 0, gmt)}
	for k, v := range map[projections.Counter]projections.Columns{
		projections.DNSRequests:     {Reset: 211735710, Uptime: 8269306, Lifetime: 252177342},
		projections.NetworkRequests: {Reset: 182026818, Uptime: 6858332, Lifetime: 206963542},
		projections.CacheHits:       {Reset: 474675247, Uptime: 17934227, Lifetime: 541605545},
		projections.CacheMisses:     {Reset: 624023089, Uptime: 24072819, Lifetime: 704767877},
		projections.CacheExceptions: {Reset: 35246211, Uptime: 1568005, Lifetime: 51445744},
		projections.CacheExpired:    {Reset: 418369, Uptime: 7800, Lifetime: 429015},
	} {
		s.Counters[k] = v
	}
	compareTranscript(t, "dnsstatus.txt", play(t, &told{statuses: []projections.Status{s}}, gmt, "dnsstatus\n", nil))
	for _, line := range strings.Split(renderDNS(s, gmt), "\n")[2:8] {
		if len(line) != 73 || line[40] == ' ' || line[56] == ' ' {
			t.Errorf("columns: %q", line)
		}
	}
}

func TestResetCountersTranscript(t *testing.T) {
	g := &told{reset: CountersReset{Time: time.Date(2003, 1, 1, 12, 0, 1, 0, gmt), By: "admin"}}
	compareTranscript(t, "resetcounters.txt", play(t, g, gmt, "resetcounters\n", nil))
}

// TestFlushAsks a person, and takes --yes from a script.
func TestFlushAsks(t *testing.T) {
	g := &told{}
	got := play(t, g, gmt, "dnsflush\n\ndnsflush\nn\ndnsflush\ny\n", nil)
	if g.flushed != 1 || strings.Count(got, "Are you sure you want to clear out the DNS cache? [N]> ") != 3 {
		t.Errorf("flushed %d times:\n%s", g.flushed, got)
	}
	if _, err := batch(g, "dnsflush"); err == nil || g.flushed != 1 {
		t.Errorf("without --yes: %v", err)
	}
	if _, err := batch(g, "dnsflush", "--yes"); err != nil || g.flushed != 2 {
		t.Errorf("with --yes: %v", err)
	}
}

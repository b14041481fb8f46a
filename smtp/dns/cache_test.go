package dns

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func TestCacheIsBounded(t *testing.T) {
	s := serve(t, func(m *dns.Msg, _ bool) bool {
		ttl := 600
		if strings.HasPrefix(m.Question[0].Name, "short") {
			ttl = 10
		}
		m.Answer = parse(t, fmt.Sprintf("%s %d IN MX 10 mx.example.", m.Question[0].Name, ttl))
		return true
	})
	c := newClock()
	r := resolver(t, c, s)
	r.CacheSize = 3
	look := func(names ...string) {
		for _, name := range names {
			if _, err := r.LookupMX(t.Context(), name+".example"); err != nil {
				t.Fatal(err)
			}
		}
	}
	holds := func(names ...string) {
		t.Helper()
		if n := len(r.cache.shards[0].entries); n != len(names) {
			t.Errorf("%d entries, want %d", n, len(names))
		}
		for _, name := range names {
			if r.cache.shards[0].entries[key{name + ".example", dns.TypeMX}] == nil {
				t.Errorf("%s is not in the cache", name)
			}
		}
	}
	look("a", "b", "c", "a", "d") // b was not used for the longest time
	holds("a", "c", "d")
	look("short", "a", "d")
	holds("a", "d", "short")
	look("short")
	c.advance(11 * time.Second)
	look("e") // short was used last, but it has expired
	holds("a", "d", "e")
	if n := r.Counters().Expired; n != 0 {
		t.Errorf("%d expired; an entry that nobody asked for again does not count", n)
	}
}

func TestLargeAnswersCountForMore(t *testing.T) {
	s := serve(t, func(m *dns.Msg, tcp bool) bool {
		m.Answer = parse(t, m.Question[0].Name+" 60 IN TXT "+strings.Repeat(`"`+strings.Repeat("x", 250)+`" `, 10))
		m.Truncated = !tcp
		return true
	})
	r := resolver(t, newClock(), s)
	r.CacheSize = 9
	for i := range 20 {
		if _, err := r.LookupTXT(t.Context(), fmt.Sprintf("n%d.example", i)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(r.cache.shards[0].entries); n != 3 {
		t.Errorf("%d answers of 2.5 KB in a cache of 9, want 3", n)
	}
	if len(r.cache.shards[0].expiry) != 3 {
		t.Errorf("%d in the order of expiry", len(r.cache.shards[0].expiry))
	}
}

func TestShardsKeepTheBound(t *testing.T) {
	var c cache
	c.init(2048)
	for i := range 10000 {
		k := key{fmt.Sprintf("n%d.example", i), dns.TypeMX}
		s := c.shard(k)
		s.put(&entry{key: k, expires: noon.Add(time.Duration(i%100) * time.Second)}, noon)
	}
	total := 0
	for i := range c.shards {
		total += len(c.shards[i].entries)
	}
	if total > 2048 || total < 2000 {
		t.Errorf("%d entries in a cache of 2048", total)
	}
}

func BenchmarkHit(b *testing.B) {
	s := serve(b, zone(b, oneMX))
	r := &Resolver{}
	r.Servers = append(r.Servers, s.addr)
	b.Cleanup(r.Close)
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if _, err := r.LookupMX(b.Context(), "example.com"); err != nil {
				b.Error(err)
			}
		}
	})
}

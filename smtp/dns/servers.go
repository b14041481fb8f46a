package dns

import (
	"io"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

const (
	demotion     = 30 * time.Second // a server that failed is asked last for so long
	confInterval = time.Second      // between two looks at resolv.conf's date
	confSize     = 64 << 10         // bytes of resolv.conf that are read
)

// server is one server's address and health.
type server struct {
	addr  netip.AddrPort
	text  string
	until atomic.Int64 // demoted until then, in ns since the Resolver's start; 0: in good standing
}

// servers is the list in order of preference, from the configuration or from resolv.conf.
type servers struct {
	path  string // of resolv.conf; set before use
	epoch time.Time

	mu     sync.Mutex
	list   []*server // replaced as a whole
	system bool      // the list is resolv.conf's
	looked time.Time // when its date was last looked at
	date   time.Time // its date and size then
	size   int64
}

// set replaces the list; empty means resolv.conf's.
func (s *servers) set(addrs []netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.system = len(addrs) == 0
	s.looked, s.date = time.Time{}, time.Time{}
	if !s.system {
		s.replace(addrs)
	}
}

// replace keeps what is known about the health of servers that stay.
func (s *servers) replace(addrs []netip.AddrPort) {
	old := s.list
	s.list = nil
	for _, addr := range addrs[:min(len(addrs), MaxServers)] {
		i := slices.IndexFunc(old, func(o *server) bool { return o.addr == addr })
		if i >= 0 {
			s.list = append(s.list, old[i])
		} else {
			s.list = append(s.list, &server{addr: addr, text: addr.String()})
		}
	}
}

// order lists the servers in the order to ask them: those that failed lately last.
func (s *servers) order(now time.Time) []*server {
	s.mu.Lock()
	if s.system {
		s.reread(now)
	}
	list := s.list
	s.mu.Unlock()
	since := int64(now.Sub(s.epoch))
	ordered := make([]*server, 0, len(list))
	var demoted []*server
	for _, v := range list {
		if v.ready(since) {
			ordered = append(ordered, v)
		} else {
			demoted = append(demoted, v)
		}
	}
	return append(ordered, demoted...)
}

// ready tells whether the server has its own place in the order. When its demotion ends, one question tries it and the
// others still ask it last, until that one has succeeded.
func (v *server) ready(since int64) bool {
	until := v.until.Load()
	return until == 0 || since >= until && v.until.CompareAndSwap(until, since+int64(demotion))
}

func (s *servers) demote(v *server, now time.Time) {
	v.until.Store(max(1, int64(now.Sub(s.epoch)+demotion)))
}

func (v *server) restore() {
	if v.until.Load() != 0 {
		v.until.Store(0)
	}
}

// reread takes the servers of resolv.conf when it has changed; when it cannot be read the list stays. Without any,
// the machine's own is asked (resolv.conf(5)).
func (s *servers) reread(now time.Time) {
	if wait := now.Sub(s.looked); !s.looked.IsZero() && wait >= 0 && wait < confInterval {
		return
	}
	s.looked = now
	if info, err := os.Stat(s.path); err == nil {
		if info.ModTime().Equal(s.date) && info.Size() == s.size {
			return
		}
		if addrs, err := parseConf(s.path); err == nil {
			s.date, s.size = info.ModTime(), info.Size()
			s.replace(addrs)
		}
	}
	if len(s.list) == 0 {
		s.replace([]netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 53)})
	}
}

func parseConf(path string) ([]netip.AddrPort, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	conf, err := dns.ClientConfigFromReader(io.LimitReader(file, confSize))
	if err != nil {
		return nil, err
	}
	var addrs []netip.AddrPort
	for _, text := range conf.Servers {
		if addr, err := netip.ParseAddr(text); err == nil {
			addrs = append(addrs, netip.AddrPortFrom(addr, 53))
		}
	}
	return addrs, nil
}

// Package dnsserver is a small DNS server for demonstrations, measurements and tests of the whole gateway: it answers
// from a zone text, over UDP and TCP on one loopback port, as if it were the resolver of the machine, and counts what
// it is asked. It can be told to fail.
package dnsserver

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/miekg/dns"
)

// Silence, given to Fail, is no answer at all.
const Silence = -1

// portTries is how often Listen looks for a port that is free for both UDP and TCP.
const portTries = 20

// Server answers from its zone. All methods may be called from many goroutines.
type Server struct {
	zone    atomic.Pointer[zone]
	queries atomic.Uint64
	running sync.WaitGroup

	mu       sync.Mutex
	servers  []*dns.Server  // under mu; UDP and TCP, set by Listen
	failures map[string]int // under mu; response code by domain
}

// New reads a zone in master file form (RFC 1035 5.1): names are absolute or relative to $ORIGIN, which is the root at
// first; a TTL that is not given is the one before, at first 300 seconds; wildcards work. An SOA record is not necessary.
func New(zone string) (*Server, error) {
	s := &Server{failures: make(map[string]int)}
	if err := s.Replace(zone); err != nil {
		return nil, err
	}
	return s, nil
}

// Replace puts another zone in the place of the one that is served.
func (s *Server) Replace(zone string) error {
	z, err := parse(zone)
	if err == nil {
		s.zone.Store(z)
	}
	return err
}

// Fail has questions about a domain and all below it answered with a response code (dns.RcodeServerFailure is 2,
// RcodeRefused 5), or not at all (Silence). dns.RcodeSuccess, 0, ends that.
func (s *Server) Fail(domain string, rcode int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if rcode == dns.RcodeSuccess {
		delete(s.failures, dns.CanonicalName(domain))
	} else {
		s.failures[dns.CanonicalName(domain)] = rcode
	}
}

// Queries is how many questions have come, over UDP and TCP.
func (s *Server) Queries() uint64 { return s.queries.Load() }

// Listen starts to answer on a loopback address, once; with port 0 it takes one that is free. It gives the address.
func (s *Server) Listen(address string) (netip.AddrPort, error) {
	want, err := netip.ParseAddrPort(address)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("listen: %w", err)
	}
	if !want.Addr().IsLoopback() {
		return netip.AddrPort{}, fmt.Errorf("listen: %s is not a loopback address", address)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.servers != nil {
		return netip.AddrPort{}, errors.New("listen: the server listens already")
	}
	packets, listener, err := bind(want)
	if err != nil {
		return netip.AddrPort{}, err
	}
	s.start(&dns.Server{PacketConn: packets, Handler: s})
	s.start(&dns.Server{Listener: listener, Handler: s})
	return packets.LocalAddr().(*net.UDPAddr).AddrPort(), nil
}

func bind(want netip.AddrPort) (packets net.PacketConn, listener net.Listener, err error) {
	for range portTries {
		if packets, err = net.ListenPacket("udp", want.String()); err != nil {
			return nil, nil, err
		}
		if listener, err = net.Listen("tcp", packets.LocalAddr().String()); err == nil {
			return packets, listener, nil
		}
		packets.Close()
		if want.Port() != 0 {
			break
		}
	}
	return nil, nil, err
}

// start runs one of the two servers and returns when it can be shut down.
func (s *Server) start(d *dns.Server) {
	started := make(chan struct{})
	d.NotifyStartedFunc = func() { close(started) }
	s.servers = append(s.servers, d)
	s.running.Go(func() { d.ActivateAndServe() })
	<-started
}

// Close stops answering and waits until all is quiet.
func (s *Server) Close() error {
	s.mu.Lock()
	servers := s.servers
	s.mu.Unlock()
	var errs []error
	for _, d := range servers {
		errs = append(errs, d.Shutdown())
	}
	s.running.Wait()
	return errors.Join(errs...)
}

// ServeDNS answers one question. It is the dns.Handler of both servers.
func (s *Server) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	s.queries.Add(1)
	m := new(dns.Msg)
	m.SetReply(q)
	m.Authoritative, m.RecursionAvailable, m.Compress = true, true, true
	if len(q.Question) != 1 || q.Question[0].Qclass != dns.ClassINET {
		m.Rcode = dns.RcodeRefused
		w.WriteMsg(m)
		return
	}
	switch rcode := s.failure(q.Question[0].Name); rcode {
	case Silence:
		return
	case dns.RcodeSuccess:
		s.zone.Load().answer(m)
	default:
		m.Rcode = rcode
	}
	size := dns.MinMsgSize
	if opt := q.IsEdns0(); opt != nil {
		m.SetEdns0(dns.DefaultMsgSize, false)
		size = max(size, int(opt.UDPSize()))
	}
	if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
		m.Truncate(size)
	}
	w.WriteMsg(m)
}

// failure is the response code that the nearest domain above the name was given.
func (s *Server) failure(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.failures) == 0 {
		return dns.RcodeSuccess
	}
	for name = dns.CanonicalName(name); ; name = parent(name) {
		if rcode, ok := s.failures[name]; ok {
			return rcode
		}
		if name == "." {
			return dns.RcodeSuccess
		}
	}
}

package dns

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Question is what an operator asks of the DNS.
type Question struct {
	Name    string // a domain name, "." for the root; with Reverse an address
	Type    string // "MX", or "TYPE65" for what has no name here; with Reverse "" is PTR
	Reverse bool
	Server  string // whom to ask: an address, address:port or a host name; "": the Resolver's servers, in their order
}

// Reply is what a server said, in presentation format (RFC 1035 5.1): nothing in it can steer a terminal.
type Reply struct {
	Name, Type string // what was asked
	Server     netip.AddrPort
	Network    string // udp, tcp
	ID         uint16
	Status     string   // NOERROR, NXDOMAIN, SERVFAIL ...
	Flags      []string // qr, aa, tc, rd, ra, ad, cd
	Answer     []Record
	Authority  []Record
	Additional []Record
	Omitted    int // records beyond MaxRecords of a section
	Asked      time.Time
	Took       time.Duration
}

// Record is a line of a reply.
type Record struct {
	Name  string
	TTL   uint32 // seconds
	Class string
	Type  string
	Data  string
}

// MaxRecords is how many records of a section are shown.
const MaxRecords = 500

// UsageError says what is wrong with a Question.
type UsageError struct{ Reason string }

func (e *UsageError) Error() string { return e.Reason }

// Query puts a question on the network, past the cache, and gives what the first server that answers says, whatever it is.
// The error is a *UsageError, or an *Error when no server answered. It takes MaxLookup at most.
func (r *Resolver) Query(ctx context.Context, q Question) (reply Reply, err error) {
	r.once.Do(r.start)
	k, usage := q.key()
	if usage != nil {
		return Reply{}, usage
	}
	servers, err := r.asked(ctx, q.Server)
	if err != nil {
		return Reply{}, err
	}
	ctx, release, failed := r.admit(ctx, k)
	if failed != nil {
		return Reply{}, failed
	}
	defer release()
	defer func() {
		if p := recover(); p != nil {
			reply, err = Reply{}, failure(k, FormErr, fmt.Errorf("panic: %v", p))
		}
	}()
	return r.first(ctx, k, servers)
}

// key checks the question.
func (q *Question) key() (key, error) {
	name, typ := strings.TrimSpace(q.Name), strings.ToUpper(strings.TrimSpace(q.Type))
	if q.Reverse {
		reverse, err := dns.ReverseAddr(strings.Trim(name, "[]"))
		if err != nil {
			return key{}, &UsageError{fmt.Sprintf("%q is not an IP address", name)}
		}
		name = reverse
		if typ == "" {
			typ = "PTR"
		}
	}
	qtype, err := typeNamed(typ)
	if err != nil {
		return key{}, err
	}
	if name == "." {
		return key{"", qtype}, nil
	}
	k, bad := question(name, qtype, anyName)
	if bad != nil {
		return key{}, &UsageError{fmt.Sprintf("%q cannot be a domain name", printable(name))}
	}
	return k, nil
}

// typeNamed finds a type; those that are no question of this kind are refused.
func typeNamed(name string) (uint16, error) {
	qtype, ok := dns.StringToType[name]
	if number, is := strings.CutPrefix(name, "TYPE"); !ok && is {
		n, err := strconv.ParseUint(number, 10, 16)
		qtype, ok = uint16(n), err == nil
	}
	switch {
	case !ok:
		return 0, &UsageError{fmt.Sprintf("there is no record type %q", printable(name))}
	case qtype == dns.TypeNone, qtype == dns.TypeOPT, qtype >= 128 && qtype < dns.TypeANY: // RFC 6895 3.1: meta types
		return 0, &UsageError{fmt.Sprintf("type %s cannot be asked for", name)}
	}
	return qtype, nil
}

// admit lets a question in: the Resolver is open and has room. release ends it; the context ends with the Resolver too.
func (r *Resolver) admit(ctx context.Context, k key) (_ context.Context, release func(), failed *Error) {
	r.closing.RLock()
	if r.closed {
		r.closing.RUnlock()
		return nil, nil, failure(k, Canceled, context.Canceled)
	}
	r.running.Add(1)
	r.closing.RUnlock()
	r.requests.Add(1)
	ctx, cancel := context.WithTimeout(ctx, MaxLookup)
	stop := context.AfterFunc(r.ctx, cancel)
	end := func() { stop(); cancel(); r.running.Done() }
	select {
	case r.slots <- struct{}{}:
		return ctx, func() { <-r.slots; end() }, nil
	case <-ctx.Done():
		end()
		return nil, nil, failure(k, Busy, ctx.Err())
	}
}

// asked is whom a question goes to.
func (r *Resolver) asked(ctx context.Context, server string) ([]netip.AddrPort, error) {
	if server == "" {
		var list []netip.AddrPort
		for _, v := range r.servers.order(r.Now()) {
			list = append(list, v.addr)
		}
		return list, nil
	}
	host, port := server, uint16(53)
	if a, err := netip.ParseAddrPort(server); err == nil {
		return []netip.AddrPort{a}, nil
	}
	if a, err := netip.ParseAddr(strings.Trim(server, "[]")); err == nil {
		return []netip.AddrPort{netip.AddrPortFrom(a, port)}, nil
	}
	if name, number, ok := strings.Cut(server, ":"); ok {
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil || n == 0 {
			return nil, &UsageError{fmt.Sprintf("%q is not a server", printable(server))}
		}
		host, port = name, uint16(n)
	}
	found, err := r.LookupAddr(ctx, host, Both)
	if bad := (*Error)(nil); errors.As(err, &bad) && bad.Kind == BadName {
		return nil, &UsageError{fmt.Sprintf("%q is not a server", printable(server))}
	}
	if err != nil {
		return nil, err
	}
	var list []netip.AddrPort
	for _, a := range found.Addrs[:min(len(found.Addrs), MaxServers)] {
		list = append(list, netip.AddrPortFrom(a, port))
	}
	return list, nil
}

// first asks one server after the other until one answers.
func (r *Resolver) first(ctx context.Context, k key, servers []netip.AddrPort) (Reply, error) {
	last := failure(k, Network, errors.New("no server is known"))
	for range r.patience.Load().tries {
		for _, server := range servers {
			asked := r.Now()
			m, network, err := r.tell(ctx, server.String(), k)
			if err == nil {
				return replyOf(m, k, Reply{Server: server, Network: network, Asked: asked, Took: r.Now().Sub(asked)}), nil
			}
			last = failure(k, networkKind(err), err)
			if ctx.Err() != nil {
				return Reply{}, last
			}
		}
	}
	return Reply{}, last
}

// tell asks a server as query does, and takes whatever it answers.
func (r *Resolver) tell(ctx context.Context, server string, k key) (m *message, network string, err error) {
	edns := true
	m, err = r.send(ctx, "udp", server, k, edns)
	if err == nil && !m.Truncated && (kindOf(m.Rcode) == FormErr || kindOf(m.Rcode) == NotImp) {
		edns = false
		m, err = r.send(ctx, "udp", server, k, edns)
	}
	if errors.Is(err, errStrays) || err == nil && m.Truncated {
		m, err = r.send(ctx, "tcp", server, k, edns)
		return m, "tcp", err
	}
	return m, "udp", err
}

func replyOf(m *message, k key, r Reply) Reply {
	r.Name, r.Type, r.ID = printable(k.name)+".", dns.TypeToString[k.qtype], m.Id
	if r.Type == "" {
		r.Type = "TYPE" + strconv.Itoa(int(k.qtype))
	}
	if r.Status = dns.RcodeToString[m.Rcode]; r.Status == "" {
		r.Status = "RCODE" + strconv.Itoa(m.Rcode)
	}
	for _, f := range []struct {
		name string
		set  bool
	}{{"qr", m.Response}, {"aa", m.Authoritative}, {"tc", m.Truncated}, {"rd", m.RecursionDesired}, {"ra", m.RecursionAvailable},
		{"ad", m.AuthenticatedData}, {"cd", m.CheckingDisabled}} {
		if f.set {
			r.Flags = append(r.Flags, f.name)
		}
	}
	r.Answer, r.Authority, r.Additional = r.records(m.Answer), r.records(m.Ns), r.records(m.Extra)
	return r
}

// records writes a section's records; the one that only carries EDNS is none.
func (r *Reply) records(section []dns.RR) []Record {
	list := []Record{}
	for _, rr := range section {
		h := rr.Header()
		if h.Rrtype == dns.TypeOPT {
			continue
		}
		if len(list) >= MaxRecords {
			r.Omitted++
			continue
		}
		fields := strings.SplitN(rr.String(), "\t", 5) // name, TTL, class, type, data
		list = append(list, Record{Name: h.Name, TTL: h.Ttl, Class: dns.Class(h.Class).String(), Type: dns.Type(h.Rrtype).String(),
			Data: fields[len(fields)-1]})
	}
	return list
}

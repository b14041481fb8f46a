package dnsserver

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

const (
	defaultTTL = 300 // seconds, of records before the first that names one
	maxChain   = 10  // aliases followed for one question
)

// zone is records by owner and type. Owners are lower case with the final dot.
type zone struct {
	names map[string]map[uint16][]dns.RR // an empty inner map: a name that only has names below it
}

// noSOA stands for a zone text without an SOA record, so that its negative answers can be cached for a minute.
var noSOA = &dns.SOA{
	Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: 60},
	Ns:  "localhost.", Mbox: "root.localhost.", Serial: 1, Refresh: 3600, Retry: 600, Expire: 86400, Minttl: 60,
}

func parse(text string) (*zone, error) {
	z := &zone{names: map[string]map[uint16][]dns.RR{".": {}}}
	p := dns.NewZoneParser(strings.NewReader(text), ".", "")
	p.SetDefaultTTL(defaultTTL)
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		z.add(rr)
	}
	if err := p.Err(); err != nil {
		return nil, fmt.Errorf("zone: %w", err)
	}
	return z, nil
}

// add puts a record under its owner and makes the names above it exist.
func (z *zone) add(rr dns.RR) {
	h := rr.Header()
	owner := dns.CanonicalName(h.Name)
	for name := owner; z.names[name] == nil; name = parent(name) {
		z.names[name] = make(map[uint16][]dns.RR)
	}
	z.names[owner][h.Rrtype] = append(z.names[owner][h.Rrtype], rr)
}

func parent(name string) string {
	if next, end := dns.NextLabel(name, 0); !end {
		return name[next:]
	}
	return "."
}

// answer fills in what the zone says about the message's question, along its aliases.
func (z *zone) answer(m *dns.Msg) {
	q := m.Question[0]
	owner := q.Name
	for range maxChain {
		records, exists := z.find(owner)
		if !exists {
			m.Rcode = dns.RcodeNameError
			break
		}
		if found := records[q.Qtype]; len(found) > 0 {
			m.Answer = append(m.Answer, at(owner, found)...)
			return
		}
		alias := records[dns.TypeCNAME]
		if len(alias) == 0 {
			break
		}
		m.Answer = append(m.Answer, at(owner, alias[:1])...)
		owner = alias[0].(*dns.CNAME).Target
	}
	m.Ns = append(m.Ns, z.soa(owner))
}

// find gives the records of a name, those of a wildcard if the name does not exist (RFC 4592 3.3.1).
func (z *zone) find(owner string) (records map[uint16][]dns.RR, exists bool) {
	name := dns.CanonicalName(owner)
	if records, exists = z.names[name]; exists {
		return records, true
	}
	for z.names[name] == nil {
		name = parent(name)
	}
	if name == "." {
		name = ""
	}
	records, exists = z.names["*."+name]
	return records, exists
}

// at gives records the owner that was asked for: its case, and its name where a wildcard stands for it.
func at(owner string, records []dns.RR) []dns.RR {
	out := make([]dns.RR, len(records))
	for i, rr := range records {
		out[i] = dns.Copy(rr)
		out[i].Header().Name = owner
	}
	return out
}

func (z *zone) soa(owner string) dns.RR {
	for name := dns.CanonicalName(owner); ; name = parent(name) {
		if found := z.names[name][dns.TypeSOA]; len(found) > 0 {
			return found[0]
		}
		if name == "." {
			return noSOA
		}
	}
}

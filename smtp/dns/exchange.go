package dns

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/miekg/dns"
)

const (
	udpSize    = 1232 // what we tell servers to send at most over UDP: unfragmented everywhere
	udpBuffer  = 4096 // what we take from those that send more
	maxStrays  = 64   // datagrams that are not our answer; beyond, TCP is asked (RFC 5452 9.3)
	headerSize = 12
	flagsQR    = 0x80 // in the header's third byte
	flagsTC    = 0x02
)

var errStrays = errors.New("too many datagrams that answer something else")

var buffers = sync.Pool{New: func() any { return new([udpBuffer]byte) }}

// exchange asks the servers until one answers the question with records or with "there is none". A server that
// answers otherwise is not asked again; one that does not answer has its turn in each of the Tries rounds.
func (r *Resolver) exchange(ctx context.Context, k key) (*message, *Error) {
	list := r.servers.order(r.Now())
	said := make([]bool, len(list))
	var last *Error
	for range r.patience.Load().tries {
		for i, v := range list {
			if said[i] {
				continue
			}
			m, err := r.query(ctx, v.text, k)
			if err == nil {
				v.restore()
				return m, nil
			}
			if r.ctx.Err() != nil {
				return nil, failure(k, Canceled, r.ctx.Err())
			}
			said[i] = err.Kind != Timeout && err.Kind != Network
			if err.Kind != ServFail {
				r.servers.demote(v, r.Now())
			}
			if last == nil || said[i] || last.Kind == Network {
				last = err
			}
			if ctx.Err() != nil {
				return nil, last
			}
		}
	}
	if last == nil {
		last = failure(k, Network, errors.New("no server is known"))
	}
	return nil, last
}

// query asks one server: over UDP, without EDNS0 if that was not understood, over TCP if the answer was too long.
func (r *Resolver) query(ctx context.Context, server string, k key) (*message, *Error) {
	m, err := r.send(ctx, "udp", server, k, true)
	edns := !(err == nil && !m.Truncated && (kindOf(m.Rcode) == FormErr || kindOf(m.Rcode) == NotImp))
	if !edns {
		m, err = r.send(ctx, "udp", server, k, false)
	}
	if errors.Is(err, errStrays) || err == nil && m.Truncated {
		m, err = r.send(ctx, "tcp", server, k, edns)
	}
	switch {
	case err != nil:
		return nil, failure(k, networkKind(err), err)
	case m.Truncated:
		return nil, failure(k, FormErr, nil)
	case m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError:
		return nil, failure(k, kindOf(m.Rcode), nil)
	case isReferral(m):
		return nil, failure(k, Lame, nil)
	}
	return m, nil
}

// networkKind tells apart what went wrong on the way.
func networkKind(err error) Kind {
	var timeout net.Error
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return Timeout
	case errors.As(err, new(brokenError)):
		return FormErr
	case errors.As(err, &timeout) && timeout.Timeout():
		return Timeout
	}
	return Network
}

// isReferral recognises a server that does not resolve for us and only names others.
func isReferral(m *message) bool {
	if m.Rcode != dns.RcodeSuccess || len(m.Answer) > 0 || m.Authoritative || m.RecursionAvailable {
		return false
	}
	ns := false
	for _, rr := range m.Ns {
		switch rr.Header().Rrtype {
		case dns.TypeSOA:
			return false
		case dns.TypeNS:
			ns = true
		}
	}
	return ns
}

// send puts one question on the network, from a port of its own, and waits at most Timeout for its answer.
func (r *Resolver) send(ctx context.Context, network, server string, k key, edns bool) (*message, error) {
	ctx, cancel := context.WithTimeout(ctx, r.patience.Load().timeout)
	defer cancel()
	q := new(dns.Msg)
	q.SetQuestion(k.name+".", k.qtype)
	q.Id = r.Rand()
	if edns {
		q.SetEdns0(udpSize, false)
	}
	wire, err := q.Pack()
	if err != nil {
		return nil, err
	}
	r.network.Add(1)
	conn, err := r.Dial(ctx, network, server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()
	if network == "tcp" {
		return overTCP(conn, wire, k)
	}
	return overUDP(conn, wire, k)
}

// overUDP skips datagrams that are not the answer: anybody may send them. One with our id that cannot be read is the
// answer, broken.
func overUDP(conn net.Conn, wire []byte, k key) (*message, error) {
	if _, err := conn.Write(wire); err != nil {
		return nil, err
	}
	buffer := buffers.Get().(*[udpBuffer]byte)
	defer buffers.Put(buffer)
	for range maxStrays {
		n, err := conn.Read(buffer[:])
		if err != nil {
			return nil, err
		}
		b := buffer[:n]
		if !answers(b, wire) {
			continue
		}
		if b[2]&flagsTC != 0 {
			return &message{MsgHdr: dns.MsgHdr{Truncated: true}}, nil
		}
		m := new(message)
		if err := m.Unpack(b); err != nil {
			return nil, broken(err)
		}
		if isAbout(m, k) {
			return m, nil
		}
	}
	return nil, errStrays
}

func overTCP(conn net.Conn, wire []byte, k key) (*message, error) {
	framed := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(wire)), uint16(len(wire)))
	if _, err := conn.Write(append(framed, wire...)); err != nil {
		return nil, err
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, b); err != nil {
		return nil, err
	}
	m := new(message)
	if !answers(b, wire) {
		return nil, broken(dns.ErrId)
	}
	if err := m.Unpack(b); err != nil {
		return nil, broken(err)
	}
	if !isAbout(m, k) {
		return nil, broken(errors.New("the answer is about another question"))
	}
	return m, nil
}

// brokenError marks an answer that came and makes no sense.
type brokenError struct{ error }

func (e brokenError) Unwrap() error { return e.error }

func broken(err error) error { return brokenError{err} }

// answers compares the headers: id, and that it is an answer.
func answers(b, question []byte) bool {
	return len(b) >= headerSize && b[0] == question[0] && b[1] == question[1] && b[2]&flagsQR != 0
}

// isAbout tells whether the message answers the question: name (in any case), type, class. A refusal may leave it out.
func isAbout(m *message, k key) bool {
	if m.Opcode != dns.OpcodeQuery {
		return false
	}
	if len(m.Question) == 0 {
		return m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError
	}
	q := m.Question[0]
	return len(m.Question) == 1 && q.Qtype == k.qtype && q.Qclass == dns.ClassINET && sameName(q.Name, k.name)
}

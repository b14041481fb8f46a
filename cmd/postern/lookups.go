package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"postern/shell"
	"postern/smtp/deliver"
	"postern/smtp/dns"
)

// digger puts operators' questions to a resolver.
func digger(r *dns.Resolver) func(context.Context, shell.DNSQuestion) (shell.DNSReply, error) {
	return func(ctx context.Context, q shell.DNSQuestion) (shell.DNSReply, error) {
		a, err := r.Query(ctx, dns.Question{Name: q.Name, Type: q.Type, Reverse: q.Reverse, Server: q.Server})
		if usage := (*dns.UsageError)(nil); errors.As(err, &usage) {
			return shell.DNSReply{}, &shell.MisreadError{Reason: usage.Reason}
		}
		if err != nil {
			return shell.DNSReply{}, err
		}
		return shell.DNSReply{Name: a.Name, Type: a.Type, Server: a.Server.String(), Network: a.Network, ID: a.ID, Status: a.Status, Flags: a.Flags,
			Answer: recordsOf(a.Answer), Authority: recordsOf(a.Authority), Additional: recordsOf(a.Additional), Omitted: a.Omitted,
			Asked: a.Asked, Seconds: a.Took.Seconds()}, nil
	}
}

func recordsOf(list []dns.Record) []shell.DNSRecord {
	out := make([]shell.DNSRecord, len(list))
	for i, r := range list {
		out[i] = shell.DNSRecord(r)
	}
	return out
}

// verifier has the delivery client try a domain's TLS.
func verifier(c *deliver.Client) func(context.Context, shell.TLSQuestion, func(shell.TLSStep) error) error {
	return func(ctx context.Context, q shell.TLSQuestion, each func(shell.TLSStep) error) error {
		p := deliver.Probe{Domain: q.Domain, Host: q.Host}
		if q.Domain == "" {
			return &shell.MisreadError{Reason: "the domain to verify is missing"}
		}
		if host, port, err := net.SplitHostPort(q.Host); err == nil {
			n, err := strconv.ParseUint(port, 10, 16)
			if err != nil || n == 0 || host == "" {
				return &shell.MisreadError{Reason: fmt.Sprintf("%q is not a host and a port", q.Host)}
			}
			p.Host, p.Port = host, uint16(n)
		}
		return c.Probe(ctx, p, func(s deliver.ProbeStep) error {
			step := shell.TLSStep{Host: s.Host, Step: s.Step, OK: s.OK, Text: s.Text}
			if s.Address != (netip.AddrPort{}) {
				step.Address = s.Address.String()
			}
			return each(step)
		})
	}
}

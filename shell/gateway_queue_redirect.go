package shell

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"postern/engine/config"
)

// Redirection is a target that mail may be redirected to.
type Redirection struct {
	Target   string   `json:"target"`             // in the one form in which it is kept
	Warnings []string `json:"warnings,omitempty"` // what speaks against it, in sentences
}

// The limits of looking a target up.
const (
	targetPatience = 10 * time.Second
	targetHosts    = 10 // mail exchangers of a domain that are looked at
)

// parseTarget reads where mail is to be redirected to. The error is a sentence for whoever gave it.
func parseTarget(word string) (config.Target, error) {
	t, err := config.ParseTarget(strings.TrimSuffix(word, "."))
	switch {
	case word == "":
		return t, errors.New("give the host name or IP address to send the mail to")
	case err == nil && t.Kind == config.TargetNull:
		return t, errors.New("/dev/null is no machine: deleterecipients deletes mail")
	case err == nil && t.Kind == config.TargetUseDNS:
		return t, errors.New("USEDNS is no machine: undo takes a redirection back, delivernow tries mail again")
	case err != nil:
		return t, fmt.Errorf("%.60q is not a machine: give a host name or an IP address, with :PORT behind it where it is not the usual one", word)
	}
	return t, nil
}

// reachable reads a target and refuses what cannot be one: mail that goes to ourselves would never get anywhere.
func (l *Local) reachable(target string) (t config.Target, err error) {
	if t, err = parseTarget(target); err != nil {
		return t, &RefusedError{sentence(err.Error())}
	}
	if t.Kind == config.TargetAddress && l.isOwn(t.Address, t.Port) {
		return t, ownTarget(t, t.Address)
	}
	return t, nil
}

func ownTarget(t config.Target, at netip.Addr) error {
	if t.Kind == config.TargetAddress {
		return &RefusedError{fmt.Sprintf("%s is a listener of this gateway: the mail would come back to it. Give another machine.", t)}
	}
	return &RefusedError{fmt.Sprintf("%s is this gateway: it has the address %s, where a listener of ours is. Give another machine.", t, at)}
}

// isOwn tells whether mail for an address comes back to us; port 0 is that of deliveries.
func (l *Local) isOwn(addr netip.Addr, port uint16) bool {
	if port == 0 && l.Document != nil {
		port = l.Document().Delivery.Port
	}
	if port == 0 {
		port = 25
	}
	return l.Queue.IsOwn != nil && l.Queue.IsOwn(netip.AddrPortFrom(addr, port))
}

// RedirectTarget implements Gateway.
func (l *Local) RedirectTarget(ctx context.Context, target string) (r Redirection, err error) {
	t, err := l.reachable(target)
	if err != nil {
		return r, err
	}
	r.Target = t.String()
	warn := func(format string, args ...any) { r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...)) }
	if route := l.routeTo(t); route != nil {
		if slices.Contains(route.To, "/dev/null") {
			warn("the SMTP route of %s is /dev/null: mail that goes there is lost, and nobody is told.", t.Host)
		}
		if !slices.ContainsFunc(route.To, func(to string) bool { return strings.EqualFold(to, "USEDNS") }) {
			return r, nil // what the DNS says of it is never asked for
		}
	}
	ctx, cancel := context.WithTimeout(ctx, targetPatience)
	defer cancel()
	addrs, trouble := l.addressesOf(ctx, t)
	for _, a := range addrs {
		if l.isOwn(a, t.Port) {
			return r, ownTarget(t, a)
		}
	}
	if len(addrs) == 0 && trouble != "" {
		warn("%s has no address that mail could be sent to now: %s. The mail waits until it has one.", t.Host, trouble)
	}
	return r, nil
}

// routeTo is the SMTP route by which mail for a target goes, nil when there is none: only a mere domain has one, since any other
// target is a route itself.
func (l *Local) routeTo(t config.Target) *config.SMTPRoute {
	if l.Document == nil || t.Kind != config.TargetMX || t.Port != 0 {
		return nil
	}
	return l.Document().Route(t.Host)
}

// addressesOf gives the addresses that mail for a target goes to, and why there are none: "" is that nobody was asked.
func (l *Local) addressesOf(ctx context.Context, t config.Target) (addrs []netip.Addr, trouble string) {
	if t.Host == "" || l.Prober.Dig == nil {
		return nil, ""
	}
	hosts := []string{t.Host}
	if t.Kind == config.TargetMX {
		found, why := l.records(ctx, t.Host, "MX")
		switch {
		case len(found) == 1 && strings.HasSuffix(found[0], " ."):
			return nil, "it takes no mail"
		case len(found) > 0:
			hosts = hosts[:0]
		case why != "":
			trouble = why
		}
		for _, data := range found[:min(len(found), targetHosts)] {
			_, host, _ := strings.Cut(data, " ")
			hosts = append(hosts, strings.TrimSuffix(host, "."))
		}
	}
	for _, host := range hosts {
		for _, kind := range []string{"A", "AAAA"} {
			found, why := l.records(ctx, host, kind)
			if why != "" {
				trouble = why
			}
			for _, data := range found {
				if a, err := netip.ParseAddr(data); err == nil {
					addrs = append(addrs, a.Unmap())
				}
			}
		}
	}
	if trouble == "" {
		trouble = "the DNS knows none"
	}
	return addrs, trouble
}

// records asks the DNS for the data of one kind of record, and tells why there is none where that is not just so.
func (l *Local) records(ctx context.Context, name, kind string) (data []string, trouble string) {
	reply, err := l.Prober.dig(ctx, DNSQuestion{Name: name, Type: kind})
	switch {
	case err != nil:
		return nil, strings.TrimSuffix(err.Error(), ".")
	case reply.Status == "NXDOMAIN":
		return nil, "there is no such domain"
	case reply.Status != "NOERROR":
		return nil, "the server answers " + reply.Status
	}
	for _, r := range reply.Answer {
		if r.Type == kind {
			data = append(data, r.Data)
		}
	}
	return data, ""
}

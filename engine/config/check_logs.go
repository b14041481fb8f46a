package config

import (
	"errors"
	"net/netip"
	"strings"
)

// maxSubscriptions bounds the logs: each one renders all that happens.
const maxSubscriptions = 32

// minRolloverSeconds keeps a directory from filling with files of a line each.
const minRolloverSeconds = 60

func (r *reader) subscriptions(d *Document) {
	if len(d.Subscriptions) > maxSubscriptions {
		r.fail("log", "there are %d logs; at most %d are allowed", len(d.Subscriptions), maxSubscriptions)
		return
	}
	names := map[string]bool{}
	for i := range d.Subscriptions {
		l, path := &d.Subscriptions[i], element("log", i)
		r.objectName(l.Name, path, names)
		if strings.EqualFold(l.Name, "all") {
			r.fail(path+".name", `"all" stands for every log; another name is needed`)
		}
		if l.Type == "" && !r.failed[path+".type"] {
			r.fail(path+".type", "is missing; allowed are mail_logs, status")
		}
		if l.Seconds > 0 && l.Seconds < minRolloverSeconds {
			r.fail(path+".rollover_seconds", "%d is too short; allowed are 0, for that of [logs], and %d or more", l.Seconds, minRolloverSeconds)
		}
		r.push(l, path)
	}
}

// push checks where a log goes to. What the way there has no use for is refused: it would look as if it did something.
func (r *reader) push(l *Log, path string) {
	scp, pushed := l.Retrieval == RetrieveSCP, l.Retrieval != RetrieveFile
	r.remote(&l.Host, path+".host", pushed, pushHost)
	r.remote(&l.User, path+".user", scp, pushUser)
	r.remote(&l.Directory, path+".directory", scp, pushDirectory)
	r.remote(&l.Identity, path+".identity", scp && l.Identity != "", keyFile)
	r.remote(&l.KnownHosts, path+".known_hosts", scp && l.KnownHosts != "", keyFile)
	if l.Authority != "" && (l.Retrieval != RetrieveSyslog || l.Protocol != "tls") {
		r.fail(path+".authority", `is of use with retrieval "syslog" and protocol "tls" only`)
	}
	if l.Port == 0 {
		l.Port = StandardPort(l.Retrieval, l.Protocol)
	}
}

// StandardPort is where a log is pushed to when nobody says more; 0: it is not pushed.
func StandardPort(retrieval, protocol string) uint16 {
	switch {
	case retrieval == RetrieveSCP:
		return 22
	case retrieval == RetrieveSyslog && protocol == "tls":
		return 6514 // RFC 5425
	case retrieval == RetrieveSyslog:
		return 514
	}
	return 0
}

// remote checks a value of a push by what it must be, and puts it into its normal form.
func (r *reader) remote(s *string, path string, wanted bool, normal func(string) (string, error)) {
	switch {
	case r.failed[path]:
	case !wanted && *s != "":
		r.fail(path, "is of no use with this retrieval; remove it, or push the log")
	case wanted && *s == "":
		r.fail(path, "is missing; needed is a text in quotes")
	case wanted:
		name, err := normal(*s)
		if err != nil {
			r.fail(path, "%s %v", quoted(*s), err)
			return
		}
		*s = name
	}
}

// pushHost reads a host's name or address. Neither can begin with a hyphen, which programs would take for an option.
func pushHost(s string) (string, error) {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		if addr.IsUnspecified() || addr.IsMulticast() {
			return "", errors.New("is an address that no log can be sent to")
		}
		return addr.Unmap().String(), nil
	}
	name, err := normalDomain(s)
	if err != nil {
		return "", errors.New("is neither a host's name nor an address")
	}
	return name, nil
}

func pushUser(s string) (string, error) {
	if !isObjectName(s) {
		return "", errors.New("is not the name of a user; allowed are letters, digits, hyphens, dots and underscores, at most 40, the first a letter")
	}
	return s, nil
}

// maxPushPath is the longest path of a push, in bytes.
const maxPushPath = 255

// isPlainPath tells whether a path can stand in a program's argument or script as it is: nothing in it has a meaning there.
func isPlainPath(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9') && !strings.ContainsRune("/._-+=@:,", rune(c)) {
			return false
		}
	}
	for part := range strings.SplitSeq(s, "/") {
		if part == ".." || strings.HasPrefix(part, "-") {
			return false
		}
	}
	return s != "" && len(s) <= maxPushPath
}

func pushDirectory(s string) (string, error) {
	if !isPlainPath(s) {
		return "", errors.New(`is not a directory for logs; allowed are letters, digits and / . _ - + = @ : , without "..", no part of it beginning with a hyphen`)
	}
	return s, nil
}

func keyFile(s string) (string, error) {
	if !isPlainPath(s) || strings.Contains(s, "/") != strings.HasPrefix(s, "/") {
		return "", errors.New(`is not a file of keys; allowed is a name in DATA/configuration or a path from / on, of letters, digits and / . _ - + = @ : ,`)
	}
	return s, nil
}

package engine

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"time"
	"unicode/utf8"

	"postern/journal"
)

// maxSubject is the longest regular expression for a subject, in bytes.
const maxSubject = 1000

// matcher is a Selection that was found good, made ready to be asked.
type matcher struct {
	Selection
	host          string // as the queue keeps it
	local, domain string // of From, as the queue keeps them
	sender        uint64 // HashSender of From; 0: the null sender
	subject       *regexp.Regexp
	until         journal.Instant // what was injected later is not old enough
}

// compile checks a selection; now is the time by which it counts ages. Its error is a *RefusedError.
func (s Selection) compile(now time.Time) (*matcher, error) {
	m := &matcher{Selection: s, until: journal.InstantOf(now).Add(-s.Older)}
	for _, check := range []func() error{m.compileHost, m.compileFrom, m.compileSubject, m.checkNumbers} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *matcher) compileHost() error {
	if m.Host == "" {
		return nil
	}
	if strings.ContainsAny(m.Host, "*?") {
		return &RefusedError{fmt.Sprintf("the host %.80q has a wildcard: a host is compared whole, and its sub-domains are hosts of their own", m.Host)}
	}
	var ok bool
	if m.host, ok = NormalDomain(m.Host); !ok {
		return &RefusedError{fmt.Sprintf("%.80q is not a host: give a domain name such as example.com, or an address in brackets such as [192.0.2.1]", m.Host)}
	}
	return nil
}

func (m *matcher) compileFrom() error {
	if m.From == nil || bare(*m.From) == "" {
		return nil
	}
	from := bare(*m.From)
	if strings.ContainsAny(from, "*?") {
		return &RefusedError{fmt.Sprintf("the address %.80q has a wildcard: an address is compared whole", from)}
	}
	var ok bool
	if m.local, m.domain, ok = NormalMailbox(from); !ok || m.domain == "" {
		return &RefusedError{fmt.Sprintf("%.80q is not an address: give one such as joe@example.com, or <> for the null sender", from)}
	}
	m.sender = journal.HashSender(m.local + "@" + m.domain)
	return nil
}

// bare takes off the angle brackets in which the protocol writes an address.
func bare(path string) string {
	if inside, ok := strings.CutPrefix(path, "<"); ok && strings.HasSuffix(inside, ">") {
		return inside[:len(inside)-1]
	}
	return path
}

func (m *matcher) compileSubject() (err error) {
	if m.Subject == "" {
		return nil
	}
	if len(m.Subject) > maxSubject {
		return &RefusedError{fmt.Sprintf("the regular expression is longer than %d bytes", maxSubject)}
	}
	if m.subject, err = regexp.Compile(m.Subject); err == nil {
		return nil
	}
	bad := (*syntax.Error)(nil)
	if !errors.As(err, &bad) {
		return &RefusedError{fmt.Sprintf("the regular expression %q cannot be used: %v", m.Subject, err)}
	}
	where := fmt.Sprintf("in %q", bad.Expr)
	if at := strings.Index(m.Subject, bad.Expr); at > 0 {
		where += fmt.Sprintf(" at character %d", utf8.RuneCountInString(m.Subject[:at])+1)
	}
	return &RefusedError{fmt.Sprintf("the regular expression %q cannot be used: %s %s (RE2 knows neither look-around nor back references)", m.Subject, bad.Code, where)}
}

func (m *matcher) checkNumbers() error {
	switch {
	case m.MID >= journal.IDLimit:
		return &RefusedError{fmt.Sprintf("%d is not a MID: they go from 1 to %d", m.MID, journal.IDLimit-1)}
	case m.Older < 0:
		return &RefusedError{fmt.Sprintf("the age %s is negative", m.Older)}
	case m.MinSize < 0 || m.MaxSize < 0:
		return &RefusedError{fmt.Sprintf("the size %d is negative", min(m.MinSize, m.MaxSize))}
	case m.MaxSize > 0 && m.MinSize > m.MaxSize:
		return &RefusedError{fmt.Sprintf("no message has %d bytes or more and %d bytes or less", m.MinSize, m.MaxSize)}
	}
	return nil
}

// row tells whether a message may be meant, as far as its row in the queue tells.
func (m *matcher) row(l *journal.LiveMessage) bool {
	switch {
	case m.MID != 0 && l.MID != m.MID,
		m.From != nil && (l.SenderHash != m.sender || l.Null != (m.sender == 0)),
		m.Older > 0 && l.Injected > m.until,
		l.Size < m.MinSize,
		m.MaxSize > 0 && l.Size > m.MaxSize:
		return false
	}
	return true
}

// recipients appends the places in a message of those that are meant.
func (m *matcher) recipients(l *journal.LiveMessage, to []int) []int {
	for i := range l.Recipients {
		r := &l.Recipients[i]
		if r.Attempts >= m.Attempts && (m.host == "" || strings.EqualFold(r.Destination, m.host)) && (!m.Held || r.Held || l.SetAside) {
			to = append(to, i)
		}
	}
	return to
}

// asksEnvelope tells whether the row is not enough: it has no subject, and of the sender a hash, which can be forged.
func (m *matcher) asksEnvelope() bool { return m.subject != nil || m.From != nil && m.sender != 0 }

// envelope tells whether a message that row has let pass is meant.
func (m *matcher) envelope(e *journal.MessageInjected) bool {
	if m.From != nil && m.sender != 0 && !m.isSender(e.Sender) {
		return false
	}
	return m.subject == nil || m.subject.MatchString(e.Subject)
}

// isSender compares an address with From: the local part as it is, the domain in any case of letters.
func (m *matcher) isSender(address string) bool {
	at := len(m.local)
	return len(address) > at && address[:at] == m.local && address[at] == '@' && strings.EqualFold(address[at+1:], m.domain)
}

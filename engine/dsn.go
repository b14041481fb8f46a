package engine

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"postern/journal"
)

// failure is what a notification says of one recipient (RFC 3464 section 2.3).
type failure struct {
	recipient *journal.InjectedRecipient
	action    string // failed, relayed
	status    string
	code      string
	reply     []string
	reason    string
	address   netip.Addr
	last      journal.Instant
}

// report is what one notification reports.
type report struct {
	parent   *journal.MessageInjected
	injected journal.Instant
	failures []failure
	lenient  bool // what cannot be read is left out, whatever the reason
	missing  int  // facts that were left out
	utf8     bool // the notification may be internationalized (RFC 6533)
}

func (r *report) successOnly() bool {
	for i := range r.failures {
		if r.failures[i].action == "failed" {
			return false
		}
	}
	return true
}

func (r *report) subject() string {
	if r.successOnly() {
		return "Delivery Status Notification (Relay)"
	}
	return "Delivery Status Notification (Failure)"
}

// reported gathers what a notification reports from the facts that it names. With lenient it makes do with those that can
// be read.
func reported(j *journal.Journal, n *journal.MessageInjected, lenient bool) (*report, error) {
	rec, err := j.At(n.Parent)
	if err != nil {
		return nil, fmt.Errorf("message %d: %w", n.Parent, err)
	}
	parent, ok := rec.Event.(*journal.MessageInjected)
	if !ok {
		return nil, fmt.Errorf("record %d is no injection", n.Parent)
	}
	rep := &report{parent: parent, injected: rec.Time, lenient: lenient, utf8: parent.SMTPUTF8 && n.SMTPUTF8}
	for _, seq := range n.Reports {
		r, err := j.At(seq)
		switch {
		case err == nil:
			rep.add(n.Parent, r)
		case lenient:
			rep.missing++
		default:
			return nil, fmt.Errorf("reported fact %d: %w", seq, err)
		}
	}
	if len(rep.failures) == 0 {
		return nil, fmt.Errorf("message %d: %w", n.Parent, errNobodyToTell)
	}
	return rep, nil
}

func (r *report) add(message uint64, rec journal.Record) {
	switch e := rec.Event.(type) {
	case *journal.HardBounced:
		for _, rid := range e.RIDs {
			if rc := r.parent.Recipient(rid); rc != nil && rc.Notify.WantsFailure() {
				r.failures = append(r.failures, failure{recipient: rc, action: "failed", status: e.Status, code: e.Code, reply: e.Reply,
					reason: e.Reason, address: e.Address, last: rec.Time})
			}
		}
	case *journal.Delivered:
		for _, rid := range e.RIDs {
			if rc := r.parent.Recipient(rid); rc != nil && rc.Notify&journal.NotifySuccess != 0 {
				r.failures = append(r.failures, failure{recipient: rc, action: "relayed", status: "2.0.0", code: "250", reply: []string{e.Reply},
					reason: "relayed to a host that sends no notifications", last: rec.Time})
			}
		}
	case *journal.RecipientsBounced:
		for i := range e.Set {
			if e.Set[i].Message != message {
				continue
			}
			for _, rid := range e.Set[i].RIDs {
				if rc := r.parent.Recipient(rid); rc != nil && rc.Notify.WantsFailure() {
					r.failures = append(r.failures, failure{recipient: rc, action: "failed", status: "5.0.0", code: "000",
						reason: "Bounced by administrator", last: rec.Time})
				}
			}
		}
	}
}

func (r *report) header(b *bytes.Buffer, host string, at journal.Instant, n *journal.MessageInjected, boundary string, eightBit bool) {
	fmt.Fprintf(b, "Received: from localhost by %s with Postern id %d; %s\r\n", host, n.MID, at.Time().Format(time.RFC1123Z))
	fmt.Fprintf(b, "From: \"Mail Delivery System\" <MAILER-DAEMON@%s>\r\n", host)
	fmt.Fprintf(b, "To: <%s>\r\n", n.Recipients[0].Address())
	fmt.Fprintf(b, "Subject: %s\r\n", r.subject())
	fmt.Fprintf(b, "Date: %s\r\nMessage-ID: %s\r\n", at.Time().Format(time.RFC1123Z), n.MessageID)
	if r.parent.MessageID != "" {
		fmt.Fprintf(b, "In-Reply-To: %s\r\n", r.line(r.parent.MessageID))
	}
	b.WriteString("Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n" + encoding(eightBit))
	kind := "delivery-status"
	if r.utf8 {
		kind = "global-delivery-status"
	}
	fmt.Fprintf(b, "Content-Type: multipart/report; report-type=%s;\r\n\tboundary=\"%s\"\r\n\r\n", kind, boundary)
}

func (r *report) words(b *bytes.Buffer, host, boundary string) {
	start := b.Len()
	defer func() {
		text := bytes.Clone(b.Bytes()[start:])
		b.Truncate(start)
		fmt.Fprintf(b, "--%s\r\nContent-Type: text/plain; charset=utf-8\r\n%s\r\n%s", boundary, encoding(has8Bit(text)), text)
	}()
	fmt.Fprintf(b, "This is the mail gateway %s.\r\n\r\n", host)
	if r.successOnly() {
		b.WriteString("Your message was passed on to a host that will not tell you of its delivery:\r\n\r\n")
	} else {
		b.WriteString("Your message could not be delivered to the following recipients:\r\n\r\n")
	}
	for i := range r.failures {
		f := &r.failures[i]
		fmt.Fprintf(b, "<%s>\r\n    %s - %s\r\n", r.line(f.recipient.Address()), f.status, r.line(f.reason))
		for _, l := range f.reply {
			if l != "" {
				fmt.Fprintf(b, "    %s %s\r\n", f.code, r.line(l))
			}
		}
		b.WriteString("\r\n")
	}
	if r.missing > 0 {
		b.WriteString("There is more to tell of your message, which could not be read from the gateway's records.\r\n\r\n")
	}
}

func (r *report) status(b *bytes.Buffer, host, boundary string) {
	kind := "message/delivery-status"
	if r.utf8 {
		kind = "message/global-delivery-status"
	}
	var fields bytes.Buffer
	fmt.Fprintf(&fields, "Reporting-MTA: dns; %s\r\n", host)
	if r.parent.EnvID != "" {
		fmt.Fprintf(&fields, "Original-Envelope-Id: %s\r\n", r.line(r.parent.EnvID))
	}
	fmt.Fprintf(&fields, "Arrival-Date: %s\r\n", r.injected.Time().Format(time.RFC1123Z))
	for i := range r.failures {
		r.fields(&fields, &r.failures[i])
	}
	fmt.Fprintf(b, "--%s\r\nContent-Type: %s\r\n%s\r\n%s\r\n", boundary, kind, encoding(has8Bit(fields.Bytes())), fields.Bytes())
}

func (r *report) fields(b *bytes.Buffer, f *failure) {
	b.WriteString("\r\n")
	if f.recipient.ORcpt != "" {
		fmt.Fprintf(b, "Original-Recipient: %s\r\n", r.address(f.recipient.ORcpt))
	}
	final := "rfc822; "
	if has8Bit([]byte(f.recipient.Address())) {
		final = "utf-8; "
	}
	fmt.Fprintf(b, "Final-Recipient: %s%s\r\nAction: %s\r\nStatus: %s\r\n", final, r.address(f.recipient.Address()), f.action, f.status)
	if f.address.IsValid() {
		fmt.Fprintf(b, "Remote-MTA: dns; [%s]\r\n", f.address)
	}
	if f.code != "" && f.code != "000" {
		fmt.Fprintf(b, "Diagnostic-Code: smtp; %s %s\r\n", f.code, r.line(strings.Join(f.reply, " / ")))
	} else if len(f.reply) > 0 {
		fmt.Fprintf(b, "Diagnostic-Code: x-postern; %s\r\n", r.line(strings.Join(f.reply, " / ")))
	}
	fmt.Fprintf(b, "Last-Attempt-Date: %s\r\n", f.last.Time().Format(time.RFC1123Z))
}

// line is text from outside as the notification may carry it: beyond ASCII only when the notification is internationalized,
// since the fields of message/delivery-status are ASCII (RFC 3464 section 2.1) and not every host takes anything else.
func (r *report) line(s string) string {
	if s = oneLine(s); !r.utf8 {
		s = asciiOnly(s)
	}
	return s
}

// address is line for an address: what is beyond ASCII is written as utf-8-addr-xtext (RFC 6533 section 3).
func (r *report) address(s string) string {
	if r.utf8 {
		return oneLine(s)
	}
	var b strings.Builder
	for _, c := range oneLine(s) {
		if c < utf8.RuneSelf {
			b.WriteRune(c)
		} else {
			fmt.Fprintf(&b, `\x{%X}`, c)
		}
	}
	return b.String()
}

func asciiOnly(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf {
			return '?'
		}
		return r
	}, s)
}

// oneLine keeps text from outside within its line of the notification.
func oneLine(s string) string {
	if len(s) > 900 {
		s = s[:900]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

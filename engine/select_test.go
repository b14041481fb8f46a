package engine

import (
	"errors"
	"strings"
	"testing"
	"time"

	"postern/journal"
)

func sentBy(address string) *string { return &address }

func TestSelectionsThatAreRefused(t *testing.T) {
	for want, s := range map[string]Selection{
		`the host "*.example.com" has a wildcard`:                       {Host: "*.example.com"},
		`the host "mail?.example.com" has a wildcard`:                   {Host: "mail?.example.com"},
		`".example.com" is not a host: give a domain name such as`:      {Host: ".example.com"},
		`"joe@example.com" is not a host`:                               {Host: "joe@example.com"},
		`"example..com" is not a host`:                                  {Host: "example..com"},
		`"a b" is not a host`:                                           {Host: "a b"},
		`"[192.0.2]" is not a host`:                                     {Host: "[192.0.2]"},
		`"\x1b[2J" is not a host`:                                       {Host: "\x1b[2J"},
		`"` + strings.Repeat("x", 80) + `" is not a host`:               {Host: strings.Repeat("x", 8000)},
		`the address "*@example.com" has a wildcard`:                    {From: sentBy("*@example.com")},
		`the address "jo?@example.com" has a wildcard`:                  {From: sentBy("jo?@example.com")},
		`"joe" is not an address: give one such as joe@example.com`:     {From: sentBy("joe")},
		`"@example.com" is not an address`:                              {From: sentBy("@example.com")},
		`"joe@" is not an address`:                                      {From: sentBy("joe@")},
		`"joe@exa mple.com" is not an address`:                          {From: sentBy("joe@exa mple.com")},
		`"Joe <joe@example.com>" is not an address`:                     {From: sentBy("Joe <joe@example.com>")},
		`"joe@example.com\n" is not an address`:                         {From: sentBy("joe@example.com\n")},
		`the regular expression "(a" cannot be used: missing closing )`: {Subject: "(a"},
		`invalid character class range in "b-a" at character 5 (RE2`:    {Subject: "süß[b-a]"},
		`the regular expression is longer than 1000 bytes`:              {Subject: strings.Repeat("x", 1001)},
		`2147483648 is not a MID: they go from 1 to 2147483647`:         {MID: 1 << 31},
		`the age -1s is negative`:                                       {Older: -time.Second},
		`the size -5 is negative`:                                       {MinSize: -5},
		`the size -6 is negative`:                                       {MaxSize: -6},
		`no message has 10 bytes or more and 9 bytes or less`:           {MinSize: 10, MaxSize: 9},
	} {
		_, err := s.compile(time.Now())
		var refused *RefusedError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", s, err, want)
		}
	}
}

// twins are senders of the same hash: two local parts whose FNV-1a sums are equal.
var twins = [2]string{"8yn0iYCKYHlIj4-BwPqk@example.com", "GReLUrM4wMqfg9yzV3KQ@example.com"}

func TestWhatASelectionMeans(t *testing.T) {
	if journal.HashSender(twins[0]) != journal.HashSender(twins[1]) {
		t.Fatal("the twins have different hashes")
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	e := &journal.MessageInjected{Sender: "Joe.Doe@example.com", Subject: "Quarterly =?UTF-8?Q?figures?="}
	l := &journal.LiveMessage{MID: 9, Size: 1000, SenderHash: journal.HashSender(e.Sender), Injected: journal.InstantOf(now.Add(-time.Hour)),
		Recipients: []journal.LiveRecipient{{Destination: "xn--bcher-kva.example", Attempts: 2}, {RID: 1, Destination: "[IPv6:2001:db8::1]", Held: true}}}
	for _, c := range []struct {
		s    Selection
		want int
	}{
		{Selection{}, 2},
		{Selection{Host: "Bücher.example"}, 1},
		{Selection{Host: "XN--BCHER-KVA.EXAMPLE"}, 1},
		{Selection{Host: "bücher.example.com"}, 0},
		{Selection{Host: "example"}, 0},
		{Selection{Host: "[ipv6:2001:DB8:0::1]"}, 1},
		{Selection{From: sentBy("Joe.Doe@EXAMPLE.com")}, 2},
		{Selection{From: sentBy("<Joe.Doe@example.com>")}, 2},
		{Selection{From: sentBy("joe.doe@example.com")}, 0},
		{Selection{From: sentBy("Joe.Doe@sub.example.com")}, 0},
		{Selection{From: sentBy("")}, 0},
		{Selection{From: sentBy("<>")}, 0},
		{Selection{From: &twins[0]}, 0},
		{Selection{MID: 9}, 2},
		{Selection{MID: 10}, 0},
		{Selection{Older: time.Hour}, 2},
		{Selection{Older: time.Hour + 1}, 0},
		{Selection{Attempts: 2}, 1},
		{Selection{Attempts: 3}, 0},
		{Selection{Subject: "^Quarterly"}, 2},
		{Selection{Subject: "(?i)FIGURES"}, 2},
		{Selection{Subject: "^figures"}, 0},
		{Selection{MinSize: 1000, MaxSize: 1000}, 2},
		{Selection{MinSize: 1001}, 0},
		{Selection{MaxSize: 999}, 0},
		{Selection{Held: true}, 1},
		{Selection{Held: true, Attempts: 1}, 0},
	} {
		m, err := c.s.compile(now)
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		if m.row(l) && m.envelope(e) {
			got = len(m.recipients(l, nil))
		}
		if got != c.want {
			t.Errorf("%s: %d recipients, want %d", c.s, got, c.want)
		}
	}
	null := &journal.LiveMessage{Null: true}
	for address, want := range map[string]bool{"": true, "<>": true, "joe@example.com": false} {
		if m, err := (Selection{From: &address}).compile(now); err != nil || m.row(null) != want || want && m.asksEnvelope() {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// FuzzSelection: whatever an operator types is refused with a sentence, or means senders and hosts in the queue's form.
func FuzzSelection(f *testing.F) {
	f.Add("example.com", "joe@example.com", "^a", int64(1), int64(2))
	f.Add("[IPv6:::1]", "<>", "(", int64(-1), int64(0))
	f.Add("\xff", `"a@b"@ü.example`, `\pN`, int64(9), int64(8))
	f.Fuzz(func(t *testing.T, host, sender, subject string, older, size int64) {
		s := Selection{Host: host, From: &sender, Subject: subject, Older: time.Duration(older), MinSize: size}
		m, err := s.compile(time.Unix(1_800_000_000, 0))
		var refused *RefusedError
		if err != nil {
			if !errors.As(err, &refused) || strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' }) {
				t.Fatalf("%q", err)
			}
			return
		}
		l := &journal.LiveMessage{SenderHash: m.sender, Null: m.sender == 0, Size: size, Recipients: []journal.LiveRecipient{{Destination: m.host}}}
		e := &journal.MessageInjected{}
		if m.sender != 0 {
			e.Sender = m.local + "@" + strings.ToUpper(m.domain)
		}
		m.subject, m.Older = nil, 0
		if !m.row(l) || len(m.recipients(l, nil)) != 1 || !m.envelope(e) {
			t.Fatalf("%+v does not mean %+v", m, l)
		}
	})
}

// TestNormalForms: what the queue keeps of an address and what an operator types become the same.
func TestNormalForms(t *testing.T) {
	for s, want := range map[string]string{"Joe@EXAMPLE.com": "Joe@example.com", "joe@Bücher.example": "joe@xn--bcher-kva.example", "a..b@x": `"a..b"@x`,
		`"a b"@x`: `"a b"@x`, "a@[IPv6:2001:DB8::1]": "a@[IPv6:2001:db8::1]", `"a@b"`: `"a@b"@`, "\xff@x": "", "a b@x": "", "a@x.": "", "": ""} {
		local, domain, ok := NormalMailbox(s)
		if got := local + "@" + domain; ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q, %v, want %q", s, got, ok, want)
		}
	}
}

package projections

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"postern/journal"
)

func TestMailLogQuoting(t *testing.T) {
	for _, c := range []struct{ in, quoted, plain string }{
		{"", `''`, ``},
		{"sales: confidential", `'sales: confidential'`, `sales: confidential`},
		{"it's here", `"it's here"`, `it's here`},
		{`say "hi"`, `'say "hi"'`, `say "hi"`},
		{`it's "hi"`, `'it\'s "hi"'`, `it's "hi"`},
		{`a\b`, `'a\\b'`, `a\b`},
		{"a\r\nb\tc", `'a\r\nb\tc'`, `a\r\nb\tc`},
		{"\x1b[31mred\x07\x00", `'\x1b[31mred\x07\x00'`, `\x1b[31mred\x07\x00`},
		{"\x7f\u0085\u009b", `'\x7f\x85\x9b'`, `\x7f\x85\x9b`},
		{"Grüße 日本 🙂", `'Grüße 日本 🙂'`, `Grüße 日本 🙂`},
		{"a\u202eb\u2028\ufeff\U000e0001", `'a\u202eb\u2028\ufeff\U000e0001'`, `a\u202eb\u2028\ufeff\U000e0001`},
		{"\xff\xc3(\xe2\x82", `'\xff\xc3(\xe2\x82'`, `\xff\xc3(\xe2\x82`},
	} {
		if got := string(appendQuoted(nil, c.in)); got != c.quoted {
			t.Errorf("quoted %q: got %s, want %s", c.in, got, c.quoted)
		}
		if got := string(appendPlain(nil, c.in)); got != c.plain {
			t.Errorf("plain %q: got %s, want %s", c.in, got, c.plain)
		}
	}
}

func TestMailLogCutsLongTexts(t *testing.T) {
	long := strings.Repeat("x", maxLogText-1) + strings.Repeat("é", 1<<20)
	got := string(appendPlain(nil, long))
	if want := strings.Repeat("x", maxLogText-1) + "..."; got != want {
		t.Errorf("a long text prints as %d bytes ending in %q", len(got), got[len(got)-8:])
	}
	if got := appendPlain(nil, strings.Repeat("\x80", 1<<16)); len(got) > 4*maxLogText+3 {
		t.Errorf("%d bytes of a text of continuation bytes", len(got))
	}
}

// checkHarmless fails when a text could break a line or deceive a terminal.
func checkHarmless(t *testing.T, text string) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Errorf("not UTF-8: %q", text)
	}
	for _, r := range text {
		if !unicode.IsPrint(r) {
			t.Errorf("%U in %q", r, text)
		}
	}
}

// TestMailLogHostileTexts puts hostile texts into every place that a peer can fill.
func TestMailLogHostileTexts(t *testing.T) {
	for _, bad := range []string{"a\r\nFri Jan  1 00:00:00 2027 Info: Message finished MID 1 done", "\x1b]0;x\x07", "'\"\\", "\xff\xfe", "\u202e\u2028", strings.Repeat("'\n", 4096)} {
		to := []journal.InjectedRecipient{{Local: bad, Domain: bad}}
		for _, e := range []journal.Event{
			&journal.ConnectionAccepted{ReverseDNS: bad, Interface: bad},
			&journal.SenderGroupMatched{Action: bad, Group: bad, Match: bad, Reputation: bad},
			&journal.ConnectionSecured{Protocol: bad, Cipher: bad},
			&journal.ConnectionSecured{Failure: bad},
			&journal.ConnectionRefused{Listener: bad, Reason: bad},
			&journal.ConnectionInterrupted{Reason: bad},
			&journal.ConnectionClosed{How: bad},
			&journal.ReceivingAborted{MID: 1, Reason: bad, Sender: bad, Recipients: to, Rejected: []journal.RejectedRecipient{{By: bad, Address: bad}}},
			&journal.MessageInjected{Sender: bad, MessageID: bad, Subject: bad, Recipients: to},
			&journal.DeliveryConnectionSecured{Protocol: bad, Cipher: bad, CommonName: bad},
			&journal.DeliveryConnectionFailed{Destination: bad, Details: bad, Reason: bad},
			&journal.Delivered{Reply: bad},
			&journal.SoftBounced{RIDs: []uint32{0}, Next: 1, Code: bad, Status: bad, Reason: bad, Profile: bad, Reply: []string{bad, bad}},
			&journal.HardBounced{RIDs: []uint32{0}, Code: bad, Status: bad, Reason: bad, Reply: []string{bad}},
			&journal.DoubleBounced{RIDs: []uint32{0}, Code: bad, Status: bad, Reason: bad, Reply: []string{bad}},
			&journal.OutcomeUnknown{Reason: bad},
			&journal.HostDown{Destination: bad, Reason: bad},
			&journal.AlertRaised{Alert: bad, Object: bad, Severity: bad, Text: bad},
			&journal.ConfigurationCommitted{Comment: bad, By: bad},
			&journal.Quarantined{Quarantine: bad, Rule: bad},
			&journal.WorkQueuePaused{Reason: bad, By: bad},
		} {
			r := journal.Record{Event: e}
			lines := RenderMailLog(r, time.UTC, nil)
			for _, l := range lines {
				checkHarmless(t, l.Text)
			}
			if got := strings.Count(mailLogText(r), "\n"); got != len(lines) {
				t.Errorf("%T: %d lines in the file, %d in a search", e, got, len(lines))
			}
		}
	}
}

func FuzzMailLogQuoting(f *testing.F) {
	for _, s := range []string{"", "a'b", `a"b'c\`, "\r\n\x1b\xff", "é\u202e\U0010ffff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		quoted := string(appendQuoted(nil, s))
		checkHarmless(t, quoted)
		checkHarmless(t, string(appendPlain(nil, s)))
		// The quotes stand at both ends, and none inside without a backslash: the end of the text can be found.
		q := quoted[0]
		if q != '\'' && q != '"' || len(quoted) < 2 || quoted[len(quoted)-1] != q {
			t.Fatalf("%q is quoted as %s", s, quoted)
		}
		inside := quoted[1 : len(quoted)-1]
		for i := 0; i < len(inside); i++ {
			switch inside[i] {
			case '\\':
				i++
				if i == len(inside) {
					t.Fatalf("%s ends in an open escape", quoted)
				}
			case q:
				t.Fatalf("%s holds its own quote", quoted)
			}
		}
	})
}

package engine

import (
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"

	"postern/journal"
)

// sevenBit renders the notification of a message as it goes to a peer that takes 7-bit content only, and returns the text
// and the type and decoded content of its last part.
func sevenBit(t *testing.T, parent *journal.MessageInjected, body string) (text, kind, copied string) {
	t.Helper()
	j, err := journal.Open("j", journal.Options{Disk: journal.NewMemoryDisk()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	if parent.Body, err = j.PutBody([]byte(body)); err != nil {
		t.Fatal(err)
	}
	parent.Size = int64(len(body))
	n := &journal.MessageInjected{Why: journal.WhyBounce, Parent: 1, Reports: []uint64{2}, SMTPUTF8: parent.SMTPUTF8, Form: journal.Body8Bit,
		Recipients: []journal.InjectedRecipient{{Local: "a", Domain: "example.com"}}}
	if _, err := j.AppendEvents(1, parent, &journal.HardBounced{Message: 1, RIDs: []uint32{0}, Code: "550", Status: "5.1.1",
		Reply: []string{"unbekannter Empfänger"}}, n); err != nil {
		t.Fatal(err)
	}
	plain, ok := SevenBit(n)
	if !ok {
		t.Fatal("an 8-bit notification has no 7-bit form")
	}
	c, err := OpenContent(j, document(), 3, plain)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	text = string(raw)
	if c.eightBit || has8Bit(raw) || c.Size != int64(len(raw)) || strings.Contains(text, "8bit") {
		t.Errorf("not 7-bit:\n%s", text)
	}
	kind, copied = lastPart(t, text)
	return text, kind, copied
}

func lastPart(t *testing.T, text string) (kind, content string) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	_, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(m.Body, parameters["boundary"])
	for n := 0; ; n++ {
		p, err := parts.NextRawPart()
		if err != nil {
			if n != 3 {
				t.Fatalf("%d parts, %v", n, err)
			}
			return kind, content
		}
		var in io.Reader = p
		if kind = p.Header.Get("Content-Type"); p.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
			in = quotedprintable.NewReader(p)
		}
		raw, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		content = string(raw)
	}
}

// What is 8-bit in the message that is reported does not keep its notification from a peer that takes 7-bit only: then it
// carries the header alone, and an 8-bit header encoded, so that nothing of it is lost (RFC 3462, RFC 6533).
func TestNotificationForSevenBitPeers(t *testing.T) {
	to := []journal.InjectedRecipient{{Local: "b", Domain: "example.net"}}
	const header8 = "Subject: Gr\xfc\xdfe\r\nX-Note: " + "\xe4 long line \xe4\xf6\xfc\xe4\xf6\xfc\xe4\xf6\xfc\xe4\xf6\xfc\xe4\xf6\xfc\xe4\xf6\xfc\xe4\xf6\xfc\xe4\xf6\xfc\xe4\xf6\xfc\r\n"
	for _, c := range []struct {
		name         string
		utf8         bool
		body         string
		kind, copied string
	}{
		{"8-bit body", false, "Subject: x\r\n\r\nGrüße\r\n", "text/rfc822-headers", "Subject: x\r\n"},
		{"8-bit header", false, header8 + "\r\nplain\r\n", "text/rfc822-headers", header8},
		{"internationalized header", true, "Subject: Grüße\r\n\r\nGrüße\r\n", "message/global-headers", "Subject: Grüße\r\n"},
		{"internationalized in name only", true, "Subject: x\r\n\r\nplain\r\n", "message/rfc822", "Subject: x\r\n\r\nplain\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, kind, copied := sevenBit(t, &journal.MessageInjected{Sender: "a@example.com", Recipients: to, SMTPUTF8: c.utf8}, c.body)
			if kind != c.kind || strings.TrimSuffix(copied, "\r\n") != strings.TrimSuffix(c.copied, "\r\n") {
				t.Errorf("the copy is %s %q, want %s %q", kind, copied, c.kind, c.copied)
			}
			for _, want := range []string{"Final-Recipient: rfc822; b@example.net", "Status: 5.1.1", "\r\nContent-Type: message/delivery-status\r\n"} {
				if !strings.Contains(text, want) {
					t.Errorf("lacks %q:\n%s", want, text)
				}
			}
		})
	}
	for _, m := range []*journal.MessageInjected{{Form: journal.Body8Bit}, {Why: journal.WhyCopy, Form: journal.Body8Bit}, {Why: journal.WhyBounce}} {
		if got, ok := SevenBit(m); ok || got != m {
			t.Errorf("the content of %+v is changed", m)
		}
	}
}

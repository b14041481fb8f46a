package engine

import (
	"bytes"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// alertLetter is the mail of an alert. Its text is plain ASCII, so that every host takes it.
type alertLetter struct {
	Alert
	to            []string
	from          string // of the envelope; "" is the null sender
	host, version string
	mid           uint32
	at            time.Time
}

// The bounds of what an alert says: of its subject, and of a line and the whole of its text.
const (
	maxAlertSubject = 120
	maxAlertLine    = 78
	maxAlertText    = 4000
)

func (l *alertLetter) messageID() string {
	return fmt.Sprintf("<alert.%d.%d@%s>", l.at.UnixNano(), l.mid, l.host)
}

func (l *alertLetter) severity() string {
	if l.Over {
		return "Information"
	}
	return l.Severity
}

// subject is in the style of AsyncOS: the severity, the type, which gateway, and what.
func (l *alertLetter) subject() string {
	what := asciiOnly(oneLine(l.Text))
	if len(what) > maxAlertSubject {
		what = what[:maxAlertSubject-4] + " ..."
	}
	return fmt.Sprintf("%s <System> %s: %s", l.severity(), l.host, what)
}

func (l *alertLetter) render() []byte {
	var b bytes.Buffer
	date := l.at.Format(time.RFC1123Z)
	from := l.from
	if from == "" {
		from = "MAILER-DAEMON@" + l.host
	}
	fmt.Fprintf(&b, "Received: from localhost by %s with Postern id %d; %s\r\n", l.host, l.mid, date)
	fmt.Fprintf(&b, "From: \"Mail gateway %s\" <%s>\r\nTo: <%s>\r\n", l.host, from, strings.Join(l.to, ">,\r\n\t<"))
	fmt.Fprintf(&b, "Subject: %s\r\nDate: %s\r\nMessage-ID: %s\r\n", l.subject(), date, l.messageID())
	b.WriteString("Auto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n")
	fmt.Fprintf(&b, "The %s message is:\r\n\r\n", l.severity())
	writeWrapped(&b, l.Text)
	fmt.Fprintf(&b, "\r\nAlert:     %s\r\n", asciiOnly(oneLine(l.Kind)))
	if l.Object != "" {
		fmt.Fprintf(&b, "About:     %s\r\n", asciiOnly(oneLine(l.Object)))
	}
	fmt.Fprintf(&b, "Gateway:   %s\r\nVersion:   %s\r\nTimestamp: %s\r\n\r\n", l.host, asciiOnly(oneLine(l.version)), date)
	b.WriteString("The last alerts are shown by the command displayalerts.\r\n")
	return b.Bytes()
}

// writeWrapped writes text from wherever as lines that every host and every reader can bear.
func writeWrapped(b *bytes.Buffer, text string) {
	if len(text) > maxAlertText {
		text = strings.ToValidUTF8(text[:maxAlertText], "") + " ..."
	}
	column := 0
	for word := range strings.FieldsSeq(asciiOnly(text)) {
		word = oneLine(word)
		if column > 0 && column+1+utf8.RuneCountInString(word) > maxAlertLine {
			b.WriteString("\r\n")
			column = 0
		}
		if column > 0 {
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	b.WriteString("\r\n")
}

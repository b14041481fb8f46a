package shell

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// printable lets nothing through to a terminal that could steer it: what hosts, peers and senders chose to call
// themselves goes through here. Control and format characters are written as escapes, bytes that are no UTF-8 too.
type printable struct{ w io.Writer }

func (p printable) Write(b []byte) (int, error) {
	if _, err := io.WriteString(p.w, Printable(string(b))); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Printable is text with all that could steer a terminal written as escapes.
func Printable(text string) string {
	if !strings.ContainsFunc(text, steers) && utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		r, n := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, "\\x%02x", text[0])
		case steers(r) && r < 0x20: // JSON has none of these, and no \x
			fmt.Fprintf(&b, "\\x%02x", r)
		case steers(r):
			fmt.Fprintf(&b, "\\u%04x", r)
		default:
			b.WriteRune(r)
		}
		text = text[n:]
	}
	return b.String()
}

func steers(r rune) bool {
	return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029')
}

// Terminal is a writer that is safe to show what came from outside.
func Terminal(w io.Writer) io.Writer { return printable{w} }

// oneLine is Printable for what must not begin a line or a column of its own.
func oneLine(text string) string { return lineEnds.Replace(Printable(text)) }

var lineEnds = strings.NewReplacer("\n", `\x0a`, "\t", `\x09`)

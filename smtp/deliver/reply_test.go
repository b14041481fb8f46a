package deliver

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestReply(t *testing.T) {
	long := strings.Repeat("x", 3000)
	cases := []struct {
		in     string
		err    error
		code   int
		status string
		lines  string
	}{
		{"250 ok\r\n", nil, 250, "", "ok"},
		{"250\r\n", nil, 250, "", ""},
		{"250-2.0.0 a\r\n250 2.0.0 b\r\n", nil, 250, "2.0.0", "a|b"},
		{"550-5.1.1 unknown\n550 5.1.1\n", nil, 550, "5.1.1", "unknown|"},
		{"550 4.1.1 of another class\r\n", nil, 550, "", "4.1.1 of another class"},
		{"250 2.0 no status\r\n", nil, 250, "", "2.0 no status"},
		{"250 2.0.0OK\r\n", nil, 250, "", "2.0.0OK"},
		{"250 a\x00b\x1b[2J\xff\u202e\r\r\n", nil, 250, "", `a\x00b\x1b[2J\xff\u202e`},
		{"250 ü\tß\r\n", nil, 250, "", `ü\tß`},
		{"250 " + long + "\r\n", nil, 250, "", long[:maxKeptLine] + "..."},
		{"250-a\r\n251 b\r\n", errReplyMixed, 250, "", ""},
		{"25 a\r\n", errReplyCode, 0, "", ""},
		{"2500 a\r\n", errReplyCode, 0, "", ""},
		{"150 a\r\n", errReplyCode, 0, "", ""},
		{"\r\n", errReplyCode, 0, "", ""},
		{"", io.EOF, 0, "", ""},
		{"250-a\r\n", io.EOF, 0, "", ""},
		{"250 a", io.ErrUnexpectedEOF, 0, "", ""},
		{"250 " + strings.Repeat("x", MaxReplyLine), errReplyLine, 0, "", ""},
		{strings.Repeat("250-a\r\n", MaxReplyLines+1), errReplyLong, 0, "", ""},
		{strings.Repeat("250-"+long+"\r\n", 30), errReplyLong, 0, "", ""},
	}
	for _, c := range cases {
		for _, in := range []io.Reader{strings.NewReader(c.in), &oneByte{c.in}} {
			var b reader
			var r reply
			err := b.reply(in, &r)
			if err != c.err {
				t.Errorf("%.40q: error %v, want %v", c.in, err, c.err)
				continue
			}
			if err != nil {
				continue
			}
			status, lines := r.texts()
			if r.code != c.code || status != c.status || strings.Join(lines, "|") != c.lines {
				t.Errorf("%.40q: %d %q %q", c.in, r.code, status, lines)
			}
		}
	}
}

type oneByte struct{ left string }

func (o *oneByte) Read(p []byte) (int, error) {
	if o.left == "" {
		return 0, io.EOF
	}
	p[0], o.left = o.left[0], o.left[1:]
	return 1, nil
}

// Whatever a peer sends, what is read of it and what is kept of it is bounded, and what is kept is printable.
func FuzzReply(f *testing.F) {
	for _, s := range []string{"250 ok\r\n", "250-a\r\n250 b\r\n", "550 5.1.1 x\n", "250\x00\r\n", "354", "250 \xe2\x80\xae\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		from := bytes.NewReader(in)
		var b reader
		var r reply
		for range 10 {
			if b.reply(from, &r) != nil {
				break
			}
			if r.code < 200 || r.code > 599 || r.lines > MaxReplyLines || len(r.text) > 2*maxKeptReply {
				t.Fatalf("%d, %d lines, %d octets", r.code, r.lines, len(r.text))
			}
			parseExtensions(&r)
			status, lines := r.texts()
			total := len(lines)
			for _, s := range append(lines, status, r.quote()) {
				total += len(s)
				if !utf8.ValidString(s) || strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) >= 0 {
					t.Fatalf("kept %q", s)
				}
			}
			if len(lines) > maxKeptLines || total > 8*maxKeptReply {
				t.Fatalf("kept %d lines, %d octets", len(lines), total)
			}
		}
	})
}

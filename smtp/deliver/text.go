package deliver

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"
)

// clean makes a peer's text fit for facts, logs and terminals: at most limit octets, valid UTF-8, and every control
// character, format character and foreign byte written as an escape.
func clean(b []byte, limit int) string {
	cut := len(b) > limit
	if cut {
		b = b[:limit]
		for len(b) > 0 && limit-len(b) < utf8.UTFMax-1 {
			if r, n := utf8.DecodeLastRune(b); r != utf8.RuneError || n != 1 {
				break
			}
			b = b[:len(b)-1]
		}
	}
	if isPlain(b) && !cut {
		return string(b)
	}
	var s strings.Builder
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&s, `\x%02x`, b[0])
		case r == '\n':
			s.WriteString(`\n`)
		case r == '\t':
			s.WriteString(`\t`)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&s, `\x%02x`, r)
		case !unicode.IsPrint(r):
			fmt.Fprintf(&s, `\u%04x`, r)
		default:
			s.Write(b[:n])
		}
		b = b[n:]
	}
	if cut {
		s.WriteString("...")
	}
	return s.String()
}

func isPlain(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}

// texts gives the reply's enhanced status, "" when there is none, and its lines without code and status.
func (r *reply) texts() (status string, lines []string) {
	rest := r.text
	lines = make([]string, 0, min(r.lines, maxKeptLines))
	for len(rest) > 0 && len(lines) < maxKeptLines {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte{'\n'})
		s, after := cutStatus(line, r.class())
		if status == "" {
			status = string(s)
		}
		if after = bytes.TrimSpace(after); len(after) > 0 || len(rest) > 0 || len(lines) > 0 {
			lines = append(lines, clean(after, maxKeptLine))
		}
	}
	return status, lines
}

// cutStatus takes an enhanced status code of that class off a reply's text (RFC 2034 4).
func cutStatus(line []byte, class int) (status, rest []byte) {
	if len(line) < 5 || int(line[0]-'0') != class || line[1] != '.' {
		return nil, line
	}
	i, ok := digits(line, 2)
	if !ok || i == len(line) || line[i] != '.' {
		return nil, line
	}
	i, ok = digits(line, i+1)
	if !ok || i < len(line) && line[i] != ' ' {
		return nil, line
	}
	return line[:i], line[i:]
}

// digits skips one to three of them from i on.
func digits(line []byte, i int) (end int, ok bool) {
	end = i
	for end < len(line) && '0' <= line[end] && line[end] <= '9' {
		end++
	}
	return end, end > i && end-i <= 3
}

// quote writes a reply the way a mail log quotes it: 431-'first line\nsecond line'.
func (r *reply) quote() string {
	return strconv.Itoa(r.code) + "-'" + clean(bytes.TrimSuffix(r.text, []byte{'\n'}), maxKeptLine) + "'"
}

// describe says in the words of the mail log what broke a connection.
func describe(err error) string {
	var errno syscall.Errno
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "EOF"
	case errors.As(err, &errno):
		text := errno.Error()
		return fmt.Sprintf("[Errno %d] %s", int(errno), strings.ToUpper(text[:1])+text[1:])
	}
	return clean([]byte(err.Error()), maxKeptLine)
}

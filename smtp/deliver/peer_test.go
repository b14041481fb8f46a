package deliver

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
)

// What a script may say instead of a reply.
const (
	hangUp = "!close"
	stall  = "!stall"
)

// mail is a transaction that a peer has seen through to its final dot.
type mail struct {
	from    string // MAIL's line
	to      []string
	content string // without dot-stuffing
}

// peer is an SMTP server that follows a script. Its answers go out when it has read all that is there, as a real server's
// would.
type peer struct {
	extensions []string
	script     func(session, command int, line string) string // "" for the usual reply; command counts from 0, the greeting
	tls        *tls.Config
	deaf       chan struct{} // not nil: content is not read until it is closed, and then no more

	mu       sync.Mutex
	conn     net.Conn // of the last session
	sessions int
	mails    []mail
	lines    []string // commands, of all sessions
}

func (p *peer) seen() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.lines...)
}

func (p *peer) got() []mail {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]mail(nil), p.mails...)
}

// verbs answers by the verb of a command; "." is the final dot and "" the greeting.
func verbs(answers map[string]string) func(int, int, string) string {
	return func(_, _ int, line string) string {
		verb, _, _ := strings.Cut(line, " ")
		return answers[verb]
	}
}

type talk struct {
	*peer
	nc      net.Conn
	in      *bufio.Reader
	out     *bufio.Writer
	session int
	command int
	m       mail
}

func (p *peer) serve(nc net.Conn) {
	p.mu.Lock()
	p.sessions++
	p.conn = nc
	s := &talk{peer: p, nc: nc, session: p.sessions, in: bufio.NewReaderSize(nc, 1<<20), out: bufio.NewWriter(nc)}
	p.mu.Unlock()
	defer func() { s.nc.Close() }()
	if !s.answer("", "220 sink.example ESMTP") {
		return
	}
	for {
		line, ok := s.read()
		if !ok {
			return
		}
		verb, _, _ := strings.Cut(line, " ")
		if !s.do(verb, line) {
			return
		}
	}
}

func (s *talk) read() (string, bool) {
	if s.in.Buffered() == 0 {
		if s.out.Flush() != nil {
			return "", false
		}
	}
	line, err := s.in.ReadString('\n')
	return strings.TrimSuffix(line, "\r\n"), err == nil
}

// answer gives the scripted reply, else the usual one; false ends the session.
func (s *talk) answer(line, usual string) bool {
	_, ok := s.reply(line, usual)
	return ok
}

func (s *talk) reply(line, usual string) (code string, ok bool) {
	text := ""
	if s.script != nil {
		text = s.script(s.session, s.command, line)
	}
	s.command++
	switch text {
	case hangUp:
		s.out.Flush()
		return "", false
	case stall:
		s.out.Flush()
		for {
			if _, err := s.in.ReadByte(); err != nil {
				return "", false
			}
		}
	case "":
		text = usual
	}
	s.out.WriteString(text + "\r\n")
	if strings.HasPrefix(text, "421") {
		s.out.Flush()
		return "421", false
	}
	return text[:min(3, len(text))], true
}

func (s *talk) do(verb, line string) bool {
	s.mu.Lock()
	s.lines = append(s.lines, line)
	s.mu.Unlock()
	switch verb {
	case "EHLO":
		text := "250"
		for i, x := range append([]string{"sink.example"}, s.extensions...) {
			if i > 0 {
				text += "\r\n250"
			}
			text += "-" + x
		}
		cut := strings.LastIndex(text, "250-")
		return s.answer(line, text[:cut]+"250 "+text[cut+4:])
	case "MAIL":
		code, ok := s.reply(line, "250 2.1.0 ok")
		if code == "250" {
			s.m = mail{from: line}
		}
		return ok
	case "RCPT":
		usual := "250 2.1.5 ok"
		if s.m.from == "" {
			usual = "503 5.5.1 MAIL first"
		}
		code, ok := s.reply(line, usual)
		if ok && code == "250" {
			s.m.to = append(s.m.to, line)
		}
		return ok
	case "DATA":
		usual := "354 go ahead"
		if len(s.m.to) == 0 {
			usual = "503 5.5.1 no recipients"
		}
		code, ok := s.reply(line, usual)
		if ok && code == "354" {
			return s.data()
		}
		return ok
	case "BDAT":
		var size int
		fmt.Sscanf(line, "BDAT %d LAST", &size)
		b := make([]byte, size)
		if _, err := io.ReadFull(s.in, b); err != nil {
			return false
		}
		s.m.content = string(b)
		return s.end()
	case "STARTTLS":
		code, ok := s.reply(line, "220 2.0.0 go")
		if ok && code == "220" && s.tls != nil {
			s.out.Flush()
			t := tls.Server(s.nc, s.tls)
			if t.Handshake() != nil {
				return false
			}
			s.nc, s.in, s.out = t, bufio.NewReader(t), bufio.NewWriter(t)
		}
		return ok
	case "RSET":
		s.m = mail{}
	case "QUIT":
		s.answer(line, "221 2.0.0 bye")
		s.out.Flush()
		return false
	}
	return s.answer(line, "250 2.0.0 ok")
}

func (s *talk) data() bool {
	if s.deaf != nil {
		s.out.Flush()
		<-s.deaf
		return false
	}
	var b strings.Builder
	for {
		line, ok := s.read()
		if !ok {
			return false
		}
		if line == "." {
			break
		}
		b.WriteString(strings.TrimPrefix(line, ".") + "\r\n")
	}
	s.m.content = b.String()
	return s.end()
}

func (s *talk) end() bool {
	code, ok := s.reply(".", "250 2.0.0 taken as 1")
	if code == "250" {
		s.mu.Lock()
		s.mails = append(s.mails, s.m)
		s.mu.Unlock()
	}
	s.m = mail{}
	return ok
}

package deliver

import (
	"bytes"
	"errors"
	"io"
)

// The ways in which a peer does not speak SMTP. They end the connection.
var (
	errReplyLine  = errors.New("a reply's line is too long")
	errReplyLong  = errors.New("the reply is too long")
	errReplyCode  = errors.New("the reply has no code")
	errReplyMixed = errors.New("the reply's lines have different codes")
	errUnexpected = errors.New("unexpected SMTP response")
	errReplyEarly = errors.New("the peer spoke before it was its turn")
)

// reply is an answer of the peer (RFC 5321 4.2). It is used again for the next one, so that the usual conversation
// allocates nothing.
type reply struct {
	code  int
	text  []byte // the lines' texts, each ended by '\n'; what is beyond maxKeptReply is left out
	lines int
	size  int // octets read, the left out included
}

func (r *reply) reset() { *r = reply{text: r.text[:0]} }

func (r *reply) class() int { return r.code / 100 }

// add takes a line without its line end and tells whether it was the last.
func (r *reply) add(line []byte) (done bool, err error) {
	code, ok := replyCode(line)
	if !ok {
		return false, errReplyCode
	}
	r.size += len(line) + 2
	if r.lines++; r.lines > MaxReplyLines || r.size > MaxReply {
		return false, errReplyLong
	}
	if r.lines > 1 && code != r.code {
		return false, errReplyMixed
	}
	r.code = code
	done = len(line) == 3 || line[3] == ' '
	if len(line) > 4 && len(r.text)+len(line) <= maxKeptReply {
		r.text = append(r.text, line[4:]...)
	}
	r.text = append(r.text, '\n')
	return done, nil
}

// replyCode reads the three digits; what follows them must be a space, a hyphen or the line's end.
func replyCode(line []byte) (int, bool) {
	if len(line) < 3 || len(line) > 3 && line[3] != ' ' && line[3] != '-' {
		return 0, false
	}
	code := 0
	for _, c := range line[:3] {
		if c < '0' || c > '9' {
			return 0, false
		}
		code = code*10 + int(c-'0')
	}
	return code, code >= 200 && code < 600
}

// reader takes lines out of what the peer sends, as much with each read as there is.
type reader struct {
	buf  [MaxReplyLine]byte
	r, w int // what is read and not yet taken is buf[r:w]
}

func (b *reader) buffered() int { return b.w - b.r }

// line gives the next line without its end, CRLF or a bare LF. It is valid until the next call.
func (b *reader) line(from io.Reader) ([]byte, error) {
	seen := 0
	for {
		if i := bytes.IndexByte(b.buf[b.r+seen:b.w], '\n'); i >= 0 {
			line := b.buf[b.r : b.r+seen+i]
			if b.r += seen + i + 1; b.r == b.w {
				b.r, b.w = 0, 0
			}
			return bytes.TrimSuffix(line, []byte{'\r'}), nil
		}
		seen = b.buffered()
		if b.r > 0 && b.w == len(b.buf) {
			copy(b.buf[:], b.buf[b.r:b.w])
			b.r, b.w = 0, seen
		}
		if b.w == len(b.buf) {
			return nil, errReplyLine
		}
		n, err := from.Read(b.buf[b.w:])
		if b.w += n; n == 0 && err != nil {
			if err == io.EOF && seen > 0 {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
}

// reply reads one reply into r.
func (b *reader) reply(from io.Reader, r *reply) error {
	r.reset()
	for {
		line, err := b.line(from)
		if err != nil {
			return err
		}
		if done, err := r.add(line); done || err != nil {
			return err
		}
	}
}

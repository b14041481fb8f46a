package receive

import "bytes"

// lineState is where in a line a newlines scanner stands.
type lineState uint8

const (
	lineBegin lineState = iota // after CRLF, or at the start
	lineDot                    // after a dot that began a line; the dot was not passed on
	lineDotCR                  // after such a dot and CR; neither was passed on
	lineMiddle
	lineCR // after a CR that was not yet passed on
)

// newlines passes content on in runs as long as possible: it undoes dot-stuffing and finds the end of data (RFC 5321
// section 4.5.2) where dots is set, and finds every CR and LF that is not half of a CRLF. Only CRLF ends a line: a dot
// behind a bare LF or CR is text like any other, so that nothing but CRLF.CRLF ends a message, whatever is done with bare
// ones: they are passed on as CRLF with normalise, else as they are.
type newlines struct {
	dots      bool
	normalise bool
	state     lineState
	bare      bool // one was found
}

var crlf = []byte("\r\n")

// scan consumes p up to the end of data or all of it. It passes on by calling add.
func (s *newlines) scan(p []byte, add func([]byte)) (n int, done bool) {
	i, start := 0, 0 // p[start:i] is to be passed on
	for i < len(p) {
		switch s.state {
		case lineBegin:
			if s.dots && p[i] == '.' {
				pass(p[start:i], add)
				i++
				start, s.state = i, lineDot
				continue
			}
			s.state = lineMiddle
		case lineDot:
			if p[i] == '\r' {
				i++
				start, s.state = i, lineDotCR
				continue
			}
			s.state = lineMiddle
		case lineDotCR:
			if p[i] == '\n' {
				s.state = lineBegin
				return i + 1, true
			}
			s.bareEnd('\r', add)
			start = i
		case lineCR:
			if p[i] == '\n' {
				add(crlf)
				i++
				start, s.state = i, lineBegin
				continue
			}
			s.bareEnd('\r', add)
			start = i
		case lineMiddle:
			i, start = s.middle(p, i, start, add)
		}
	}
	pass(p[start:i], add)
	return i, false
}

// middle goes on from p[i] to behind the next line end, bare ones included, or to the end of p.
func (s *newlines) middle(p []byte, i, start int, add func([]byte)) (int, int) {
	line := p[i:]
	end := bytes.IndexByte(line, '\n')
	if end >= 0 {
		line = line[:end]
	}
	cr := bytes.IndexByte(line, '\r')
	switch {
	case cr < 0 && end < 0:
		return len(p), start
	case cr >= 0 && cr == end-1:
		s.state = lineBegin
		return i + end + 1, start
	case cr >= 0 && cr == len(line)-1 && end < 0:
		pass(p[start:i+cr], add)
		s.state = lineCR
		return len(p), len(p)
	case cr >= 0:
		pass(p[start:i+cr], add)
		s.bareEnd('\r', add)
		return i + cr + 1, i + cr + 1
	}
	pass(p[start:i+end], add)
	s.bareEnd('\n', add)
	return i + end + 1, i + end + 1
}

// bareEnd passes on a bare CR or LF; the line goes on behind it as far as dots are concerned.
func (s *newlines) bareEnd(b byte, add func([]byte)) {
	s.bare, s.state = true, lineMiddle
	if s.normalise {
		add(crlf)
		return
	}
	add([]byte{b})
}

// finish ends content that has no end mark (BDAT): a last line without its end gets one.
func (s *newlines) finish(add func([]byte)) {
	switch s.state {
	case lineCR:
		s.bareEnd('\r', add)
		if s.normalise {
			s.state = lineBegin
			return
		}
	case lineBegin:
		return
	}
	add(crlf)
	s.state = lineBegin
}

func pass(p []byte, add func([]byte)) {
	if len(p) > 0 {
		add(p)
	}
}

package receive

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
)

// The sizes of the read buffers: one for commands, one for content.
const (
	smallBuffer = 4 << 10
	largeBuffer = 32 << 10
)

var (
	smallBuffers = sync.Pool{New: func() any { return new([smallBuffer]byte) }}
	largeBuffers = sync.Pool{New: func() any { return new([largeBuffer]byte) }}
)

// errLineTooLong says that a line does not end within its limit.
var errLineTooLong = errors.New("line too long")

// input buffers what comes from a client. A client that says nothing holds no buffer: on a TCP socket one is taken from
// the pool only when there is something to read. Its owner is the goroutine that serves the conversation.
type input struct {
	conn  net.Conn
	raw   syscall.RawConn    // of a TCP socket, else nil
	ready func(uintptr) bool // tryRead, bound once
	small *[smallBuffer]byte
	large *[largeBuffer]byte
	buf   []byte // of small or large
	r, w  int    // buf[r:w] was read and not yet consumed
	wide  bool   // content is being read: the large buffer is kept between reads
	err   error  // of the last tryRead
}

// reset makes conn the source; what was buffered is dropped (RFC 3207 section 4.2: nothing survives STARTTLS).
func (in *input) reset(conn net.Conn) {
	in.release()
	in.conn, in.raw = conn, nil
	if tcp, ok := conn.(*net.TCPConn); ok {
		if raw, err := tcp.SyscallConn(); err == nil {
			in.raw, in.ready = raw, in.tryRead
		}
	}
}

// release gives the buffers back, with whatever is in them.
func (in *input) release() {
	if in.small != nil {
		smallBuffers.Put(in.small)
	}
	if in.large != nil {
		largeBuffers.Put(in.large)
	}
	in.small, in.large, in.buf, in.r, in.w = nil, nil, nil, 0, 0
}

// bytes is what was read and not yet consumed; valid until the next fill.
func (in *input) bytes() []byte { return in.buf[in.r:in.w] }

// skip consumes n bytes.
func (in *input) skip(n int) { in.r += n }

// widen takes the buffer for content.
func (in *input) widen() {
	in.wide = true
	if in.large != nil {
		return
	}
	large := largeBuffers.Get().(*[largeBuffer]byte)
	n := copy(large[:], in.bytes())
	in.release()
	in.large, in.buf, in.w = large, large[:], n
}

// narrow says that commands follow: the large buffer goes as soon as it is empty.
func (in *input) narrow() { in.wide = false }

// fill reads once, blocking until there is something. The caller leaves room: a full buffer is errLineTooLong.
func (in *input) fill() error {
	if in.r == in.w && !in.wide {
		in.release()
		if in.raw != nil {
			if err := in.raw.Read(in.ready); err != nil {
				return err
			}
			return in.err
		}
	}
	in.take()
	if in.w == len(in.buf) {
		if in.r == 0 {
			return errLineTooLong
		}
		in.w = copy(in.buf, in.bytes())
		in.r = 0
	}
	n, err := in.conn.Read(in.buf[in.w:])
	in.w += n
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// take makes sure that there is a buffer.
func (in *input) take() {
	if in.r == in.w {
		in.r, in.w = 0, 0
	}
	if in.buf == nil {
		in.small = smallBuffers.Get().(*[smallBuffer]byte)
		in.buf = in.small[:]
	}
}

// tryRead is called by the poller: it reads if there is something and returns false to wait for it.
func (in *input) tryRead(fd uintptr) bool {
	in.take()
	for {
		n, err := syscall.Read(int(fd), in.buf)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			in.release()
			return false
		case err != nil:
			in.err = err
		case n == 0:
			in.err = io.EOF
		default:
			in.w, in.err = n, nil
		}
		return true
	}
}

// line returns the next line without its end, if one is buffered, and consumes it. The end is CRLF; a bare LF is taken,
// too, for those who type. It is valid until the next fill.
func (in *input) line() ([]byte, bool) {
	b := in.bytes()
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		return nil, false
	}
	in.r += i + 1
	if i > 0 && b[i-1] == '\r' {
		i--
	}
	return b[:i], true
}

package logpush

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Limits of a connection to a syslog server.
const (
	dialTime  = 10 * time.Second // to connect, and for TLS once more
	writeTime = 10 * time.Second // for one batch to be taken
	ackTime   = 30 * time.Second // for the other end's system to acknowledge what was sent
	maxHeard  = 64 << 10         // octets that a server may say; syslog servers say nothing
)

// wire is a connection to a syslog server. Its owner is a Syslog; a goroutine of its own listens until close, for that is
// how the end of the other end shows, also while there is nothing to send.
type wire struct {
	conn      net.Conn // what is written to
	raw       net.Conn // the same below TLS
	datagrams bool
	written   *atomic.Int64 // octets, below TLS
	gone      context.Context
	leave     context.CancelCauseFunc
	heard     chan struct{} // closed when nobody listens any more
}

// counted counts what is written.
type counted struct {
	net.Conn
	written *atomic.Int64
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.written.Add(int64(n))
	return n, err
}

// errSilent says that the other end acknowledges nothing.
var errSilent = fmt.Errorf("nothing that was sent is acknowledged within %s", ackTime)

func connect(ctx context.Context, s *Syslog) (*wire, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*dialTime)
	defer cancel()
	network := "tcp"
	if s.Network == "udp" {
		network = "udp"
	}
	dial := s.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: dialTime}).DialContext
	}
	conn, err := dial(ctx, network, s.Address)
	if err != nil {
		return nil, err
	}
	w := &wire{conn: conn, raw: conn, datagrams: network == "udp", written: new(atomic.Int64), heard: make(chan struct{})}
	w.conn = &counted{conn, w.written}
	if s.Network == "tls" {
		secured := tls.Client(w.conn, s.TLS)
		if err := secured.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, err
		}
		w.conn = secured
	}
	w.gone, w.leave = context.WithCancelCause(context.WithoutCancel(ctx))
	go w.listen()
	return w, nil
}

// listen reads until the other end goes. Of a connected UDP socket a read fails when a datagram met nobody.
func (w *wire) listen() {
	defer close(w.heard)
	buf := make([]byte, 1024)
	for heard := 0; ; {
		n, err := w.conn.Read(buf)
		if heard += n; err == nil && heard > maxHeard && !w.datagrams {
			err = errors.New("the server sends what no syslog server does")
		}
		if err != nil {
			w.leave(err)
			return
		}
	}
}

// send writes messages. After an error nobody knows how many of them arrived.
func (w *wire) send(ctx context.Context, b *batch) error {
	w.conn.SetWriteDeadline(time.Now().Add(writeTime))
	hurried := context.AfterFunc(ctx, func() { w.conn.SetWriteDeadline(time.Now().Add(stopTime)) })
	defer hurried()
	if !w.datagrams {
		_, err := w.conn.Write(b.bytes)
		return err
	}
	from, first := 0, w.written.Load() == 0
	for i, end := range b.ends {
		if err := w.lost(); err != nil {
			return err
		}
		if _, err := w.conn.Write(b.bytes[from:end]); err != nil {
			return err
		}
		switch from = end; {
		case first && i == 0: // if it meets nobody, those behind it must not meet somebody
			pause(ctx, datagramsFirst)
		case i%datagramsAtOnce == datagramsAtOnce-1:
			pause(ctx, datagramsRest)
		}
	}
	return nil
}

// The pace of datagrams, of which a receiver's system keeps a few hundred until it reads them.
const (
	datagramsAtOnce = 64
	datagramsRest   = time.Millisecond
	datagramsFirst  = 20 * time.Millisecond
)

// lost tells why the other end is gone; nil: it is not, as far as we know.
func (w *wire) lost() error {
	if w.gone.Err() == nil {
		return nil
	}
	if err := context.Cause(w.gone); !errors.Is(err, io.EOF) {
		return err
	}
	return errors.New("the server closed the connection")
}

// acknowledged is how many of the octets written the other end's system has; of datagrams nobody knows.
func (w *wire) acknowledged() int64 {
	written := w.written.Load()
	raw, ok := w.raw.(syscall.Conn)
	if w.datagrams || !ok {
		return written
	}
	control, err := raw.SyscallConn()
	if err != nil {
		return written
	}
	waiting := 0
	control.Control(func(fd uintptr) { waiting, err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
	if err != nil {
		return written
	}
	return written - int64(waiting)
}

// finish says that nothing will follow, and tells whether the other end has read all: it closes its side then. Of
// datagrams it tells whether one of the last met nobody.
func (w *wire) finish(ctx context.Context) (read bool) {
	if w.datagrams {
		pause(ctx, datagramsDoubt)
		return w.gone.Err() == nil
	}
	half, ok := w.conn.(interface{ CloseWrite() error })
	if c, is := w.conn.(*counted); is {
		half, ok = c.Conn.(interface{ CloseWrite() error })
	}
	if !ok || half.CloseWrite() != nil {
		return false
	}
	select {
	case <-w.heard:
		return errors.Is(context.Cause(w.gone), io.EOF)
	case <-ctx.Done():
		return false
	}
}

// datagramsDoubt is how long the last datagrams may come back.
const datagramsDoubt = 100 * time.Millisecond

func (w *wire) close() {
	w.raw.Close()
	<-w.heard
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

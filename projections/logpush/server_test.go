package logpush

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"

	"postern/bench/freeport"
)

// server is a syslog server on a loopback port that can die and come back. What it has read before it dies it keeps.
type server struct {
	t       *testing.T
	network string
	address string
	tls     *tls.Config

	mu       sync.Mutex // guards the rest
	messages []string
	faults   []error
	open     []io.Closer
	running  sync.WaitGroup
	dead     bool
	most     int           // messages, after which nothing more is read; 0: all are
	end      chan struct{} // closed when it dies
}

func newServer(t *testing.T, network string) *server {
	at, err := freeport.Pick(network)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, network: network, address: at.String()}
	s.start()
	t.Cleanup(func() { s.die(false) })
	return s
}

func (s *server) start() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead, s.most, s.end = false, 0, make(chan struct{})
	if s.network == "udp" {
		c, err := net.ListenPacket("udp", s.address)
		if err != nil {
			s.t.Fatal(err)
		}
		s.open = append(s.open, c)
		s.running.Add(1)
		go s.datagrams(c)
		return
	}
	l, err := net.Listen("tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.open = append(s.open, l)
	s.running.Add(1)
	go s.accept(l)
}

func (s *server) accept(l net.Listener) {
	defer s.running.Done()
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.dead {
			s.mu.Unlock()
			c.Close()
			return
		}
		s.open = append(s.open, c)
		s.running.Add(1)
		s.mu.Unlock()
		go s.stream(c)
	}
}

// stream reads messages with their lengths before them, and nothing else.
func (s *server) stream(c net.Conn) {
	defer s.running.Done()
	defer c.Close()
	if s.tls != nil {
		c = tls.Server(c, s.tls)
	}
	in := bufio.NewReader(c)
	for {
		digits, err := in.ReadString(' ')
		if err != nil {
			if digits != "" && !s.isDead() && errors.Is(err, io.EOF) {
				s.fault(fmt.Errorf("a stream ends in %q", digits))
			}
			return
		}
		n, err := strconv.Atoi(digits[:len(digits)-1])
		if err != nil || n < 1 || n > maxStreamed {
			s.fault(fmt.Errorf("%q is no length", digits))
			return
		}
		message := make([]byte, n)
		if _, err := io.ReadFull(in, message); err != nil {
			return
		}
		s.take(string(message))
	}
}

func (s *server) datagrams(c net.PacketConn) {
	defer s.running.Done()
	buf := make([]byte, 65536)
	for {
		n, _, err := c.ReadFrom(buf)
		if err != nil {
			return
		}
		if n > maxDatagram {
			s.fault(fmt.Errorf("a datagram of %d octets", n))
		}
		s.take(string(buf[:n]))
	}
}

func (s *server) take(message string) {
	s.mu.Lock()
	if !s.dead {
		s.messages = append(s.messages, message)
	}
	hangs, end := s.most > 0 && len(s.messages) >= s.most, s.end
	s.mu.Unlock()
	if hangs {
		<-end
	}
}

// hang has the server read so many more messages and then no more; its system goes on taking them.
func (s *server) hang(after int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.most = len(s.messages) + max(1, after)
}

func (s *server) fault(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, err)
}

func (s *server) isDead() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dead
}

// die ends the server; abruptly: connections are reset, with all that was not read.
func (s *server) die(abruptly bool) {
	s.mu.Lock()
	s.dead = true
	for _, c := range s.open {
		if tcp, is := c.(*net.TCPConn); is && abruptly {
			tcp.SetLinger(0)
		}
		c.Close()
	}
	s.open = nil
	select {
	case <-s.end:
	default:
		close(s.end)
	}
	s.mu.Unlock()
	s.running.Wait()
}

// received are the messages so far.
func (s *server) received() []string {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := errors.Join(s.faults...); err != nil {
		s.t.Fatal(err)
	}
	return slices.Clone(s.messages)
}

func pick(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 11)) }

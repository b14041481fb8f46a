package receive

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	smtp "github.com/emersion/go-smtp"
)

// drop ends a machine that is not in a known state.
func (m *machine) drop() {
	if !m.closed {
		close(m.turn)
	}
}

// idleMachines is how many machines without work are kept.
const idleMachines = 256

// machine is one conversation of go-smtp, held in memory and lent to a client's conversation for a transaction. The two
// goroutines take turns: ask feeds one line and waits, Read delivers the reply to the line before and waits for the next
// one; so all fields but the channels belong to whoever's turn it is. go-smtp calls the Session's methods in its turn, and
// there they may use the conversation, which stands still in ask.
type machine struct {
	turn chan struct{} // go-smtp may go on; closed: it ends
	back chan struct{} // the reply is complete

	conversation *conversation // the borrower
	line         []byte        // fed, from read on
	read         int
	reply        []byte // what go-smtp has written since
	asked        bool   // a reply is awaited
	dot          bool   // the content was read, go-smtp reads its end mark next
	closed       bool   // go-smtp has given up (a panic in a Session)
}

// ask feeds a command (its pieces) and returns go-smtp's reply, valid until the next ask.
func (m *machine) ask(pieces ...string) []byte {
	if m.closed {
		return []byte(replyInternal + "\r\n")
	}
	m.line, m.read = m.line[:0], 0
	for _, p := range pieces {
		m.line = append(m.line, p...)
	}
	m.line = append(m.line, "\r\n"...)
	m.reply = m.reply[:0]
	m.asked = true
	m.turn <- struct{}{}
	<-m.back
	return m.reply
}

// Read is called by go-smtp, for its next line.
func (m *machine) Read(p []byte) (int, error) {
	if m.closed {
		return 0, io.EOF
	}
	if m.read == len(m.line) {
		if m.dot {
			m.dot = false
			m.line, m.read = append(m.line[:0], ".\r\n"...), 0
		} else {
			if m.asked {
				m.asked = false
				m.back <- struct{}{}
			}
			if _, more := <-m.turn; !more {
				return 0, io.EOF
			}
		}
	}
	n := copy(p, m.line[m.read:])
	m.read += n
	return n, nil
}

// Write is called by go-smtp, once for each line of a reply.
func (m *machine) Write(p []byte) (int, error) {
	m.reply = append(m.reply, p...)
	return len(p), nil
}

// Close is called by go-smtp when it ends; unasked for, that is after a panic.
func (m *machine) Close() error {
	if m.closed {
		return nil
	}
	m.closed = true
	if m.asked {
		m.asked = false
		m.back <- struct{}{}
	}
	return nil
}

func (m *machine) LocalAddr() net.Addr              { return memory{} }
func (m *machine) RemoteAddr() net.Addr             { return memory{} }
func (m *machine) SetDeadline(time.Time) error      { return nil }
func (m *machine) SetReadDeadline(time.Time) error  { return nil }
func (m *machine) SetWriteDeadline(time.Time) error { return nil }

type memory struct{}

func (memory) Network() string { return "memory" }
func (memory) String() string  { return "memory" }

// machines keeps go-smtp's conversations; it is the listener go-smtp accepts them from.
type machines struct {
	server *smtp.Server
	accept chan net.Conn
	ended  chan struct{} // closed by Close
	done   chan struct{} // go-smtp's accept loop has returned

	mu     sync.Mutex
	idle   []*machine
	closed bool
}

// newMachines starts go-smtp; Close ends it. problem is told of panics.
func newMachines(problem func(error)) *machines {
	ms := &machines{accept: make(chan net.Conn), ended: make(chan struct{}), done: make(chan struct{})}
	ms.server = smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &session{machine: c.Conn().(*machine)}, nil
	}))
	ms.server.Domain = "postern"
	ms.server.MaxLineLength = 0 // lines are judged before they come here
	ms.server.ErrorLog = errorLog(problem)
	go func() {
		defer close(ms.done)
		_ = ms.server.Serve(ms) // returns net.ErrClosed
	}()
	return ms
}

// borrow lends a machine, after EHLO and without a transaction, or nil when receiving has ended.
func (ms *machines) borrow(c *conversation) *machine {
	ms.mu.Lock()
	if n := len(ms.idle); n > 0 {
		m := ms.idle[n-1]
		ms.idle = ms.idle[:n-1]
		ms.mu.Unlock()
		m.conversation = c
		return m
	}
	ms.mu.Unlock()
	m := &machine{turn: make(chan struct{}, 1), back: make(chan struct{}, 1), conversation: c, asked: true}
	select {
	case ms.accept <- m:
	case <-ms.ended:
		return nil
	}
	<-m.back // the greeting
	m.ask("EHLO postern")
	return m
}

// giveBack takes a machine whose transaction has ended.
func (ms *machines) giveBack(m *machine) {
	if m.closed {
		return
	}
	m.conversation = nil
	ms.mu.Lock()
	defer ms.mu.Unlock()
	if ms.closed || len(ms.idle) >= idleMachines {
		close(m.turn)
		return
	}
	ms.idle = append(ms.idle, m)
}

// Accept is called by go-smtp.
func (ms *machines) Accept() (net.Conn, error) {
	select {
	case m := <-ms.accept:
		return m, nil
	case <-ms.ended:
		return nil, net.ErrClosed
	}
}

// Addr is part of net.Listener.
func (ms *machines) Addr() net.Addr { return memory{} }

// Close ends the idle machines; those that are lent end when they come back.
func (ms *machines) Close() error {
	ms.mu.Lock()
	if ms.closed {
		ms.mu.Unlock()
		return nil
	}
	ms.closed = true
	idle := ms.idle
	ms.idle = nil
	ms.mu.Unlock()
	for _, m := range idle {
		close(m.turn)
	}
	close(ms.ended)
	<-ms.done
	return nil
}

// errorLog hands on what go-smtp wants to log: panics, above all.
type errorLog func(error)

func (l errorLog) Printf(format string, v ...any) { l(fmt.Errorf(format, v...)) }
func (l errorLog) Println(v ...any)               { l(errors.New(fmt.Sprintln(v...))) }

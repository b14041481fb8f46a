package shell

import (
	"bytes"
	"errors"
	"os"
	"sync"
	"unicode/utf8"

	"github.com/c-bata/go-prompt"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// console reads keys for go-prompt, instead of its own parser. That one leaves the terminal raw, drops what is typed
// ahead and takes a pasted line for text; this one keeps the terminal's settings and gives them back, and hands out one
// key, or one run of plain characters, at a time. After the key that ends a line it is shut until the next Setup: what
// follows belongs to whoever reads next.
type console struct {
	f *os.File

	mu          sync.Mutex
	saved       *term.State // nil: the terminal is as it was found
	typed       []byte      // read and not handed out yet
	shut        bool
	last        byte            // of the last key, its first
	drawn       *prompt.WinSize // the size that the line in hand is drawn for; nil: go-prompt does not read
	redraw      bool            // the terminal has another one
	gone        bool            // nobody is there any more
	asking      bool            // a question is open: Ctrl-C and Ctrl-D leave it
	interrupted bool            // it was left so
}

// Keys that a console tells apart.
const (
	keyCtrlC     = 0x03
	keyCtrlD     = 0x04
	keyLineEnd   = 0x05
	keyBackspace = 0x08
	keyNewline   = 0x0a
	keyEnter     = 0x0d
	keyCut       = 0x15
	keyEscape    = 0x1b
	keyDelete    = 0x7f
)

// keyNothing is a key that go-prompt knows and that does nothing.
const keyNothing = "\x1b[E"

// errNoKey says that no key was pressed within a moment.
var errNoKey = errors.New("no key")

// keyPatience is how long a read waits for a key, in milliseconds; go-prompt looks for its end between reads.
const keyPatience = 20

// Setup implements prompt.ConsoleParser: it makes the terminal raw. Output keeps its line ends.
func (k *console) Setup() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.shut, k.redraw = false, false
	if k.saved != nil {
		return nil
	}
	saved, err := term.MakeRaw(int(k.f.Fd()))
	if err != nil {
		return err
	}
	k.saved = saved
	t, err := unix.IoctlGetTermios(int(k.f.Fd()), unix.TCGETS)
	if err != nil {
		return err
	}
	t.Oflag |= unix.OPOST | unix.ONLCR
	return unix.IoctlSetTermios(int(k.f.Fd()), unix.TCSETS, t)
}

// TearDown implements prompt.ConsoleParser: the terminal is again as it was found.
func (k *console) TearDown() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.drawn = nil
	if k.saved == nil {
		return nil
	}
	err := term.Restore(int(k.f.Fd()), k.saved)
	k.saved = nil
	return err
}

// endless is a height at which go-prompt never draws its complaint about small windows instead of the line.
const endless = 1 << 15

// GetWinSize implements prompt.ConsoleParser: go-prompt asks as it begins with a line.
func (k *console) GetWinSize() *prompt.WinSize {
	size := k.size()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.drawn = size
	return &prompt.WinSize{Row: endless, Col: size.Col}
}

// size is that of the terminal. One that does not know its size, or is too small to draw in, counts as 80 by 24.
func (k *console) size() *prompt.WinSize {
	w, h, err := term.GetSize(int(k.f.Fd()))
	if err != nil || w < 20 || h < 3 {
		w, h = 80, 24
	}
	return &prompt.WinSize{Row: uint16(h), Col: uint16(w)}
}

// Read implements prompt.ConsoleParser.
func (k *console) Read() ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.shut {
		return nil, errNoKey
	}
	if k.drawn != nil && *k.drawn != *k.size() {
		k.redraw, k.shut = true, true
		return []byte(keyNothing), nil
	}
	if key := k.next(); key != nil {
		return key, nil
	}
	if err := k.fill(); err != nil {
		return nil, err
	}
	if key := k.next(); key != nil {
		return key, nil
	}
	return nil, errNoKey
}

// fill reads what was typed. A terminal that went away is a person who leaves.
func (k *console) fill() error {
	if k.gone {
		k.typed = []byte{keyLineEnd, keyCut, keyCtrlD}
		return nil
	}
	ready := []unix.PollFd{{Fd: int32(k.f.Fd()), Events: unix.POLLIN}}
	if n, err := unix.Poll(ready, keyPatience); err != nil || n == 0 {
		return errNoKey
	}
	b := make([]byte, 4096)
	n, err := unix.Read(int(k.f.Fd()), b)
	if n > 0 {
		k.typed = append(k.typed, b[:n]...)
		return nil
	}
	if err == unix.EINTR || err == unix.EAGAIN {
		return errNoKey
	}
	k.gone = true
	return errNoKey
}

// next takes the next key, or run of characters, from what was typed; nil: there is no whole one.
func (k *console) next() []byte {
	if len(k.typed) == 0 {
		return nil
	}
	n := 1
	switch first := k.typed[0]; {
	case first == keyEscape:
		n = sequence(k.typed)
	case first >= 0x20 && first != keyDelete:
		if n = characters(k.typed); n == 0 {
			return nil
		}
	case k.asking && (first == keyCtrlC || first == keyCtrlD):
		// go-prompt cannot tell a question that was left from one answered with Enter: empty the line, end it, remember.
		k.interrupted = true
		k.typed = []byte{keyLineEnd, keyCut, keyEnter}
	case first == keyEnter && len(k.typed) > 1 && k.typed[1] == keyNewline:
		k.typed = k.typed[1:]
	}
	key := bytes.Clone(k.typed[:n])
	k.typed = k.typed[n:]
	k.last = key[0]
	k.shut = k.last == keyEnter || k.last == keyNewline
	return key
}

// characters is the length of the run of plain characters at the start, without one whose end has not come yet.
func characters(b []byte) int {
	n := 0
	for n < len(b) && b[n] >= 0x20 && b[n] != keyDelete {
		if !utf8.FullRune(b[n:]) {
			break
		}
		_, size := utf8.DecodeRune(b[n:])
		n += size
	}
	return n
}

// sequence is the length of the escape sequence at the start: one that go-prompt knows, else a whole one all the same,
// so that its rest is not taken for text.
func sequence(b []byte) int {
	n := 1
	for _, s := range prompt.ASCIISequences {
		if len(s.ASCIICode) > n && bytes.HasPrefix(b, s.ASCIICode) {
			n = len(s.ASCIICode)
		}
	}
	if n > 1 || len(b) < 3 || b[1] != '[' {
		return n
	}
	for i, c := range b[2:] {
		if c >= 0x40 && c <= 0x7e {
			return i + 3
		}
	}
	return len(b)
}

// ask tells the console that a question is open, and afterwards whether it was left.
func (k *console) ask() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asking, k.interrupted = true, false
}

func (k *console) answered() (interrupted bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	interrupted, k.asking, k.interrupted = k.interrupted, false, false
	if interrupted {
		k.typed = nil
	}
	return interrupted
}

// ahead tells whether something was typed that nobody has asked for yet.
func (k *console) ahead() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.typed) > 0
}

// forget drops what was typed ahead: who interrupts a command does not want the rest of the paste.
func (k *console) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.typed = nil
}

// wantsRedraw tells whether the line in hand has to be drawn anew, for a terminal of another size.
func (k *console) wantsRedraw() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.redraw
}

// ended tells whether the last line was ended, and not left.
func (k *console) ended() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.last == keyEnter || k.last == keyNewline
}

// hungUp tells whether nobody is there any more.
func (k *console) hungUp() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.gone
}

// hangUp has whoever reads next find that nobody is there any more.
func (k *console) hangUp() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.gone, k.typed = true, nil
}

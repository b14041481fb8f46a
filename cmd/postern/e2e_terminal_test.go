package main

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"postern/bench"
)

// typist is a person at a pseudo-terminal with the shell on it.
type typist struct {
	t       *testing.T
	tty     *os.File
	command *exec.Cmd
	ended   chan error

	mu     sync.Mutex
	screen bytes.Buffer // all that was ever written to the terminal
	read   int          // of it, what wait has seen
}

// sitDown starts the shell of g on a terminal of that size.
func sitDown(t *testing.T, g *bench.Gateway, rows, columns uint16) *typist {
	t.Helper()
	p := &typist{t: t, command: exec.Command(binary, "shell", "--data", g.Data), ended: make(chan error, 1)}
	p.command.Env = append(os.Environ(), "TERM=xterm", "HOME="+t.TempDir(), "SSH_CONNECTION=192.0.2.7 50000 192.0.2.1 22")
	var err error
	if p.tty, err = pty.StartWithSize(p.command, &pty.Winsize{Rows: rows, Cols: columns}); err != nil {
		t.Fatal(err)
	}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		b := make([]byte, 4096)
		for {
			n, err := p.tty.Read(b)
			p.mu.Lock()
			p.screen.Write(b[:n])
			p.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	go func() { p.ended <- p.command.Wait() }()
	t.Cleanup(func() {
		p.command.Process.Kill()
		p.tty.Close()
		<-copied
		if t.Failed() {
			t.Logf("the terminal got: %q", p.all())
		}
	})
	p.wait("> ")
	return p
}

func (p *typist) press(keys string) {
	p.t.Helper()
	if _, err := p.tty.WriteString(keys); err != nil {
		p.t.Fatal(err)
	}
}

// wait waits until text stands on the terminal, behind what was waited for before.
func (p *typist) wait(text string) {
	p.t.Helper()
	eventually(p.t, "the terminal shows "+text, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		i := bytes.Index(p.screen.Bytes()[p.read:], []byte(text))
		if i >= 0 {
			p.read += i + len(text)
		}
		return i >= 0
	})
}

// prompted waits until an empty prompt is drawn: go-prompt erases what is below as it draws one.
func (p *typist) prompted() {
	p.t.Helper()
	p.wait("> \x1b[0;39;49m\x1b[0;39;49m\x1b[0;39;49m\x1b[J")
}

// seen gives all that was written since the last wait.
func (p *typist) seen() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.screen.String()[p.read:]
}

func (p *typist) all() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.screen.String()
}

// leaves waits for the end of the shell.
func (p *typist) leaves() {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
		p.t.Fatal("the shell did not end")
	}
}

func shellGateway(t *testing.T) *bench.Gateway {
	return runGateway(t, runSink(t), "")
}

// TestShellCompletes types the beginning of a command, takes what is suggested, and has it run.
func TestShellCompletes(t *testing.T) {
	p := sitDown(t, shellGateway(t), 50, 100)
	p.press("sta")
	p.wait("counters, rates and gauges")
	p.press("\t\r")
	p.wait("System status:               Online")
	p.prompted()
	p.press("status d")
	p.wait("detail")
	p.press("\t\r")
	p.wait("Rates (Events Per Hour):")
}

// TestShellGivesTheTerminalBack leaves in each way, and compares the terminal's settings.
func TestShellGivesTheTerminalBack(t *testing.T) {
	g := shellGateway(t)
	typing := func(keys string) func(*typist) { return func(p *typist) { p.press(keys) } }
	signalled := func(s os.Signal, keys, then string) func(*typist) {
		return func(p *typist) {
			p.press(keys)
			if then != "" {
				p.wait(then)
			}
			p.command.Process.Signal(s)
		}
	}
	for name, leave := range map[string]func(*typist){"exit": typing("exit\r"), "quit": typing("quit\r"), "Ctrl-D": typing("\x04"), "in any case": typing("EXIT\r"),
		"told to end": signalled(syscall.SIGTERM, "stat", "stat"), "told to end in a question": signalled(syscall.SIGTERM, "hoststatus\rhalf", "half"),
		"told to end in a display": signalled(syscall.SIGTERM, "rate 1\r", "K-Used"), "the line was lost": signalled(syscall.SIGHUP, "", "")} {
		t.Run(name, func(t *testing.T) {
			tty, slave, err := pty.Open()
			if err != nil {
				t.Fatal(err)
			}
			defer tty.Close()
			defer slave.Close()
			before, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
			if err != nil {
				t.Fatal(err)
			}
			c := exec.Command(binary, "shell", "--data", g.Data)
			c.Env = append(os.Environ(), "TERM=xterm", "HOME="+t.TempDir())
			c.Stdin, c.Stdout, c.Stderr = slave, slave, slave
			c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
			p := &typist{t: t, tty: tty, command: c, ended: make(chan error, 1)}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			go func() { p.ended <- c.Wait() }()
			go func() {
				b := make([]byte, 4096)
				for {
					n, err := tty.Read(b)
					if err != nil {
						return
					}
					p.mu.Lock()
					p.screen.Write(b[:n])
					p.mu.Unlock()
				}
			}()
			p.prompted()
			p.press("help exit\r")
			p.wait("leave the shell")
			p.prompted()
			leave(p)
			p.leaves()
			after, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
			if err != nil {
				t.Fatal(err)
			}
			if *before != *after {
				t.Errorf("settings before %+v, after %+v", *before, *after)
			}
		})
	}
}

// TestShellStaysAtCtrlC presses it at the prompt, with and without text.
func TestShellStaysAtCtrlC(t *testing.T) {
	p := sitDown(t, shellGateway(t), 50, 100)
	p.press("\x03")
	p.prompted()
	p.press("stat\x03")
	p.prompted()
	p.press("help exit\r")
	p.wait("leave the shell")
}

// TestShellTakesPastes runs several lines that came at once, in their order, and none twice.
func TestShellTakesPastes(t *testing.T) {
	p := sitDown(t, shellGateway(t), 24, 80)
	p.press("help exit\rno-such-command\r\nhelp status\rexit\r")
	p.wait("leave the shell")
	p.wait("Unknown command or missing feature key: no-such-command")
	p.wait("status [detail] [--at MOMENT] [--json]")
	p.leaves()
	if n := strings.Count(p.all(), "leave the shell\r\n\r\n"); n != 1 {
		t.Errorf("the first command ran %d times", n)
	}
}

// TestShellPages stops a long output at each full screen, as high as the screen is now.
func TestShellPages(t *testing.T) {
	p := sitDown(t, shellGateway(t), 60, 100)
	p.press("status\r")
	p.wait("Kilobytes Free")
	if strings.Contains(p.all(), "-Press Any Key For More-") {
		t.Error("it stopped though all fitted on the screen")
	}
	p.prompted()
	if err := pty.Setsize(p.tty, &pty.Winsize{Rows: 12, Cols: 100}); err != nil {
		t.Fatal(err)
	}
	p.press("status\r")
	p.wait("-Press Any Key For More-")
	if got := p.seen(); strings.Contains(got, "Kilobytes Free") {
		t.Error("it went on without a key")
	}
	p.press(" ")
	p.wait("-Press Any Key For More-")
	p.press("q")
	p.prompted()
	p.press("help exit\r")
	p.wait("leave the shell")
}

// TestShellShowsChangesInThePrompt alone, by a space: AsyncOS says no more of what waits for a commit.
func TestShellShowsChangesInThePrompt(t *testing.T) {
	p := sitDown(t, shellGateway(t), 50, 100)
	p.press("smtproutes new a.test 127.0.0.1\r")
	p.wait("will be delivered to 127.0.0.1\r\n")
	p.prompted()
	if said := regexp.MustCompile(`will be delivered to 127\.0\.0\.1\r\n[^\r\n]* > `); !said.MatchString(p.all()) {
		t.Error("the prompt does not follow the answer")
	}
}

// TestShellFromAPipe reads commands line by line; its exit status is the last one's.
func TestShellFromAPipe(t *testing.T) {
	g := shellGateway(t)
	for input, want := range map[string]int{"status\nexit\n": exitDone, "status\nfrobnicate\n": exitRefused, "frobnicate\nstatus": exitDone, "status 'detail\n": exitRefused,
		"snmpconfig\nsetup\n": exitRefused, "status --help\n": exitDone} { // the first lacks answers
		c := exec.Command(binary, "shell", "--data", g.Data)
		c.Env = append(os.Environ(), "HOME="+t.TempDir())
		c.Stdin = strings.NewReader(input)
		out, _ := c.Output()
		if got := c.ProcessState.ExitCode(); got != want {
			t.Errorf("%q: exit status %d, want %d:\n%s", input, got, want, out)
		}
		if bytes.ContainsRune(out, '\x1b') {
			t.Errorf("%q: escapes in a pipe: %q", input, out)
		}
	}
}

func (p *typist) resize(rows, columns uint16) {
	p.t.Helper()
	if err := pty.Setsize(p.tty, &pty.Winsize{Rows: rows, Cols: columns}); err != nil {
		p.t.Fatal(err)
	}
}

// TestShellIsResizedInALine changes the size in the midst of a line, so that it takes two lines and one again. It is drawn
// anew at once, nothing of it is lost, and it runs as it was typed.
func TestShellIsResizedInALine(t *testing.T) {
	p := sitDown(t, shellGateway(t), 24, 100)
	const host = "a-rather-long-name.example"
	p.press("hoststatus a-rather")
	p.wait("a-rather")
	p.resize(20, 30)
	p.wait("hoststatus a-rather")
	p.press("-long-name")
	p.wait("-long-name")
	p.resize(40, 132)
	p.wait("hoststatus a-rather-long-name")
	p.press(".exam\x1b[D\x1b[D\x1b[D\x1b[D") // the cursor stands behind the point
	p.wait(".exam")
	p.resize(60, 60)
	p.wait("hoststatus a-rather-long-name.exam")
	p.press("\x05ple\r")
	p.wait("Host mail status for: '" + host + "'")
	p.prompted()
	if n := strings.Count(p.all(), "Host mail status"); n != 1 {
		t.Errorf("it ran %d times", n)
	}
}

// TestShellOnSixLines works where there is no room for eight suggestions.
func TestShellOnSixLines(t *testing.T) {
	p := sitDown(t, shellGateway(t), 6, 80)
	p.press("d")
	p.wait("the gateway's date and time")
	if strings.Contains(p.all(), "too small") || strings.Contains(p.all(), "empty the DNS cache") {
		t.Errorf("the screen shows %q", p.all())
	}
	p.press("ate\r")
	p.wait(time.Now().Format(" 2006 "))
	p.prompted()
}

// TestShellIsResizedAllTheTime presses Enter while the window is being dragged.
func TestShellIsResizedAllTheTime(t *testing.T) {
	p := sitDown(t, shellGateway(t), 24, 100)
	for i := range uint16(100) {
		p.resize(24+i%3, 80+i)
		p.press("\r")
		p.prompted()
	}
	p.press("help exit\r")
	p.wait("leave the shell")
	p.prompted()
	p.press("exit\r")
	p.leaves()
}

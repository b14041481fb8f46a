package bench

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"postern/bench/freeport"
)

// Gateway is the real binary, run as a process of its own on a data directory and loopback ports. One goroutine uses it.
type Gateway struct {
	Binary   string
	Data     string
	Address  string   // where it accepts mail, set by Configure
	Hostname string   // "": gateway.test
	Listener string   // more TOML for the listener's table
	Args     []string // after "serve --data DIR"

	process *exec.Cmd
	started time.Time // of the process
	ended   chan struct{}
	words   words
}

// Said is what the processes have said on standard error.
func (g *Gateway) Said() string { return g.words.all() }

// Configure writes postern.toml: a private listener on a free loopback port and one route for all mail; extra is more
// TOML, tables that this text does not have.
func (g *Gateway) Configure(route, extra string) error {
	address, err := freePort()
	if err != nil {
		return err
	}
	g.Address = address
	if err := os.MkdirAll(g.Data, 0o750); err != nil {
		return err
	}
	text := fmt.Sprintf("hostname = %q\n\n[[listener]]\nname = \"In\"\nkind = \"private\"\naddress = %q\n%s\n\n[[smtp_route]]\ndomain = \"ALL\"\nto = [%q]\n\n%s\n",
		cmp.Or(g.Hostname, "gateway.test"), address, g.Listener, route, extra)
	return os.WriteFile(filepath.Join(g.Data, "postern.toml"), []byte(text), 0o640)
}

func freePort() (string, error) {
	at, err := freeport.Pick("tcp")
	return at.String(), err
}

// Start runs the binary and returns how long it took until a client was greeted.
func (g *Gateway) Start(patience time.Duration) (time.Duration, error) {
	g.process = exec.Command(g.Binary, append([]string{"serve", "--data", g.Data}, g.Args...)...)
	g.process.Stderr = &g.words
	g.words.begin()
	started := time.Now()
	g.started = started
	if err := g.process.Start(); err != nil {
		return 0, err
	}
	ended, process := make(chan struct{}), g.process
	g.ended = ended
	go func() {
		process.Wait()
		close(ended)
	}()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for time.Since(started) < patience {
		if greets(g.Address) {
			return time.Since(started), nil
		}
		select {
		case <-ended:
			return 0, fmt.Errorf("the gateway ended at its start: %s: %s", process.ProcessState, g.Said())
		case <-tick.C:
		}
	}
	g.Kill()
	return 0, fmt.Errorf("no greeting within %v: %s", patience, g.Said())
}

func greets(address string) bool {
	c, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return false
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(2 * time.Second))
	line, _ := bufio.NewReader(c).ReadString('\n')
	fmt.Fprint(c, "QUIT\r\n")
	return strings.HasPrefix(line, "220")
}

// Kill ends the process as a crash would, and waits until it is gone.
func (g *Gateway) Kill() {
	g.process.Process.Kill()
	<-g.ended
}

// Stop asks the process to end, and fails when it does not do so in order within patience.
func (g *Gateway) Stop(patience time.Duration) error {
	if err := g.process.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-g.ended:
	case <-time.After(patience):
		g.process.Process.Signal(syscall.SIGQUIT) // its stacks go to Said
		select {
		case <-g.ended:
		case <-time.After(5 * time.Second):
			g.Kill()
		}
		return fmt.Errorf("the gateway did not stop within %v", patience)
	}
	if code := g.process.ProcessState.ExitCode(); code != 0 {
		return errors.New("the gateway ended with " + g.process.ProcessState.String())
	}
	return nil
}

// Signal sends the process a signal.
func (g *Gateway) Signal(s os.Signal) error { return g.process.Process.Signal(s) }

// Await waits until the process has ended by itself, and gives its exit status.
func (g *Gateway) Await(patience time.Duration) (int, error) {
	select {
	case <-g.ended:
		return g.process.ProcessState.ExitCode(), nil
	case <-time.After(patience):
		return 0, fmt.Errorf("the gateway did not end within %v", patience)
	}
}

// Running tells whether the process is there.
func (g *Gateway) Running() bool {
	select {
	case <-g.ended:
		return false
	default:
		return true
	}
}

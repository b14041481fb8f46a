package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"postern/bench/load"
	"postern/bench/sink"
)

// pictureColumns and pictureRows are the size of the terminal that is pictured.
const (
	pictureColumns = 82
	pictureRows    = 64
)

// Picture writes a picture of the shell in front of a gateway under load, as an SVG: an operator's session in tmux, which
// has to be installed.
func Picture(ctx context.Context, binary, file string) error {
	if _, err := exec.LookPath("tmux"); err != nil {
		return fmt.Errorf("the picture is taken in tmux: %w", err)
	}
	dir, err := os.MkdirTemp("", "postern-picture-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	peer := &sink.Sink{Delay: func() time.Duration { return 400 * time.Millisecond }}
	if err := peer.Listen("127.0.0.1:0"); err != nil {
		return err
	}
	defer peer.Close()
	dead, err := freePort()
	if err != nil {
		return err
	}
	g := &Gateway{Binary: binary, Data: filepath.Join(dir, "data"), Hostname: "mail3.example.com"}
	if err := g.Configure(peer.Address().String(), fmt.Sprintf("[[smtp_route]]\ndomain = \"excite.example\"\nto = [%q]\n", dead)); err != nil {
		return err
	}
	if _, err := g.Start(20 * time.Second); err != nil {
		return err
	}
	defer func() { g.Kill() }()
	loading, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		load.Run(loading, load.Config{Address: g.Address, Clients: 10, KeepOpen: true, Rate: 200, Size: 2048, Sender: "news@lists.example", Recipient: pictured})
	}()
	lines, err := session(ctx, &terminalOf{dir: dir, shell: fmt.Sprintf("HOME=%s %s shell --data %s", dir, binary, g.Data)})
	stop()
	<-done
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(screenSVG(lines, pictureColumns, "An operator's session in the shell: tophosts, status, and the completion of a command")), 0o644)
}

// pictured is the recipient of the n-th message: some hosts have more mail than others, one is down, and some addresses
// are refused, for good or for now.
func pictured(n int) string {
	hosts := []string{"aol.example", "hotmail.example", "aol.example", "yahoo.example", "hotmail.example", "aol.example", "excite.example", "msn.example"}
	who := "user"
	switch {
	case n%37 == 1:
		who = "bounce"
	case n%11 == 2:
		who = "defer"
	}
	return fmt.Sprintf("%s-%d@%s", who, n, hosts[n%len(hosts)])
}

// session types what the picture shows, and returns the screen.
func session(ctx context.Context, t *terminalOf) (screen []string, err error) {
	if err := t.open(ctx); err != nil {
		return nil, err
	}
	defer t.tmux(context.WithoutCancel(ctx), "kill-server")
	if err := t.shows(ctx, "mail3.example.com>"); err != nil {
		return nil, err
	}
	if err := pause(ctx, 12*time.Second); err != nil { // mail comes and goes meanwhile
		return nil, err
	}
	for _, step := range []struct{ keys, then string }{
		{"tophosts", "tophosts"}, {"Enter", "[1]>"}, {"1", "[1]> 1"}, {"Enter", "msn.example"},
		{"status", "> status"}, {"Enter", "Kilobytes Free"}, {"host", "hostrate"},
	} {
		if _, err := t.tmux(ctx, "send-keys", "-t", "s", step.keys); err != nil {
			return nil, err
		}
		if err := t.shows(ctx, step.then); err != nil {
			return nil, err
		}
	}
	if err := pause(ctx, 300*time.Millisecond); err != nil {
		return nil, err
	}
	text, err := t.tmux(ctx, "capture-pane", "-t", "s", "-e", "-p")
	return strings.Split(strings.TrimRight(text, "\n "), "\n"), err
}

// terminalOf is a terminal in tmux with the shell on it.
type terminalOf struct{ dir, shell string }

func (t *terminalOf) open(ctx context.Context) error {
	_, err := t.tmux(ctx, "-f", "/dev/null", "new-session", "-d", "-s", "s", "-x", fmt.Sprint(pictureColumns), "-y", fmt.Sprint(pictureRows), t.shell)
	return err
}

func (t *terminalOf) tmux(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "tmux", append([]string{"-u", "-S", filepath.Join(t.dir, "tmux")}, args...)...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("tmux %s: %w: %s", args[0], err, out)
	}
	return string(out), nil
}

// shows waits until text stands on the screen.
func (t *terminalOf) shows(ctx context.Context, text string) error {
	wait, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		screen, err := t.tmux(wait, "capture-pane", "-t", "s", "-p")
		if err == nil && strings.Contains(screen, text) {
			return nil
		}
		if late := pause(wait, 50*time.Millisecond); late != nil {
			return errors.Join(fmt.Errorf("the terminal does not show %q: %w", text, late), err)
		}
	}
}

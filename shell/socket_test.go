package shell

import (
	"context"
	"errors"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// standing is a gateway that says who it is.
type standing struct {
	notRunning
	name string
}

func (s standing) Identity(context.Context) (Identity, error) { return Identity{Hostname: s.name}, nil }

// listening runs an admin socket until the test ends.
func listening(t *testing.T, a *Admin, data string) {
	t.Helper()
	if err := a.Listen(data); err != nil {
		t.Fatal(err)
	}
	if err := a.Share(-1); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- a.Serve() }()
	t.Cleanup(func() {
		a.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func hostname(t *testing.T, r *Remote) string {
	t.Helper()
	id, err := r.Identity(t.Context())
	if err != nil {
		t.Fatalf("%+v: %v", r, err)
	}
	return id.Hostname
}

// The service's socket answers for its own data directory, also to those who cannot look into that, and for no other.
func TestServiceSocket(t *testing.T) {
	data, other, run := t.TempDir(), t.TempDir(), t.TempDir()
	listening(t, &Admin{Gateway: standing{name: "one"}, Runtime: run}, data)
	if got := hostname(t, &Remote{Data: data, Service: t.TempDir()}); got != "one" {
		t.Errorf("through the data directory: %q", got)
	}
	os.Remove(filepath.Join(data, socketName))
	if got := hostname(t, &Remote{Data: data, Service: run}); got != "one" {
		t.Errorf("beside the data directory: %q", got)
	}
	if _, err := (&Remote{Data: other, Service: run}).Identity(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("for another data directory: %v", err)
	}
	// A second gateway of the same service does not take the socket away.
	listening(t, &Admin{Gateway: standing{name: "two"}, Runtime: run}, other)
	if one, two := hostname(t, &Remote{Data: data, Service: run}), hostname(t, &Remote{Data: other, Service: run}); one != "one" || two != "two" {
		t.Errorf("of two: %q, %q", one, two)
	}
}

// Nothing is left of a socket that was closed, and what a crash leaves is replaced.
func TestSocketComesAndGoes(t *testing.T) {
	data, run := t.TempDir(), t.TempDir()
	for _, runtime := range []string{"", run, run, ""} {
		left, err := net.Listen("unix", filepath.Join(run, socketName))
		if err != nil {
			t.Fatal(err)
		}
		left.(*net.UnixListener).SetUnlinkOnClose(false)
		left.Close()
		a := &Admin{Gateway: standing{name: "here"}, Runtime: runtime}
		if err := a.Listen(data); err != nil {
			t.Fatal(err)
		}
		go a.Serve()
		hostname(t, &Remote{Data: data, Service: t.TempDir()})
		a.Close()
		if _, err := os.Lstat(filepath.Join(data, socketName)); !os.IsNotExist(err) {
			t.Errorf("left in the data directory: %v", err)
		}
		os.Remove(filepath.Join(run, socketName))
	}
}

// The group gets to the socket, and to nothing else; nobody else gets anywhere.
func TestSocketIsForItsGroup(t *testing.T) {
	g, err := user.LookupGroupId(strconv.Itoa(os.Getegid()))
	if err != nil {
		t.Skip("no group of our own:", err)
	}
	for _, c := range []struct {
		group       string
		data        os.FileMode
		dir, socket os.FileMode
	}{
		{"", 0o700, 0o700, 0o600},
		{"", 0o755, 0o755, 0o600},
		{g.Name, 0o700, 0o710, 0o660},
		{g.Name, 0o750, 0o750, 0o660},
		{g.Name, 0o711, 0o711, 0o660},
	} {
		data := t.TempDir()
		if err := os.Chmod(data, c.data); err != nil {
			t.Fatal(err)
		}
		listening(t, &Admin{Gateway: standing{}, Group: c.group}, data)
		if dir, socket := modeOf(t, data), modeOf(t, filepath.Join(data, socketName)); dir != c.dir || socket != c.socket {
			t.Errorf("group %q, directory %o: directory %o, socket %o", c.group, c.data, dir, socket)
		}
	}
	if err := (&Admin{Group: "no-such-group"}).Share(-1); err == nil || !strings.Contains(err.Error(), "no-such-group") {
		t.Errorf("a group that does not exist: %v", err)
	}
}

func modeOf(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

// A gateway that takes the call and says nothing is given up, in one sentence.
func TestSilentGateway(t *testing.T) {
	data := t.TempDir()
	ln, err := net.Listen("unix", filepath.Join(data, socketName))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, err = (&Remote{Data: data, Limit: 50 * time.Millisecond}).Identity(t.Context())
	if err == nil || !strings.Contains(err.Error(), "did not answer within 50ms") || !strings.Contains(err.Error(), data) {
		t.Errorf("it says %v", err)
	}
	err = (&Remote{Data: data, Limit: 50 * time.Millisecond}).stream(t.Context(), "/v1/status", nil, nil)
	if err == nil || !strings.Contains(err.Error(), "did not answer within 50ms") {
		t.Errorf("of a stream it says %v", err)
	}
}

// asked is a gateway that says who it is when it is let.
type asked struct {
	notRunning
	begun, let chan struct{}
}

func (a asked) Identity(ctx context.Context) (Identity, error) {
	close(a.begun)
	<-a.let
	select { // a socket that cuts its callers off does so by now
	case <-ctx.Done():
	case <-time.After(farewell / 5):
	}
	return Identity{Hostname: "here"}, nil
}

func (a asked) OpenSession(ctx context.Context, _ string, opened func(Session)) error {
	opened(Session{ID: 1})
	<-ctx.Done()
	return nil
}

// An answer that is under way when the socket is closed comes to its end; a shell that is open does not hold the stop up.
func TestAnAnswerOutlivesTheSocket(t *testing.T) {
	data := t.TempDir()
	g := asked{begun: make(chan struct{}), let: make(chan struct{})}
	a := &Admin{Gateway: g}
	if err := a.Listen(data); err != nil {
		t.Fatal(err)
	}
	served, closed, answer, left := make(chan error, 1), make(chan error, 1), make(chan error, 1), make(chan error, 1)
	go func() { served <- a.Serve() }()
	r := &Remote{Data: data}
	open := make(chan struct{})
	go func() { left <- r.OpenSession(t.Context(), "", func(Session) { close(open) }) }()
	<-open
	go func() {
		id, err := r.Identity(t.Context())
		if err == nil && id.Hostname != "here" {
			err = errors.New("it is " + id.Hostname)
		}
		answer <- err
	}()
	<-g.begun
	began := time.Now()
	go func() { closed <- a.Close() }()
	if err := <-served; err != nil { // it takes no more calls
		t.Error(err)
	}
	close(g.let)
	if err := <-answer; err != nil {
		t.Errorf("the answer: %v", err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 10*farewell {
		t.Errorf("the stop took %v", took)
	}
	if err := <-left; err == nil {
		t.Error("the shell that was open is open still")
	}
}

package logpush

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"postern/bench/freeport"
	"postern/projections"
)

// host is another host, as sftp would reach it: it reads scripts, and may refuse.
type host struct {
	mu      sync.Mutex
	files   []string
	args    []string
	scripts []string
	err     error
	said    string
}

func (h *host) run(_ context.Context, dir, script, name string, args ...string) (out, said []byte, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.args, h.scripts = append([]string{dir, name}, args...), append(h.scripts, script)
	if h.err != nil {
		return nil, []byte(h.said), h.err
	}
	var local string
	if _, err := fmt.Sscanf(script, "put %q", &local); err != nil {
		return nil, nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, local)); err != nil {
		return nil, nil, err
	}
	h.files = append(h.files, filepath.Base(local))
	return nil, nil, nil
}

func (h *host) refuse(err error, said string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.err, h.said = err, said
}

func (h *host) has() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.files)
}

// pushBed is a directory of logs, and a subscription that is pushed.
type pushBed struct {
	*bed
	data string
	host *host
	told []error // by OnProblem; read after Run
	lost []string
}

func newPushBed(t *testing.T) *pushBed {
	p := &pushBed{bed: newBed(t), data: t.TempDir(), host: new(host)}
	for _, dir := range []string{"logs", "configuration"} {
		if err := os.Mkdir(filepath.Join(p.data, dir), 0o750); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func (p *pushBed) closed(second int) string {
	name := fmt.Sprintf("archive.@20261126T0102%02d.s", second)
	if err := os.WriteFile(filepath.Join(p.data, "logs", name), []byte("text\n"), 0o640); err != nil {
		p.t.Fatal(err)
	}
	return name
}

func (p *pushBed) scp() *SCP {
	s := &SCP{Log: "archive", Dir: filepath.Join(p.data, "logs"), Keys: filepath.Join(p.data, "configuration"), Rows: p.journal.Rows("scp:archive"),
		Runner: p.host.run, Every: 5 * time.Millisecond, Target: Target{Host: "2001:db8::1", Port: 2222, User: "logs", Directory: "/var/log/x"},
		OnProblem: func(err error) { p.told = append(p.told, err) }, OnLost: func(files []string) { p.lost = append(p.lost, files...) }}
	if err := s.Begin(); err != nil {
		p.t.Fatal(err)
	}
	return s
}

// Files that are closed from the beginning on are copied, each once and in their order, over failures and new beginnings.
func TestSCP(t *testing.T) {
	p := newPushBed(t)
	p.closed(1) // of before
	if err := os.WriteFile(filepath.Join(p.data, "logs", "archive.@20261126T010259.c"), nil, 0o640); err != nil {
		t.Fatal(err)
	}
	s := p.scp()
	stop := running(t, s.Run)
	p.closed(2)
	want := []string{p.closed(3), p.closed(4)}
	want = append([]string{"archive.@20261126T010202.s"}, want...)
	eventually(t, "all are copied", func() bool { return len(p.host.has()) == 3 })
	stop()

	p.host.refuse(errors.New("exit status 255"), "Warning: \x1b[2Jx\nHost key verification failed.\r\n")
	s = p.scp()
	stop = running(t, s.Run)
	want = append(want, p.closed(5))
	eventually(t, "it fails", func() bool { w := s.Waiting(); return w != nil && w.Reason != "" })
	if w := s.Waiting(); w.File != want[3] || strings.ContainsRune(w.Reason, '\x1b') || !strings.Contains(w.Reason, "Host key verification failed. (exit status 255)") {
		t.Errorf("%+v", w)
	}
	gone := p.closed(6)
	seen := p.attempts()
	eventually(t, "the file is seen", func() bool { return p.attempts() > seen+1 })
	if err := os.Remove(filepath.Join(p.data, "logs", gone)); err != nil {
		t.Fatal(err)
	}
	seen = p.attempts()
	eventually(t, "its end is seen", func() bool { return p.attempts() > seen+1 })
	p.host.refuse(nil, "")
	want = append(want, p.closed(7))
	eventually(t, "the rest is copied", func() bool { return len(p.host.has()) >= 5 && s.Waiting() == nil })
	stop()
	if got := p.host.has(); !slices.Equal(got, want) {
		t.Errorf("copied %v, want %v", got, want)
	}
	if len(p.told) != 2 || p.told[0] == nil || p.told[1] != nil || !slices.Equal(p.lost, []string{gone}) {
		t.Errorf("told %v, lost %v", p.told, p.lost)
	}
	if err := s.Forget(); err != nil {
		t.Fatal(err)
	}
	if s = p.scp(); s.pushed != want[4] {
		t.Errorf("anew it begins after %s", s.pushed)
	}
}

func (p *pushBed) attempts() int {
	p.host.mu.Lock()
	defer p.host.mu.Unlock()
	return len(p.host.scripts)
}

// Nothing is asked, trusted or guessed, and a file never looks whole before it is.
func TestSFTPCall(t *testing.T) {
	p := newPushBed(t)
	name := p.closed(1)
	s := p.scp()
	s.pushed = ""
	if err := s.turn(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := `put "../logs/` + name + `" "/var/log/x/.` + name + `.part"` + "\n" +
		`-rm "/var/log/x/` + name + `"` + "\n" + `rename "/var/log/x/.` + name + `.part" "/var/log/x/` + name + `"` + "\n"
	if got := p.host.scripts[0]; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	args := strings.Join(p.host.args, " ")
	for _, part := range []string{s.Keys + " sftp -b - -F none -P 2222 -i ssh_identity ", "BatchMode=yes", "StrictHostKeyChecking=yes",
		"UserKnownHostsFile=known_hosts ", "GlobalKnownHostsFile=none", "IdentitiesOnly=yes", " -- logs@[2001:db8::1]"} {
		if !strings.Contains(args, part) {
			t.Errorf("%q is not in %q", part, args)
		}
	}
	own := Target{Host: "a.test", Port: 22, User: "u", Directory: "x", Identity: "/etc/key", KnownHosts: "mine"}
	if args := strings.Join(own.arguments(), " "); !strings.Contains(args, "-i /etc/key ") || !strings.Contains(args, "UserKnownHostsFile=mine ") {
		t.Error(args)
	}
}

func TestExec(t *testing.T) {
	out, said, err := Exec(t.Context(), t.TempDir(), "in", "sh", "-c", "cat; pwd; echo bad >&2; echo $SSH_AUTH_SOCK; exit 3")
	if err == nil || string(said) != "bad\n" || !strings.HasPrefix(string(out), "in/") || !strings.HasSuffix(string(out), "\n\n") {
		t.Errorf("%q, %q, %v", out, said, err)
	}
	if out, _, err := Exec(t.Context(), t.TempDir(), "", "head", "-c", "1000000", "/dev/zero"); len(out) != maxOutput || err != nil {
		t.Errorf("%d bytes, %v", len(out), err)
	}
	if _, _, err := Exec(t.Context(), t.TempDir(), "", "no-such-program"); err == nil || !strings.Contains(err.Error(), "is not installed") {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := Exec(ctx, t.TempDir(), "", "sh", "-c", "sleep 1000 & sleep 1000"); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// needs skips a test when a program is not here.
func needs(t *testing.T, names ...string) {
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			if _, err := os.Stat(filepath.Join("/usr/sbin", name)); err != nil {
				t.Skipf("%s is not installed", name)
			}
		}
	}
}

// program runs a server of the system until the test ends.
func program(t *testing.T, path string, args ...string) {
	t.Helper()
	cmd := exec.Command(path, args...)
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
}

// freePort is a port of loopback that nobody has at the moment.
func freePort(t *testing.T) int {
	t.Helper()
	at, err := freeport.Pick("tcp")
	if err != nil {
		t.Fatal(err)
	}
	return int(at.Port())
}

// TestOpenSSH pushes to a real server: first to one whose key nobody has taken, then to one that is known.
func TestOpenSSH(t *testing.T) {
	needs(t, "sshd", "sftp", "ssh-keygen", "ssh-keyscan")
	if os.Getuid() != 0 {
		t.Skip("sshd wants root")
	}
	p, dir, port := newPushBed(t), t.TempDir(), freePort(t)
	os.Mkdir("/run/sshd", 0o755)
	keys := &HostKeys{Dir: filepath.Join(p.data, "configuration")}
	own, err := keys.Own(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	again, err := keys.Own(t.Context())
	if err != nil || again != own || !strings.HasPrefix(own, "ssh-ed25519 AAAA") {
		t.Fatalf("%q, then %q, %v", own, again, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "authorized_keys"), []byte(own+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, "host")).CombinedOutput(); err != nil {
		t.Fatalf("%s %v", out, err)
	}
	configuration := fmt.Sprintf("Port %d\nListenAddress 127.0.0.1\nHostKey %s/host\nAuthorizedKeysFile %s/authorized_keys\nPidFile none\nStrictModes no\nUsePAM no\nSubsystem sftp internal-sftp\n", port, dir, dir)
	if err := os.WriteFile(filepath.Join(dir, "sshd_config"), []byte(configuration), 0o600); err != nil {
		t.Fatal(err)
	}
	program(t, "/usr/sbin/sshd", "-D", "-f", filepath.Join(dir, "sshd_config"))
	eventually(t, "sshd listens", func() bool {
		c, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", port))
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	into := filepath.Join(dir, "in")
	if err := os.Mkdir(into, 0o700); err != nil {
		t.Fatal(err)
	}
	s := p.scp()
	s.Runner, s.Target = Exec, Target{Host: "127.0.0.1", Port: uint16(port), User: "root", Directory: into}
	name := p.closed(1)
	if err := s.turn(t.Context()); err == nil || !strings.Contains(err.Error(), "Host key verification failed") {
		t.Fatalf("a host that nobody knows: %v", err)
	}
	scanned, err := keys.Scan(t.Context(), "127.0.0.1", uint16(port))
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.Add(scanned); err != nil {
		t.Fatal(err)
	}
	print, err := exec.Command("ssh-keygen", "-l", "-f", filepath.Join(dir, "host.pub")).Output()
	if err != nil || len(scanned) != 1 || !strings.Contains(string(print), scanned[0].Fingerprint) {
		t.Errorf("%+v is not %s, %v", scanned, print, err)
	}
	for range 2 { // a crash may have it copied again
		s.pushed = ""
		if err := s.turn(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	entries, _ := os.ReadDir(into)
	text, err := os.ReadFile(filepath.Join(into, name))
	if err != nil || string(text) != "text\n" || len(entries) != 1 {
		t.Errorf("%q, %d files, %v", text, len(entries), err)
	}
	listed, err := keys.List()
	if err != nil || !reflect.DeepEqual(listed, scanned) {
		t.Errorf("%+v, %v", listed, err)
	}
}

// TestRsyslog sends to a real server, which dies once.
func TestRsyslog(t *testing.T) {
	needs(t, "rsyslogd")
	b, dir, port := newBed(t), t.TempDir(), freePort(t)
	out := filepath.Join(dir, "out.log")
	configuration := fmt.Sprintf(`global(workDirectory=%q)
module(load="imtcp")
template(name="plain" type="string" string="%%pri%% %%hostname%% %%app-name%% %%msgid%%%%msg%%\n")
input(type="imtcp" port="%d" address="127.0.0.1")
action(type="omfile" file=%q template="plain")
`, dir, port, out)
	if err := os.WriteFile(filepath.Join(dir, "rsyslog.conf"), []byte(configuration), 0o600); err != nil {
		t.Fatal(err)
	}
	begin := func() (kill func()) {
		cmd := exec.Command("/usr/sbin/rsyslogd", "-n", "-f", filepath.Join(dir, "rsyslog.conf"), "-i", filepath.Join(dir, "pid"))
		if err := cmd.Start(); err != nil {
			t.Skip(err)
		}
		over := sync.OnceFunc(func() { cmd.Process.Kill(); cmd.Wait(); os.Remove(filepath.Join(dir, "pid")) })
		t.Cleanup(over)
		return over
	}
	written := func() string { text, _ := os.ReadFile(out); return string(text) }
	s := b.syslog("tcp", fmt.Sprint("127.0.0.1:", port))
	s.Retry = 100 * time.Millisecond
	stop := running(t, s.Run)
	kill := begin()
	b.traffic(100)
	eventually(t, "the first lines are written", func() bool { return strings.Contains(written(), "MID 100 done\n") })
	kill()
	b.traffic(100)
	begin()
	eventually(t, "all lines are written", func() bool { return strings.Contains(written(), "MID 200 done\n") })
	stop()
	seen := 0
	want := b.lines()
	for line := range strings.Lines(written()) {
		text, ours := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "22 mail3.example.com siem Delivered")
		if !ours { // rsyslog's own
			continue
		}
		if text = strings.TrimSpace(text); seen < len(want) && text == want[seen] {
			seen++
		}
	}
	if seen != len(want) {
		t.Errorf("%d lines of %d stand there in order", seen, len(want))
	}
}

func TestClosedLogFiles(t *testing.T) {
	p := newPushBed(t)
	for _, other := range []string{"archive.@x.s", "archive2.@20261126T010203.s", "archive.@20261126T010203.cut"} {
		if err := os.WriteFile(filepath.Join(p.data, "logs", other), nil, 0o640); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{p.closed(1), p.closed(2)}
	if got, err := projections.ClosedLogFiles(filepath.Join(p.data, "logs"), "archive"); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
}

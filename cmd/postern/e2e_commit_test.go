package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/smtp"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"postern/bench"
	"postern/engine/config"
	"postern/journal"
	"postern/shell"
)

// killAt names, in the environment, the step of a commit at which a child of the tests is to die.
const killAt = "POSTERN_TEST_KILL_AT"

// serveUntilKilled is the child: a gateway that kills itself at a step of its first commit.
func serveUntilKilled(step, data string) int {
	return serveAs(data, func(g *gateway) {
		g.log = zerolog.Nop()
		g.configuration.step = func(reached string) {
			if reached == step {
				syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
		}
	})
}

// serveAs is a child of the tests: a gateway that something is changed of before it begins, and that is killed in the end.
func serveAs(data string, change func(*gateway)) int {
	f := flags{data: data}
	doc, _, err := loadDocument(f)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	g := &gateway{flags: f, log: processLog(os.Stderr), data: data, orders: make(chan order, 1), drained: newDrained()}
	g.inForce.Store(doc)
	change(g)
	if err := g.build(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ended := make(chan error, 1)
	g.start(context.Background(), ended)
	fmt.Fprintln(os.Stderr, <-ended)
	return 1
}

// remote asks a gateway as its tools do.
func remote(g *bench.Gateway) *shell.Remote { return &shell.Remote{Data: g.Data} }

func inForce(t *testing.T, g *bench.Gateway) shell.Configuration {
	t.Helper()
	c, err := remote(g).Configuration(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// propose commits a change of what is in force.
func propose(t *testing.T, g *bench.Gateway, comment string, change func(*config.Document)) (shell.Committed, error) {
	t.Helper()
	now := inForce(t, g)
	d, err := config.Parse([]byte(now.Text), "in force")
	if err != nil {
		t.Fatal(err)
	}
	change(d)
	return remote(g).Commit(t.Context(), shell.Proposal{Revision: now.Revision, Hash: now.Hash, Text: string(config.Encode(d)), Comment: comment})
}

func commit(t *testing.T, g *bench.Gateway, comment string, change func(*config.Document)) shell.Committed {
	t.Helper()
	done, err := propose(t, g, comment, change)
	if err != nil || done.Conflict != nil {
		t.Fatalf("%s: %+v, %v", comment, done, err)
	}
	return done
}

func fileOf(t *testing.T, g *bench.Gateway) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(g.Data, configName))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// answers tells whether somebody listens there.
func answers(address string) bool {
	c, err := net.Dial("tcp", address)
	if err == nil {
		c.Close()
	}
	return err == nil
}

func mustAddress(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func addListener(address string) func(*config.Document) {
	return func(d *config.Document) {
		l := d.Listeners[0]
		l.Name, l.Kind, l.Address = "Second", config.Public, mustAddress(address)
		d.Listeners = append(d.Listeners, l)
		d.Hostname, d.Interfaces[0].Hostname = "changed.test", "changed.test"
	}
}

// A process that dies at any step of a commit leaves the configuration before it or the one after it, whole: what holds, what
// the file says, what the history says, and what listens.
func TestCommitSurvivesDeathAtEachStep(t *testing.T) {
	for _, step := range []struct {
		name string
		new  bool
	}{{"prepared", false}, {"staged", false}, {"written", true}, {"activated", true}, {"put", true}} {
		t.Run(step.name, func(t *testing.T) {
			t.Parallel()
			g := &bench.Gateway{Binary: binary, Data: filepath.Join(t.TempDir(), "data")}
			if err := g.Configure("/dev/null", ""); err != nil {
				t.Fatal(err)
			}
			dies(t, g, step.name)
			child := g.Address
			second := dieAtCommit(t, g)
			start(t, g)
			defer stop(t, g)
			want := uint64(1)
			if step.new {
				want = 2
			}
			now := inForce(t, g)
			eventually(t, "the file is what holds", func() bool {
				stamp, ok := config.ReadStamp([]byte(fileOf(t, g)))
				return ok && stamp.Revision == now.Revision && string(config.Body([]byte(fileOf(t, g)))) == now.Text
			})
			if now.Revision != want || strings.Contains(now.Text, "changed.test") != step.new || answers(second) != step.new || !answers(child) {
				t.Errorf("revision %d; the new listener answers: %v\n%s", now.Revision, answers(second), now.Text)
			}
			commits, err := remote(g).Commits(t.Context(), 10)
			if err != nil || len(commits) != int(want) || commits[0].Revision != want {
				t.Errorf("the history is %+v, %v", commits, err)
			}
			if commit(t, g, "and on", func(d *config.Document) { d.Retry.MaxAttempts = 9 }).Revision != want+1 {
				t.Error("the next commit is another revision")
			}
			if left, _ := filepath.Glob(filepath.Join(g.Data, ".*")); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

// dies starts a gateway in a process of its own that dies at a step of its first commit.
func dies(t *testing.T, g *bench.Gateway, step string) {
	t.Helper()
	child := exec.Command(os.Args[0], g.Data)
	child.Env = append(os.Environ(), killAt+"="+step)
	child.Stderr = os.Stderr
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { child.Process.Kill(); child.Wait() })
	eventually(t, "the child answers", func() bool { _, err := remote(g).Identity(t.Context()); return err == nil })
}

// dieAtCommit makes that commit, which adds a listener, and waits for the death.
func dieAtCommit(t *testing.T, g *bench.Gateway) (second string) {
	t.Helper()
	second = freeAddress(t)
	if done, err := propose(t, g, "a second listener", addListener(second)); err == nil {
		t.Fatalf("it lived: %+v", done)
	}
	eventually(t, "the child is dead", func() bool { return !isServed(g.Data) })
	return second
}

// What cannot be taken up as it is changes nothing: not what holds, not the file, not a listener; and it says what and where.
func TestCommitThatCannotBeTakenUp(t *testing.T) {
	g := runGateway(t, runSink(t), "")
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	taken, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	busyUDP := uint16(taken.LocalAddr().(*net.UDPAddr).Port)
	eventually(t, "the first commit is in the file", func() bool { return strings.HasPrefix(fileOf(t, g), "# Postern configuration, revision 1") })
	before, file := inForce(t, g), fileOf(t, g)
	free := freeAddress(t)
	for what, c := range map[string]struct {
		change func(*config.Document)
		says   []string
	}{
		"a busy port": {func(d *config.Document) { addListener(free)(d); d.HTTP.Address = mustAddress(busy.Addr().String()) },
			[]string{"http cannot listen on " + busy.Addr().String(), "address already in use"}},
		"a busy port of a listener": {func(d *config.Document) { addListener(busy.Addr().String())(d) }, []string{`listener "Second" cannot listen on`, "already in use"}},
		"a busy port of the SNMP agent": {func(d *config.Document) {
			d.SNMP.Enabled, d.SNMP.Level, d.SNMP.Port = true, config.NoAuthNoPriv, busyUDP
		},
			[]string{fmt.Sprintf("snmp cannot listen on 127.0.0.1:%d", busyUDP), "already in use"}},
		"a missing certificate": {func(d *config.Document) {
			d.Listeners[0].Certificate, d.Listeners[0].Key = "/none/c.pem", "/none/k.pem"
		},
			[]string{`listener "In": certificate /none/c.pem`, "no such file"}},
		"an unknown group": {func(d *config.Document) { d.Admin.Group = "nosuchgroup" }, []string{"admin.group", "nosuchgroup"}},
		"a bad value":      {func(d *config.Document) { d.Retry.MaxSeconds = 1 }, []string{"retry.max_seconds", "less than initial_seconds"}},
	} {
		_, err := propose(t, g, what, c.change)
		if err == nil {
			t.Fatalf("%s: committed", what)
		}
		for _, word := range c.says {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %q does not say %q", what, err, word)
			}
		}
		if now := inForce(t, g); now != before || fileOf(t, g) != file || answers(free) || !answers(g.Address) {
			t.Errorf("%s has changed something: revision %d", what, now.Revision)
		}
	}
	_, err = remote(g).Commit(t.Context(), shell.Proposal{Revision: before.Revision, Hash: before.Hash, Text: "hostname = \"x.test\"\n\nretries = 3\n"})
	if err == nil || !strings.Contains(err.Error(), ":3:1: unknown key retries") {
		t.Errorf("an unknown key: %v", err)
	}
	if list, err := remote(g).Commits(t.Context(), 10); err != nil || len(list) != 1 {
		t.Errorf("commits: %+v, %v", list, err)
	}
	stop(t, g)
	for _, r := range facts(t, g) {
		if e, ok := r.Event.(*journal.ConfigurationCommitted); ok && e.Revision != 1 {
			t.Errorf("record %d commits revision %d", r.Seq, e.Revision)
		}
	}
}

// Listeners, routes, resolvers, limits and the status pages take effect at once; a connection that is open goes on through all
// of it, and what counts from the next start only is named.
func TestCommitTakesEffect(t *testing.T) {
	s := runSink(t)
	g := runGateway(t, s, "")
	open := connect(t, g.Address)
	second, pages := freeAddress(t), freeAddress(t)
	first := commit(t, g, "more of everything", func(d *config.Document) {
		addListener(second)(d)
		d.HTTP.Address = mustAddress(pages)
		d.Listeners[0].MaxRecipients = 3
	})
	if first.Revision != 2 || len(first.Restart) > 0 || len(first.Warnings) > 0 || first.By == "" || first.Comment != "more of everything" {
		t.Errorf("committed: %+v", first)
	}
	if code, page := fetch(t, "http://"+pages+"/metrics", "", ""); code != 200 || !strings.Contains(page, `hostname="changed.test"`) {
		t.Errorf("the status pages: %d", code)
	}
	if got := talk(t, second, "QUIT\r\n", 5*time.Second); !strings.HasPrefix(got, "220 changed.test") {
		t.Errorf("the new listener says %q", got)
	}
	if refused, _ := open.mail("before@sink.test", 100); refused != "" {
		t.Errorf("the open connection: %s", refused)
	}
	commit(t, g, "elsewhere", func(d *config.Document) {
		d.HTTP.Address = mustAddress(freeAddress(t))
		d.Routes[0].To = []string{"/dev/null"}
		d.Listeners = d.Listeners[:1]
	})
	if answers(second) || answers(pages) {
		t.Error("what is gone still listens")
	}
	eventually(t, "the first message is delivered", func() bool { return s.Total() == 1 })
	if refused, _ := open.mail("after@sink.test", 100); refused != "" {
		t.Errorf("the open connection: %s", refused)
	}
	eventually(t, "the second is discarded", func() bool { return strings.Contains(string(logText(t, g, "mail_logs")), "'/null'") })
	if s.Total() != 1 {
		t.Errorf("%d delivered", s.Total())
	}
	last := commit(t, g, "for the next start", func(d *config.Document) { d.Admin.Group = "root" })
	if !slices.Equal(last.Restart, []string{"admin.group"}) {
		t.Errorf("for the next start: %q", last.Restart)
	}
	if got := ask(t, g, "audit"); !strings.Contains(got, "committed configuration revision 3: elsewhere") {
		t.Errorf("audit:\n%s", got)
	}
	if text := string(logText(t, g, "mail_logs")); !strings.Contains(text, "Configuration revision 4 committed by ") {
		t.Errorf("mail log:\n%s", text)
	}
}

// An edit of the file is a commit: by whoever loads it with config reload or SIGHUP, by "file" before a start. A commit of a gateway whose file was
// edited is refused until then. A file as it was at an earlier revision, or none, does not undo a commit.
func TestEditedFile(t *testing.T) {
	g := runGateway(t, runSink(t), "")
	path := filepath.Join(g.Data, configName)
	written := func(revision int) {
		t.Helper()
		eventually(t, "the commit is in the file", func() bool {
			return strings.HasPrefix(fileOf(t, g), fmt.Sprintf("# Postern configuration, revision %d,", revision))
		})
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	written(1)
	one := fileOf(t, g)
	write(strings.Replace(one, "gateway.test", "edited.test", 1))
	_, err := propose(t, g, "blind", func(d *config.Document) { d.Retry.MaxAttempts = 9 })
	if err == nil || !strings.Contains(err.Error(), "was edited since revision 1") || !strings.Contains(err.Error(), "config reload") {
		t.Errorf("a commit beside an edit: %v", err)
	}
	write(strings.Replace(one, "hostname =", "hostnme =", 1))
	if code, said := refusal(t, "config", "reload", "--data", g.Data); code != exitRefused || !strings.Contains(said, configName+":2:1: unknown key hostnme") {
		t.Errorf("reload of a bad file: %d, %q", code, said)
	}
	write("# by hand\n" + strings.Replace(one, "gateway.test", "edited.test", 1))
	if got := ask(t, g, "config", "reload", "--comment", "a new name"); !strings.Contains(got, "Changes committed: ") {
		t.Errorf("reload says %q", got)
	}
	written(2)
	if !strings.Contains(fileOf(t, g), "# by hand\n") {
		t.Errorf("the comment in the file is gone:\n%s", fileOf(t, g))
	}
	if code, said := refusal(t, "config", "reload", "--data", g.Data); code != exitRefused || !strings.Contains(said, "was not edited since revision 2") {
		t.Errorf("reload of nothing: %d, %q", code, said)
	}
	check := func(revision uint64, name, by string) {
		t.Helper()
		now := inForce(t, g)
		list, err := remote(g).Commits(t.Context(), 1)
		if err != nil || now.Revision != revision || !strings.Contains(now.Text, name) || len(list) != 1 || list[0].By != by || list[0].Revision != revision {
			t.Fatalf("revision %d, last commit %+v, %v\n%s", now.Revision, list, err, now.Text)
		}
		written(int(revision))
	}
	me := shell.Self().Name
	check(2, "edited.test", me)
	again := func(edit func()) {
		t.Helper()
		stop(t, g)
		edit()
		start(t, g)
	}
	again(func() { write(one) })
	check(2, "edited.test", me)
	again(func() { os.Remove(path) })
	check(2, "edited.test", me)
	again(func() { write(strings.Replace(one, "gateway.test", "again.test", 1)) })
	check(3, "again.test", "file")
	again(func() {})
	check(3, "again.test", "file")
	again(func() { write(strings.Replace(fileOf(t, g), "again.test", "gateway.test", 1)) }) // as revision 1 had it
	check(4, "gateway.test", "file")
	if err := os.WriteFile(path, []byte(strings.Replace(one, "gateway.test", "hup.test", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := g.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the file is in force", func() bool { // and that written down
		list, err := remote(g).Commits(t.Context(), 1)
		return err == nil && len(list) == 1 && list[0].Revision == 5 && inForce(t, g).Revision == 5
	})
	check(5, "hup.test", "file")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("others may read the configuration: %v, %v", info.Mode(), err)
	}
	commit(t, g, "by a person", func(d *config.Document) { d.Hostname = "person.test" })
	check(6, "person.test", me)
}

// Two people change the configuration at once: the second hears of the first's commit; what is different is brought together,
// what is the same is decided by whoever is asked.
func TestTwoOperatorsCommit(t *testing.T) {
	g := runGateway(t, runSink(t), "")
	load := func(p *typist, text string) {
		t.Helper()
		p.press("loadconfig\r")
		p.wait("[1]> ")
		p.press("1\r")
		p.wait("single dot ends it.")
		p.press(strings.ReplaceAll(text, "\n", "\r") + ".\r")
		p.wait("Be sure to run")
	}
	base := string(config.Body([]byte(inForce(t, g).Text)))
	change := func(text string) string { return strings.TrimRight(base, "\n") + "\n" + text }
	a, b := sitDown(t, g, 50, 100), sitDown(t, g, 50, 100)
	load(a, change("[retry]\nmax_attempts = 7\n"))
	load(b, change("[queue]\nundo_seconds = 60\n[retry]\nmax_seconds = 7200\n"))
	commit := func(p *typist, comment string) {
		t.Helper()
		p.prompted()
		p.press("commit\r")
		p.wait("describing your changes:")
		p.press(comment + "\r")
	}
	commit(a, "fewer tries")
	a.wait("Changes committed: ")
	commit(b, "a longer wait")
	b.wait("has committed revision 2")
	b.wait(`"fewer tries"`)
	b.wait("retry.max_attempts")
	b.wait("on top of that? [Y]> ")
	b.press("\r")
	b.wait("Changes committed: ")
	now, err := config.Parse([]byte(inForce(t, g).Text), "now")
	if err != nil || now.Retry.MaxAttempts != 7 || now.Retry.MaxSeconds != 7200 || now.Queue.UndoSeconds != 60 {
		t.Fatalf("together: %+v, %v", now, err)
	}
	base = string(config.Body([]byte(inForce(t, g).Text)))
	a.prompted()
	b.prompted()
	load(a, strings.Replace(base, "max_attempts = 7", "max_attempts = 8", 1))
	load(b, strings.Replace(base, "max_attempts = 7", "max_attempts = 9", 1))
	commit(a, "eight")
	a.wait("Changes committed: ")
	commit(b, "nine")
	b.wait("changed these as well")
	b.wait("[1]> ")
	b.press("\r") // neither
	b.prompted()
	if got := inForce(t, g); got.Revision != 4 || !strings.Contains(got.Text, "max_attempts = 8") {
		t.Errorf("left as it is: revision %d", got.Revision)
	}
	b.press("exit\r")
	b.wait("Exiting will lose changes.")
	b.wait("exit? [N]> ")
	b.press("\r")
	commit(b, "nine")
	b.wait("[1]> ")
	b.press("3\r")
	b.wait("Changes committed: ")
	if got := inForce(t, g); got.Revision != 5 || !strings.Contains(got.Text, "max_attempts = 9") {
		t.Errorf("mine: revision %d", got.Revision)
	}
	a.prompted()
	load(a, strings.Replace(base, "max_attempts = 7", "max_attempts = 10", 1))
	a.prompted()
	a.press("\x04") // Ctrl-D asks as exit does
	a.wait("exit? [N]> ")
	a.press("\r")
	a.prompted()
	a.press("\x04")
	a.wait("exit? [N]> ")
	a.press("y\r")
	a.leaves()
	if strings.Contains(a.all(), "they are lost") {
		t.Error("what was asked about is complained of")
	}
}

// In batch a file is loaded and committed in one step; without --yes it only says what it would change.
func TestLoadConfigInBatch(t *testing.T) {
	g := runGateway(t, runSink(t), "")
	d, err := config.Parse([]byte(inForce(t, g).Text), "in force")
	if err != nil {
		t.Fatal(err)
	}
	d.Retry.MaxAttempts = 11
	file := filepath.Join(t.TempDir(), "new.toml")
	if err := os.WriteFile(file, config.Encode(d), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(binary, "loadconfig", file, "--data", g.Data).Output()
	if err == nil || !strings.Contains(string(out), "retry.max_attempts\n  - 100\n  + 11\n") {
		t.Errorf("without --yes: %v\n%s", err, out)
	}
	if got := ask(t, g, "loadconfig", file, "--yes", "--comment", "from a script"); !strings.HasPrefix(got, "Changes committed: ") {
		t.Errorf("with --yes: %s", got)
	}
	detail := asJSON[shell.CommitDetail](t, g, "commitdetail")
	if detail.Revision != 2 || detail.Comment != "from a script" || len(detail.Changes) != 1 || detail.Changes[0].Path != "retry.max_attempts" {
		t.Errorf("the commit is %+v", detail)
	}
	from := exec.Command(binary, "loadconfig", "-", "--yes", "--data", g.Data)
	from.Stdin = strings.NewReader(strings.Replace(string(config.Encode(d)), "max_attempts = 11", "max_attempts = 12", 1))
	if out, err := from.CombinedOutput(); err != nil {
		t.Errorf("from standard input: %v\n%s", err, out)
	}
	if code, said := refusal(t, "commit", "--data", g.Data); code != exitRefused || !strings.Contains(said, "No changes wait in batch") {
		t.Errorf("commit in batch: %d, %q", code, said)
	}
	if code, said := refusal(t, "loadconfig", filepath.Join(g.Data, "journal"), "--yes", "--data", g.Data); code != exitRefused {
		t.Errorf("a directory: %d, %q", code, said)
	}
	if got := ask(t, g, "rollbackconfig", "1", "--yes"); !strings.HasPrefix(got, "Changes committed: ") {
		t.Errorf("rollback: %s", got)
	}
	if now := inForce(t, g); now.Revision != 4 || strings.Contains(now.Text, "max_attempts") {
		t.Errorf("rolled back: %d\n%s", now.Revision, now.Text)
	}
}

// Secrets are in what is committed, and nowhere that lists or logs show.
func TestSecretsOfTheConfiguration(t *testing.T) {
	g := runGateway(t, runSink(t), "")
	const secret = "pbkdf2-sha256$1000$c2FsdHNhbHRzYWx0c2FsdA$a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2U"
	commit(t, g, "a password", func(d *config.Document) { d.HTTP.User, d.HTTP.Password = "monitor", secret })
	for _, words := range [][]string{{"showconfig"}, {"commitdetail"}, {"audit"}, {"rollbackconfig"}, {"showconfig", "--json"}, {"commitdetail", "--json"}} {
		if got := ask(t, g, words...); strings.Contains(got, "pbkdf2") || words[0] == "commitdetail" && !strings.Contains(got, "*****") {
			t.Errorf("%q:\n%s", words, got)
		}
	}
	if got := ask(t, g, "showconfig", "plain"); !strings.Contains(got, secret) {
		t.Errorf("showconfig plain:\n%s", got)
	}
	file, err := os.ReadFile(filepath.Join(g.Data, configName))
	if err != nil {
		t.Fatal(err)
	}
	stamp, _, _ := strings.Cut(string(file), "\n")
	for _, secrets := range []string{"mask", "plain"} { // whatever is shown of it, it is known as the same
		if got := ask(t, g, "showconfig", secrets); !strings.HasPrefix(got, stamp+"\n") {
			t.Errorf("showconfig %s does not bear the file's stamp %q:\n%s", secrets, stamp, got)
		}
	}
	saved := asJSON[shell.SavedConfiguration](t, g, "saveconfig", "plain")
	info, err := os.Stat(saved.Path)
	if err != nil || info.Mode().Perm() != 0o600 || saved.Path != filepath.Join(g.Data, "configuration", saved.File) {
		t.Errorf("the saved file %s: %v, %v", saved.Path, info, err)
	}
	masked := asJSON[shell.SavedConfiguration](t, g, "saveconfig")
	if code, said := refusal(t, "loadconfig", masked.File, "--yes", "--data", g.Data); code != exitRefused || !strings.Contains(said, "http.password: is masked") {
		t.Errorf("loading what was masked: %d, %q", code, said)
	}
	for _, name := range []string{"mail_logs", "status"} {
		if strings.Contains(string(logText(t, g, name)), "pbkdf2") {
			t.Errorf("%s shows the secret", name)
		}
	}
	if strings.Contains(g.Said(), "pbkdf2") {
		t.Error("the process's own log shows the secret")
	}
	stop(t, g)
	if got := ask(t, g, "showconfig"); strings.Contains(got, "pbkdf2") || !strings.Contains(got, "monitor") {
		t.Errorf("showconfig of a stopped gateway:\n%s", got)
	}
	if dump := ask(t, g, "journal", "dump"); strings.Contains(dump, "pbkdf2") {
		t.Error("journal dump shows the secret")
	}
}

// A script from a pipe changes, commits and leaves; what it forgets to commit is said.
func TestCommitFromAPipe(t *testing.T) {
	g := runGateway(t, runSink(t), "")
	play := func(script string) (string, int) {
		t.Helper()
		c := exec.Command(binary, "shell", "--data", g.Data)
		c.Stdin = strings.NewReader(script)
		out, err := c.Output()
		if c.ProcessState == nil {
			t.Fatal(err)
		}
		return string(out), c.ProcessState.ExitCode()
	}
	text := strings.TrimRight(inForce(t, g).Text, "\n") + "\n[queue]\nundo_seconds = 61\n.\n"
	got, code := play("loadconfig\n1\n" + text)
	if code != exitRefused || !strings.Contains(got, "not committed: they are lost") || inForce(t, g).Revision != 1 {
		t.Errorf("without a commit: %d\n%s", code, got)
	}
	got, code = play("loadconfig\n1\n" + text + "showchanges\ncommit\nsixty-one\nexit\n")
	if code != exitDone || !strings.Contains(got, "queue.undo_seconds\n  - 3600\n  + 61\n") || !strings.Contains(got, "[]> sixty-one\n\nChanges committed: ") {
		t.Errorf("with one: %d\n%s", code, got)
	}
	if now := inForce(t, g); now.Revision != 2 {
		t.Errorf("revision %d", now.Revision)
	}
}

// Status pages whose new address overlaps the one before, and is somebody else's in part, are gone until he is: the answer of
// the commit says so, and the log.
func TestCommitSaysThatPagesAreGone(t *testing.T) {
	g := runGateway(t, runSink(t), "")
	pages := mustAddress(freeAddress(t))
	commit(t, g, "pages", func(d *config.Document) { d.HTTP.Address = pages })
	other, err := net.Listen("tcp", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.82"), pages.Port()).String())
	if err != nil {
		t.Skip(err)
	}
	defer other.Close()
	done := commit(t, g, "everywhere", func(d *config.Document) {
		d.HTTP.Address = netip.AddrPortFrom(netip.IPv4Unspecified(), pages.Port())
		d.HTTP.User, d.HTTP.Password = "monitor", "pbkdf2-sha256$1000$c2FsdHNhbHRzYWx0c2FsdA$a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2U"
	})
	if len(done.Warnings) != 1 || !strings.HasPrefix(done.Warnings[0], "http cannot listen on 0.0.0.0:") || !strings.Contains(done.Warnings[0], "the status pages are gone") {
		t.Errorf("%q", done.Warnings)
	}
	says(t, g, "the status pages are gone", 1)
	other.Close()
	eventually(t, "they come back", func() bool { return answers(pages.String()) })
	stop(t, g)
}

// Commits that move a listener, the status pages and the resolver lose nobody who talks to the listener that stays.
func TestCommitsUnderLoad(t *testing.T) {
	s := runSink(t)
	g := runGateway(t, s, "")
	end, accepted := make(chan struct{}), make(chan int, 3)
	for range 3 {
		go func() {
			n := 0
			defer func() { accepted <- n }()
			for {
				k, err := smtp.Dial(g.Address)
				if err != nil {
					t.Error(err)
					return
				}
				for range 5 {
					if err := handOver(k); err != nil {
						t.Error(err)
						return
					}
					n++
				}
				if err := k.Quit(); err != nil {
					t.Error(err)
					return
				}
				select {
				case <-end:
					return
				default:
				}
			}
		}()
	}
	for i := range 10 {
		moves, pages := freeAddress(t), freeAddress(t)
		commit(t, g, fmt.Sprint(i), func(d *config.Document) {
			d.Listeners = d.Listeners[:1]
			addListener(moves)(d)
			d.Listeners[0].MaxHops = 10 + i
			d.HTTP.Address = mustAddress(pages)
			d.DNS.Tries = 1 + i%3
		})
		if !answers(moves) || !answers(pages) {
			t.Errorf("commit %d has not taken effect", i)
		}
	}
	close(end)
	total := 0
	for range 3 {
		total += <-accepted
	}
	eventually(t, fmt.Sprintf("all %d are delivered", total), func() bool { return int(s.Total()) == total })
}

func handOver(k *smtp.Client) error {
	if err := k.Mail("a@sender.test"); err != nil {
		return err
	}
	if err := k.Rcpt("b@sink.test"); err != nil {
		return err
	}
	w, err := k.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write([]byte("Subject: load\r\n\r\nx\r\n")); err != nil {
		return err
	}
	return w.Close()
}

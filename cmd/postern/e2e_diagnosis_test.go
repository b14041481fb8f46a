package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"postern/bench/dnsserver"
	"postern/journal"
)

// wantAll fails for each text that is not in what a command said.
func wantAll(t *testing.T, what, said string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(said, w) {
			t.Errorf("%s: no %q in\n%s", what, w, said)
		}
	}
}

// An operator looks into logs, sockets, sessions and the DNS, while the gateway runs and when it is stopped.
func TestDiagnosis(t *testing.T) {
	names, err := dnsserver.New("other.test. 300 IN MX 10 mx.other.test.\nmx.other.test. 300 IN A 127.0.0.1\n")
	if err != nil {
		t.Fatal(err)
	}
	server, err := names.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { names.Close() })
	s := runSink(t)
	g := runGateway(t, s, "[dns]\nservers = [\""+server.String()+"\"]\n")
	ask := func(words ...string) string {
		t.Helper()
		return output(t, append(words, "--data", g.Data)...)
	}
	wantAll(t, "tcpservices", ask("tcpservices"), "IPv4  TCP     "+g.Address, "In     - private listener on "+g.Address+"\n", "STREAM  "+filepath.Join(g.Data, "admin.sock"))
	wantAll(t, "dig", ask("dig", "-t", "mx", "other.test", "+short"), "10 mx.other.test.\n")
	wantAll(t, "nslookup", ask("nslookup", "mx.other.test"), "A=127.0.0.1 TTL=5m\n")
	refuses(t, 1, []string{"TLS of other.test is not verified"}, "tlsverify", "other.test", s.Address().String(), "--data", g.Data)

	send(t, g.Address, "user@sink.test")
	eventually(t, "the delivery is in the log", func() bool { return ask("grep", "Message finished", "mail_logs") != "" })
	tail := exec.Command(binary, "tail", "mail_logs", "--data", g.Data)
	tailed := filepath.Join(t.TempDir(), "tailed")
	if tail.Stdout, err = os.Create(tailed); err != nil {
		t.Fatal(err)
	}
	if err := tail.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tail.Process.Kill() })
	says := func(n int, word string) func() bool {
		return func() bool {
			text, err := os.ReadFile(tailed)
			return err == nil && strings.Count(string(text), word) >= n
		}
	}
	eventually(t, "tail shows the end of the log", says(1, "Message finished"))
	for i := range 3 {
		wantAll(t, "rollovernow", ask("rollovernow", "all"), "Log files successfully rolled over.\n")
		eventually(t, "tail goes on with the next file", says(i+1, "Log mail_logs rolled over by "))
	}
	if tail.Process.Signal(os.Interrupt); tail.Wait() != nil || !says(3, "End Logfile\n")() {
		t.Errorf("tail ended with %v", tail.ProcessState)
	}

	visit := exec.Command(binary, "shell", "--data", g.Data)
	visit.Stdin = strings.NewReader("date\nwho\nlogconfig\n\n")
	if out, err := visit.Output(); err != nil {
		t.Errorf("%v: %s", err, out)
	} else {
		wantAll(t, "who", string(out), "Username  Login Time  Idle Time  Remote Host  What", "  who\n", `1. "mail_logs" Type: "IronPort Text Mail Logs" Retrieval: Local File`)
	}
	eventually(t, "the shell was left", func() bool { l := ask("last"); return strings.Contains(l, "0m") && !strings.Contains(l, "still") })
	stop(t, g)

	wantAll(t, "last", ask("last"), "\nshutdown ", " 0m\n")
	wantAll(t, "grep", ask("grep", "-i", "message FINISHED", "mail_logs"), " Info: Message finished MID ")
	version := ask("version")
	wantAll(t, "version", version, "Current Version\n===============\nProduct: Postern mail gateway\n", "\nVersion: "+Version+"\n", "\nInstall Date: 2")
	if strings.Contains(version, "Install Date: unknown") {
		t.Error(version)
	}
	kinds := map[journal.Kind]int{}
	for _, r := range facts(t, g) {
		kinds[r.Event.Kind()]++
	}
	if kinds[journal.KindOperatorLoggedIn] != 1 || kinds[journal.KindOperatorLoggedOut] != 1 || kinds[journal.KindLogRolledOver] < 2 {
		t.Errorf("%d logged in, %d logged out, %d logs rolled over", kinds[journal.KindOperatorLoggedIn], kinds[journal.KindOperatorLoggedOut],
			kinds[journal.KindLogRolledOver])
	}
	nowhere := exec.Command(binary, "version")
	nowhere.Dir, nowhere.Env = t.TempDir(), append(os.Environ(), "POSTERN_DATA="+filepath.Join(t.TempDir(), "none"))
	if out, err := nowhere.Output(); err != nil || !strings.Contains(string(out), "\nVersion: "+Version+"\n") {
		t.Errorf("without a data directory: %v\n%s", err, out)
	}
}

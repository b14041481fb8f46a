package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"postern/shell"
)

// aboutStopped are the words behind commands that are tried on a stopped gateway, where they need some.
var aboutStopped = map[string][]string{
	"archivemessage": {"1", "--yes"}, "bouncerecipients": {"all", "--yes"}, "deleterecipients": {"all", "--yes"}, "delivernow": {"all"}, "dnsflush": {"--yes"}, "dig": {"localhost"},
	"explain": {"2"}, "findevent": {"--mid", "1"}, "forget": {"jane@plain.test"}, "grep": {"Start", "mail_logs"}, "hold": {"all", "--yes"},
	"hostrate": {"plain.test", "--count", "1"}, "hoststatus": {"plain.test"}, "loadconfig": {"-", "--yes"}, "nslookup": {"localhost"}, "rate": {"--count", "1"},
	"redirectrecipients": {"mx.plain.test", "all", "--yes"}, "release": {"all", "--yes"}, "removemessage": {"1", "--yes"},
	"showrecipients": {"all"}, "shutdown": {"--yes"}, "reboot": {"--yes"}, "showmessage": {"2"}, "tail": {"mail_logs", "--count", "3"}, "tlsverify": {"plain.test"}, "workqueue": {"rate", "--count", "1"},
}

// readsStopped are further reading forms of commands, changesStopped forms that change, of commands that read too.
var (
	readsStopped = []string{"alertconfig print", "dnsconfig print", "interfaceconfig print", "listenerconfig print", "smtproutes print", "snmpconfig print",
		"logconfig hostkeyconfig print", "commitdetail 1", "workqueue status", "status detail", "undo --all", "indoubt --since 1d"}
	changesStopped = []string{"alertconfig clear", "dnsconfig new 192.0.2.53", "interfaceconfig delete Management", "listenerconfig delete In", "smtproutes clear --yes",
		"smtproutes export routes", "snmpconfig setup enabled true --yes", "logconfig delete mail_logs --yes", "logconfig hostkeyconfig user", "sethostname x.test",
		"rollbackconfig 1", "workqueue pause", "undo 1", "indoubt resend 1", "forget jane@plain.test --yes"}
)

// lookups are answered by others than the gateway: what they say depends on the machine.
var lookups = []string{"dig", "nslookup"}

// TestCommandsOfAStoppedGateway goes through the whole table: what only reads answers out of the store and the file, for
// people and for programs; everything else says in the same sentence what it needs, and nothing is asked for first.
func TestCommandsOfAStoppedGateway(t *testing.T) {
	s := runSink(t)
	g := runGateway(t, s, "")
	send(t, g.Address, "jane@plain.test")
	eventually(t, "it is delivered", func() bool { return s.Total() == 1 })
	ask(t, g, "suspenddel", "0")
	send(t, g.Address, "john@plain.test")
	stop(t, g)
	in, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	call := func(words ...string) (code int, out, said string) {
		var stdout, stderr bytes.Buffer
		code = run(append(words, "--data", g.Data), in, &stdout, &stderr)
		return code, stdout.String(), stderr.String()
	}
	reads := func(words ...string) {
		if code, out, said := call(words...); code != exitDone || strings.TrimSpace(out) == "" {
			t.Errorf("%s: status %d, %q, %s", strings.Join(words, " "), code, out, said)
		}
		code, out, said := call(append(words, "--json")...)
		for d := json.NewDecoder(strings.NewReader(out)); err == nil; {
			err = d.Decode(new(any))
		}
		if code != exitDone || err != io.EOF {
			t.Errorf("%s --json: status %d, %v, %q, %s", strings.Join(words, " "), code, err, out, said)
		}
		err = nil
	}
	changes := func(what string, words ...string) {
		want := "postern: the gateway does not run: " + what + " needs it (\"postern serve\" starts it)\n"
		if code, out, said := call(words...); code != exitRefused || out != "" || said != want {
			t.Errorf("%s: status %d, %q, %q", strings.Join(words, " "), code, out, said)
		}
	}
	for _, c := range shell.Commands {
		words := append([]string{c.Name}, aboutStopped[c.Name]...)
		switch {
		case c.Local, strings.HasSuffix(c.Name, "changes"), c.Name == "commit": // about the shell
		case slices.Contains(lookups, c.Name):
			if _, _, said := call(words...); strings.Contains(said, "needs it") {
				t.Errorf("%s: %s", c.Name, said)
			}
		case c.Offline:
			reads(words...)
		default:
			changes(c.Name, words...)
		}
	}
	for _, line := range readsStopped {
		reads(strings.Fields(line)...)
	}
	for _, line := range changesStopped {
		changes("this", strings.Fields(line)...)
	}
	if _, out, _ := call("smtproutes", "print"); !strings.Contains(out, "ALL  127.0.0.1") {
		t.Errorf("the routes are %q", out)
	}
	if _, out, _ := call("tcpservices"); !strings.Contains(out, "listener on 127.0.0.1") || !strings.Contains(out, "(does not listen)") {
		t.Errorf("the services are %q", out)
	}
	if _, out, _ := call("forget", "jane@plain.test", "--json"); !strings.Contains(out, `"messages_received": 1`) {
		t.Errorf("forget finds %s", out)
	}
}

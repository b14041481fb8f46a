package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMessagesAreShown by the running gateway, and out of the store of one that was killed.
func TestMessagesAreShown(t *testing.T) {
	g, s := mailHosts(t)
	if got := ask(t, g, "oldmessage"); got != "No messages.\n" {
		t.Errorf("of an empty queue: %q", got)
	}
	send(t, g.Address, "a@down.test")
	send(t, g.Address, "b@down.test")
	send(t, g.Address, "c@plain.test")
	eventually(t, "one is delivered", func() bool { return s.Total() == 1 })
	type message struct {
		MID        uint32
		Recipients []string
		Header     string
		Content    string
	}
	look := func(when string) {
		old := asJSON[message](t, g, "oldmessage")
		if len(old.Recipients) != 1 || old.Recipients[0] != "a@down.test" || !strings.HasPrefix(old.Header, "Received: ") || old.Content != "" {
			t.Errorf("%s: the oldest is %+v", when, old)
		}
		if text := ask(t, g, "oldmessage"); !strings.HasPrefix(text, fmt.Sprintf("MID %d: ", old.MID)) || !strings.Contains(text, " old\nReceived: ") {
			t.Errorf("%s: %s", when, text)
		}
		next := fmt.Sprint(old.MID + 1)
		if shown := asJSON[message](t, g, "showmessage", next); shown.Recipients[0] != "b@down.test" || shown.Content == "" {
			t.Errorf("%s: MID %s is %+v", when, next, shown)
		}
		wantAll(t, when, ask(t, g, "showmessage", next), "MID "+next+": ", "\n\nReceived: ")
		for mid, want := range map[string]string{fmt.Sprint(old.MID + 2): "is not in the queue: its message has left", "2147483647": "none has been given that number", "0": "is not a MID"} {
			if _, said := refusal(t, "showmessage", mid, "--data", g.Data); !strings.Contains(said, want) {
				t.Errorf("%s: MID %s: %s", when, mid, said)
			}
		}
		for _, command := range []string{"removemessage", "archivemessage"} {
			if code, said := refusal(t, command, next, "--data", g.Data); code != exitRefused || !strings.Contains(said, "repeat it with --yes") && !strings.Contains(said, "needs it") {
				t.Errorf("%s: %s without --yes: %d, %s", when, command, code, said)
			}
		}
	}
	look("running")
	g.Kill()
	look("killed")
	if _, err := os.Stat(filepath.Join(g.Data, "configuration")); !os.IsNotExist(err) {
		t.Errorf("something was archived: %v", err)
	}
	if out, err := exec.Command(binary, "showmessage", "1", "--data", t.TempDir()).CombinedOutput(); err == nil {
		t.Errorf("without a store: %s", out)
	}
}

package shell

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"postern/engine"
	"postern/journal"
)

const seedHeader = "Received: from example.com ([172.16.0.102])\r\n  by example.com with SMTP; 14 Feb 2007 22:11:37 -0800\r\n" +
	"From: user123@example.com\r\nTo: 4031@test.example2.com\r\nSubject: Testing\r\nMessage-Id: <20070215061136.68297.16346@example.com>\r\n"

func TestOldMessageTranscript(t *testing.T) {
	k := keeping(t, "")
	k.put(t, 9, "user123@example.com", seedHeader+"\r\nhello\r\n", 1)
	got, err := dialogue(t, t.Context(), k, "oldmessage", "")
	if err != nil {
		t.Fatal(err)
	}
	compareTranscript(t, "oldmessage.txt", "example.com> oldmessage\n"+got)
}

func TestArchiveMessageTranscript(t *testing.T) {
	k := keeping(t, "")
	k.put(t, 47, "user123@example.com", seedHeader+"\r\nFrom here on\r\n", 2)
	got, err := dialogue(t, t.Context(), k, "archivemessage", "47\n")
	if err != nil {
		t.Fatal(err)
	}
	compareTranscript(t, "archivemessage.txt", "example.com> archivemessage\n"+got)
	if len(k.remover.gone) != 1 || k.remover.gone[0] != "unknown 47 oldmessage_47.mbox" {
		t.Errorf("removed: %q", k.remover.gone)
	}
	text, err := os.ReadFile(filepath.Join(k.Messages.Dir, "oldmessage_47.mbox"))
	if err != nil {
		t.Fatal(err)
	}
	list := parseMbox(t, string(text))
	if len(list) != 1 || list[0].from != "user123@example.com Sun Mar  1 09:00:00 2026" || list[0].content != asLines(seedHeader+"\r\nFrom here on\r\n") {
		t.Errorf("saved: %q", list)
	}
}

// TestMessageCommands in all their forms, here and over the socket.
func TestMessageCommands(t *testing.T) {
	const midForm = `is not a MID: give a number from 1 to 2147483647`
	const two = "from <ann@a.example> to <r0@b.example>, <r1@b.example>"
	var k *queueKeeper
	for _, c := range []struct {
		line, answers, want string
		gone                string
	}{
		{"oldmessage", "batch", "MID 2: 1 hour 5 mins 35 secs old\nSubject: two\\x1b[2J\n", ""},
		{"oldmessage --json", "batch", `"mid": 2,`, ""},
		{"oldmessage --json", "batch", `"age_seconds": 3935,`, ""},
		{"showmessage 2", "batch", "MID 2: 1 hour 5 mins 35 secs old\n\nSubject: two\\x1b[2J\n\nbell\\x07 caf\\xe9\n", ""},
		{"showmessage", "2\n", "Enter the MID to show.\n[]> 2\nMID 2: ", ""},
		{"showmessage", "0\nx\n-1\n2147483648\n2\n", "\"2147483648\" " + midForm + ".\n\nEnter the MID to show.\n[]> 2\nMID 2: ", ""},
		{"showmessage 1", "batch", "\n\nin quarantine\n", ""},
		{"showmessage 2 --json", "batch", `"content": "bell\\x07 caf\\xe9\n",`, ""},
		{"showmessage 3", "batch", "error: MID 3 is not in the queue: its message has left", ""},
		{"showmessage 5000", "batch", "error: there is no message with MID 5000: none has been given that number", ""},
		{"showmessage 4", "batch", "MID 4: 1 hour 5 mins 35 secs old\n(An older message in the queue bears this MID too.)\n\nSubject: new four\n\n", ""},
		{"showmessage 6", "batch", "z\n\n424 more bytes of the message are not shown.\n", ""},
		{"showmessage 0", "batch", `error: "0" ` + midForm, ""},
		{"showmessage", "batch", "error: usage: showmessage MID [--json]", ""},
		{"removemessage 2", "batch", "error: this would remove MID 2, " + two + ", from the queue: repeat it with --yes", ""},
		{"removemessage 2", "n\n", "MID 2: 1 hour 5 mins 35 secs old\n" + two + "\nAre you sure you want to remove MID 2? [N]> n\n", ""},
		{"removemessage", "2\n\n", "Enter the MID to remove.\n[]> 2\nMID 2: ", ""},
		{"removemessage", "2\ny\n", "Are you sure you want to remove MID 2? [N]> y\nMID 2 has been removed from the queue.\n", "2 "},
		{"removemessage 2 --yes", "batch", "MID 2 has been removed from the queue.\n", "2 "},
		{"removemessage 2 --yes --json", "batch", `"recipients": 2`, "2 "},
		{"removemessage 1 --yes", "batch", "error: MID 1 is in quarantine, where removemessage does not reach", ""},
		{"removemessage 3 --yes", "batch", "error: MID 3 is not in the queue", ""},
		{"removemessage 5 --yes", "batch", "from <ann@a.example> to <r0@b.example>, <r1@b.example>, <r2@b.example>, <r3@b.example>, <r4@b.example> and 115 more\nMID 5 has been removed", "5 "},
		{"archivemessage 2", "batch", "error: this would save MID 2, " + two + ", in the configuration directory and remove it from the queue: repeat it with --yes", ""},
		{"archivemessage 1", "batch", "in the configuration directory; it would stay in quarantine: repeat it with --yes", ""},
		{"archivemessage 2 --yes", "batch", "MID 2 has been saved in file oldmessage_2.mbox in the configuration directory\n", "2 oldmessage_2.mbox"},
		{"archivemessage 2 --yes --json", "batch", `"file": "oldmessage_2.mbox",`, "2 oldmessage_2.mbox"},
		{"archivemessage 1 --yes", "batch", "MID 1 has been saved in file oldmessage_1.mbox in the configuration directory\nIt stays in quarantine.\n", ""},
		{"archivemessage", "0\n\n2\n", "\n[0]> 2\nMID 2 has been saved", "2 oldmessage_2.mbox"},
		{"archivemessage 3 --yes", "batch", "error: MID 3 is not in the queue", ""},
		{"archivemessage", "batch", "error: usage: archivemessage MID [--yes] [--json]", ""},
	} {
		for _, remote := range []bool{false, true} {
			if k == nil || c.gone != "" || len(k.remover.gone) > 0 || strings.HasPrefix(c.line, "archive") {
				k = messagesToSee(t)
			}
			var g Gateway = k
			if remote {
				g = overSocket(t, k)
			}
			got, err := dialogue(t, t.Context(), g, c.line, c.answers)
			if err != nil {
				got += "error: " + err.Error()
			}
			if _, removed, _ := strings.Cut(strings.Join(k.remover.gone, "; "), " "); !strings.Contains(got, c.want) || removed != c.gone {
				t.Errorf("%s (remote: %v):\nhave %.2000s\nwant %s\nremoved %q, want %q", c.line, remote, got, c.want, removed, c.gone)
			}
		}
	}
}

func TestNoMessages(t *testing.T) {
	k := keeping(t, "")
	for _, g := range []Gateway{k, overSocket(t, k)} {
		if got, err := dialogue(t, t.Context(), g, "oldmessage", "batch"); err != nil || got != "No messages.\n" {
			t.Errorf("%q, %v", got, err)
		}
		if got, err := dialogue(t, t.Context(), g, "oldmessage --json", "batch"); err != nil || got != "null\n" {
			t.Errorf("%q, %v", got, err)
		}
	}
}

// TestMessagesOfAStoppedStore can be looked at, as they were after a crash too, and not be removed.
func TestMessagesOfAStoppedStore(t *testing.T) {
	data := t.TempDir()
	k := keeping(t, data)
	k.put(t, 8, "", "Subject: gone\r\n\r\n", 1)
	if _, err := k.OldestMessage(t.Context()); err != nil { // the rows stand here
		t.Fatal(err)
	}
	k.put(t, 9, "ann@a.example", seedHeader+"\r\nhello\r\n", 1)
	k.fact(t, &journal.Delivered{Message: 1, RIDs: []uint32{0}})
	if err := k.j.Close(); err != nil {
		t.Fatal(err)
	}
	g := &Offline{Data: data}
	if got, err := dialogue(t, t.Context(), g, "oldmessage", "batch"); err != nil || !strings.HasPrefix(got, "MID 9: ") || !strings.Contains(got, "\nSubject: Testing\n") {
		t.Errorf("%s, %v", got, err)
	}
	if got, err := dialogue(t, t.Context(), g, "showmessage 9", "batch"); err != nil || !strings.HasSuffix(got, "\n\nhello\n") {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := dialogue(t, t.Context(), g, "showmessage 8", "batch"); err == nil || !strings.Contains(err.Error(), "MID 8") {
		t.Error(err)
	}
	for _, line := range []string{"removemessage 9 --yes", "archivemessage 9 --yes"} {
		if Find(strings.Fields(line)[0]).Offline {
			t.Errorf("%s is answered from a stopped store", line)
		}
	}
	for _, err := range []error{func() error { _, err := g.RemoveMessage(t.Context(), 9, 0); return err }(), func() error { _, err := g.ArchiveMessage(t.Context(), 9); return err }()} {
		if !errors.Is(err, ErrNotRunning) {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(data, "configuration")); !os.IsNotExist(err) {
		t.Errorf("a directory was made: %v", err)
	}
}

// TestWhatCannotBeRemovedStays, with its archive, and says so.
func TestWhatCannotBeRemovedStays(t *testing.T) {
	k := messagesToSee(t)
	k.remover.fail = &engine.RefusedError{Reason: "MID 2 is being delivered"}
	for _, g := range []Gateway{k, overSocket(t, k)} {
		if _, err := g.RemoveMessage(t.Context(), 2, 0); err == nil || err.Error() != "MID 2 is being delivered" {
			t.Error(err)
		}
		_, err := g.ArchiveMessage(t.Context(), 2)
		if err == nil || !strings.HasPrefix(err.Error(), "MID 2 has been saved in file oldmessage_2.") ||
			!strings.HasSuffix(err.Error(), "in the configuration directory, but stays in the queue: MID 2 is being delivered") {
			t.Error(err)
		}
	}
	m, err := k.Message(t.Context(), 2, 0)
	if err != nil {
		t.Fatal(err)
	}
	var refused *RefusedError
	if _, err := overSocket(t, k).RemoveMessage(t.Context(), 2, m.Seq-1); !errors.As(err, &refused) || err.Error() != "MID 2 is another message by now" {
		t.Errorf("of another one: %v", err)
	}
	k.Messages.Remover = nil
	before, _ := os.ReadDir(k.Messages.Dir)
	if _, err := k.ArchiveMessage(t.Context(), 2); !errors.Is(err, errNoRemover) {
		t.Error(err)
	}
	if after, _ := os.ReadDir(k.Messages.Dir); len(after) != len(before) {
		t.Errorf("a file was made: %v", after)
	}
}

// TestAMessageThatLeavesWhileItIsRead is no damage.
func TestAMessageThatLeavesWhileItIsRead(t *testing.T) {
	k := messagesToSee(t)
	r, err := k.queued(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	injected, err := k.j.At(r.Seq)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.j.DeleteBody(injected.Event.(*journal.MessageInjected).Body); err != nil {
		t.Fatal(err)
	}
	if _, err := k.archive(t.Context(), r); err == nil || !errors.Is(err, journal.ErrNotFound) {
		t.Errorf("a body that is missing: %v", err)
	}
	k.fact(t, &journal.Delivered{Message: r.Seq, RIDs: []uint32{0, 1}})
	if _, err := k.archive(t.Context(), r); err == nil || err.Error() != "MID 2 could not be saved: MID 2 left the queue while it was read" {
		t.Errorf("a message that left: %v", err)
	}
	if files, err := os.ReadDir(k.Messages.Dir); err != nil || len(files) != 0 {
		t.Errorf("left behind: %v, %v", files, err)
	}
}

// TestMIDsAreCompleted from the oldest message.
func TestMIDsAreCompleted(t *testing.T) {
	c := &completer{gateway: messagesToSee(t)}
	if list := c.complete(t.Context(), "archivemessage "); len(list) != 1 || list[0] != (Suggestion{"2", "the oldest message"}) {
		t.Errorf("%v", list)
	}
}

// TestMessagesAreNoMonitorsBusiness: whoever may only ask for the gateway's state gets nobody's mail.
func TestMessagesAreNoMonitorsBusiness(t *testing.T) {
	var m Message
	if err := json.Unmarshal([]byte(`{"mid":2,"header":"x"}`), &m); err != nil || m.MID != 2 || m.Header != "x" {
		t.Fatal(m, err)
	}
	for _, path := range []string{"/v1/message/oldest", "/v1/message/show?mid=2&content=9", "/v1/message/remove?mid=2&seq=0", "/v1/message/archive?mid=2"} {
		if code := readOnlyCode(ReadOnly(messagesToSee(t)), path); code < 400 {
			t.Errorf("GET %s: %d", path, code)
		}
	}
}

func readOnlyCode(h http.Handler, path string) int {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code
}

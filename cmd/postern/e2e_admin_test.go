package main

import (
	"bytes"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// as runs a command as another user, with one group, and returns whether it succeeded and all that it said.
func as(t *testing.T, uid, gid int, argv ...string) (bool, string) {
	t.Helper()
	c := exec.Command(argv[0], argv[1:]...)
	c.Dir = "/"
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	err := c.Run()
	if c.ProcessState == nil {
		t.Fatalf("%v: %v", argv, err)
	}
	return err == nil, said.String()
}

// Members of [admin] group administer the gateway, and see nothing of the data; others reach nothing.
func TestAdminGroup(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become other users")
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Skip(err)
	}
	group, err := user.LookupGroupId(nobody.Gid)
	if err != nil {
		t.Skip(err)
	}
	uid, _ := strconv.Atoi(nobody.Uid)
	gid, _ := strconv.Atoi(nobody.Gid)
	g := runGateway(t, runSink(t), "[admin]\ngroup = \""+group.Name+"\"\n")
	above := filepath.Dir(g.Data)
	for _, dir := range []string{above, filepath.Dir(above)} {
		if err := os.Chmod(dir, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	program, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	tool := filepath.Join(above, "postern")
	if err := os.WriteFile(tool, program, 0o755); err != nil {
		t.Fatal(err)
	}
	if ok, said := as(t, uid, gid, tool, "status", "--data", g.Data); !ok || !strings.Contains(said, "Online") {
		t.Errorf("a member of the group is told: %s", said)
	}
	const stranger = 64999
	if ok, said := as(t, stranger, stranger, tool, "status", "--data", g.Data); ok || strings.Count(said, "\n") != 1 || !strings.Contains(said, "group") {
		t.Errorf("a stranger is told: %s", said)
	}
	for _, argv := range [][]string{{"ls", g.Data}, {"ls", g.Data + "/journal"}, {"cat", g.Data + "/logs/mail_logs.current"}, {"cat", g.Data + "/serve.lock"}} {
		for _, who := range [][2]int{{uid, gid}, {stranger, stranger}} {
			if ok, said := as(t, who[0], who[1], argv...); ok {
				t.Errorf("user %d may %v: %s", who[0], argv, said)
			}
		}
	}
	stop(t, g)
}

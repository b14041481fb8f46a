package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"postern/bench"
	"postern/engine/config"
	"postern/journal"
)

// logServer is a syslog server that keeps the texts of messages; each stands behind its length.
type logServer struct {
	address string

	mu    sync.Mutex
	texts []string
	open  []io.Closer
}

func runLogServer(t *testing.T, address string) *logServer {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s := &logServer{address: address, open: []io.Closer{l}}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.open = append(s.open, c)
			s.mu.Unlock()
			go s.read(c)
		}
	}()
	t.Cleanup(s.close)
	return s
}

func (s *logServer) read(c net.Conn) {
	defer c.Close()
	for in := bufio.NewReader(c); ; {
		digits, err := in.ReadString(' ')
		n, wrong := strconv.Atoi(strings.TrimSuffix(digits, " "))
		if err != nil || wrong != nil {
			return
		}
		message := make([]byte, n)
		if _, err := io.ReadFull(in, message); err != nil {
			return
		}
		_, text, _ := strings.Cut(string(message), " siem - ")
		_, text, _ = strings.Cut(text, "\"] ")
		s.mu.Lock()
		s.texts = append(s.texts, text)
		s.mu.Unlock()
	}
}

func (s *logServer) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.open {
		c.Close()
	}
}

// has tells whether a line has arrived.
func (s *logServer) has(text string) func() bool {
	return func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return slices.ContainsFunc(s.texts, func(t string) bool { return strings.Contains(t, text) })
	}
}

// once is what has arrived, without what came twice in a row of lines that was sent again.
func (s *logServer) once() (texts []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := map[string]bool{}
	for _, t := range s.texts {
		if !seen[t] {
			texts = append(texts, t)
		}
		seen[t] = true
	}
	return texts
}

var frame = regexp.MustCompile(`(?m)^.{24} `)

// An operator adds a log that is pushed while mail flows, the server dies and comes back, the gateway starts anew, and the
// log is deleted: what the server has is what the file has, from the commit on.
func TestLogsArePushed(t *testing.T) {
	s := runSink(t)
	g := runGateway(t, s, "")
	server := runLogServer(t, freeAddress(t))
	port := server.address[strings.LastIndex(server.address, ":")+1:]
	answers := strings.Join([]string{"logconfig", "new", "1", "siem", "", "3", "127.0.0.1", "2", port, "", "", "", "commit", "to the SIEM"}, "\n") + "\n"
	if out := typeInto(g, answers); !strings.Contains(out, "Changes committed:") {
		t.Fatal(out)
	}
	mail := func(n int) {
		t.Helper()
		for i := range n {
			send(t, g.Address, fmt.Sprintf("to%d@example.com", i))
		}
	}
	mail(3)
	eventually(t, "lines arrive", server.has("Message finished MID "))
	server.close()
	mail(3)
	again := runLogServer(t, server.address)
	eventually(t, "lines arrive again", again.has("Message finished MID "))
	stop(t, g)
	start(t, g)
	mail(2)
	eventually(t, "lines arrive after a restart", again.has("SMTP server starting"))
	if out := typeInto(g, "tail siem\nrollovernow siem\n"); strings.Count(out, "has no files here: Syslog Push - Host 127.0.0.1") != 2 {
		t.Error(out)
	}
	commit(t, g, "no more", func(d *config.Document) {
		d.Subscriptions = slices.DeleteFunc(d.Subscriptions, func(l config.Log) bool { return l.Name == "siem" })
		d.Subscriptions = append(d.Subscriptions, config.NewLog("second", config.LogTypeStatus))
	})
	eventually(t, "a new log has a file", func() bool {
		_, err := os.Stat(filepath.Join(g.Data, "logs", "second.current"))
		return err == nil
	})
	commit(t, g, "nor that one", func(d *config.Document) {
		d.Subscriptions = slices.DeleteFunc(d.Subscriptions, func(l config.Log) bool { return l.Name == "second" })
	})
	files, _ := filepath.Glob(filepath.Join(g.Data, "logs", "second.*"))
	if len(files) != 1 || filepath.Ext(files[0]) != ".s" {
		t.Errorf("of the deleted log there are %v", files)
	}
	eventually(t, "the file is as far", func() bool { return strings.Contains(string(logText(t, g, "mail_logs")), "no more") })
	samePushed(t, g, append(server.once(), again.once()...))
}

// Logs that are taken out of the file while the gateway is stopped are left as by a commit, which a crash may have kept from
// it too: the file is closed, and the place of what was pushed forgotten. A file of authorities that is gone keeps only those
// from being changed who name it.
func TestLogsRemovedByHand(t *testing.T) {
	authority, _ := writePair(t)
	g := runGateway(t, runSink(t), "")
	without := fileOf(t, g)
	commit(t, g, "two logs", func(d *config.Document) {
		siem := config.NewLog("siem", config.LogTypeMail)
		siem.Retrieval, siem.Protocol, siem.Host, siem.Port, siem.Authority = config.RetrieveSyslog, "tls", "127.0.0.1", 9, authority
		d.Subscriptions = append(d.Subscriptions, siem, config.NewLog("second", config.LogTypeStatus))
	})
	if err := os.Remove(authority); err != nil {
		t.Fatal(err)
	}
	commit(t, g, "something else", func(d *config.Document) { d.DNS.Tries = 7 })
	second := func(ext string) bool {
		files, _ := filepath.Glob(filepath.Join(g.Data, "logs", "second."+ext))
		return len(files) == 1
	}
	eventually(t, "the log has a file", func() bool { return second("@*.c") && second("current") })
	stop(t, g)
	if err := os.WriteFile(filepath.Join(g.Data, configName), []byte(without+"\n[queue]\nundo_seconds = 77\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	start(t, g)
	if !second("@*.s") || second("@*.c") || second("current") {
		t.Error("the file is still open")
	}
	stop(t, g)
	j, err := journal.Open(filepath.Join(g.Data, "journal"), journal.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if names, err := j.RowNames("syslog:"); err != nil || len(names) > 0 {
		t.Errorf("places are kept: %v, %v", names, err)
	}
	if names, err := j.RowNames("mail_"); err != nil || !slices.Equal(names, []string{"mail_logs"}) {
		t.Errorf("of the log that stays: %v, %v", names, err)
	}
}

// typeInto types lines at the gateway's shell.
func typeInto(g *bench.Gateway, lines string) string {
	c := exec.Command(binary, "shell", "--data", g.Data)
	c.Stdin = strings.NewReader(lines)
	out, _ := c.Output() // it fails with the last command, whose answer says why
	return string(out)
}

// samePushed compares what was pushed with what the file says.
func samePushed(t *testing.T, g *bench.Gateway, pushed []string) {
	t.Helper()
	lines := strings.Split(frame.ReplaceAllString(string(logText(t, g, "mail_logs")), ""), "\n")
	at := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, "committed by") && strings.Contains(l, "to the SIEM") })
	if at < 0 {
		t.Fatal("the commit is not in the log")
	}
	seen := map[string]int{}
	for i, text := range pushed {
		if _, before := seen[text]; !before {
			seen[text] = i
		}
	}
	last, end := -1, slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, "no more") })
	missing := 0
	for _, line := range lines[at+1 : end] {
		i, there := seen[line]
		switch {
		case strings.Contains(line, "logged in") || strings.Contains(line, "logged out"): // the same words again
		case !there:
			missing++
			t.Logf("not pushed: %s", line)
		case i < last:
			t.Errorf("%q was overtaken", line)
		default:
			last = i
		}
	}
	if missing > 0 || last < 10 {
		t.Errorf("%d lines are missing of %d", missing, end-at)
	}
}

package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"postern/engine/config"
)

// fetch asks as a monitoring system does.
func fetch(t *testing.T, url, user, password string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if user != "" {
		r.SetBasicAuth(user, password)
	}
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

func TestStatusOverHTTP(t *testing.T) {
	s, at := runSink(t), freeAddress(t)
	g := runGateway(t, s, fmt.Sprintf("[http]\naddress = %q\n", at))
	send(t, g.Address, "b@sink.test")
	eventually(t, "the feed counts the delivery", func() bool {
		_, text := fetch(t, "http://"+at+"/xml/status", "", "")
		var feed struct {
			Counters []struct {
				Name     string `xml:"name,attr"`
				Lifetime int    `xml:"lifetime,attr"`
			} `xml:"counters>counter"`
		}
		d := xml.NewDecoder(strings.NewReader(text))
		d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // our names are ASCII
		if err := d.Decode(&feed); err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		for _, c := range feed.Counters {
			if c.Name == "delivered_recips" && c.Lifetime == 1 {
				return true
			}
		}
		return false
	})
	code, text := fetch(t, "http://"+at+"/metrics", "", "")
	if code != 200 || !strings.Contains(text, "\npostern_delivered_recips_total 1\n") || !strings.Contains(text, "\npostern_queue_loaded 100\n") ||
		!strings.Contains(text, `postern_host_delivered_recips_total{host="sink.test"} 1`) {
		t.Errorf("%d\n%s", code, text)
	}
	if code, text := fetch(t, "http://"+at+"/healthz", "", ""); code != 200 || text != "ok\n" {
		t.Errorf("%d, %s", code, text)
	}
	if code, _ := fetch(t, "http://"+at+"/api/v1/status", "", ""); code != 403 {
		t.Errorf("without a password the admin socket's answers are %d", code)
	}
	stop(t, g)
}

// A password goes from the tool into the configuration, and no further.
func TestStatusOverHTTPWithPassword(t *testing.T) {
	c := exec.Command(binary, "config", "password")
	c.Stdin = strings.NewReader("correct horse\n")
	hash, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	at := freeAddress(t)
	certificate, key := writePair(t)
	g := runGateway(t, runSink(t), fmt.Sprintf("[http]\naddress = %q\nuser = \"monitor\"\npassword = %q\n", at, strings.TrimSpace(string(hash))))
	for password, want := range map[string]int{"correct horse": 200, "wrong": 401} {
		if code, _ := fetch(t, "http://"+at+"/api/v1/status", "monitor", password); code != want {
			t.Errorf("%s: %d, want %d", password, code, want)
		}
	}
	if code, _ := fetch(t, "http://"+at+"/healthz", "", ""); code != 200 {
		t.Errorf("health without a password: %d", code)
	}
	stop(t, g)
	if strings.Contains(g.Said(), "correct horse") || !strings.Contains(g.Said(), "wrong user or password") {
		t.Errorf("it says %s", g.Said())
	}
	open := oneListener + "[http]\naddress = \"0.0.0.0:8080\"\ncertificate = " + fmt.Sprintf("%q\nkey = %q\n", certificate, key)
	refuses(t, 1, []string{"http.address", "loopback"}, "config", "check", "--data", configured(t, open))
	output(t, "config", "check", "--data", configured(t, open+fmt.Sprintf("user = \"m\"\npassword = %q\n", strings.TrimSpace(string(hash)))))
	refuses(t, 1, []string{"http", "/nonexistent"}, "config", "check", "--data", configured(t, oneListener+"[http]\ncertificate = \"/nonexistent\"\nkey = \"/nonexistent\"\n"))
}

// A port of the status pages that is taken ends a first start, which leaves nothing, and is said by the check.
func TestBusyStatusPort(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	data := configured(t, oneListener+fmt.Sprintf("[http]\naddress = %q\n", taken.Addr()))
	refuses(t, 1, []string{"http cannot listen", "in use"}, "config", "check", "--bind", "--data", data)
	refuses(t, 1, []string{"http cannot listen", "in use"}, "serve", "--data", data)
	if _, err := os.Stat(filepath.Join(data, "journal")); !os.IsNotExist(err) {
		t.Errorf("a journal is left: %v", err)
	}
}

// On a terminal a secret is asked for twice and not shown.
func TestSecretsOnATerminal(t *testing.T) {
	hashed := func(made string) bool {
		h, err := config.ParsePassword(made)
		return err == nil && h.Matches("secret words")
	}
	keyed := func(made string) bool {
		key, err := config.SNMPKey("secret words")
		return err == nil && made == key
	}
	for _, c := range []struct {
		tool, prompt, again string
		good                bool
		is                  func(made string) bool
	}{{"password", "Password: ", "secret words", true, hashed}, {"password", "Password: ", "Secret words", false, nil},
		{"snmpkey", "Passphrase: ", "secret words", true, keyed}, {"snmpkey", "Passphrase: ", "secret word", false, nil}} {
		made, said, err := onTerminal(t, []string{"config", c.tool}, [][2]string{{c.prompt, "secret words"}, {"Again: ", c.again}})
		if (err == nil) != c.good || strings.Contains(said, "ecret") {
			t.Errorf("%s, again %s: %v, %q", c.tool, c.again, err, said)
		}
		if made = strings.TrimSpace(made); c.good && !c.is(made) || !c.good && made != "" {
			t.Errorf("%s, again %s: it makes %q", c.tool, c.again, made)
		}
	}
}

// onTerminal runs the program on a terminal, but for what it makes, and answers each prompt when the terminal is silent.
func onTerminal(t *testing.T, arguments []string, steps [][2]string) (made, said string, err error) {
	t.Helper()
	terminal, theirs, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	c := exec.Command(binary, arguments...)
	c.Stdin, c.Stderr = theirs, theirs
	var out strings.Builder
	c.Stdout = &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	for _, step := range steps {
		for !strings.HasSuffix(said, step[0]) {
			b := make([]byte, 100)
			n, err := terminal.Read(b)
			if err != nil {
				t.Fatalf("%v after %q", err, said)
			}
			said += string(b[:n])
		}
		eventually(t, "the terminal is silent", func() bool {
			mode, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
			return err == nil && mode.Lflag&unix.ECHO == 0
		})
		fmt.Fprintln(terminal, step[1])
	}
	err = c.Wait()
	return out.String(), said, err
}

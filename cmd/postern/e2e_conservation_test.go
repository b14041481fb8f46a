package main

import (
	"fmt"
	"net"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"postern/journal"
)

// client is one connection that sends messages, a command at a time.
type client struct {
	t *testing.T
	*textproto.Conn
}

func connect(t *testing.T, address string) *client {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(time.Minute))
	k := &client{t, textproto.NewConn(c)}
	t.Cleanup(func() { k.Close() })
	for _, text := range []string{"", "EHLO client.test"} {
		if code, reply := k.say(text); code != 220 && code != 250 {
			t.Fatalf("%d %s", code, reply)
		}
	}
	return k
}

func (k *client) say(text string) (code int, reply string) {
	k.t.Helper()
	if text != "" {
		if err := k.PrintfLine("%s", text); err != nil {
			k.t.Fatal(err)
		}
	}
	code, reply, err := k.ReadResponse(0)
	if err != nil && code == 0 {
		k.t.Fatal(err)
	}
	return code, reply
}

// mail sends one message and returns the first reply that refuses it, "" when it was accepted, and the slowest reply's time.
func (k *client) mail(to string, size int) (refused string, slowest time.Duration) {
	k.t.Helper()
	content := "Subject: load\r\n\r\n" + strings.Repeat(strings.Repeat("x", 98)+"\r\n", size/100) + "."
	for _, step := range []string{"MAIL FROM:<load@sender.test>", "RCPT TO:<" + to + ">", "DATA", content} {
		began := time.Now()
		code, reply := k.say(step)
		slowest = max(slowest, time.Since(began))
		if code >= 400 {
			return fmt.Sprintf("%d %s", code, reply), slowest
		}
	}
	return "", slowest
}

// A queue that fills up slows its senders, then refuses their mail for a while, delivers on, and recovers by itself; a stop
// in between is quick, and the next start knows the degree.
func TestQueueThatFillsUp(t *testing.T) {
	s := runSink(t)
	g := runGateway(t, s, quickRetries+"\n[queue]\nkilobytes = 2000\n[conservation]\nreply_delay = \"2ms\"\n")
	k := connect(t, g.Address)
	accepted, slowed := 0, false
	var refused string
	for refused == "" {
		var slowest time.Duration
		refused, slowest = k.mail(fmt.Sprintf("defer-%d@sink.test", accepted), 20_000)
		if refused == "" {
			accepted++
		}
		degree := statusOf(t, g).Gauges["resource_conservation"]
		if degree > 5 && degree <= 60 {
			slowed = true
		}
		if accepted > 80 && slowest < 20*time.Millisecond && refused == "" {
			t.Errorf("message %d: no reply took longer than %v with degree %d", accepted, slowest, degree)
		}
		if accepted > 105 {
			t.Fatal("the queue takes more than it may")
		}
	}
	if !slowed || accepted < 85 || accepted > 95 || !strings.HasPrefix(refused, "452 4.3.1 ") {
		t.Errorf("%d messages of 20 kB accepted, slowed %v, then %q", accepted, slowed, refused)
	}
	if text := strings.Join(strings.Fields(output(t, "status", "--json", "--data", g.Data)), ""); !strings.Contains(text, `"resource_conservation":999`) ||
		!strings.Contains(text, `"conservation_reasons":["queueFull"]`) {
		t.Errorf("status --json says\n%s", text)
	}
	if text := output(t, "status", "detail", "--data", g.Data); !strings.Contains(text, "Resource Conservation             999") {
		t.Errorf("status detail says\n%s", text)
	}
	began := time.Now()
	stop(t, g)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the stop took %v", took)
	}
	start(t, g)
	if refused, _ := connect(t, g.Address).mail("b@sink.test", 100); !strings.HasPrefix(refused, "452 4.3.1 ") {
		t.Errorf("after a start with a full queue: %q", refused)
	}
	s.Lift()
	eventually(t, "the queue is delivered while nothing is accepted", func() bool { return s.Total() == uint64(accepted) })
	eventually(t, "conservation ends", func() bool { return statusOf(t, g).Gauges["resource_conservation"] == 0 })
	if refused, slowest := connect(t, g.Address).mail("b@sink.test", 100); refused != "" || slowest > time.Second {
		t.Errorf("in the end %q, %v", refused, slowest)
	}
	stop(t, g)
	log, _ := os.ReadFile(filepath.Join(g.Data, "logs", "mail_logs.current"))
	if !strings.Contains(string(log), "Warning: Resource conservation 999, reasons: queueFull\n") || !strings.Contains(string(log), "Info: Resource conservation 0\n") {
		t.Errorf("the mail log does not tell of it:\n%s", log)
	}
	changes := 0
	for _, r := range facts(t, g) {
		if _, ok := r.Event.(*journal.ResourceConservationChanged); ok {
			changes++
		}
	}
	if changes < 3 || changes > 30 {
		t.Errorf("%d changes of the degree", changes)
	}
}

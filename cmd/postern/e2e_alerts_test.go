package main

import (
	"fmt"
	"strings"
	"testing"

	"postern/bench"
	"postern/bench/sink"
	"postern/projections"
)

// fill sends messages that stay in the queue until one is refused, and tells how many were taken.
func fill(t *testing.T, g *bench.Gateway, domain string) (taken int) {
	t.Helper()
	k := connect(t, g.Address)
	for ; taken < 200; taken++ {
		if refused, _ := k.mail(fmt.Sprintf("defer-%d@%s", taken, domain), 20_000); refused != "" {
			if !strings.HasPrefix(refused, "452 4.3.1 ") {
				t.Fatalf("refused with %q", refused)
			}
			return taken
		}
	}
	t.Fatal("the queue takes everything")
	return taken
}

// letters are the subjects of what came for an operator, without what they have in common.
func letters(s *sink.Sink, operator string) (subjects []string) {
	for _, m := range s.Messages() {
		if len(m.Recipients) == 1 && m.Recipients[0] == operator {
			subjects = append(subjects, strings.Replace(m.ID, " <System> gateway.test:", "", 1))
		}
	}
	return subjects
}

// gets waits until subjects that begin so have come, and tells what else came.
func gets(t *testing.T, s *sink.Sink, operator string, want ...string) {
	t.Helper()
	missing := func() (left []string) {
		have := letters(s, operator)
		for _, w := range want {
			found := false
			for _, h := range have {
				found = found || strings.HasPrefix(h, w)
			}
			if !found {
				left = append(left, w)
			}
		}
		return left
	}
	defer func() {
		if t.Failed() {
			t.Logf("the operator got %q", letters(s, operator))
		}
	}()
	eventually(t, fmt.Sprintf("letters %q", want), func() bool { return len(missing()) == 0 })
}

// alertsOf asks for the alerts, the oldest first: kind, object, and whether each is over.
func alertsOf(t *testing.T, g *bench.Gateway) (list []string) {
	t.Helper()
	for _, a := range asJSON[[]projections.Alert](t, g, "displayalerts", "50") {
		text := strings.TrimSpace(a.Kind + " " + a.Object)
		if !a.Cleared.IsZero() {
			text += " over"
		}
		list = append([]string{text}, list...)
	}
	return list
}

// What is wrong with a gateway reaches its operator although nothing is accepted: once when it begins and once when it is
// over, and within the interval not again. displayalerts tells of it, also on the stopped store.
func TestAlertsReachTheOperator(t *testing.T) {
	const operator = "ops@alert.test"
	s, other := runSink(t), runSink(t)
	g := runGateway(t, s, quickRetries+fmt.Sprintf("[[smtp_route]]\ndomain = \"other.test\"\nto = [%q]\n", other.Address())+
		"[queue]\nkilobytes = 2000\n[conservation]\nreply_delay = \"1ms\"\n[alerts]\nto = [\""+operator+"\"]\nhost_recipients = 50\n")
	fill(t, g, "sink.test")
	gets(t, s, operator, "Warning Resource conservation has begun (queueFull)", "Critical No mail is accepted for lack of resources (queueFull).",
		"Warning The queue holds ")
	if refused, _ := connect(t, g.Address).mail("b@sink.test", 100); !strings.HasPrefix(refused, "452 4.3.1 ") {
		t.Errorf("the letters came, but other mail is answered %q", refused)
	}
	standing := []string{alertConservation, alertRefused, alertQueue}
	if got := alertsOf(t, g); fmt.Sprint(got) != fmt.Sprint(standing) {
		t.Errorf("displayalerts knows %v, want %v", got, standing)
	}
	text := ask(t, g, "displayalerts")
	wantAll(t, "displayalerts", text, "Date and Time Stamp         Description\n", "Critical: No mail is accepted for lack of resources (queueFull).", "mailRefused, still stands\n")
	stop(t, g)
	if offline := ask(t, g, "displayalerts"); offline != text {
		t.Errorf("the stopped store tells\n%s\nthe gateway told\n%s", offline, text)
	}
	start(t, g)
	s.Lift()
	eventually(t, "conservation ends", func() bool { return statusOf(t, g).Gauges["resource_conservation"] == 0 })
	gets(t, s, operator, "Information Mail is accepted again.", "Information Resource conservation is over", "Information The queue has room again.")
	over := []string{alertConservation + " over", alertRefused + " over", alertQueue + " over"}
	if got := alertsOf(t, g); fmt.Sprint(got) != fmt.Sprint(over) {
		t.Errorf("displayalerts knows %v, want %v", got, over)
	}

	// It begins again within the interval. That nothing is told can be seen by what is told: another kind, of the same look.
	n := fill(t, g, "other.test")
	other.Close()
	gets(t, s, operator, fmt.Sprintf("Warning %d recipients wait for other.test, which is down.", n))
	stop(t, g)
	if got, want := alertsOf(t, g), append(over, alertHost+" other.test"); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("displayalerts knows %v, want %v", got, want)
	}
	if got := letters(s, operator); len(got) != 7 {
		t.Errorf("%d letters: %q", len(got), got)
	}
}

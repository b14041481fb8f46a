package shell

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"postern/engine"
)

// says runs a line and gives what was printed, and behind it the error.
func says(t *testing.T, g Gateway, line, answers string) string {
	t.Helper()
	words, err := splitWords(line)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	c := &Call{Gateway: g, Command: Find(words[0]), Out: printable{&out}, Zone: time.UTC,
		Now: func() time.Time { return time.Date(2026, 3, 1, 10, 30, 0, 0, time.UTC) }}
	if answers != "batch" {
		c.Asker = newLines(strings.NewReader(answers), &out)
	}
	if err = c.Parse(words[1:]); err == nil {
		err = c.Do(asAdmin(t))
	}
	if err != nil {
		return out.String() + "error: " + err.Error()
	}
	return out.String()
}

func TestOrdersInBatch(t *testing.T) {
	sender := "mailadmin@example.com"
	for _, c := range []struct {
		line, want string
		order      engine.Order // the one that is given; no action: none
	}{
		{"deleterecipients host example.com --yes", "Deleting messages, please wait.\n5 messages deleted.\n",
			engine.Order{Action: "delete", Selection: engine.Selection{Host: "example.com"}}},
		{"deleterecipients host EXAMPLE.com.", "5 messages (5 recipients) would be deleted: to host example.com\nerror: nothing was deleted: repeat it with --yes", engine.Order{}},
		{"bouncerecipients from mailadmin@example.com --yes", "Bouncing messages, please wait.\n5 messages bounced.\n",
			engine.Order{Action: "bounce", Selection: engine.Selection{From: &sender}}},
		{"bouncerecipients FROM <mailadmin@example.com>", "5 messages (5 recipients) would be bounced: from <mailadmin@example.com>\n" +
			"error: nothing was bounced: repeat it with --yes", engine.Order{}},
		{"bouncerecipients from <>", "0 messages (0 recipients) would be bounced: from <>\nerror: nothing was bounced: repeat it with --yes", engine.Order{}},
		{"deleterecipients all --yes", "Deleting messages, please wait.\n5 messages deleted.\n", engine.Order{Action: "delete"}},
		{"deleterecipients host b.example --yes", "Deleting messages, please wait.\n0 messages deleted.\n",
			engine.Order{Action: "delete", Selection: engine.Selection{Host: "b.example"}}},
		{"redirectrecipients example2.com --yes", "Redirecting messages, please wait.\n5 recipients redirected.\n", engine.Order{Action: "redirect", Target: "example2.com"}},
		{"redirectrecipients Example2.COM:26 host example.com --yes", "Redirecting messages, please wait.\n5 recipients redirected.\n",
			engine.Order{Action: "redirect", Target: "example2.com:26", Selection: engine.Selection{Host: "example.com"}}},
		{"redirectrecipients 192.0.2.9:26", "5 messages (5 recipients) would be redirected: all\nerror: nothing was redirected: repeat it with --yes", engine.Order{}},
		{`hold host example.com --reason "checking with the customer" --yes`, "Holding messages, please wait.\n5 messages held.\n",
			engine.Order{Action: "hold", Reason: "checking with the customer", Selection: engine.Selection{Host: "example.com"}}},
		{"release all", "0 messages (0 recipients) would be released: held\nerror: nothing was released: repeat it with --yes", engine.Order{}},
		{"release --mid 3 --yes", "Releasing messages, please wait.\n0 messages released.\n",
			engine.Order{Action: "release", Selection: engine.Selection{Held: true, MID: 3}}},
		{"deleterecipients --older 2d --attempts=10 --subject 'a b' --min-size 10k --max-size=1G --yes", "Deleting messages, please wait.\n0 messages deleted.\n",
			engine.Order{Action: "delete", Selection: engine.Selection{Older: 48 * time.Hour, Attempts: 10, Subject: "a b", MinSize: 10 << 10, MaxSize: 1 << 30}}},
		{"showrecipients --mid 2", "Showing messages, please wait.\n" + showHeading + "2         1230        mailadmin@example.com     Testing\n" +
			"[0]       [0]         1@example.com\n", engine.Order{}},
		{"showrecipients host b.example", "Showing messages, please wait.\nThere are no such messages in the queue.\n", engine.Order{}},
	} {
		t.Run(c.line, func(t *testing.T) {
			l, e := queueOf(t, 5)
			if got := says(t, l, strings.NewReplacer("<", `"<`, ">", `>"`).Replace(c.line), "batch"); got != c.want {
				t.Errorf("have %q\nwant %q", got, c.want)
			}
			c.order.By = "admin"
			switch {
			case c.order.Action == "" && len(e.orders) > 0, c.order.Action != "" && len(e.orders) != 1:
				t.Errorf("%d orders", len(e.orders))
			case len(e.orders) > 0 && asJSON(e.orders[0]) != asJSON(c.order):
				t.Errorf("ordered %s\nwant %s", asJSON(e.orders[0]), asJSON(c.order))
			}
		})
	}
}

// TestQuestionsOfOtherSelections: what AsyncOS has no words for is asked in plain ones.
func TestQuestionsOfOtherSelections(t *testing.T) {
	for line, want := range map[string]string{
		"deleterecipients host example.com --older 4h": `Are you sure you want to delete the messages selected (to host example.com, older than 4h0m0s)? [N]> `,
		"hold all":                                      "Are you sure you want to hold all messages in the queue? [N]> ",
		"hold from a@example.com":                       `Are you sure you want to hold all messages with the Envelope From address of "a@example.com"? [N]> `,
		"bouncerecipients from '<>'":                    `Are you sure you want to bounce all messages with the Envelope From address of "<>"? [N]> `,
		"redirectrecipients b.example all":              `Are you sure you want to redirect all mail in the queue to "b.example"? [N]> `,
		"redirectrecipients b.example host example.com": `Are you sure you want to redirect all messages being delivered to "example.com" to "b.example"? [N]> `,
	} {
		l, e := queueOf(t, 3)
		empty := ""
		e.rows[0].Sender, e.rows[1].Sender, e.rows[0].Host = "a@example.com", empty, "EXAMPLE.com"
		got := says(t, l, line, "n\n")
		if strings.Contains(line, "--older") {
			want = "3 messages match.\n" + want
		}
		if !strings.Contains(got, want) || !strings.Contains(got, " match") || len(e.orders) > 0 {
			t.Errorf("%s: %d orders\n%s", line, len(e.orders), got)
		}
	}
	l, e := queueOf(t, 0)
	if got := says(t, l, "deleterecipients all", "y\n"); got != "\n0 messages match.\n" || len(e.orders) > 0 {
		t.Errorf("of nothing: %q", got)
	}
}

// TestOrdersAsJSON: programs get the exact facts, and nothing else.
func TestOrdersAsJSON(t *testing.T) {
	l, e := queueOf(t, 4)
	e.past = 1
	for _, g := range []Gateway{l, overSocket(t, l)} {
		e.orders = nil
		for line, want := range map[string]string{
			"deleterecipients host example.com --json": `{"action":"delete","selection":{"host":"example.com"},"messages":4,"recipients":4,"as_of":4711}` + "error: nothing was deleted: repeat it with --yes",
			"deleterecipients all --yes --json":        `{"action":"delete","id":ID,"messages":3,"recipients":3,"undo_until":"2026-03-01T11:17:00Z","excluded":[{"message":100,"mid":1,"rids":[0]}],"mids":[2,3,4]}`,
			"redirectrecipients b.example --yes --json": `{"action":"redirect","target":"b.example","id":ID,"messages":3,"recipients":3,"undo_until":"2026-03-01T11:17:00Z",` +
				`"excluded":[{"message":100,"mid":1,"rids":[0]}],"mids":[2,3,4]}`,
			"deleterecipients host b.example --yes --json": `{"action":"delete","id":0,"messages":0,"recipients":0,"mids":[]}`,
			"showrecipients --mid 2 --json": `{"seq":101,"mid":2,"bytes":1230,"sender":"mailadmin@example.com","subject":"Testing","rid":0,"attempts":0,` +
				`"recipient":"1@example.com","host":"example.com","injected":"2026-03-01T10:17:00Z","state":"queued"}`,
			"showrecipients host b.example --json": "",
			"resumedel B.example --json":           `{"changed":[],"already":["b.example"]}`,
			"workqueue --json":                     `{"timestamp":"2026-03-01T10:17:00Z","paused":false,"msgs_in_work_queue":0}`,
		} {
			got := says(t, g, line, "batch")
			before, failed, _ := strings.Cut(got, "error: ")
			var folded bytes.Buffer
			if err := json.Compact(&folded, []byte(before)); err != nil && before != "" {
				t.Errorf("%s: %v in %s", line, err, got)
			}
			if text := folded.String(); failed != "" {
				got = text + "error: " + failed
			} else {
				got = text
			}
			var id struct{ ID uint64 }
			json.Unmarshal(folded.Bytes(), &id)
			want = strings.Replace(want, `"id":ID`, fmt.Sprintf(`"id":%d`, id.ID), 1)
			if got != want {
				t.Errorf("%s:\nhave %s\nwant %s", line, got, want)
			}
		}
	}
}

// TestOrdersSayWhatTheyDidNotTouch: what left between the question and the answer, and what was past recall.
func TestOrdersSayWhatTheyDidNotTouch(t *testing.T) {
	l, e := queueOf(t, 100)
	e.leave, e.past = 3, 2
	got := says(t, l, "deleterecipients all", "y\n")
	if want := "95 messages deleted.\n3 recipients had left the queue since they were counted.\n" +
		"2 recipients were past recall, their delivery could not be stopped any more: MID 4 [0], MID 5 [0].\n"; !strings.HasSuffix(got, want) {
		t.Errorf("%s\nwant %s", got, want)
	}
	l, e = queueOf(t, 200)
	e.past = 150
	got = says(t, l, "bouncerecipients all --yes", "batch")
	if want := "MID 100 [0] and 50 more.\n"; !strings.HasSuffix(got, want) || !strings.Contains(got, "50 messages bounced.\n150 recipients were past recall") {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// TestBadInputChangesNothing: each of these is refused in a sentence, before any question and without an order.
func TestBadInputChangesNothing(t *testing.T) {
	l, e := queueOf(t, 3)
	l.Queue.Ports = &fakePorts{}
	long := strings.Repeat("a", 300)
	for line, want := range map[string]string{
		"deleterecipients --yes":                               "say which messages: host DOMAIN, from ADDRESS or all\nusage: deleterecipients host DOMAIN | from ADDRESS | all [OPTION ...] [--yes] [--json]",
		"deleterecipients example.com --yes":                   `deleterecipients does not take "example.com"`,
		"deleterecipients host --yes":                          "host wants a value",
		"deleterecipients host *.example.com --yes":            `"*.example.com" has a wildcard: matching is exact, give the whole domain`,
		"deleterecipients host a..b --yes":                     `"a..b" is not a domain name`,
		"deleterecipients host a@b.example --yes":              `"a@b.example" is an address: give the host only`,
		"deleterecipients host 192.0.2.1 --yes":                `"192.0.2.1" is an address: the recipients' domain is written as [192.0.2.1] then`,
		"deleterecipients host [192.0.2 --yes":                 `"[192.0.2" is not an address literal`,
		"deleterecipients host " + long + " --yes":             `" is not the name of a host`,
		"deleterecipients host a.example host b.example --yes": "host is given twice",
		"deleterecipients all host a.example --yes":            "all and a part of it exclude each other",
		"bouncerecipients from mailadmin --yes":                `"mailadmin" is not an address such as user@example.com; <> is the null sender`,
		"bouncerecipients from *@example.com --yes":            `"*@example.com" has a wildcard: matching is exact, give the whole address`,
		"bouncerecipients from 'a b@example.com' --yes":        `"a b@example.com" is not an address`,
		"bouncerecipients from '' --yes":                       "give an address; <> is the null sender",
		"bouncerecipients from a@b@c..d --yes":                 "is not an address",
		"bouncerecipients all --reason x --yes":                "bouncerecipients does not take --reason",
		"deleterecipients --older 4 --yes":                     `--older wants a span such as 90s, 30m, 4h or 2d, at most 3650d, not "4"`,
		"deleterecipients --older -4h --yes":                   "--older wants a span",
		"deleterecipients --older 99999d --yes":                "--older wants a span",
		"deleterecipients --attempts 0 --yes":                  `"0" is not a number of attempts from 1 to 1000000`,
		"deleterecipients --mid 2147483648 --yes":              `"2147483648" is not a number of a MID, from 1 to 2147483647`,
		"deleterecipients --subject ( --yes":                   "the regular expression \"(\" cannot be used: missing closing ) in \"(\"",
		"deleterecipients --subject '' --yes":                  "--subject wants a regular expression",
		"deleterecipients --min-size 1T --yes":                 `"1T" is not a size such as 500, 10k, 2M or 1G`,
		"deleterecipients --min-size 10kk --yes":               "is not a size",
		"deleterecipients --min-size 9999999999G --yes":        "is not a size",
		"deleterecipients --min-size 2k --max-size 1k --yes":   "--max-size is less than --min-size: no message is both",
		"deleterecipients --held=1 --yes":                      "--held takes no value",
		"deleterecipients --size 1k --yes":                     `deleterecipients does not take "--size"`,
		"hold all --reason 'a\tb' --yes":                       "a reason is one line of plain text",
		"hold all --yes --reason " + strings.Repeat("r", 501):  "a reason has at most 500 bytes",
		"redirectrecipients --yes":                             "say first which machine the mail is to be sent to: HOST[:PORT]",
		"redirectrecipients host example.com --yes":            "say first which machine",
		"redirectrecipients /dev/null --yes":                   "/dev/null is no machine: deleterecipients deletes mail",
		"redirectrecipients usedns --yes":                      "USEDNS is no machine: undo takes a redirection back",
		"redirectrecipients b.example:0 --yes":                 `"b.example:0" is not a machine: give a host name or an IP address`,
		"redirectrecipients 'b example' --yes":                 `"b example" is not a machine`,
		"redirectrecipients b.example c.example --yes":         `redirectrecipients does not take "c.example"`,
		"suspenddel 86401":                                     `"86401" is not a number of seconds from 0 to 86400`,
		"suspenddel *.example":                                 `"*.example" has a wildcard`,
		"suspenddel 30 *.example":                              `"*.example" has a wildcard`,
		"suspenddel 30 " + strings.Repeat("a.example ", 51):    "suspenddel takes at most 50 domains at once",
		"resumedel a..b":                                       `"a..b" is not a domain name`,
		"suspendlistener Frog 30":                              `There is no listener "Frog"; there are InboundMail, OutboundMail`,
		"suspendlistener InboundMail,4":                        `There is no listener "4"; there are InboundMail, OutboundMail`,
		"suspendlistener all -1":                               "suspendlistener does not take -1",
		"suspendlistener all x":                                `"x" is not a number of seconds`,
		"resumelistener 0":                                     `There is no listener "0"`,
		"suspend 1.5":                                          `"1.5" is not a number of seconds`,
		"delivernow":                                           "usage: delivernow [host] DOMAIN | all [--json]",
		"delivernow host":                                      "usage: delivernow",
		"delivernow host a.example b.example":                  "usage: delivernow",
		"delivernow *.example":                                 `"*.example" has a wildcard`,
		"workqueue frog":                                       `"frog" is not one of: `,
		"workqueue rate 0":                                     `"0" is not a number of seconds from 1 to 86400`,
		"workqueue status now":                                 `workqueue status does not take "now"`,
		"workqueue pause 'a\x1b[2J'":                           "a reason is one line of plain text",
		"undo x":                                               `"x" is not the ID of an order: "undo" lists them`,
		"undo 0 --yes":                                         `"0" is not the ID of an order`,
		"undo 77 --yes":                                        `there is no order 77: "undo" lists them`,
		"shutdown":                                             "This would stop the gateway.\nerror: nothing was stopped: repeat it with --yes",
		"reboot 5":                                             "This would stop the gateway and start it again.\nerror: nothing was stopped: repeat it with --yes",
		"shutdown --yes":                                       "this gateway cannot be stopped by a command",
		"shutdown 86401 --yes":                                 `"86401" is not a number of seconds`,
	} {
		got := says(t, l, line, "batch")
		if !strings.Contains(got, "error: ") || !strings.Contains(got, want) {
			t.Errorf("%s:\nhave %q\nwant %q", line, got, want)
		}
		if strings.Contains(line, "shutdown") || strings.Contains(line, "reboot") || strings.HasPrefix(line, "delivernow") && !strings.Contains(line, "*") {
			continue
		}
		asked := says(t, l, strings.ReplaceAll(line, "--yes", ""), "")
		if strings.Contains(asked, want) && strings.Contains(asked, "]>") {
			t.Errorf("%s: a question comes first\n%s", line, asked)
		}
	}
	if len(e.orders)+len(e.calls) > 0 {
		t.Errorf("%v, %v", e.orders, e.calls)
	}
}

// TestBadAnswersAreAskedAgain, and Enter alone takes the default.
func TestBadAnswersAreAskedAgain(t *testing.T) {
	l, e := queueOf(t, 3)
	l.Queue.Ports = &fakePorts{}
	for _, c := range []struct{ line, answers, want string }{
		{"deleterecipients", "4\n\n\n*.b\nexample.com\nn\n", "\"4\" is not one of the choices: give a number from 1 to 3.\n"},
		{"deleterecipients", "\n\n*.b\nexample.com\nn\n", "[]> *.b\n\"*.b\" has a wildcard: matching is exact, give the whole domain.\n\nPlease enter the hostname for the messages you wish to delete.\n[]> example.com\n\n3 messages match.\n"},
		{"bouncerecipients", "2\nfrog\na@b.example\n", "\"frog\" is not an address such as user@example.com; <> is the null sender.\n"},
		{"redirectrecipients", "a b\n/dev/null\n", "\"a b\" is not a machine: give a host name or an IP address, with :PORT behind it where it is not the usual one.\n"},
		{"suspendlistener", "3,4\n3,2\n86401\n7\n", "There is no listener \"4\"; there are InboundMail, OutboundMail.\n"},
		{"suspendlistener", "outboundmail\nx\n\n", "\"x\" is not a number of seconds from 0 to 86400.\n"},
		{"suspenddel", "-1\n0\n", "\"-1\" is not a number of seconds from 0 to 86400.\n"},
		{"delivernow", "3\n2\n", "\"3\" is not one of the choices: give a number from 1 to 2.\n"},
		{"delivernow", "1\n?\nb.example\n", "\"?\" has a wildcard"},
		{"workqueue", "frog\n\n", "\"frog\" is none of the operations.\n"},
		{"workqueue", "resume\n\n", "\"resume\" is none of the operations.\n"},
	} {
		if got := says(t, l, c.line, c.answers); !strings.Contains(got, c.want) {
			t.Errorf("%s: have %q\nwant %q", c.line, got, c.want)
		}
	}
	if len(e.orders) > 0 {
		t.Errorf("%v", e.orders)
	}
}

// TestRefusalsOfTheEngine are shown as they are, over the socket too: nothing has changed.
func TestRefusalsOfTheEngine(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("%w, 40 %%", engine.ErrLoading), "queue is loading, 40 %: try again in a moment"},
		{&engine.RefusedError{Reason: "Order 12 of ann is at work on the queue: wait until it is done."}, "Order 12 of ann is at work on the queue: wait until it is done."},
	} {
		l, e := queueOf(t, 3)
		l.Queue.Ports = &fakePorts{}
		e.refuses = c.err
		for _, g := range []Gateway{l, overSocket(t, l)} {
			for _, line := range []string{"deleterecipients all --yes", "bouncerecipients all", "redirectrecipients b.example --yes", "hold all --yes", "showrecipients host b.example",
				"delivernow all", "workqueue pause x", "suspenddel 5", "suspendlistener all 5", "suspend 5"} {
				got := says(t, g, line, "batch")
				if _, failed, _ := strings.Cut(got, "error: "); failed != c.want {
					t.Errorf("%s: %q, want %q", line, got, c.want)
				}
			}
		}
		if len(e.orders)+len(e.calls) > 0 {
			t.Errorf("%v, %v", e.orders, e.calls)
		}
	}
	l, _ := queueOf(t, 0)
	l.Queue.Engine = nil
	for _, line := range []string{"deleterecipients all --yes", "showrecipients all", "suspenddel 5", "resumedel", "suspendlistener", "resumelistener", "workqueue pause", "delivernow all"} {
		if got := says(t, l, line, "batch"); !strings.HasSuffix(got, "error: this gateway has no queue") {
			t.Errorf("%s: %q", line, got)
		}
	}
	var refused *RefusedError
	l, _ = queueOf(t, 0)
	for _, o := range []engine.Order{{}, {Action: "reinstate"}, {Action: "redirect", Target: "*"}} {
		if _, err := overSocket(t, l).Order(t.Context(), o, nil); !errors.As(err, &refused) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// TestProgressIsForTerminals: it is drawn over itself and leaves nothing; a pipe and a program see none of it.
func TestProgressIsForTerminals(t *testing.T) {
	l, _ := queueOf(t, 2500)
	for _, options := range []string{"", "--json"} {
		var out, screen bytes.Buffer
		c := &Call{Gateway: l, Command: Find("hold"), Out: &out, Zone: time.UTC, Screen: &screen, Yes: true}
		if err := errors.Join(c.Parse(strings.Fields("all "+options)), c.Do(asAdmin(t))); err != nil {
			t.Fatal(err)
		}
		want := "\r1,000 of 2,500\r              \r"
		if options != "" {
			want = ""
		}
		if got := screen.String(); got != want || strings.Contains(out.String(), "\r") {
			t.Errorf("%s: drawn %q, printed %q", options, got, out.String()[:min(out.Len(), 100)])
		}
	}
	p := &progressLine{screen: new(bytes.Buffer)}
	for i := range uint64(3) {
		p.at = time.Time{}
		p.show(412000>>(10*i), 1000000)
	}
	if got, want := p.screen.(*bytes.Buffer).String(), "\r412,000 of 1,000,000\r402 of 1,000,000    \r0 of 1,000,000      "; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if Screen(new(bytes.Buffer)) != nil {
		t.Error("a buffer is a terminal")
	}
}

// TestRowsAreSafe: what senders wrote can neither steer the terminal nor make rows of its own.
func TestRowsAreSafe(t *testing.T) {
	l, e := queueOf(t, 1)
	r := &e.rows[0]
	r.Sender, r.Subject, r.Recipient, r.State, r.Redirect, r.Attempts = "", "\x1b[2J\n99  forged\t\u202e", "a\nb@example.com", "held", "example2.com", 7
	want := "1         1230        <>                        \\x1b[2J\\x0a99  forged\\x09\\u202e\n" +
		"[0]       [7]         a\\x0ab@example.com (held) (redirected to example2.com)\n"
	for _, g := range []Gateway{l, overSocket(t, l)} {
		if got := says(t, g, "showrecipients all", "batch"); !strings.HasSuffix(got, "Recipient\n"+want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	r.Sender = strings.Repeat("s", 40)
	if got := says(t, l, "showrecipients all", "batch"); !strings.Contains(got, r.Sender+"  \\x1b") {
		t.Error(got)
	}
}

func TestQueueCommandsComplete(t *testing.T) {
	l, _ := queueOf(t, 2)
	if got := says(t, l, "deleterecipients all --yes", "batch"); !strings.Contains(got, "2 messages deleted.") {
		t.Fatal(got)
	}
	id := fmt.Sprint(actionsIn(t, l)[0].ID)
	c := &completer{gateway: l}
	for line, want := range map[string][]string{
		"deleterecipients h": {"host"}, "showrecipients --m": {"--min-size", "--max-size", "--mid"}, "hold --re": {"--reason"}, "release --re": nil,
		"suspendlistener In": {"InboundMail"}, "suspendlistener InboundMail,o": {"InboundMail,OutboundMail"}, "resumelistener a": {"all"},
		"delivernow a": {"all"}, "workqueue re": {"resume"}, "undo ": {id}, "undo x": nil,
	} {
		var got []string
		for _, s := range c.complete(t.Context(), line) {
			got = append(got, s.Text)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

func actionsIn(t *testing.T, g Gateway) []Action {
	t.Helper()
	list, err := g.Actions(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestTheWorkQueueIsOutOfReach of an order, which says so where it touched nothing.
func TestTheWorkQueueIsOutOfReach(t *testing.T) {
	l, _ := workQueueOf(t, 7, time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC))
	const line = "7 messages wait in the work queue, which orders do not reach.\n"
	if got := says(t, l, "deleterecipients host a.example --yes", "batch"); got != "Deleting messages, please wait.\n0 messages deleted.\n"+line {
		t.Error(got)
	}
	if got := says(t, l, "bouncerecipients host a.example", ""); got != "\n0 messages match.\n"+line {
		t.Error(got)
	}
	l, _ = queueOf(t, 2)
	for _, order := range []string{"deleterecipients host a.example --yes", "deleterecipients all --yes"} {
		if got := says(t, l, order, "batch"); strings.Contains(got, "work queue") {
			t.Error(got)
		}
	}
}

// TestChoicesByTheirWords: in batch there is no menu to count in.
func TestChoicesByTheirWords(t *testing.T) {
	l, _ := queueOf(t, 0)
	for line, want := range map[string]string{"workqueue foo": `error: "foo" is not one of: status, pause, resume, rate`, "status foo": `error: "foo" is not one of: detail`} {
		if got := says(t, l, line, "batch"); !strings.HasPrefix(got, want+"\nusage: ") {
			t.Errorf("%s: %q", line, got)
		}
	}
	for _, name := range []string{"removemessage", "archivemessage"} {
		if got := Find(name).Usage(); got != name+" MID [--yes] [--json]" {
			t.Error(got)
		}
	}
}

// TestWhoLeavesAnOrder is told what is known of it: before the first progress, not even that it was taken.
func TestWhoLeavesAnOrder(t *testing.T) {
	for known, want := range map[bool]string{false: "The order may have been taken: \"undo\" shows it if it was.\n", true: "What is under way goes on in the gateway: \"undo\" shows it.\n"} {
		ctx, cancel := context.WithCancel(t.Context())
		var out bytes.Buffer
		c := &Call{Out: &out}
		c.carryOut(ctx, new([]uint32), func(tell func(engine.Progress)) (engine.Done, error) {
			if known {
				tell(engine.Progress{Done: 1, Total: 2})
			}
			cancel()
			return engine.Done{}, ctx.Err()
		})
		if out.String() != want {
			t.Errorf("%q, want %q", out.String(), want)
		}
	}
}

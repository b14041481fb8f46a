package deliver

import (
	"strings"
	"testing"
	"testing/synctest"
)

// Each fault at each stage, with a peer that pipelines and one that does not.
func TestFaultAtEachStage(t *testing.T) {
	const garbage = "what?"
	cases := []struct{ at, reply, want string }{
		{"-", "", `delivered 250 2.0.0 "taken as 1"`},

		{"", "421 busy", `temporary host 421 4.3.2 "busy"`},
		{"", "554 5.7.1 go away", `temporary host 554 5.7.1 "go away"`},
		{"", "521 no mail here", `permanent 521 5.3.2 "no mail here"`},
		{"", hangUp, `temporary host 000 4.4.2 "EOF"`},
		{"", stall, `temporary host 000 4.4.1 "timeout"`},
		{"", garbage, `temporary host 000 4.5.0 "the reply has no code"`},

		{"EHLO", "451 later", `temporary host 451 4.3.0 "later"`},
		{"EHLO", hangUp, `temporary host 000 4.4.2 "EOF"`},
		{"EHLO", stall, `temporary host 000 4.4.1 "timeout"`},
		{"EHLO", "502 what", `delivered 250 2.0.0 "taken as 1"`},
		{"EHLO", "250-a\r\n251 b", `temporary host 000 4.5.0 "the reply's lines have different codes"`},

		{"MAIL", "451 later", `temporary 451 4.3.0 "later"`},
		{"MAIL", "550 5.7.1 you again", `permanent 550 5.7.1 "you again"`},
		{"MAIL", "421 4.3.2 closing", `temporary 421 4.3.2 "closing"`},
		{"MAIL", "354 what", `temporary 354 4.5.0 "what"`},
		{"MAIL", hangUp, `temporary 000 4.4.2 "EOF"`},
		{"MAIL", stall, `temporary 000 4.4.2 "timeout"`},
		{"MAIL", garbage, `temporary 000 4.5.0 "the reply has no code"`},

		{"RCPT", "450 greylisted", `temporary 450 4.1.0 "greylisted"`},
		{"RCPT", "550 no such user", `permanent 550 5.1.0 "no such user"`},
		{"RCPT", "421 closing", `temporary 421 4.3.2 "closing"`},
		{"RCPT", hangUp, `temporary 000 4.4.2 "EOF"`},
		{"RCPT", stall, `temporary 000 4.4.2 "timeout"`},
		{"RCPT", garbage, `temporary 000 4.5.0 "the reply has no code"`},

		{"DATA", "451 later", `temporary 451 4.3.0 "later"`},
		{"DATA", "554 no", `permanent 554 5.6.0 "no"`},
		{"DATA", "250 sure", `temporary 250 4.5.0 "sure"`},
		{"DATA", "421 closing", `temporary 421 4.3.2 "closing"`},
		{"DATA", hangUp, `temporary 000 4.4.2 "EOF"`},
		{"DATA", stall, `temporary 000 4.4.2 "timeout"`},
		{"DATA", garbage, `temporary 000 4.5.0 "the reply has no code"`},

		{".", "451 4.7.1 later", `temporary 451 4.7.1 "later"`},
		{".", "554 5.7.1 spam", `permanent 554 5.7.1 "spam"`},
		{".", "421 closing", `temporary 421 4.3.2 "closing"`},
		{".", hangUp, `unknown 000 4.4.2 "EOF"`},
		{".", stall, `unknown 000 4.4.2 "timeout"`},
		{".", garbage, `unknown 000 4.4.2 "the reply has no code"`},
		{".", "354 more?", `unknown 000 4.4.2 "unexpected SMTP response"`},
	}
	for _, extensions := range [][]string{pipelining, nil} {
		for _, c := range cases {
			name := strings.Join(extensions, "+") + "/" + c.at + "/" + c.reply
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					w.peer("192.0.2.1", &peer{extensions: extensions, script: verbs(map[string]string{c.at: c.reply})})
					out := w.deliver()
					w.end()
					w.want(out[0], c.want)
					if strings.HasPrefix(c.want, "permanent") || strings.HasPrefix(c.want, "temporary") {
						if out[0].Reason == "" || out[0].Reason == "Other undefined status" {
							t.Errorf("no reason for %s", out[0].Status)
						}
					}
				})
			})
		}
	}
}

// What fails before the final dot goes to the next address; what does not, does not.
func TestNextAddress(t *testing.T) {
	cases := []struct {
		at, reply string
		next      bool
	}{
		{"", "421 busy", true}, {"", "554 no", true}, {"", hangUp, true}, {"", stall, true},
		{"EHLO", "421 busy", true}, {"EHLO", hangUp, true},
		{"MAIL", "451 later", true}, {"MAIL", "421 closing", true}, {"MAIL", hangUp, true}, {"MAIL", "550 no", false},
		{"RCPT", "421 closing", true}, {"RCPT", "450 later", false}, {"RCPT", "550 no", false},
		{"DATA", "421 closing", true}, {"DATA", stall, true}, {"DATA", "451 later", false},
		{".", "421 closing", false}, {".", hangUp, false}, {".", "451 later", false},
	}
	for _, c := range cases {
		t.Run(c.at+"/"+c.reply, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.hosts["mx.example.com"] = "192.0.2.1 192.0.2.2"
				w.peer("192.0.2.1", &peer{extensions: pipelining, script: verbs(map[string]string{c.at: c.reply})})
				second := w.peer("192.0.2.2", &peer{extensions: pipelining})
				out := w.deliver()
				w.end()
				if got := len(second.got()) == 1; got != c.next {
					t.Errorf("the second address got it: %t, want %t; %s", got, c.next, short(out[0]))
				}
				if c.next {
					w.want(out[0], `delivered 250 2.0.0 "taken as 1"`)
				}
			})
		})
	}
}

func TestNotesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.hosts["mx.example.com"] = "192.0.2.9 192.0.2.1 192.0.2.2"
		w.peer("192.0.2.1", &peer{script: verbs(map[string]string{"": "431-mx ESMTP\r\n431 Mail system full"})})
		w.peer("192.0.2.2", &peer{extensions: pipelining})
		out := w.deliver()
		w.end()
		want := `failed 0 192.0.2.9 network error: [Errno 111] Connection refused
opened 1 192.0.2.1 mx.example.com
failed 1 192.0.2.1 unexpected SMTP response: 431-'mx ESMTP\nMail system full'
closed 1 431-'mx ESMTP\nMail system full'
opened 2 192.0.2.2 mx.example.com
started 2 [0]
closed 2`
		if got := w.noted(); got != want {
			t.Errorf("noted\n%s\nwant\n%s", got, want)
		}
		if out[0].DCID != 2 || out[0].Address.String() != "192.0.2.2" || !out[0].Relayed {
			t.Errorf("%+v", out[0])
		}
	})
}

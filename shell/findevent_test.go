package shell

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"postern/engine/config"
	"postern/journal"
)

// TestMain makes UTC the system's zone, in which the lines of logs stand and which a search's times are read in. It is
// done before any goroutine could look at it.
func TestMain(m *testing.M) {
	time.Local = time.UTC
	os.Exit(m.Run())
}

// ftpPoll shows the log's retrieval as the seed has it.
type ftpPoll struct{ *queueKeeper }

func (ftpPoll) TextLogs(context.Context) ([]TextLog, error) {
	return []TextLog{{Name: "mail_logs", Type: "IronPort Text Mail Logs", Retrieval: "FTP Poll"}}, nil
}

// confidential is the seed's message in a journal, with another one beside it.
func confidential(t *testing.T) ftpPoll {
	k := keeping(t, "")
	day := time.Date(2007, 7, 31, 17, 37, 0, 0, time.UTC)
	k.Messages.Rows = nil
	add := func(second int, events ...journal.Event) {
		for _, e := range events {
			if _, err := k.j.AppendEvents(journal.InstantOf(day.Add(time.Duration(second)*time.Second)), e); err != nil {
				t.Fatal(err)
			}
		}
	}
	local, peer := netip.MustParseAddr("172.19.1.86"), netip.MustParseAddr("10.251.20.180")
	add(32, &journal.Started{Boot: 1},
		&journal.ConnectionAccepted{ICID: 2, Listener: "InboundMail", Interface: "Data 1", LocalAddress: local, Remote: peer},
		&journal.SenderGroupMatched{ICID: 2, Action: "ACCEPT", Match: "ALL"},
		&journal.ConnectionAccepted{ICID: 3, Listener: "InboundMail", Interface: "Data 1", LocalAddress: local, Remote: peer})
	add(35, &journal.MessageInjected{MID: 4, ICID: 2, Size: 4086, Sender: "user@example.com", Subject: "sales: confidential",
		Recipients: []journal.InjectedRecipient{{Local: "ljohnson", Domain: "example02.com"}}},
		&journal.MessageInjected{MID: 5, ICID: 3, Size: 10, Sender: "Other@example.com", Subject: "hello", Queued: true,
			Recipients: []journal.InjectedRecipient{{Local: "x", Domain: "example03.com"}}},
		&journal.PolicyMatched{Message: 5, MID: 4, Policy: "DEFAULT", Table: "inbound"},
		&journal.ConnectionClosed{ICID: 2})
	add(37, &journal.Scanned{Message: 5, MID: 4, Engine: "CASE", Interim: true, Verdict: "spam negative"},
		&journal.Scanned{Message: 5, MID: 4, Engine: "CASE", Verdict: "spam negative"},
		&journal.Scanned{Message: 5, MID: 4, Engine: "Sophos", Interim: true, Verdict: "CLEAN"},
		&journal.Scanned{Message: 5, MID: 4, Engine: "Sophos", Verdict: "negative"},
		&journal.Queued{Message: 5, MID: 4},
		&journal.AttemptStarted{Message: 5, MID: 4, RIDs: []uint32{0}, Attempt: 1},
		&journal.Delivered{Message: 5, MID: 4, RIDs: []uint32{0}, Attempts: 1, Reply: "/null", Finished: true})
	return ftpPoll{k}
}

func TestFindEventTranscript(t *testing.T) {
	got, err := dialogue(t, t.Context(), confidential(t), "findevent", "3\nconfidential\n1\n3\n1\n")
	if err != nil {
		t.Fatal(err)
	}
	compareTranscript(t, "findevent.txt", "example.com> findevent\n"+got)
}

// twoMailLogs has a log of its own for one mail log more, and one of another type.
type twoMailLogs struct{ ftpPoll }

func (twoMailLogs) TextLogs(context.Context) ([]TextLog, error) {
	return []TextLog{{Name: "status", Type: logTypeTitle(config.LogTypeStatus)}, {Name: "mail_logs", Type: logTypeTitle(config.LogTypeMail)},
		{Name: "siem", Type: logTypeTitle(config.LogTypeMail)}}, nil
}

// TestFindEventAsksForTheMailLog: for those of that type alone, and the current file is that of the one which is chosen.
func TestFindEventAsksForTheMailLog(t *testing.T) {
	g := twoMailLogs{confidential(t)}
	if _, err := g.j.AppendEvents(journal.InstantOf(time.Date(2007, 8, 1, 0, 0, 0, 0, time.UTC)), &journal.LogRolledOver{Log: "siem"}); err != nil {
		t.Fatal(err)
	}
	for log, found := range map[string]bool{"1": true, "mail_logs": true, "2": false, "siem": false} {
		got, err := dialogue(t, t.Context(), g, "findevent", "3\nconfidential\n"+log+"\n3\n1\n")
		if (err == nil) != found || !strings.Contains(got, "configured logs:\n1. \"mail_logs\" Type: ") || !strings.Contains(got, "\n2. \"siem\" ") || strings.Contains(got, "3. \"") {
			t.Errorf("%s: %v\n%s", log, err, got)
		}
	}
}

func TestFindEventByOptions(t *testing.T) {
	const whole, other = "Message finished MID 4 done\n", "MID 5 ICID 3 From: <Other@example.com>\n"
	for line, want := range map[string]string{
		"findevent --from user@":                        whole,
		"findevent --from other":                        "error: no matching message IDs were found",
		"findevent --from other -i":                     other,
		"findevent --to ^ljohnson@example02":            whole,
		"findevent --mid 5":                             other,
		"findevent --mid 6":                             "error: no matching message IDs were found",
		"findevent --mid 0":                             `error: "0" is not a MID: give a number from 1 to 2147483647`,
		"findevent --ip 10.251.20.180":                  "1. MID 5 (Tue Jul 31 17:37:35 2007) hello\n2. MID 4 (Tue Jul 31 17:37:35 2007) sales: confidential\n",
		"findevent --host Example02.com":                whole,
		"findevent --subject con.*al --from user":       whole,
		"findevent --subject con.*al --from Other":      "error: no matching message IDs were found",
		`findevent --subject (`:                         "error: subject: ",
		`findevent --since lately`:                      `"lately" is no time`,
		`findevent --from . --since "2007-07-31 17:38"`: "error: no matching message IDs were found",
		`findevent --from user --until 2007-08-01`:      whole,
		"findevent":                       "error: say what to search for",
		"findevent example.com":           `findevent does not take "example.com"`,
		"findevent --mid 4 --json":        `"kind":"Scanned","event":{"Message":5,"MID":4,"Engine":"CASE","Interim":false,"Verdict":"spam negative"}`,
		"findevent --from example --json": `"total": 2`,
		"findevent --json --mid 5":        " From: <Other@example.com>", // as people search for it
	} {
		g := confidential(t)
		for _, g := range []Gateway{g, overSocket(t, g)} {
			got, err := dialogue(t, t.Context(), g, line, "batch")
			if err != nil {
				got += "error: " + err.Error()
			}
			if !strings.Contains(got, want) {
				t.Errorf("%s: %s", line, got)
			}
		}
	}
}

// TestSearchesTakeTurns: a proof that takes long hinders no search, a search waits for the one before, gives up with its
// context, and is refused when that does not end.
func TestSearchesTakeTurns(t *testing.T) {
	g := confidential(t)
	g.proving.Lock()
	if got, err := dialogue(t, t.Context(), g, "findevent --mid 4", "batch"); err != nil || !strings.Contains(got, "Message finished MID 4 done") {
		t.Errorf("beside a proof: %v %s", err, got)
	}
	g.searching.Lock()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := g.FindMessages(ctx, MessageSearch{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("whoever asked has gone: %v", err)
	}
	found := make(chan error, 1)
	go func() {
		_, err := g.FindMessages(t.Context(), MessageSearch{})
		found <- err
	}()
	g.searching.Unlock()
	if err := <-found; err != nil {
		t.Errorf("behind another search: %v", err)
	}
	synctest.Test(t, func(t *testing.T) {
		var turn sync.Mutex
		turn.Lock()
		if err := takeTurn(t.Context(), &turn, errSearching); !errors.Is(err, errSearching) {
			t.Errorf("behind a search that does not end: %v", err)
		}
	})
}

// TestFindEventNamesDamage: it ends a search, or is passed over when that is asked for, and named either way.
func TestFindEventNamesDamage(t *testing.T) {
	const where = "the block of record 9: checksum does not match"
	for line, wants := range map[string][]string{
		"findevent --mid 4":                           {"error: ", "damaged at the block of record 9", "findevent --skip-damaged passes it over"},
		"findevent --mid 4 --skip-damaged":            {"Not searched: " + where + "\n", "Message finished MID 4 done\n"},
		"findevent --mid 4 --skip-damaged --json":     {`{"skipped":"` + where + `"}` + "\n", `"kind":"Delivered"`},
		"findevent --subject . --skip-damaged":        {"1. MID 5 ", "2. MID 4 ", "\nNot searched: " + where + "\n"},
		"findevent --subject . --skip-damaged --json": {`"skipped": [`, where},
		"findevent --skip-damaged --subject nothing":  {"error: no matching message IDs were found, but not all could be read: " + where},
		"findevent --skip-damaged":                    {"error: say what to search for"},
	} {
		g := confidential(t)
		if err := g.j.ReplaceBlock(9, func(v []byte) []byte { v[len(v)-1] ^= 1; return v }); err != nil {
			t.Fatal(err)
		}
		for _, g := range []Gateway{g, overSocket(t, g)} {
			got, err := dialogue(t, t.Context(), g, line, "batch")
			if err != nil {
				got += "error: " + err.Error()
			}
			for _, want := range wants {
				if strings.Count(got, want) != 1 {
					t.Errorf("%s: not %q once in:\n%s", line, want, got)
				}
			}
		}
	}
}

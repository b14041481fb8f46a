package shell

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"postern/engine"
	"postern/journal"
	"postern/projections"
)

// answerer carries answers out as an engine would: with facts.
type answerer struct{ j *journal.Journal }

// AnswerDoubt implements DoubtAnswerer.
func (a answerer) AnswerDoubt(_ context.Context, by string, seq uint64, rids []uint32, answer string) (int, error) {
	if answer != journal.AnswerDelivered && answer != journal.AnswerResend {
		return 0, &engine.RefusedError{Reason: "no answer"}
	}
	events := []journal.Event{&journal.DoubtAnswered{Message: seq, RIDs: rids, Answer: answer, By: by}}
	if answer == journal.AnswerDelivered {
		events = append(events, &journal.Delivered{Message: seq, RIDs: rids, By: by, Reply: "taken for delivered by " + by})
	} else {
		events = append(events, &journal.Unheld{By: by, Set: []journal.MessageRecipients{{Message: seq, RIDs: rids}}})
	}
	_, err := a.j.AppendEvents(0, events...)
	return len(rids), err
}

// doubtful is a journal with attempts in doubt, and the reader's clock.
func doubtful(t *testing.T, data string) *queueKeeper {
	k := keeping(t, data)
	k.Local.Doubts = answerer{k.j}
	day := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	k.Local.Now = func() time.Time { return day.Add(time.Hour) }
	at := func(minute int) journal.Instant {
		return journal.InstantOf(day.Add(time.Duration(minute) * time.Minute))
	}
	add := func(minute int, e journal.Event) uint64 {
		seq, err := k.j.AppendEvents(at(minute), e)
		if err != nil {
			t.Fatal(err)
		}
		return seq
	}
	add(0, &journal.Started{Boot: 1})
	try := func(minute int, mid uint32, domain, action string, rids ...uint32) uint64 {
		m := &journal.MessageInjected{MID: mid, Queued: true, Sender: "s@example.com"}
		for _, rid := range rids {
			m.Recipients = append(m.Recipients, journal.InjectedRecipient{RID: rid, Local: "r", Domain: domain})
		}
		seq := add(minute, m)
		add(minute, &journal.AttemptStarted{Message: seq, MID: mid, Destination: domain, RIDs: rids, Attempt: 1, Next: at(minute + 1), Exact: action != ""})
		if action == "cut off" || action == "before the dot" {
			if action == "cut off" {
				add(minute, &journal.DataSent{Message: seq, MID: mid, RIDs: rids})
			}
			return seq
		}
		add(minute, &journal.OutcomeUnknown{Message: seq, MID: mid, Destination: domain, RIDs: rids, Attempts: 1, Next: at(minute + 1), Reason: "no\x1b[2J reply", Action: action})
		if action != "" {
			add(minute, &journal.Held{By: journal.ByInDoubt, Reason: "the peer may have it", Set: []journal.MessageRecipients{{Message: seq, MID: mid, RIDs: rids}}})
		}
		return seq
	}
	again := try(0, 1, "a.example", "", 0, 1)
	add(1, &journal.AttemptStarted{Message: again, MID: 1, Destination: "a.example", RIDs: []uint32{0}, Attempt: 2, Next: at(3)})
	try(2, 2, "b.example", "ask", 0, 1)
	gone := try(3, 3, "c.example", "hold", 0)
	add(4, &journal.RecipientsDeleted{By: "ann", Set: []journal.MessageRecipients{{Message: gone, MID: 3, RIDs: []uint32{0}, Finished: true}}})
	try(5, 4, "d.example", "hold", 0)
	try(6, 5, "e.example", "cut off", 0)
	try(7, 6, "e.example", "before the dot", 0)
	return k
}

const doubtsListed = `Mon Nov 23 10:00:00 2026  MID 1  attempt 1 to a.example: no\x1b[2J reply
   RID 0  r@a.example: sent again 10:01:00
   RID 1  r@a.example: it is sent again at 10:01:00 (NOW)
Mon Nov 23 10:02:00 2026  MID 2  attempt 1 to b.example: no\x1b[2J reply
   RID 0  r@b.example: waits for an answer since 10:02:00: indoubt resend 2 0, or indoubt delivered 2 0
   RID 1  r@b.example: waits for an answer since 10:02:00: indoubt resend 2 1, or indoubt delivered 2 1
Mon Nov 23 10:03:00 2026  MID 3  attempt 1 to c.example: no\x1b[2J reply
   RID 0  r@c.example: deleted 10:04:00 by ann
Mon Nov 23 10:05:00 2026  MID 4  attempt 1 to d.example: no\x1b[2J reply
   RID 0  r@d.example: held since 10:05:00
`

// TestInDoubt lists what is in doubt and answers it: in the daemon, over its socket, in a dialogue and for programs.
func TestInDoubt(t *testing.T) {
	for _, remote := range []bool{false, true} {
		k := doubtful(t, "")
		var g Gateway = k.Local
		if remote {
			g = overSocket(t, g)
		}
		ask := func(line, answers string) string {
			t.Helper()
			got, err := dialogue(t, t.Context(), g, line, answers)
			if err != nil {
				got += "error: " + err.Error()
			}
			return got
		}
		list, err := g.InDoubt(t.Context(), time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		want := strings.ReplaceAll(doubtsListed, "NOW", "now")
		if got := renderDoubts(list, k.now(), time.UTC); got != want {
			t.Errorf("have\n%s\nwant\n%s", got, want)
		}
		if got := ask(`indoubt --since "2026-11-23 10:04"`, "batch"); strings.Contains(got, "MID 3") || !strings.Contains(got, "MID 4") {
			t.Errorf("since then:\n%s", got)
		}
		var all DoubtList
		if err := json.Unmarshal([]byte(ask("indoubt --json", "batch")), &all); err != nil || len(all.Doubts) != 4 || all.Doubts[1].Recipients[0].Done != projections.DoubtAsked {
			t.Errorf("%v: %+v", err, all)
		}
		for _, c := range []struct{ line, answers, want string }{
			{"release host b.example", "batch", "WARNING: 2 recipients are held as in doubt: what of it is released may arrive twice (indoubt lists it)\nerror: this gateway has no queue"},
			{"release host B.Example", "batch", "WARNING: 2 recipients are held as in doubt: what of it is released may arrive twice (indoubt lists it)\nerror: this gateway has no queue"},
			{"release host d.example", "batch", "WARNING: 1 recipient is held as in doubt: what of it is released may arrive twice (indoubt lists it)\nerror: this gateway has no queue"},
			{"release host c.example", "batch", "error: this gateway has no queue"},
			{"indoubt resend 2 0", "batch", "error: this would send MID 2 [0] again, which may bring it twice: repeat it with --yes"},
			{"indoubt resend 2 0", "n\n", "Are you sure you want to send MID 2 [0] again, which may bring it twice? [N]> n\n"},
			{"indoubt resend 2 0 --yes", "batch", "MID 2 [0] goes on, at its time.\n"},
			{"indoubt resend 2 0 --yes", "batch", "error: recipient 0 of MID 2 is not held as in doubt: \"indoubt\" lists what is"},
			{"indoubt delivered 2", "y\n", "Are you sure you want to take MID 2 [1] for delivered? [N]> y\nMID 2 [1] is taken for delivered.\n"},
			{"indoubt resend 3 --yes", "batch", "error: MID 3 is not held as in doubt: \"indoubt\" lists what is"},
			{"indoubt resend", "batch", "error: say which message: MID, or MID and RID\nusage: indoubt [--since TIME] | resend|delivered MID [RID] [--yes] [--json]"},
			{"indoubt frobnicate", "batch", "error: indoubt does not take \"frobnicate\"\nusage: indoubt [--since TIME] | resend|delivered MID [RID] [--yes] [--json]"},
		} {
			if got := ask(c.line, c.answers); got != c.want {
				t.Errorf("%s:\n%s\nwant\n%s", c.line, got, c.want)
			}
		}
		if got := ask("indoubt", "batch"); !strings.Contains(got, "RID 0  r@b.example: released ") || !strings.Contains(got, "RID 1  r@b.example: taken for delivered ") {
			t.Errorf("after the answers:\n%s", got)
		}
	}
}

// TestInDoubtStopped lists the attempts that were in hand when the gateway ended: those whose peer may have the message.
func TestInDoubtStopped(t *testing.T) {
	data := t.TempDir()
	k := doubtful(t, data)
	if err := k.j.Close(); err != nil {
		t.Fatal(err)
	}
	g := &Offline{Data: data, Zone: time.UTC}
	got, err := dialogue(t, t.Context(), g, "indoubt", "batch")
	if err != nil || !strings.Contains(got, "MID 5  attempt 1 to e.example: the gateway ended while the attempt was under way\n   RID 0  r@e.example: nothing yet: the next start decides\n") || strings.Contains(got, "MID 6") {
		t.Errorf("%v\n%s", err, got)
	}
	if _, err := dialogue(t, t.Context(), g, "indoubt resend 4 --yes", "batch"); err != ErrNotRunning {
		t.Errorf("an answer to a stopped store: %v", err)
	}
	list, _ := g.InDoubt(t.Context(), time.Time{})
	if n := len(list.Doubts); n != 6 { // that of MID 1's second attempt too, which was not exact
		t.Errorf("%d doubts", n)
	}
}

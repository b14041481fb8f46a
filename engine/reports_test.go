package engine

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"postern/journal"
)

// unreadable is the Seq of a fact that is not there.
const unreadable = 1 << 40

// A notification whose facts cannot all be read is tried for a while, and then says what is known.
func TestNotificationSaysWhatIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer()
		problems := 0
		g := start(t, journal.NewMemoryDisk(), p, func(o *Options) { o.Problem = func(error) { problems++ } })
		<-time.After(time.Second)
		var parent uint64
		g.e.order(func(tn *turn) {
			parent = tn.emit(&journal.MessageInjected{MID: 9, Sender: "a@example.com", Queued: true, Recipients: recipients("b@example.net", "c@example.net")})
			tn.emit(&journal.HardBounced{Message: parent, MID: 9, RIDs: []uint32{0, 1}, Status: "5.0.0", Code: "550", Notify: true, Finished: true})
			tn.s.addReport(tn.s.bySeq[parent], unreadable)
		})
		<-time.After(2 * maxReportTries * reportAgain)
		all := g.records()
		sent := find[*journal.MessageInjected](all)
		if len(sent) != 2 || count[*journal.NotificationDropped](all) != 0 || !slices.Contains(sent[1].Reports, unreadable) {
			t.Fatalf("%d injections: %+v", len(sent), sent)
		}
		if problems != maxReportTries {
			t.Errorf("%d complaints, want %d", problems, maxReportTries)
		}
		seq := uint64(0)
		for _, r := range all {
			if r.Event == sent[1] {
				seq = r.Seq
			}
		}
		c, err := OpenContent(g.j, document(), seq, sent[1])
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := io.ReadAll(c)
		for _, want := range []string{"Final-Recipient: rfc822; c@example.net", "There is more to tell"} {
			if !strings.Contains(string(raw), want) {
				t.Errorf("lacks %q:\n%s", want, raw)
			}
		}
		if int64(len(raw)) != sent[1].Size {
			t.Errorf("%d bytes, the fact says %d", len(raw), sent[1].Size)
		}
		g.stop()
		if left := g.e.state.Totals(); left.Messages != 0 || left.Reports != 0 || len(g.e.reportTries) != 0 {
			t.Errorf("left over: %+v, tries %v", left, g.e.reportTries)
		}
	})
}

func recipients(addresses ...string) (list []journal.InjectedRecipient) {
	for i, a := range addresses {
		local, domain := splitAddress(a)
		list = append(list, journal.InjectedRecipient{RID: uint32(i), Local: local, Domain: domain})
	}
	return list
}

// A notification of which nothing can be read, or which has nobody to go to, is given up by a fact that says so.
func TestNotificationThatCannotBeWrittenIsDropped(t *testing.T) {
	bounced := func(tn *turn, sender string, notify journal.Notify) (message uint64) {
		to := recipients("b@example.net")
		to[0].Notify = notify
		message = tn.emit(&journal.MessageInjected{MID: 9, Sender: sender, Queued: true, Recipients: to})
		tn.emit(&journal.HardBounced{Message: message, MID: 9, RIDs: []uint32{0}, Notify: true, Finished: true})
		return message
	}
	for _, c := range []struct {
		name  string
		after time.Duration // the last try
		do    func(tn *turn)
	}{
		{"no parent", maxReportTries * reportAgain, func(tn *turn) {
			mi := tn.s.addMessage(message{seq: 1, mid: 9, sender: 1}) // record 1 is Started
			tn.s.addReport(mi, 2)
		}},
		{"no fact", maxReportTries * reportAgain, func(tn *turn) {
			m := tn.emit(&journal.MessageInjected{MID: 9, Sender: "a@example.com", Queued: true, Recipients: recipients("b@example.net")})
			tn.s.addReport(tn.s.bySeq[m], unreadable)
			tn.emit(&journal.Dropped{Message: m, RIDs: []uint32{0}})
		}},
		{"no sender", time.Second, func(tn *turn) { bounced(tn, "", 0) }},
		{"nobody who wants to know", time.Second, func(tn *turn) { bounced(tn, "a@example.com", journal.NotifyNever) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				last := ""
				g := start(t, journal.NewMemoryDisk(), newPeer(), func(o *Options) { o.Problem = func(err error) { last = err.Error() } })
				<-time.After(time.Second)
				g.e.order(c.do)
				<-time.After(c.after - time.Second)
				if n := g.e.Totals().Reports; c.after > time.Second && n != 1 {
					t.Errorf("%d reports due before the last try", n)
				}
				<-time.After(reportAgain)
				dropped := find[*journal.NotificationDropped](g.records())
				if len(dropped) != 1 || dropped[0].MID != 9 || len(dropped[0].Reports) != 1 || dropped[0].Reason == "" {
					t.Fatalf("facts: %s", fmt.Sprint(dropped))
				}
				if !strings.Contains(last, "given up") {
					t.Errorf("the log says %q", last)
				}
				g.stop()
				if left := g.e.state.Totals(); left.Messages != 0 || left.Reports != 0 || g.e.state.anomalies != 0 {
					t.Errorf("left over: %+v, %d anomalies", left, g.e.state.anomalies)
				}
			})
		})
	}
}

// What an operator bounces is reported to nobody when there is no sender, or when he does not want to hear of it.
func TestBouncedByOperatorIsReportedToWhoWantsIt(t *testing.T) {
	for _, c := range []struct {
		sender string
		notify journal.Notify
		want   int
	}{
		{"", 0, 0}, {"a@example.com", journal.NotifyNever, 0}, {"a@example.com", journal.NotifySuccess, 0},
		{"a@example.com", 0, 1}, {"a@example.com", journal.NotifyFailure | journal.NotifyDelay, 1},
	} {
		tn := testTurn(NewState(), 1)
		to := recipients("b@example.net", "c@example.org", "d@example.net")
		to[1].Notify, to[2].Notify = c.notify, c.notify
		if to[0].Notify = journal.NotifyNever; c.want == 0 {
			to[0].Notify = c.notify
		}
		m := tn.emit(&journal.MessageInjected{Sender: c.sender, Queued: true, Recipients: to})
		set := func(rids ...uint32) journal.MessageRecipients {
			return journal.MessageRecipients{Message: m, RIDs: rids}
		}
		if tn.emit(&journal.RecipientsBounced{Set: []journal.MessageRecipients{set(0)}}); tn.s.Totals().Reports != 0 {
			t.Errorf("%q %d: due for one who is never told", c.sender, c.notify)
		}
		tn.emit(&journal.RecipientsBounced{Set: []journal.MessageRecipients{set(1), set(2)}})
		if got := tn.s.Totals(); got.Reports != c.want || got.Messages != c.want {
			t.Errorf("%q %d: %+v, want %d report", c.sender, c.notify, got, c.want)
		}
	}
}

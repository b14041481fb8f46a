package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/datadriven"

	"postern/journal"
)

// operate does what operators order; false: it is no such command.
//
//	delete|bounce|hold|release SELECTION     all, host DOMAIN, from ADDRESS
//	redirect TARGET SELECTION
//	undo last|N                              N counts the orders from 1
//	remove MID
//	suspend [DOMAIN] | resume [DOMAIN]       attempts get a minute
//	force [DOMAIN]
//	resolve MID resend|delivered             of recipients in doubt
//	pause | unpause                          the work queue
func (s *scenario) operate(cmd string, args []datadriven.CmdArg) (said string, ok bool) {
	ctx, e, first := context.Background(), s.g.e, ""
	if len(args) > 0 {
		first = args[0].Key
	}
	var domains []string
	if first != "" {
		domains = []string{first}
	}
	var err error
	switch cmd {
	case ActionDelete, ActionBounce, ActionHold, ActionRelease:
		return s.order(Order{Action: cmd, By: "root", Selection: selectionOf(args)}), true
	case ActionRedirect:
		return s.order(Order{Action: cmd, By: "root", Target: first, Selection: selectionOf(args[1:])}), true
	case "undo":
		return s.undo(first), true
	case "remove":
		return s.remove(first), true
	case "suspend":
		err = e.SuspendDelivery(ctx, "root", domains, time.Minute)
	case "resume":
		err = e.ResumeDelivery(ctx, "root", domains)
	case "force":
		err = e.ForceDelivery(ctx, "root", first)
	case "resolve":
		return s.resolve(first, args[1].Key), true
	case "pause":
		err = e.PauseWorkQueue(ctx, "root", "looking")
	case "unpause":
		err = e.ResumeWorkQueue(ctx, "root")
	default:
		return "", false
	}
	return refusal(err), true
}

func selectionOf(args []datadriven.CmdArg) (sel Selection) {
	for i := 0; i+1 < len(args); i += 2 {
		switch v := args[i+1].Key; args[i].Key {
		case "host":
			sel.Host = v
		case "from":
			sel.From = &v
		}
	}
	return sel
}

func refusal(err error) string {
	if err == nil {
		return ""
	}
	return "refused: " + err.Error() + "\n"
}

// order gives an order. Notifications wait until it is over, which makes them reportAgain late: the order of the facts is
// always the same.
func (s *scenario) order(o Order) string {
	s.silence(true)
	defer s.silence(false)
	d, err := s.g.e.Order(context.Background(), o, nil)
	synctest.Wait()
	if err != nil {
		return refusal(err)
	}
	if d.ID != 0 {
		s.orders = append(s.orders, d.ID)
	}
	said := fmt.Sprintf("done: %d messages, %d recipients", d.Messages, d.Recipients)
	for _, x := range d.Excluded {
		said += fmt.Sprintf("; past recall: MID %d %v", x.MID, x.RIDs)
	}
	return said + "\n"
}

func (s *scenario) silence(on bool) {
	if err := s.g.e.decide(context.Background(), func(*turn) { s.g.e.silent = on }); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scenario) undo(which string) string {
	n, err := strconv.Atoi(which)
	if err != nil {
		n = len(s.orders)
	}
	u, err := s.g.e.Undo(context.Background(), s.orders[n-1], "root", nil)
	if err != nil {
		return refusal(err)
	}
	said := fmt.Sprintf("undone: %d messages, %d recipients", u.Messages, u.Recipients)
	for _, l := range u.Lost {
		said += fmt.Sprintf("; lost: MID %d %v, %s", l.MID, l.RIDs, l.Reason)
	}
	return said + "\n"
}

func (s *scenario) remove(mid string) string {
	n, _ := strconv.Atoi(mid)
	for _, r := range slices.Backward(s.g.records()) {
		if m, ok := r.Event.(*journal.MessageInjected); ok && m.MID == uint32(n) {
			recipients, err := s.g.e.RemoveMessage(context.Background(), "root", r.Seq, m.MID, "")
			if err != nil {
				return refusal(err)
			}
			return fmt.Sprintf("removed: %d recipients\n", recipients)
		}
	}
	return "there is no such message\n"
}

func (s *scenario) resolve(mid, answer string) string {
	n, _ := strconv.Atoi(mid)
	for _, r := range slices.Backward(s.g.records()) {
		if m, ok := r.Event.(*journal.MessageInjected); ok && m.MID == uint32(n) {
			var rids []uint32
			for i := range m.Recipients {
				rids = append(rids, m.Recipients[i].RID)
			}
			recipients, err := s.g.e.AnswerDoubt(context.Background(), "root", r.Seq, rids, answer)
			if err != nil {
				return refusal(err)
			}
			return fmt.Sprintf("answered: %d recipients\n", recipients)
		}
	}
	return "there is no such message\n"
}

// stall is a peer that stands at some point of a transaction until the attempt is called off. Past the final dot it gives
// its answer so long after the attempt began, whatever it is told meanwhile; cut off there, nobody knows.
func (s *scenario) stall(ctx context.Context, a Attempt, words []string) []Outcome {
	called := Outcome{Result: Temporary, DCID: 1, Code: "000", Status: "4.3.2", Reason: "Other mail system problem", Reply: []string{"called off"}}
	if words[0] == "connect" {
		called.DCID, called.Host = 0, a.Probe // as the delivery client has it: the destination was not reached
	}
	if words[0] == "dot" {
		answer := outcomeOf(words[1], a.Destination)
		end := time.NewTimer(duration(s.t, words[2]))
		defer end.Stop()
		select {
		case <-end.C:
			return allOf(a, answer)
		case <-ctx.Done():
		}
		if errors.Is(context.Cause(ctx), ErrRecalled) {
			<-end.C
			return allOf(a, answer)
		}
		return allOf(a, Outcome{Result: Unknown, DCID: 1, Reason: "cut off past the final dot"})
	}
	<-ctx.Done()
	<-time.After(time.Millisecond) // never at the instant at which somebody looks for it
	return allOf(a, called)
}

func allOf(a Attempt, o Outcome) []Outcome {
	out := make([]Outcome, len(a.RIDs))
	for i := range out {
		out[i] = o
	}
	return out
}

// list prints the recipients of State, as a replay of the facts has them.
func (s *scenario) list() string {
	synctest.Wait()
	image, err := journal.FoldAll(s.g.j, s.g.j.Durable())
	if err != nil {
		s.t.Fatal(err)
	}
	var lines []string
	for seq, m := range image.Messages {
		for _, r := range m.Recipients {
			lines = append(lines, fmt.Sprintf("%6d MID %d [%d] to %s, %d attempts, %s, next %s\n", seq, m.MID, r.RID, r.Target(), r.Attempts,
				stateOf(m, &r), r.Next.Time().Format("15:04:05")))
		}
	}
	if len(lines) == 0 {
		return "nothing\n"
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// agree holds State against a replay of the facts.
func (s *scenario) agree() {
	s.t.Helper()
	if s.g.e.Loading() < 100 {
		return
	}
	image, err := journal.FoldAll(s.g.j, s.g.j.Durable())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, w := range s.g.e.state.differences(image) {
		s.t.Error(w)
	}
	if err := s.g.e.state.consistent(); err != nil {
		s.t.Error(err)
	}
	s.set.Add(0) // the engine reads it first in each turn: what was looked at here was looked at before
}

// differences tells where State is not what a replay of the facts says.
func (s *State) differences(image *journal.LiveImage) (out []string) {
	wrong := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if s.anomalies+image.Anomalies != 0 {
		wrong("%d facts did not fit State, %d the replay", s.anomalies, image.Anomalies)
	}
	if s.messages.live() != len(image.Messages) {
		wrong("State has %d messages, the replay %d", s.messages.live(), len(image.Messages))
	}
	for seq, m := range image.Messages {
		mi, ok := s.bySeq[seq]
		if !ok || int(s.messages.at(mi).live) != len(m.Recipients) || !slices.Equal(s.reports[mi], m.Dues) {
			wrong("message %d is not in State, or not with %d recipients and the reports %v", seq, len(m.Recipients), m.Dues)
			continue
		}
		for i := range m.Recipients {
			if why := s.differs(mi, m, &m.Recipients[i]); why != "" {
				wrong("message %d, recipient %d: State has %s, the replay %+v", seq, m.Recipients[i].RID, why, m.Recipients[i])
			}
		}
	}
	for name, di := range s.byName {
		d, h := s.destinations[di], image.Hosts[name]
		if d.down != h.Down || d.failures != h.Failures || d.down && d.next+s.shift != int64(h.Next) {
			wrong("%s: State has down %v, %d failures, next %s; the replay %+v", name, d.down, d.failures, journal.Instant(d.next+s.shift).Time(), h)
		}
	}
	return out
}

func (s *State) differs(mi uint32, m *journal.LiveMessage, want *journal.LiveRecipient) string {
	ri := s.recipientOf(mi, want.RID)
	if ri == 0 {
		return "none"
	}
	r := s.recipients.at(ri)
	p := s.phase(ri)
	due := journal.Instant(r.due + s.shift)
	if p == ready && r.state == waiting { // its delivery was forced
		due = want.Next
	}
	switch {
	case r.flags&claimed != 0:
		return "it claimed"
	case s.destinations[r.destination].name != want.Target(), r.attempts != want.Attempts, (r.flags&redirected != 0) != (want.Redirect != ""):
		return fmt.Sprintf("destination %s after %d attempts", s.destinations[r.destination].name, r.attempts)
	case (p == trying) != want.Attempting, (p == held) != (want.Held || m.SetAside) && p != trying && p != pending, (p == pending) != m.InWorkQueue:
		return fmt.Sprintf("phase %d", p)
	case due != want.Next && p != pending:
		return fmt.Sprintf("next %s in phase %d", due.Time(), p)
	}
	return ""
}

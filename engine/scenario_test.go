package engine

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/datadriven"

	"postern/engine/config"
	"postern/journal"
)

// TestScenarios plays the files of testdata in virtual time: commands in, facts out. go test ./engine -run Scenarios
// -rewrite accepts what comes out; read the difference.
//
//	config key=value ...                 of [retry]: initial, max, attempts, queue (seconds); per_destination;
//	                                     in_doubt, NAME.example=in_doubt of that domain
//	answer DESTINATION ok|relayed|host|soft|hard|dns|unknown
//	answer DESTINATION stall connect|mail|rcpt|content     until it is called off
//	answer DESTINATION stall dot RESULT DURATION           past the final dot; what it is called off for changes nothing
//	inject FROM TO [TO ...] [notify=never|success]
//	advance DURATION
//	clock DURATION                       the wall clock is set by so much
//	restart | crash                      in order, or not
//	queue                                what State holds
//	list                                 the same, by recipient
//
// and what operators order, in scenario_orders_test.go. After each command State is held against a replay of the facts.
func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		synctest.Test(t, func(t *testing.T) {
			s := &scenario{t: t, peer: newPeer(), disk: journal.NewMemoryDisk(), answers: map[string]string{}, doc: document()}
			s.peer.answer = s.answer
			s.open()
			over := false
			t.Cleanup(func() {
				if !over {
					s.abandon()
				}
			})
			datadriven.RunTest(t, path, s.run)
			s.g.stop()
			over = true
		})
	})
}

type scenario struct {
	t       *testing.T
	g       *gateway
	peer    *peer
	disk    *journal.Disk
	doc     *config.Document
	answers map[string]string
	shown   uint64
	orders  []uint64
	set     atomic.Int64 // nanoseconds by which the wall clock is off
}

func (s *scenario) open() {
	s.g = start(s.t, s.disk, s.peer, func(o *Options) {
		o.Document = func() *config.Document { return s.doc }
		o.Deliverer = s
		o.Draw = func() float64 { return 0.5 }
		o.Now = func() time.Time { return time.Now().Add(time.Duration(s.set.Load())) }
	})
	synctest.Wait()
}

// abandon ends what a failed test leaves behind.
func (s *scenario) abandon() {
	s.g.cancel()
	<-s.g.done
	s.g.j.Close()
}

// Deliver answers at a moment of its own for each destination, so that the order of what comes back is always the same.
func (s *scenario) Deliver(ctx context.Context, a Attempt) []Outcome {
	late := time.Duration(a.MID)
	for _, c := range []byte(a.Destination) {
		late = late*31%997 + time.Duration(c)
	}
	<-time.After(late * time.Microsecond)
	if !s.dot(ctx, a) {
		return allOf(a, Outcome{Result: Temporary, DCID: 1, Code: "000", Status: "4.3.0", Reason: "Other mail system problem", Reply: []string{"before the final dot"}})
	}
	if words := strings.Fields(s.answers[a.Destination]); len(words) > 1 {
		return s.stall(ctx, a, words[1:])
	}
	return s.peer.Deliver(ctx, a)
}

// dot has an exact attempt written down that is about to end its content; false: it may not.
func (s *scenario) dot(ctx context.Context, a Attempt) bool {
	switch words := strings.Fields(s.answers[a.Destination]); {
	case !a.Exact, len(words) > 1 && words[1] != "dot", len(words) == 1 && (words[0] == "host" || words[0] == "soft" || words[0] == "hard" || words[0] == "dns"):
		return true // it does not come so far
	}
	return s.g.e.DataSent(ctx, &journal.DataSent{DCID: 1, Message: a.Message, MID: a.MID, RIDs: a.RIDs}) == nil
}

func (s *scenario) answer(a Attempt, _ uint32) Outcome {
	return outcomeOf(s.answers[a.Destination], a.Destination)
}

func outcomeOf(word, destination string) Outcome {
	switch word {
	case "relayed":
		o := delivered
		o.Relayed = true
		return o
	case "host":
		return Outcome{Result: Temporary, Host: true, Code: "000", Status: "4.4.1", Reason: "No answer from host", Reply: []string{"connection refused"}}
	case "soft":
		return Outcome{Result: Temporary, DCID: 1, Code: "450", Status: "4.2.1", Reason: "Mailbox disabled", Reply: []string{"later"}}
	case "hard":
		return Outcome{Result: Permanent, DCID: 1, Code: "550", Status: "5.1.1", Reason: "Bad destination email address", Reply: []string{"no such user"}}
	case "dns":
		return Outcome{Result: Permanent, Class: journal.BounceDNS, Code: "000", Status: "5.1.2", Reason: "Bad destination host",
			Reply: []string{"DNS Hard Error looking up " + destination + " (MX):  NXDomain"}}
	case "unknown":
		return Outcome{Result: Unknown, DCID: 1, Reason: "the reply to the final dot was lost"}
	}
	return delivered
}

func (s *scenario) run(t *testing.T, d *datadriven.TestData) string {
	args := d.CmdArgs
	switch d.Cmd {
	case "config":
		s.configure(args)
	case "answer":
		words := []string{}
		for _, a := range args[1:] {
			words = append(words, a.Key)
		}
		s.answers[args[0].Key] = strings.Join(words, " ")
	case "inject":
		s.inject(args)
	case "advance":
		<-time.After(duration(t, args[0].Key))
	case "clock":
		s.set.Add(int64(duration(t, args[0].Key)))
		<-time.After(time.Second)
	case "restart":
		s.g.stop()
		s.open()
	case "crash":
		left := s.disk.PowerCut(1)
		s.abandon()
		s.disk = left
		s.open()
	case "queue":
		synctest.Wait()
		tot := s.g.e.Totals()
		return fmt.Sprintf("messages=%d recipients=%d attempting=%d reports=%d\n", tot.Messages, tot.Recipients, tot.Attempting, tot.Reports)
	case "list":
		return s.list()
	default:
		said, ok := s.operate(d.Cmd, args)
		if !ok {
			d.Fatalf(t, "unknown command %s", d.Cmd)
		}
		return s.rest() + said
	}
	return s.rest()
}

// rest lets everything happen that happens at once, and looks.
func (s *scenario) rest() string {
	<-time.After(200 * time.Millisecond)
	synctest.Wait()
	s.agree()
	return s.facts()
}

func duration(t *testing.T, text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (s *scenario) configure(args []datadriven.CmdArg) {
	doc := *s.doc
	for _, a := range args {
		n, _ := strconv.Atoi(a.Vals[0])
		switch a.Key {
		case "initial":
			doc.Retry.InitialSeconds = n
		case "max":
			doc.Retry.MaxSeconds = n
		case "attempts":
			doc.Retry.MaxAttempts = n
		case "queue":
			doc.Retry.MaxQueueSeconds = n
		case "per_destination":
			doc.Delivery.PerDestination = n
		case "in_doubt":
			doc.Delivery.InDoubt = a.Vals[0]
		default:
			if strings.Contains(a.Key, ".") {
				doc.Delivery.Doubts = append(slices.Clone(doc.Delivery.Doubts), config.Doubt{Domain: a.Key, Action: a.Vals[0]})
			}
		}
	}
	s.doc = &doc
}

func (s *scenario) inject(args []datadriven.CmdArg) {
	body, err := s.g.j.PutBody([]byte("Subject: x\r\n\r\nhello\r\n"))
	if err != nil {
		s.t.Fatal(err)
	}
	mid, err := s.g.e.ID(context.Background(), journal.MID)
	if err != nil {
		s.t.Fatal(err)
	}
	m := &journal.MessageInjected{MID: mid, ICID: 1, Size: 22, Body: body, Queued: true}
	if args[0].Key != "<>" {
		m.Sender = args[0].Key
	}
	notify := journal.Notify(0)
	for _, a := range args[1:] {
		if a.Key == "notify" {
			notify = map[string]journal.Notify{"never": journal.NotifyNever, "success": journal.NotifySuccess}[a.Vals[0]]
		}
	}
	for _, a := range args[1:] {
		if a.Key != "notify" {
			local, domain := splitAddress(a.Key)
			m.Recipients = append(m.Recipients, journal.InjectedRecipient{RID: uint32(len(m.Recipients)), Local: local, Domain: domain, Notify: notify})
		}
	}
	if _, err := s.g.e.Inject(context.Background(), m); err != nil {
		s.t.Fatal(err)
	}
}

// facts prints what came since it was last asked.
func (s *scenario) facts() string {
	var b strings.Builder
	for _, r := range s.g.records() {
		if r.Seq > s.shown {
			fmt.Fprintf(&b, "%d %s %s\n", r.Seq, r.Time.Time().Format("15:04:05"), journal.Describe(r.Event))
			s.shown = r.Seq
		}
	}
	if b.Len() == 0 {
		return "nothing\n"
	}
	return b.String()
}

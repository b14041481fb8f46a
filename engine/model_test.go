package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"postern/engine/config"
	"postern/journal"
)

// TestModel plays random histories in virtual time and asks after each step whether the facts keep the rules, whether
// something that was due did not happen, and whether State is what the naive list of everything says.
// POSTERN_MODEL_SEEDS is how many histories are played, POSTERN_MODEL_SEED plays one again. What one goroutine does before
// another at the same instant is the scheduler's choice: a rare finding may need some runs of its seed.
func TestModel(t *testing.T) {
	eachSeed(t, "POSTERN_MODEL", 200, func(t *testing.T, seed uint64) {
		synctest.Test(t, func(t *testing.T) { playHistory(t, seed) })
	})
}

// history is one random life of a gateway.
type history struct {
	t     *testing.T
	r     *rand.Rand
	draw  *rand.Rand // of the engine's jitter
	disk  *journal.Disk
	g     *gateway
	peer  *patientPeer
	doc   *config.Document
	n     *naive
	moods map[string]string
	read  uint64
	wall  atomic.Int64 // nanoseconds by which the wall clock is off
	leapt atomic.Int64 // by which both clocks are ahead of the test's
	told  []any        // lines and records, for the one who reads a failure
}

var modelDomains = []string{"one.example", "two.example", "three.example", "four.example"}

func playHistory(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 3))
	h := &history{t: t, r: r, draw: rand.New(rand.NewPCG(seed, 4)), disk: journal.NewMemoryDisk(), n: newNaive(), moods: map[string]string{}}
	for _, d := range modelDomains {
		h.moods[d] = moodNames[r.IntN(len(moodNames))]
	}
	h.open()
	t.Cleanup(h.abandon)
	h.settle()
	for range 12 + r.IntN(24) {
		h.step()
	}
	h.drain()
	h.stop()
	h.g = nil
}

// abandon ends what a failed test leaves behind.
func (h *history) abandon() {
	if h.g != nil {
		h.g.cancel()
		<-h.g.done
		h.g.j.Close()
	}
}

// document makes up limits.
func (h *history) document() *config.Document {
	d := document()
	d.Retry.InitialSeconds = []int{1, 60, 60, 600}[h.r.IntN(4)]
	d.Retry.MaxSeconds = d.Retry.InitialSeconds * []int{1, 4, 60}[h.r.IntN(3)]
	d.Retry.MaxAttempts = []int{1, 3, 100, 100}[h.r.IntN(4)]
	d.Retry.MaxQueueSeconds = []int{600, 86400, 259200, 259200}[h.r.IntN(4)]
	d.Delivery.Connections = []int{2, 7, 10000, 10000}[h.r.IntN(4)]
	d.Delivery.PerDestination = []int{1, 2, 5, 22, 500}[h.r.IntN(5)]
	return d
}

// open starts the gateway on what is on the disk.
func (h *history) open() {
	h.doc = h.document()
	h.n.afterStart = &naiveRules{retry: h.doc.Retry, connections: h.doc.Delivery.Connections, limit: h.doc.Delivery.PerDestination}
	h.n.calm = 0 // a start knows of no jump before it
	h.peer = &patientPeer{}
	began, doc := time.Now(), h.doc
	h.g = start(h.t, h.disk, nil, func(o *Options) {
		h.peer.j = o.Journal
		o.Deliverer = h.peer
		o.Document = func() *config.Document { return doc }
		o.Draw = h.draw.Float64
		o.Now = func() time.Time { return time.Now().Add(time.Duration(h.wall.Load() + h.leapt.Load())) }
		o.Mono = func() time.Duration { return time.Since(began) + time.Duration(h.leapt.Load()) }
	})
}

func (h *history) tell(format string, args ...any) {
	h.told = append(h.told, fmt.Sprintf(format, args...))
}

// clock is now, as the naive list has it.
func (h *history) clock() int64 {
	return time.Now().UnixNano() + h.wall.Load() + h.leapt.Load() - h.n.shift
}

func (h *history) step() {
	switch k := h.r.IntN(100); {
	case k < 30:
		h.inject()
	case k < 62:
		h.answer(h.peer.waiting())
	case k < 68:
		h.pass(time.Duration(1+h.r.IntN(30_000)) * time.Millisecond)
	case k < 82:
		h.leap()
	case k < 88:
		h.change(modelDomains[h.r.IntN(len(modelDomains))])
	case k < 91:
		h.suspend()
	case k < 93:
		h.setClock()
	case k < 95:
		h.checkpoint()
	case k < 97:
		h.restart()
	default:
		h.crash()
	}
	h.settle()
}

// settle lets everything happen that happens at this instant, and looks.
func (h *history) settle() {
	synctest.Wait()
	h.fold()
	h.n.atRest(h.clock())
	h.n.compare(h.g.e.state, h.clock())
	var asked []string
	for _, q := range h.peer.waiting() {
		asked = append(asked, fmt.Sprint(q.a.Message, q.a.MID, q.a.Destination, q.a.RIDs, q.a.Number, q.a.Probe))
	}
	var want []string
	for _, a := range h.n.inHand {
		want = append(want, fmt.Sprint(a.message.seq, a.message.mid, a.domain, a.rids, a.number, a.probe))
	}
	slices.Sort(asked)
	slices.Sort(want)
	if !slices.Equal(asked, want) {
		h.n.wrong("the peers are asked for %v, want %v", asked, want)
	}
	if len(h.peer.sooner) > 0 {
		h.n.wrong("attempts before their message was durable: %v", h.peer.sooner)
	}
	h.judge()
	h.wall.Add(0) // the engine reads it first in each turn: what was looked at here was looked at before
}

// fold reads the facts that came.
func (h *history) fold() {
	for {
		part, err := h.g.j.Read(h.read, 1000, nil)
		if err != nil {
			h.t.Fatal(err)
		}
		if len(part) == 0 {
			return
		}
		for _, r := range part {
			h.told = append(h.told, r)
			h.n.fact(r)
			h.read = r.Seq
		}
	}
}

func (h *history) judge() {
	if len(h.n.errors) == 0 {
		return
	}
	var story strings.Builder
	for _, line := range h.told[max(0, len(h.told)-80):] {
		if r, ok := line.(journal.Record); ok {
			line = fmt.Sprintf("%6d %s %s", r.Seq, r.Time.Time().Format("Jan 2 15:04:05.000"), journal.Describe(r.Event))
		}
		fmt.Fprintln(&story, line)
	}
	h.t.Fatalf("%s\nwith %+v, %+v, after\n%s", strings.Join(h.n.errors[:min(5, len(h.n.errors))], "\n"), h.doc.Retry, h.doc.Delivery, story.String())
}

// inject hands in some messages at once; now and then so many for one domain that its window can grow.
func (h *history) inject() {
	some, flood := 1+h.r.IntN(4), h.r.IntN(12) == 0
	if flood {
		some = 20 + h.r.IntN(10)
	}
	for range some {
		m := h.message()
		if flood {
			m.Recipients = []journal.InjectedRecipient{{Local: "r", Domain: modelDomains[0]}}
		}
		h.tell("inject for %d", len(m.Recipients))
		if _, err := h.g.e.Inject(context.Background(), m); err != nil {
			h.t.Fatal(err)
		}
	}
}

func (h *history) message() *journal.MessageInjected {
	body := []byte(fmt.Sprintf("Subject: %d\r\n\r\nhello\r\n", h.r.IntN(1000)))
	id, err := h.g.j.PutBody(body)
	if err != nil {
		h.t.Fatal(err)
	}
	mid, err := h.g.e.ID(context.Background(), journal.MID)
	if err != nil {
		h.t.Fatal(err)
	}
	m := &journal.MessageInjected{MID: mid, ICID: 1, Size: int64(len(body)), Body: id, Queued: true}
	if h.r.IntN(5) > 0 {
		m.Sender = "sender@" + modelDomains[h.r.IntN(len(modelDomains))]
	}
	some, home := 1+h.r.IntN(5)*h.r.IntN(2), modelDomains[h.r.IntN(len(modelDomains))]
	crowd := h.r.IntN(30) == 0
	if crowd {
		some = 90 + h.r.IntN(140)
	}
	for rid := range some {
		domain := home
		if !crowd && h.r.IntN(2) == 0 {
			domain = modelDomains[h.r.IntN(len(modelDomains))]
		}
		m.Recipients = append(m.Recipients, journal.InjectedRecipient{RID: uint32(rid), Local: "r", Domain: domain,
			Notify: []journal.Notify{0, 0, 0, journal.NotifyNever, journal.NotifySuccess, journal.NotifyFailure}[h.r.IntN(6)]})
	}
	return m
}

// answer lets peers answer some of what they are asked.
func (h *history) answer(asked []*question) {
	h.r.Shuffle(len(asked), func(i, j int) { asked[i], asked[j] = asked[j], asked[i] })
	if len(asked) > 1 && h.r.IntN(4) > 0 {
		asked = asked[:1+h.r.IntN(len(asked))]
	}
	for _, q := range asked {
		out := answersOf(h.moods[q.a.Destination], q.a, h.r)
		a := h.n.attemptOf(h.n.message(q.a.Message), q.a.Destination)
		if a == nil {
			h.t.Fatalf("nothing is known of the attempt %+v", q.a)
		}
		a.verdicts = map[uint32]Outcome{}
		for i, rid := range q.a.RIDs {
			a.verdicts[rid] = out[i]
		}
		h.tell("%s answers for message %d: %s", q.a.Destination, q.a.Message, h.moods[q.a.Destination])
		h.peer.take(q)
		q.answer <- out
	}
}

func (h *history) change(domain string) {
	h.moods[domain] = moodNames[h.r.IntN(len(moodNames))]
	h.tell("%s from now on %s", domain, h.moods[domain])
}

// suspend suspends the delivery to a domain or all, or resumes it.
func (h *history) suspend() {
	var domains []string
	if h.r.IntN(3) > 0 {
		domains = modelDomains[:1+h.r.IntN(2)]
	}
	if h.r.IntN(3) > 0 && len(h.n.suspended) > 0 {
		h.g.e.Note(&journal.DeliveryResumed{Domains: domains})
	} else {
		h.g.e.Note(&journal.DeliverySuspended{Domains: domains})
	}
	h.pass(noteDelay + prompt)
}

// drain lets everything end: from now on all peers take what they are given, or refuse it.
func (h *history) drain() {
	for _, d := range modelDomains {
		h.moods[d] = []string{"takes", "takes", "relays", "refuses"}[h.r.IntN(4)]
	}
	h.tell("drain")
	h.g.e.Note(&journal.DeliveryResumed{})
	h.pass(noteDelay + prompt)
	h.settle()
	for range 2000 {
		left := slices.DeleteFunc(h.n.everybody(), func(r *naiveRecipient) bool { return r.message.aside })
		if len(left) == 0 {
			return
		}
		if asked := h.peer.waiting(); len(asked) > 0 {
			h.answer(asked)
		} else if at, ok := h.n.next(h.clock()); ok {
			h.leapTo(at)
		}
		h.settle()
	}
	h.t.Fatalf("the queue does not drain: %s", names(h.n.everybody()))
}

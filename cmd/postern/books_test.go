package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"postern/engine"
	"postern/engine/config"
	"postern/journal"
	"postern/projections"
)

// What is looked at (projections) and what decides (engine) know nothing of each other. Both are held against a plain count
// of the facts, at random moments of random histories in virtual time. POSTERN_MODEL_SEEDS is how many histories are played.
func TestQueueFiguresAgree(t *testing.T) {
	seeds := 30
	if n, err := strconv.Atoi(os.Getenv("POSTERN_MODEL_SEEDS")); err == nil {
		seeds = n
	}
	for seed := range uint64(seeds) {
		if !t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { (&bookkeeping{t: t, r: rand.New(rand.NewPCG(seed, 8))}).play() })
		}) {
			return
		}
	}
}

type bookkeeping struct {
	t       *testing.T
	r       *rand.Rand
	disk    *journal.Disk
	journal *journal.Journal
	engine  *engine.Engine
	done    chan error
	cancel  context.CancelFunc
	rows    *journal.LiveRows
	figures *projections.Figures
	count   factCount
	undo    time.Duration    // how long orders can be undone
	now     func() time.Time // nil: time.Now
	recalls bool             // peers do as they are told when an attempt is called off
}

func (b *bookkeeping) play() {
	b.begin()
	b.open()
	for range 40 {
		switch k := b.r.IntN(20); {
		case k < 10:
			b.inject()
		case k < 18:
			<-time.After(time.Duration(b.r.IntN(60_000)) * time.Millisecond)
		default:
			b.close(k == 18)
			b.open()
		}
		b.look()
	}
	b.close(true)
}

func (b *bookkeeping) begin() {
	b.disk = journal.NewMemoryDisk()
	b.figures, b.count = projections.NewFigures(0), factCount{live: map[string]string{}, tried: map[string]bool{}, bySeq: map[uint64]int{},
		dues: map[uint64]int{}, senders: map[uint64]bool{}, bodies: map[uint64]journal.BodyID{},
		taken: map[uint64][]uint64{}, unqueued: map[uint64]bool{}}
}

func (b *bookkeeping) open() {
	var err error
	if b.journal, err = journal.Open("j", journal.Options{Disk: b.disk, Now: b.now}); err != nil {
		b.t.Fatal(err)
	}
	if b.rows, err = journal.OpenLiveRows(b.journal); err != nil {
		b.t.Fatal(err)
	}
	if err := b.rows.CatchUp(b.t.Context(), b.journal.Durable()); err != nil {
		b.t.Fatal(err)
	}
	doc := config.Default()
	doc.Retry = config.Retry{InitialSeconds: 20, MaxSeconds: 60, MaxAttempts: 5, MaxQueueSeconds: 600}
	if b.undo > 0 {
		doc.Queue.UndoSeconds = int(b.undo / time.Second)
	}
	peer := &moodyPeer{r: rand.New(rand.NewPCG(b.r.Uint64(), 9)), recalls: b.recalls}
	b.engine = engine.New(engine.Options{Journal: b.journal, Rows: b.rows, Deliverer: peer, Document: func() *config.Document { return doc }, Now: b.now,
		Space: func() engine.Space { return engine.Space{Free: 1 << 40, Total: 1 << 41} }})
	ctx, cancel := context.WithCancel(context.Background())
	b.cancel, b.done = cancel, make(chan error, 1)
	go func() { b.done <- b.engine.Run(ctx) }()
	<-b.engine.Ready()
}

// close ends the gateway in order, or by pulling the plug.
func (b *bookkeeping) close(orderly bool) {
	b.end(orderly)
	if err := b.journal.Close(); err != nil {
		b.t.Fatal(err)
	}
}

// end is close, but that the journal can still be read.
func (b *bookkeeping) end(orderly bool) {
	if orderly {
		b.engine.Stop(context.Background())
	} else {
		b.disk = b.disk.PowerCut(b.r.Uint64())
		b.cancel()
	}
	if err := <-b.done; err != nil {
		b.t.Fatal(err)
	}
	b.cancel()
}

func (b *bookkeeping) inject() {
	mid, err := b.engine.ID(b.t.Context(), journal.MID)
	if err != nil {
		b.t.Fatal(err)
	}
	m := &journal.MessageInjected{MID: mid, ICID: 1, Size: int64(b.r.IntN(10_000)), Queued: true}
	if m.Body, err = b.journal.PutBody([]byte("Subject: x\r\n\r\nhello\r\n")); err != nil {
		b.t.Fatal(err)
	}
	if b.r.IntN(4) > 0 {
		m.Sender = "a@home.example"
	}
	for rid := range uint32(1 + b.r.IntN(4)) {
		m.Recipients = append(m.Recipients, journal.InjectedRecipient{RID: rid, Local: "r", Domain: fmt.Sprintf("d%d.example", b.r.IntN(4))})
	}
	if _, err := b.engine.Inject(b.t.Context(), m); err != nil {
		b.t.Fatal(err)
	}
}

// look compares the three when nothing more happens at this instant.
func (b *bookkeeping) look() {
	synctest.Wait()
	records, err := b.journal.Read(b.figures.Seq(), 100_000, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, r := range records {
		b.figures.Apply(r)
		b.count.add(r)
	}
	if d := b.figures.Balance(); len(d) > 0 {
		b.t.Fatalf("the books: %v", d)
	}
	c := &b.count
	totals := b.engine.Totals()
	reports, tried, waiting := 0, 0, 0
	for _, n := range c.dues {
		reports += n
	}
	if totals.Messages != len(c.bySeq) || totals.Recipients != len(c.live) || totals.Attempting != c.inHand || totals.Reports != reports || totals.Anomalies != 0 {
		b.t.Fatalf("the engine counts %+v, the facts %d messages, %d recipients, %d attempts, %d reports", totals, len(c.bySeq), len(c.live), c.inHand, reports)
	}
	if b.undo == 0 && reports != 0 {
		b.t.Fatalf("%d reports are not written", reports)
	}
	for name := range c.live {
		switch {
		case c.unqueued[messageOf(name)]:
			waiting++
		case c.tried[name]:
			tried++
		}
	}
	v := b.figures.View(time.Now(), nil, nil)
	for name, want := range map[string]int{projections.GaugeMessages: len(c.bySeq), projections.GaugeActive: len(c.live) - waiting,
		projections.GaugeAttempted: tried, projections.GaugeUnattempted: len(c.live) - waiting - tried, projections.GaugeHeldBack: waiting,
		projections.GaugeWorkQueue: len(c.unqueued)} {
		if v.Gauges[name] != int64(want) {
			b.t.Fatalf("%s is %d, want %d", name, v.Gauges[name], want)
		}
	}
	for _, name := range destinations {
		want := 0
		for who, domain := range c.live {
			if domain == name && !c.unqueued[messageOf(who)] {
				want++
			}
		}
		if h, _ := b.figures.Host(name, time.Now()); int(h.Active) != want {
			b.t.Fatalf("%s has %d active recipients, want %d", name, h.Active, want)
		}
	}
}

// factCount counts the queue off the facts.
type factCount struct {
	live   map[string]string // "seq/rid" → destination
	tried  map[string]bool   // by the same: an attempt failed
	bySeq  map[uint64]int    // live messages → recipients left
	dues   map[uint64]int    // message → facts to be reported
	hands  map[string]string // recipients in hand → "seq destination"
	inHand int               // attempts

	senders  map[uint64]bool           // messages with somebody to be told
	bodies   map[uint64]journal.BodyID // by message
	taken    map[uint64][]uint64       // orders that can be undone → messages of which they took
	unqueued map[uint64]bool           // messages in the work queue
}

func messageOf(name string) (seq uint64) {
	fmt.Sscan(name, &seq)
	return seq
}

func (c *factCount) add(r journal.Record) {
	switch e := r.Event.(type) {
	case *journal.Started:
		c.hands = map[string]string{}
	case *journal.MessageInjected:
		c.bySeq[r.Seq], c.bodies[r.Seq] = len(e.Recipients), e.Body
		c.senders[r.Seq] = e.Sender != ""
		if !e.Queued {
			c.unqueued[r.Seq] = true
		}
		for _, rc := range e.Recipients {
			c.live[fmt.Sprint(r.Seq, "/", rc.RID)] = rc.Domain
		}
		if len(e.Reports) > 0 {
			c.dues[e.Parent] -= len(e.Reports)
			c.drop(e.Parent)
		}
	case *journal.AttemptStarted:
		for _, rid := range e.RIDs {
			c.hands[fmt.Sprint(e.Message, "/", rid)] = fmt.Sprint(e.Message, " ", e.Destination)
		}
	case *journal.SoftBounced:
		c.failed(e.Message, e.RIDs)
	case *journal.OutcomeUnknown:
		c.failed(e.Message, e.RIDs)
	case *journal.Delivered:
		c.end(e.Message, e.RIDs, e.Notify)
	case *journal.HardBounced:
		c.end(e.Message, e.RIDs, e.Notify)
	case *journal.DoubleBounced:
		c.end(e.Message, e.RIDs, false)
	default:
		c.addOrder(r)
	}
	attempts := map[string]bool{}
	for _, a := range c.hands {
		attempts[a] = true
	}
	c.inHand = len(attempts)
}

func (c *factCount) failed(seq uint64, rids []uint32) {
	for _, rid := range rids {
		delete(c.hands, fmt.Sprint(seq, "/", rid))
		c.tried[fmt.Sprint(seq, "/", rid)] = true
	}
}

func (c *factCount) end(seq uint64, rids []uint32, due bool) {
	for _, rid := range rids {
		delete(c.hands, fmt.Sprint(seq, "/", rid))
		delete(c.live, fmt.Sprint(seq, "/", rid))
	}
	c.bySeq[seq] -= len(rids)
	if due {
		c.dues[seq]++
	}
	c.drop(seq)
}

func (c *factCount) drop(seq uint64) {
	if c.bySeq[seq] == 0 && c.dues[seq] == 0 {
		delete(c.bySeq, seq)
		delete(c.unqueued, seq)
	}
}

// moodyPeer answers for all destinations, each time otherwise and after a while.
type moodyPeer struct {
	recalls bool
	mu      sync.Mutex
	r       *rand.Rand // guarded by mu
}

func (p *moodyPeer) Deliver(ctx context.Context, a engine.Attempt) []engine.Outcome {
	p.mu.Lock()
	out := make([]engine.Outcome, len(a.RIDs))
	whole := p.r.IntN(2) == 0
	for i := range out {
		out[i] = []engine.Outcome{{Result: engine.Delivered, DCID: 1, Code: "250", Status: "2.0.0"},
			{Result: engine.Temporary, Host: true, Code: "000", Status: "4.4.1"}, {Result: engine.Temporary, Code: "450", Status: "4.2.1"},
			{Result: engine.Permanent, Code: "550", Status: "5.1.1"}, {Result: engine.Unknown}}[p.r.IntN(5)]
		if whole {
			out[i] = out[0]
		}
	}
	late := time.Duration(p.r.IntN(40_000)) * time.Millisecond
	past := p.recalls && p.r.IntN(3) == 0
	p.mu.Unlock()
	if p.recalls {
		return p.obey(ctx, late, past, out)
	}
	select {
	case <-time.After(late):
	case <-ctx.Done():
		return make([]engine.Outcome, len(a.RIDs))
	}
	return out
}

// obey ends what is called off before its final dot at once; past it the outcome comes in its time, unless it is cut off.
func (p *moodyPeer) obey(ctx context.Context, late time.Duration, past bool, out []engine.Outcome) []engine.Outcome {
	end := time.NewTimer(late)
	defer end.Stop()
	select {
	case <-end.C:
		return out
	case <-ctx.Done():
	}
	if past && errors.Is(context.Cause(ctx), engine.ErrRecalled) {
		<-end.C
		return out
	}
	for i := range out {
		out[i] = engine.Outcome{Result: engine.Temporary, Code: "000", Status: "4.3.2"}
		if past {
			out[i] = engine.Outcome{Result: engine.Unknown}
		}
	}
	return out
}

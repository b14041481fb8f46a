package engine

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"postern/engine/config"
	"postern/journal"
)

// remains are what stands still for ever in stores whose process would have ended.
var remains []goleak.Option

func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(remains...); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// leavesRemains is for tests that let a process die: what it was doing stays as it was, and is no leak.
func leavesRemains(t *testing.T) {
	goleak.VerifyNone(t, remains...)
	t.Cleanup(func() { remains = append(remains, goleak.IgnoreCurrent()) })
}

// gateway is an engine on a memory disk with a scripted peer: the little vocabulary of the tests.
type gateway struct {
	t      testing.TB
	disk   *journal.Disk
	j      *journal.Journal
	rows   *journal.LiveRows
	e      *Engine
	peer   *peer
	cancel context.CancelFunc
	done   chan error
}

// peer stands for all destinations. answer decides; what it took is counted even when its answer never arrives.
type peer struct {
	mu     sync.Mutex
	answer func(Attempt, uint32) Outcome
	took   map[string]int // "message seq/rid" → how often
	tried  int
}

func newPeer() *peer {
	return &peer{took: map[string]int{}, answer: func(Attempt, uint32) Outcome { return delivered }}
}

var delivered = Outcome{Result: Delivered, DCID: 1, Code: "250", Status: "2.0.0", Reply: []string{"ok"}}

func (p *peer) Deliver(ctx context.Context, a Attempt) []Outcome {
	out := make([]Outcome, len(a.RIDs))
	for i, rid := range a.RIDs {
		p.mu.Lock()
		p.tried++
		o := p.answer(a, rid)
		if o.Result == Delivered || o.Result == Unknown {
			p.took[fmt.Sprintf("%d/%d", a.Message, rid)]++
		}
		p.mu.Unlock()
		out[i] = o
	}
	return out
}

func document() *config.Document {
	d := config.Default()
	d.Hostname = "gw.example.com"
	return d
}

func start(t testing.TB, disk *journal.Disk, p *peer, tune func(*Options)) *gateway {
	t.Helper()
	return startOn(t, journal.Options{Disk: disk}, p, tune)
}

func startOn(t testing.TB, on journal.Options, p *peer, tune func(*Options)) *gateway {
	t.Helper()
	j, err := journal.Open("j", on)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := journal.OpenLiveRows(j)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if err := rows.CatchUp(ctx, j.Durable()); err != nil {
		t.Fatal(err)
	}
	doc := document()
	o := Options{Journal: j, Rows: rows, Deliverer: p, Document: func() *config.Document { return doc },
		Space:   func() Space { return Space{Free: 1 << 40, Total: 1 << 41} },
		Problem: func(err error) { t.Log("problem:", err) }}
	if tune != nil {
		tune(&o)
	}
	g := &gateway{t: t, disk: on.Disk, j: j, rows: rows, e: New(o), peer: p, cancel: cancel, done: make(chan error, 1)}
	go func() { g.done <- g.e.Run(ctx) }()
	<-g.e.Ready()
	return g
}

func (g *gateway) stop() {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	g.e.Stop(ctx)
	if err := <-g.done; err != nil {
		g.t.Fatal(err)
	}
	g.cancel()
	if err := g.rows.CatchUp(context.Background(), g.j.Durable()); err != nil {
		g.t.Fatal(err)
	}
	if err := g.j.Close(); err != nil {
		g.t.Fatal(err)
	}
}

func (g *gateway) inject(from string, to ...string) uint64 {
	g.t.Helper()
	seq, err := g.tryInject(from, to...)
	if err != nil {
		g.t.Fatal(err)
	}
	return seq
}

func (g *gateway) tryInject(from string, to ...string) (uint64, error) {
	body := []byte("Subject: x\r\n\r\nhello\r\n")
	id, err := g.j.PutBody(body)
	if err != nil {
		return 0, err
	}
	mid, err := g.e.ID(context.Background(), journal.MID)
	if err != nil {
		return 0, err
	}
	m := &journal.MessageInjected{MID: mid, ICID: 1, Size: int64(len(body)), Body: id, Sender: from, Queued: true}
	for i, a := range to {
		local, domain := splitAddress(a)
		m.Recipients = append(m.Recipients, journal.InjectedRecipient{RID: uint32(i), Local: local, Domain: domain})
	}
	return g.e.Inject(context.Background(), m)
}

// until waits for a condition over the records so far.
func (g *gateway) until(what string, ok func([]journal.Record) bool) []journal.Record {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		at := g.j.Durable() // before the look: what comes meanwhile must not be waited for
		all := g.records()
		if ok(all) {
			return all
		}
		if err := g.j.Wait(ctx, at); err != nil {
			g.t.Fatalf("%s: never came", what)
		}
	}
}

func (g *gateway) records() []journal.Record {
	g.t.Helper()
	var all, part []journal.Record
	for after := uint64(0); ; {
		var err error
		if part, err = g.j.Read(after, 1000, part); err != nil {
			g.t.Fatal(err)
		}
		if len(part) == 0 {
			return all
		}
		all = append(all, part...)
		after = part[len(part)-1].Seq
	}
}

func count[T journal.Event](all []journal.Record) (n int) {
	for _, r := range all {
		if _, ok := r.Event.(T); ok {
			n++
		}
	}
	return n
}

func find[T journal.Event](all []journal.Record) (found []T) {
	for _, r := range all {
		if e, ok := r.Event.(T); ok {
			found = append(found, e)
		}
	}
	return found
}

// eachSeed runs a random test with many seeds, as a subtest each. NAME_SEEDS in the environment is how many (otherwise
// usual, a tenth with -short), NAME_SEED is the only one: how a failure is seen again.
func eachSeed(t *testing.T, name string, usual int, run func(*testing.T, uint64)) {
	t.Helper()
	seeds, first := usual, uint64(1)
	if s := os.Getenv(name + "_SEEDS"); s != "" {
		seeds, _ = strconv.Atoi(s)
	} else if testing.Short() {
		seeds = usual / 10
	}
	if s := os.Getenv(name + "_SEED"); s != "" {
		first, _ = strconv.ParseUint(s, 10, 64)
		seeds = 1
	}
	for seed := first; seed < first+uint64(seeds); seed++ {
		if !t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) { run(t, seed) }) {
			t.Fatalf("again with %s_SEED=%d", name, seed)
		}
	}
}

package engine

import (
	crand "crypto/rand"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"postern/engine/config"
	"postern/journal"
)

// TestFaults lets the disk fail at random instants, in the midst of turns: the process ends and says why, nobody hears a
// yes that is not on the disk, nothing is sent that is not, and the next start has all that was promised.
// POSTERN_FAULT_SEEDS is how many times, POSTERN_FAULT_SEED does one again.
func TestFaults(t *testing.T) {
	leavesRemains(t)
	eachSeed(t, "POSTERN_FAULT", 40, failingDisk)
}

func failingDisk(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 5))
	fault := journal.Fault{Operation: journal.WriteOperation, Name: ".log", After: r.IntN(12), Err: journal.ErrIO}
	if r.IntN(2) == 0 {
		fault.Operation = journal.SyncOperation
	}
	if r.IntN(2) == 0 {
		fault.Err = journal.ErrNoSpace
	}
	if r.IntN(2) == 0 {
		fault.Times = 1 // a disk that is well again a moment later must not make up for it
	}
	if fault.Err == journal.ErrNoSpace {
		fault.Times = 0 // the ballast is for that one
	}
	t.Logf("%+v", fault)
	took, acked := map[string]int{}, map[string]int{}
	left := untilFault(t, r, fault, took, acked)
	checkWhole(t, left, took, acked)
	drain(t, left, r, took, acked)
}

// untilFault runs the gateway under load until the disk's failure has ended it, and returns what the disk then holds.
func untilFault(t *testing.T, r *rand.Rand, fault journal.Fault, took, acked map[string]int) *journal.Disk {
	died := make(chan error, 64)
	disk := journal.NewMemoryDisk()
	p := &latePeer{took: took, r: rand.New(rand.NewPCG(r.Uint64(), 6)), delay: make(chan struct{})}
	doc := crashDocument()
	g := startOn(t, journal.Options{Disk: disk, Warn: func(error) {}, Fatal: func(err error) {
		died <- err
		select {} // as dead as a process gets in a test
	}}, nil, func(o *Options) {
		p.j = o.Journal
		o.Deliverer = p
		o.Document = func() *config.Document { return doc }
	})
	l := &load{g: g, acked: acked, target: 1 + r.IntN(60), reached: make(chan struct{})}
	for hand := range 4 {
		go l.inject(fmt.Sprintf("%d", hand)) // ends with an error, or stands still with the store
	}
	<-l.reached
	disk.Fail(fault)
	select {
	case err := <-died:
		if !errors.Is(err, fault.Err) || !strings.Contains(err.Error(), "journal j: ") || !strings.Contains(err.Error(), fault.Err.Error()) {
			t.Errorf("the end is not told clearly: %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the disk failed and the gateway goes on")
	}
	p.mu.Lock()
	p.dead = true
	l.mu.Lock()
	defer l.mu.Unlock()
	defer p.mu.Unlock()
	l.over = true // what is said from now on is said by a process that is dead
	left := disk.PowerCut(r.Uint64())
	select {
	case err := <-g.done:
		t.Errorf("the engine went on after a lost write, to the end: %v", err)
	default:
	}
	return left
}

// load is mail from many hands, all of it with senders of its own.
type load struct {
	g       *gateway
	target  int
	reached chan struct{} // closed when so many are acknowledged

	mu    sync.Mutex
	acked map[string]int // guarded by mu; sender → recipients
	over  bool           // guarded by mu
}

func (l *load) inject(hand string) {
	for i := 0; ; i++ {
		sender := fmt.Sprintf("m%s.%d@example.com", hand, i)
		to := []string{"a@one.example", "b@two.example", "c@one.example"}[:1+i%3]
		_, err := l.g.tryInject(sender, to...)
		l.mu.Lock()
		if err != nil || l.over {
			l.mu.Unlock()
			return
		}
		l.acked[sender] = len(to)
		if len(l.acked) == l.target {
			close(l.reached)
		}
		l.mu.Unlock()
	}
}

// checkWhole holds what is left on a disk: a sound chain, all that was promised, and nothing done that is not in it.
func checkWhole(t *testing.T, disk *journal.Disk, took, acked map[string]int) {
	t.Helper()
	j, err := journal.Open("j", journal.Options{Disk: disk})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if err := j.VerifyChain(1, nil); err != nil {
		t.Error(err)
	}
	records := (&gateway{t: t, j: j}).records()
	if n := uint64(len(records)); n != j.Durable() {
		t.Errorf("%d of %d facts can be read", n, j.Durable())
	}
	there := map[string]int{}
	for _, m := range find[*journal.MessageInjected](records) {
		there[m.Sender] = len(m.Recipients)
	}
	for sender, n := range acked {
		if there[sender] != n {
			t.Errorf("%s was acknowledged for %d recipients, %d are there", sender, n, there[sender])
		}
	}
	for name := range took {
		if sender, _, _ := strings.Cut(name, "/"); there[sender] == 0 {
			t.Errorf("%s was sent and is not in the journal", sender)
		}
	}
}

// A block that cannot even be made ends the engine with an error, and nobody hears a yes.
func TestRefusedBlockEndsTheEngine(t *testing.T) {
	dry := &dryable{}
	g := startOn(t, journal.Options{Disk: journal.NewMemoryDisk(), Random: dry}, newPeer(), nil)
	g.inject("first@example.com", "b@example.net")
	g.until("delivered", func(all []journal.Record) bool { return count[*journal.Delivered](all) == 1 })
	dry.mu.Lock()
	dry.dry = true
	dry.mu.Unlock()
	if _, err := g.tryInject("second@example.com", "b@example.net"); !errors.Is(err, ErrStopping) {
		t.Errorf("the injection was answered %v", err)
	}
	if err := <-g.done; !errors.Is(err, errDry) || !strings.HasPrefix(err.Error(), "engine: append ") {
		t.Errorf("the engine ended with %v", err)
	}
	if err := g.e.Admit(); !errors.Is(err, ErrStopping) {
		t.Errorf("mail may come in: %v", err)
	}
	if _, err := g.tryInject("third@example.com", "b@example.net"); !errors.Is(err, ErrStopping) {
		t.Errorf("a later injection was answered %v", err)
	}
	g.cancel()
	if err := g.j.Close(); err != nil {
		t.Fatal(err)
	}
	g = start(t, g.disk, newPeer(), nil)
	if n := count[*journal.MessageInjected](g.records()); n != 1 {
		t.Errorf("%d messages are in the journal, 1 was acknowledged", n)
	}
	g.stop()
}

var errDry = errors.New("no more randomness")

// dryable gives random bytes until it is dry.
type dryable struct {
	mu  sync.Mutex
	dry bool
}

func (d *dryable) Read(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dry {
		return 0, errDry
	}
	return crand.Read(b)
}

// A disk without room costs the ballast first: mail goes on, and from what Space says the gateway refuses more.
func TestFullDiskCostsNoMail(t *testing.T) {
	disk := journal.NewMemoryDisk()
	disk.SetSpace(40<<30, 100<<30) // room for a ballast
	warned := make(chan error, 64)
	doc := crashDocument()
	took, r := map[string]int{}, rand.New(rand.NewPCG(1, 7))
	p := &latePeer{took: took, r: r, delay: make(chan struct{})}
	g := startOn(t, journal.Options{Disk: disk, Warn: func(err error) { warned <- err }}, nil, func(o *Options) {
		p.j = o.Journal
		o.Deliverer, o.Document, o.Space = p, func() *config.Document { return doc }, nil
	})
	acked := map[string]int{}
	for i := range 40 {
		if i == 20 {
			disk.Fail(journal.Fault{Operation: journal.WriteOperation, Name: ".log", Times: 1, Err: journal.ErrNoSpace})
		}
		sender := fmt.Sprintf("m%d@example.com", i)
		if _, err := g.tryInject(sender, "a@one.example"); err != nil {
			t.Fatal(err)
		}
		acked[sender] = 1
	}
	if err := <-warned; !strings.Contains(err.Error(), "ballast") {
		t.Errorf("warned of %v", err)
	}
	left := disk.PowerCut(1)
	close(p.delay)
	g.cancel()
	if err := <-g.done; err != nil {
		t.Error(err)
	}
	g.j.Close()
	drain(t, left, r, took, acked)
}

package journal

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
)

var (
	crashSeed  = flag.Uint64("seed", 0, "run the power cut with this seed only")
	crashSeeds = flag.Int("seeds", 30, "how many power cuts are tried")
)

// What Append returned for is there after a power cut at any instant, in order and without a gap, and so are the bodies
// that its facts name.
func TestPowerCut(t *testing.T) {
	checkLeaks(t)
	if *crashSeed != 0 {
		powerCut(t, *crashSeed)
		return
	}
	base := rand.Uint64()
	for i := range *crashSeeds {
		powerCut(t, base+uint64(i)+1)
		if t.Failed() {
			return
		}
	}
}

func powerCut(t *testing.T, seed uint64) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	disk := NewMemoryDisk()
	for range 1 + rng.IntN(3) { // a store that has been cut before is cut again
		disk = oneRun(t, seed, rng, disk)
		if t.Failed() {
			t.Logf("again with: go test ./journal -run TestPowerCut -seed %d", seed)
			return
		}
	}
}

// oneRun writes until the power goes, and checks what a new start finds.
func oneRun(t *testing.T, seed uint64, rng *rand.Rand, disk *Disk) *Disk {
	j, err := Open("queue", Options{Disk: disk, Ring: 8, Fatal: func(err error) { panic(err) }})
	if err != nil {
		t.Errorf("seed %d: %v", seed, err)
		return disk
	}
	var acknowledged atomic.Uint64
	acknowledged.Store(j.Durable())
	ctx, stop := context.WithCancel(context.Background())
	var writers sync.WaitGroup
	for w := range 2 {
		writerSeed := rng.Uint64()
		writers.Go(func() { writeUntil(ctx, j, uint64(w), writerSeed, &acknowledged) })
	}
	target := j.Durable() + uint64(rng.IntN(60))
	j.Wait(ctx, target)
	sure := acknowledged.Load()
	left := disk.PowerCut(rng.Uint64())
	stop()
	writers.Wait()
	if err := j.Close(); err != nil {
		t.Errorf("seed %d: %v", seed, err)
	}
	checkLeft(t, seed, left, sure)
	return left
}

// writeUntil appends facts with bodies whose content follows from their fact, and frees some.
func writeUntil(ctx context.Context, j *Journal, writer, seed uint64, acknowledged *atomic.Uint64) {
	rng := rand.New(rand.NewPCG(seed, 2))
	for n := uint32(1); ctx.Err() == nil; n++ {
		size := rng.IntN(3000)
		if rng.IntN(20) == 0 {
			size = chunkSize + rng.IntN(2*chunkSize)
		}
		id, err := j.PutBody(pattern(n, size))
		if err != nil {
			return
		}
		b := Block{Events: []Prepared{Prepare(&MessageInjected{MID: n, Size: int64(size), Body: id})}}
		for range rng.IntN(3) {
			b.Events = append(b.Events, Prepare(&Queued{MID: n}))
		}
		if lost, err := j.PutBody(pattern(n, 10)); err == nil && rng.IntN(2) == 0 {
			b.Free = append(b.Free, lost)
		}
		first, err := j.Append(&b)
		if err != nil {
			return
		}
		raise(acknowledged, first+uint64(len(b.Events))-1)
	}
}

func raise(a *atomic.Uint64, to uint64) {
	for {
		was := a.Load()
		if was >= to || a.CompareAndSwap(was, to) {
			return
		}
	}
}

func pattern(n uint32, size int) []byte {
	return bytes.Repeat([]byte(fmt.Sprintf("%08d", n)), size/8+1)[:size]
}

func checkLeft(t *testing.T, seed uint64, left *Disk, sure uint64) {
	t.Helper()
	j, err := Open("queue", Options{Disk: left, ReadOnly: true})
	if err != nil {
		t.Errorf("seed %d: open after the power cut: %v", seed, err)
		return
	}
	defer j.Close()
	if j.Durable() < sure {
		t.Errorf("seed %d: %d records were acknowledged, %d are left", seed, sure, j.Durable())
	}
	if err := j.VerifyChain(1, nil); err != nil {
		t.Errorf("seed %d: %v", seed, err)
	}
	seen := uint64(0)
	var records []Record
	for {
		if records, err = j.Read(seen, 7, records); err != nil {
			t.Errorf("seed %d: %v", seed, err)
			return
		}
		if len(records) == 0 {
			break
		}
		for _, r := range records {
			seen++
			if r.Seq != seen {
				t.Errorf("seed %d: record %d stands at %d", seed, r.Seq, seen)
				return
			}
			if e, ok := r.Event.(*MessageInjected); ok && !bytes.Equal(readBody(t, j, e.Body), pattern(e.MID, int(e.Size))) {
				t.Errorf("seed %d: body of record %d is not what was written", seed, r.Seq)
			}
		}
	}
	if seen != j.Durable() {
		t.Errorf("seed %d: %d of %d records can be read", seed, seen, j.Durable())
	}
}

// A write or sync that fails must never look like a success, whatever the operation that failed.
func TestFailedSyncIsFatal(t *testing.T) {
	leavesRemains(t)
	for _, op := range []Operation{WriteOperation, SyncOperation} {
		for _, failure := range []error{ErrIO, ErrNoSpace} {
			t.Run(fmt.Sprintf("%d %v", op, failure), func(t *testing.T) { failedSync(t, op, failure) })
		}
	}
}

func failedSync(t *testing.T, op Operation, failure error) {
	d := NewMemoryDisk()
	fatal := make(chan error, 16)
	j, err := Open("queue", Options{Disk: d, Warn: func(error) {}, Fatal: func(err error) {
		fatal <- err
		select {} // as dead as a process gets in a test
	}})
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, j, &Queued{Message: 1})
	d.Fail(Fault{Operation: op, Name: ".log", Err: failure})
	returned := make(chan error, 1)
	go func() {
		_, err := j.AppendEvents(0, &Queued{Message: 2})
		returned <- err
	}()
	select {
	case err := <-fatal:
		if !errors.Is(err, failure) {
			t.Errorf("the reason is not told: %v", err)
		}
	case err := <-returned:
		t.Fatalf("Append returned %v for a lost write", err)
	}
	select {
	case err := <-returned:
		t.Errorf("Append returned %v for a lost write", err)
	default:
	}
	if j.Durable() != 1 {
		t.Errorf("durable is %d", j.Durable())
	}
	left := d.PowerCut(3)
	left.Heal()
	k, err := Open("queue", Options{Disk: left})
	if err != nil {
		t.Fatal(err)
	}
	if k.Durable() < 1 {
		t.Error("the record before it is gone")
	}
	if err := k.Close(); err != nil {
		t.Error(err)
	}
}

// A flush that finds no room is tried again and complained about seldom; mail goes on as long as the log can be written.
func TestBackgroundErrorsAreSaidSeldom(t *testing.T) {
	d := NewMemoryDisk()
	var said atomic.Int32
	j, err := Open("queue", Options{Disk: d, Warn: func(error) { said.Add(1) }})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	mustAppend(t, j, &Queued{Message: 1})
	d.Fail(Fault{Operation: WriteOperation, Name: ".sst", Times: 200, Err: ErrNoSpace})
	if err := j.db.Flush(); err != nil {
		t.Logf("flush: %v", err)
	}
	if n := j.Usage().BackgroundErrors; n < 100 {
		t.Fatalf("%d errors counted", n)
	}
	if n := said.Load(); n < 1 || n > 3 {
		t.Errorf("said %d times", n)
	}
	mustAppend(t, j, &Queued{Message: 2})
}

// A disk that is full once costs the ballast and no process.
func TestFullDiskCostsTheBallastFirst(t *testing.T) {
	checkLeaks(t)
	d := NewMemoryDisk()
	d.SetSpace(ballastRoom, 10*ballastRoom)
	j := open(t, d, Options{})
	hasBallast := func() bool {
		_, err := d.ReadFile("queue/" + ballastName)
		return err == nil
	}
	if !hasBallast() {
		t.Fatal("there is no ballast")
	}
	d.Fail(Fault{Operation: WriteOperation, Name: ".log", Times: 1, Err: ErrNoSpace})
	mustAppend(t, j, &Queued{Message: 1})
	if hasBallast() {
		t.Error("the ballast was kept")
	}
	closeJournal(t, j)
	d.SetSpace(ballastRoom-1, 10*ballastRoom)
	j = open(t, d, Options{})
	if j.Durable() != 1 || hasBallast() {
		t.Errorf("%d records, ballast %v on a disk without room", j.Durable(), hasBallast())
	}
	closeJournal(t, j)
	d.SetSpace(ballastRoom, 10*ballastRoom)
	open(t, d, Options{})
	if !hasBallast() {
		t.Error("the ballast was not made again")
	}
}

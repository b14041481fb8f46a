package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"go.uber.org/goleak"
)

// open opens a journal that is closed when the test ends, and looks for goroutines that outlive it.
func open(t testing.TB, d *Disk, o Options) *Journal {
	t.Helper()
	o.Disk = d
	o.Warn = func(err error) { t.Log(err) }
	if o.Fatal == nil {
		o.Fatal = func(err error) { panic(err) }
	}
	j, err := Open("queue", o)
	if err != nil {
		t.Fatal(err)
	}
	closed := false
	t.Cleanup(func() {
		if !closed {
			closeJournal(t, j)
		}
	})
	return j
}

func closeJournal(t testing.TB, j *Journal) {
	t.Helper()
	if j.db == nil {
		return
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
	j.db = nil
}

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

func checkLeaks(t *testing.T) {
	ignore := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, ignore) })
}

func mustAppend(t testing.TB, j *Journal, events ...Event) uint64 {
	t.Helper()
	first, err := j.AppendEvents(0, events...)
	if err != nil {
		t.Fatal(err)
	}
	return first
}

func readBody(t testing.TB, j *Journal, id BodyID) []byte {
	t.Helper()
	r, err := j.OpenBody(id)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestReopenGoesOn(t *testing.T) {
	checkLeaks(t)
	d := NewMemoryDisk()
	j := open(t, d, Options{})
	if j.Durable() != 0 || j.Boot() != 1 {
		t.Errorf("a new journal is at %d, boot %d", j.Durable(), j.Boot())
	}
	mustAppend(t, j, &Queued{Message: 1}, &Queued{Message: 2})
	closeJournal(t, j)
	j = open(t, d, Options{})
	if j.Durable() != 2 || j.Boot() != 2 {
		t.Errorf("reopened at %d, boot %d", j.Durable(), j.Boot())
	}
	if first := mustAppend(t, j, &Queued{Message: 3}); first != 3 {
		t.Errorf("went on at %d", first)
	}
	if err := j.VerifyChain(1, nil); err != nil {
		t.Error(err)
	}
}

func TestTwoOpeners(t *testing.T) {
	for _, where := range []string{"memory", "files"} {
		t.Run(where, func(t *testing.T) {
			checkLeaks(t)
			dir, o := "queue", Options{Disk: NewMemoryDisk()}
			if where == "files" {
				dir, o.Disk = t.TempDir(), nil
			}
			j, err := Open(dir, o)
			if err != nil {
				t.Fatal(err)
			}
			for _, readOnly := range []bool{false, true} {
				o.ReadOnly = readOnly
				var locked *LockedError
				if k, err := Open(dir, o); !errors.As(err, &locked) {
					t.Errorf("second opener (read only: %v) got %v, %v", readOnly, k, err)
				}
			}
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			o.ReadOnly = true
			k, err := Open(dir, o)
			if err != nil {
				t.Fatalf("after the first one closed: %v", err)
			}
			if err := k.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestReadOnly(t *testing.T) {
	checkLeaks(t)
	d := NewMemoryDisk()
	if _, err := Open("queue", Options{Disk: d, ReadOnly: true}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a journal that is not there: %v", err)
	}
	j := open(t, d, Options{})
	body, err := j.PutBody([]byte("text"))
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, j, &MessageInjected{MID: 4, Body: body})
	closeJournal(t, j)
	j = open(t, d, Options{ReadOnly: true})
	if r, err := j.At(1); err != nil || r.Event.(*MessageInjected).MID != 4 {
		t.Errorf("got %v, %v", r, err)
	}
	if string(readBody(t, j, body)) != "text" {
		t.Error("the body is not there")
	}
	if _, err := j.AppendEvents(0, &Queued{}); err == nil {
		t.Error("an append to a journal that is open for reading")
	}
	if _, err := j.PutBody([]byte("x")); err == nil {
		t.Error("a body in a journal that is open for reading")
	}
	if err := j.Rows("x").Write(1, func(*RowBatch) error { return nil }); err == nil {
		t.Error("rows in a journal that is open for reading")
	}
	closeJournal(t, j)
	if j = open(t, d, Options{}); j.Boot() != 2 {
		t.Errorf("reading counted as a start: boot %d", j.Boot())
	}
}

// logFile names the newest write-ahead log.
func logFile(t *testing.T, d *Disk) string {
	t.Helper()
	names, err := d.List("queue")
	if err != nil {
		t.Fatal(err)
	}
	newest := ""
	for _, n := range names {
		if strings.HasSuffix(n, ".log") && n > newest {
			newest = n
		}
	}
	return "queue/" + newest
}

func TestTornTailOfTheLogIsNoDamage(t *testing.T) {
	checkLeaks(t)
	d := NewMemoryDisk()
	j := open(t, d, Options{})
	for i := range 20 {
		mustAppend(t, j, &Queued{Message: uint64(i)})
	}
	left := d.PowerCut(1)
	name := logFile(t, left)
	log, err := left.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	log = append(bytes.TrimRight(log, "\x00"), 0x55, 0x55, 0x55)
	if err := left.WriteFile(name, log); err != nil {
		t.Fatal(err)
	}
	j = open(t, left, Options{})
	if j.Durable() != 20 {
		t.Errorf("%d records are left of 20", j.Durable())
	}
}

func TestHoleInTheLogIsDamage(t *testing.T) {
	checkLeaks(t)
	d := NewMemoryDisk()
	j := open(t, d, Options{})
	for range 50 {
		mustAppend(t, j, &Queued{Message: 0x4141414141414141})
	}
	left := d.PowerCut(1)
	name := logFile(t, left)
	log, err := left.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	log[len(bytes.TrimRight(log, "\x00"))/2] ^= 0xff
	if err := left.WriteFile(name, log); err != nil {
		t.Fatal(err)
	}
	var damaged *DamagedError
	if k, err := Open("queue", Options{Disk: left}); !errors.As(err, &damaged) {
		if err == nil {
			t.Errorf("%d of 50 records are left and nobody says so", k.Durable())
			k.Close()
		}
		t.Fatalf("got %v", err)
	}
}

// damage replaces the value of the block that begins at first.
func damage(t *testing.T, j *Journal, first uint64, change func([]byte) []byte) {
	t.Helper()
	v, closer, err := j.db.Get(blockKey(first))
	if err != nil {
		t.Fatal(err)
	}
	v = change(bytes.Clone(v))
	closer.Close()
	if v == nil {
		err = j.db.Delete(blockKey(first), pebble.Sync)
	} else {
		err = j.db.Set(blockKey(first), v, pebble.Sync)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestDamagedBlockIsNamed(t *testing.T) {
	flip := func(v []byte) []byte { v[len(v)-1] ^= 1; return v }
	for name, change := range map[string]func([]byte) []byte{
		"flipped": flip,
		"missing": func([]byte) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			checkLeaks(t)
			d := NewMemoryDisk()
			j := open(t, d, Options{})
			for range 3 {
				mustAppend(t, j, &Queued{Message: 1}, &Queued{Message: 2})
			}
			damage(t, j, 3, change)
			closeJournal(t, j)
			j = open(t, d, Options{})
			got, err := j.Read(0, 100, nil)
			checkDamaged(t, "Read", err, 3)
			if len(got) != 2 {
				t.Errorf("%d records before the damage, want 2", len(got))
			}
			_, err = j.At(4)
			checkDamaged(t, "At", err, 3, 4)
			checkDamaged(t, "VerifyChain", j.VerifyChain(1, nil), 3)
			_, err = j.Stat()
			checkDamaged(t, "Stat", err, 3)
			if _, err := j.At(6); err != nil {
				t.Errorf("what is whole is not given: %v", err)
			}
		})
	}
	t.Run("last", func(t *testing.T) {
		checkLeaks(t)
		d := NewMemoryDisk()
		j := open(t, d, Options{})
		mustAppend(t, j, &Queued{Message: 1})
		damage(t, j, 1, flip)
		closeJournal(t, j)
		_, err := Open("queue", Options{Disk: d})
		checkDamaged(t, "Open", err, 1)
	})
}

func checkDamaged(t *testing.T, what string, err error, blocks ...uint64) {
	t.Helper()
	var damaged *DamagedError
	if !errors.As(err, &damaged) {
		t.Errorf("%s: %v", what, err)
		return
	}
	for _, b := range blocks {
		if damaged.Block == b {
			return
		}
	}
	t.Errorf("%s: names block %d, want %v", what, damaged.Block, blocks)
}

func TestChangedHistoryBreaksTheChain(t *testing.T) {
	checkLeaks(t)
	j := open(t, NewMemoryDisk(), Options{})
	mustAppend(t, j, &Queued{Message: 1})
	mustAppend(t, j, &Delivered{Message: 1, Destination: "example.com"})
	mustAppend(t, j, &Queued{Message: 3})
	if err := j.VerifyChain(1, nil); err != nil {
		t.Fatal(err)
	}
	forged, _ := testBlock(t, link{}, 2, &Delivered{Message: 1, Destination: "example.org"})
	damage(t, j, 2, func([]byte) []byte { return forged })
	checkDamaged(t, "VerifyChain", j.VerifyChain(1, nil), 2)
	checkDamaged(t, "VerifyChain from 3", j.VerifyChain(3, nil), 3)
}

func TestNewerLayoutIsRefused(t *testing.T) {
	checkLeaks(t)
	d := NewMemoryDisk()
	j := open(t, d, Options{})
	if err := j.db.Set(formatKey, binary.BigEndian.AppendUint64(nil, formatVersion+1), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	closeJournal(t, j)
	var newer *NewerError
	if _, err := Open("queue", Options{Disk: d}); !errors.As(err, &newer) {
		t.Errorf("got %v", err)
	}
}

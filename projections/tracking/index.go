package tracking

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"postern/journal"
)

// History is a journal that can be searched: a *journal.Journal is one.
type History interface {
	Durable() uint64
	At(seq uint64) (journal.Record, error)
	Pick(ctx context.Context, from, to uint64, wanted func(journal.Kind) bool, fn func(journal.Record) error) error
}

// Followed is a History that says when it grows.
type Followed interface {
	History
	// Wait returns nil as soon as Durable() > after, and an error when ctx ends or nothing will come any more.
	Wait(ctx context.Context, after uint64) error
}

// Shortened is a History of which retention may have removed the beginning.
type Shortened interface {
	// LastCut returns where the history begins, and false when that is the first record.
	LastCut() (journal.Cut, bool)
}

// Index finds messages in a history. Whoever opened it for writing runs Run, which keeps it behind the durable mark; those
// who search catch up what is missing first. Any number of goroutines may search.
type Index struct {
	History History
	Dir     string      // of the segments
	Warn    func(error) // is told, seldom, of what is made again and of what cannot be written; nil: nobody

	sizes    sizes        // zero: the usual ones
	mu       sync.RWMutex // held over a slice of the folding, and shared by searches over a segment
	sealed   []*segment   // ascending, without gaps
	active   *fold        // what comes after them; nil: the index is only read
	sealFrom uint64       // no sealing before this Seq: the last one failed
	cutAt    journal.Cut  // what retention has removed
	damages  int          // how often segments were taken away but by retention: a search that was under way begins anew
}

// indexSlice is how many records are taken in without letting a search between.
const indexSlice = 20_000

// indexDelay gathers records: an index that is a moment behind costs mail less.
const indexDelay = 250 * time.Millisecond

// Open finds the segments that are there. What is no continuation of those before it, is of another form or speaks of
// records that the history does not have is deleted, and made again by the one who writes.
func (x *Index) Open(writable bool) error {
	x.sizes = cmp.Or(x.sizes, usualSizes)
	if h, ok := x.History.(Shortened); ok {
		x.cutAt, _ = h.LastCut()
	}
	if writable {
		if err := os.MkdirAll(x.Dir, 0o700); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(x.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	good := make(map[string]bool)
	for _, e := range entries { // in the order of their names, which is that of their Seqs
		path := filepath.Join(x.Dir, e.Name())
		if !strings.HasSuffix(path, segmentSuffix) {
			continue
		}
		var s *segment
		err := guarded(func() (err error) {
			s, err = openSegment(path, writable)
			return err
		})
		if err == nil && (s.near != x.sizes.near || s.from != x.next() && (len(x.sealed) > 0 || s.from > x.cutAt.Before) || path != segmentPath(x.Dir, s.from)) {
			s.close()
			err = errSegment
		}
		if err != nil {
			x.warn(fmt.Errorf("index: from %s on it is made again: %w", path, err))
			break
		}
		x.sealed, good[path] = append(x.sealed, s), true
	}
	for n := len(x.sealed); n > 0 && !x.fits(n-1); n-- {
		x.warn(fmt.Errorf("index: %s is about another journal: it is made again", x.sealed[n-1].path))
		delete(good, x.sealed[n-1].path)
		x.sealed[n-1].close()
		x.sealed = x.sealed[:n-1]
	}
	if writable {
		x.tidy(entries, good)
		x.begin()
	}
	return nil
}

// tidy deletes what is left of other segments.
func (x *Index) tidy(entries []fs.DirEntry, good map[string]bool) {
	for _, e := range entries {
		path := filepath.Join(x.Dir, e.Name())
		if !good[path] && (strings.HasSuffix(path, segmentSuffix) || strings.HasSuffix(path, segmentSuffix+newSuffix)) {
			os.Remove(path)
		}
	}
}

// fits tells whether a segment is about this history: another one may have been put in its place. One without messages says
// what the one before it says.
func (x *Index) fits(n int) bool {
	for ; n >= 0; n-- {
		s := x.sealed[n]
		if s.to > x.History.Durable() {
			return false
		}
		if s.count == 0 {
			continue
		}
		return guarded(func() error {
			r, err := x.History.At(s.seq(s.count - 1))
			if _, ok := r.Event.(*journal.MessageInjected); err == nil && (!ok || r.Time != s.time(s.count-1)) {
				err = errSegment
			}
			if errors.Is(err, journal.ErrNotFound) && s.to < x.cutAt.Before {
				return nil // retention has removed it
			}
			return err
		}) == nil
	}
	return true
}

// next is the first Seq that no sealed segment covers.
func (x *Index) next() uint64 {
	if n := len(x.sealed); n > 0 {
		return x.sealed[n-1].to + 1
	}
	return 1
}

// begin begins the segment after the sealed ones.
func (x *Index) begin() {
	var state []byte
	for n := len(x.sealed); n > 0; n = len(x.sealed) {
		last := x.sealed[n-1]
		if guarded(func() error { state = bytes.Clone(last.state); return nil }) == nil {
			break
		}
		x.warn(fmt.Errorf("index: %s cannot be read: it is made again", last.path))
		os.Remove(last.path)
		last.close()
		x.sealed = x.sealed[:n-1]
		x.damages++
	}
	x.active = newFold(x.next(), state, x.sizes)
	x.active.elsewhere = x.ended
}

// ended writes the end of a message into an older segment.
func (x *Index) ended(message, seq uint64) {
	s := x.holding(message)
	if s == nil {
		return
	}
	_ = guarded(func() error { // a file that is cut off is found out by the next search, and made again
		if i := s.row(message); i >= 0 {
			s.setEnd(i, seq)
		}
		return nil
	})
}

// holding finds the sealed segment of a Seq.
func (x *Index) holding(seq uint64) *segment {
	i, found := slices.BinarySearchFunc(x.sealed, seq, func(s *segment, seq uint64) int {
		switch {
		case s.to < seq:
			return -1
		case s.from > seq:
			return 1
		}
		return 0
	})
	if !found {
		return nil
	}
	return x.sealed[i]
}

// all lists the segments, the active one last.
func (x *Index) all() []*segment {
	if x.active == nil || x.active.to < x.active.from {
		return x.sealed
	}
	return append(slices.Clip(x.sealed), &x.active.segment)
}

// Covered is the last Seq that the index knows of.
func (x *Index) Covered() uint64 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.covered()
}

// Follows tells whether the index is kept up with the history.
func (x *Index) Follows() bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.active != nil
}

func (x *Index) covered() uint64 {
	if x.active != nil {
		return x.active.to
	}
	return x.next() - 1
}

// Run follows the history until ctx ends, or the index does at damage. What is not sealed by then is made again by the next start.
func (x *Index) Run(ctx context.Context) error {
	h, ok := x.History.(Followed)
	if !ok {
		return errors.New("index: the history cannot be followed")
	}
	pause := time.NewTimer(0)
	defer pause.Stop()
	for x.Follows() {
		if err := h.Wait(ctx, x.Covered()); err != nil {
			return ignoreEnd(ctx, err)
		}
		pause.Reset(indexDelay)
		select {
		case <-pause.C:
		case <-ctx.Done():
			return nil
		}
		if err := x.catchUp(ctx, &journal.Pace{Durable: h.Durable, Work: indexWork, Rest: indexRest}); err != nil {
			return ignoreEnd(ctx, err)
		}
	}
	return nil
}

func ignoreEnd(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.Is(err, journal.ErrClosed) {
		return nil
	}
	return fmt.Errorf("index: %w", err)
}

// The index follows beside mail: it works so long on what it has to take in, as the whole of a long history, and then it
// rests, while mail moves.
const (
	indexWork = 10 * time.Millisecond
	indexRest = 10 * time.Millisecond
)

// CatchUp takes in what is durable now. An index that is only read stays as it is.
func (x *Index) CatchUp(ctx context.Context) error { return x.catchUp(ctx, &journal.Pace{}) }

func (x *Index) catchUp(ctx context.Context, pace *journal.Pace) error {
	for to := x.History.Durable(); ; {
		pace.Step(ctx)
		x.mu.Lock()
		var err error
		behind := x.active != nil && x.active.to < to
		if behind {
			err = x.takeIn(ctx, min(to, x.active.to+indexSlice))
		}
		x.mu.Unlock()
		if err != nil || !behind {
			return err
		}
	}
}

// maxUnsealed is how many segments' worth is kept in memory while none can be written.
const maxUnsealed = 4

// errFull ends the reading of a slice.
var errFull = errors.New("the segment is full")

// takeIn folds the records up to one, or until the segment is full, and seals it then.
func (x *Index) takeIn(ctx context.Context, to uint64) error {
	err := x.History.Pick(ctx, x.active.to+1, to, foldedKinds.Has, func(r journal.Record) error {
		x.active.apply(r)
		if x.active.full() && r.Seq >= x.sealFrom {
			to = r.Seq
			return errFull
		}
		return nil
	})
	if damaged := (*journal.DamagedError)(nil); errors.As(err, &damaged) {
		x.warn(fmt.Errorf("index: it ends before record %d: %w", x.active.to+1, err))
		x.active = nil
		return nil
	}
	if err != nil && !errors.Is(err, errFull) {
		return err
	}
	x.active.to = to
	if x.active.full() && to >= x.sealFrom {
		if err := x.seal(); err != nil {
			x.sealFrom = to + segmentRecords
			if x.active.count > maxUnsealed*segmentMessages || to-x.active.from > maxUnsealed*segmentRecords {
				x.warn(fmt.Errorf("index: it cannot be written and ends here; searches read the journal until the next start: %w", err))
				x.active = nil
				return nil
			}
			x.warn(fmt.Errorf("index: it is kept in memory until it can be written: %w", err))
		}
	}
	return nil
}

// seal writes the active segment, after the ends that it has set in older ones: the next start will not see them again.
func (x *Index) seal() error {
	for _, s := range x.sealed {
		if err := s.sync(); err != nil {
			return err
		}
	}
	x.active.state = x.active.open()
	s, err := x.active.seal(x.Dir)
	if err != nil {
		return err
	}
	x.sealed = append(x.sealed, s)
	x.begin()
	return nil
}

// discard forgets the segments from a damaged one on; they are made again.
func (x *Index) discard(damaged *segment) {
	x.mu.Lock()
	defer x.mu.Unlock()
	i := slices.Index(x.sealed, damaged)
	if i < 0 {
		return
	}
	x.warn(fmt.Errorf("index: %s is damaged: it is made again from there", damaged.path))
	for _, s := range x.sealed[i:] {
		if x.active != nil {
			os.Remove(s.path)
		}
		s.close()
	}
	x.sealed, x.sealFrom = slices.Clip(x.sealed[:i]), 0
	x.damages++
	if x.active != nil {
		x.begin()
	}
}

// Close gives the files back.
func (x *Index) Close() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, s := range x.sealed {
		s.close()
	}
	x.sealed, x.active = nil, nil
}

func (x *Index) warn(err error) {
	if x.Warn != nil {
		x.Warn(err)
	}
}

// Dir is where the index of a data directory lies.
func Dir(data string) string { return filepath.Join(data, "index") }

// Cut lets go of what retention has removed: whole segments of which no message lives. Of the others only what is gone is no
// longer found.
func (x *Index) Cut(c journal.Cut) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.cutAt = c
	for len(x.sealed) > 0 && x.sealed[0].to < c.Before {
		s, gone := x.sealed[0], false
		if guarded(func() error { gone = x.allGone(s); return nil }) != nil || !gone {
			return
		}
		os.Remove(s.path)
		s.close()
		x.sealed = slices.Clip(x.sealed[1:])
	}
}

func (x *Index) allGone(s *segment) bool {
	for i := range s.count {
		if !x.gone(s, i) {
			return false
		}
	}
	return true
}

// gone tells whether a message's records were removed. The journal is asked only of those that had not left before the place
// where the history begins, which are few.
func (x *Index) gone(s *segment, i int) bool {
	if s.seq(i) >= x.cutAt.Before {
		return false
	}
	if end := s.end(i); end != 0 && end < x.cutAt.Before {
		return true
	}
	_, err := x.History.At(s.seq(i))
	return errors.Is(err, journal.ErrNotFound)
}

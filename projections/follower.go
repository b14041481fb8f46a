package projections

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"postern/journal"
)

// Source is what a Follower reads: the durable records in order, as *journal.Journal gives them.
type Source interface {
	Durable() uint64
	// Wait returns nil as soon as Durable() > after, and an error when ctx ends or nothing will come any more.
	Wait(ctx context.Context, after uint64) error
	// Read returns records with Seq > after, in order, at most max, in into[:0]; none: after is the end.
	Read(after uint64, max int, into []journal.Record) ([]journal.Record, error)
}

// AwaitLimit is how long a look waits for a projection to catch up.
const AwaitLimit = time.Second

// BehindError says that a projection did not reach a Seq in time.
type BehindError struct{ Seq, Want uint64 }

func (e *BehindError) Error() string {
	return fmt.Sprintf("the figures are behind: at record %d, %d is durable", e.Seq, e.Want)
}

const followBatch = 512

// Follower pulls durable records, decodes them once and applies them to its projections. Run is the only one that changes
// them; it holds mu over a batch, and readers hold it in Look and Peek.
type Follower struct {
	// Set before Run.
	Source      Source
	Projections []Projection
	Keyframes   *Keyframes       // saves Figures from time to time and at the end; nil: never
	Figures     *Figures         // what Keyframes saves; one of Projections
	Warn        func(error)      // is told of keyframes that could not be written; nil: nobody
	Now         func() time.Time // nil: time.Now

	mu  sync.RWMutex // guards the projections
	seq atomic.Uint64

	saving sync.Mutex // held while a keyframe is made and written; before mu

	waiting sync.Mutex    // guards moved
	moved   chan struct{} // closed by the next batch; nil: nobody waits
}

// Run follows until ctx ends, then goes on to what is durable at that moment, saves a keyframe and returns nil. Any other
// end is an error: the projections stay where they are.
func (f *Follower) Run(ctx context.Context) error {
	f.Start()
	defer f.saved()
	var records []journal.Record
	for {
		var err error
		records, err = f.Source.Read(f.seq.Load(), followBatch, records)
		f.apply(records)
		if err != nil {
			return fmt.Errorf("projections: after record %d: %w", f.seq.Load(), err)
		}
		if len(records) > 0 {
			f.keyframe(false)
			continue
		}
		if ctx.Err() != nil {
			f.keyframe(true)
			return nil
		}
		if err := f.Source.Wait(ctx, f.seq.Load()); err != nil && ctx.Err() == nil {
			if errors.Is(err, journal.ErrClosed) {
				return nil
			}
			return fmt.Errorf("projections: waiting after record %d: %w", f.seq.Load(), err)
		}
	}
}

// Start sets the place from which the follower goes on: the Seq of the projection that is least far.
func (f *Follower) Start() {
	for i, p := range f.Projections {
		if seq := p.Seq(); i == 0 || seq < f.seq.Load() {
			f.seq.Store(seq)
		}
	}
}

// apply hands a batch to all projections and wakes those who wait.
func (f *Follower) apply(records []journal.Record) {
	if len(records) == 0 {
		return
	}
	f.mu.Lock()
	for _, p := range f.Projections {
		for i := range records {
			p.Apply(records[i])
		}
	}
	f.mu.Unlock()
	f.waiting.Lock()
	f.seq.Store(records[len(records)-1].Seq)
	if f.moved != nil {
		close(f.moved)
		f.moved = nil
	}
	f.waiting.Unlock()
}

// keyframeRest leaves the store to mail between two batches of a keyframe, which may have tens of megabytes.
const keyframeRest = 5 * time.Millisecond

// keyframe saves the figures if it is time. They are written while Run goes on, since people wait for what it applies; only
// the last keyframe is there when keyframe returns.
func (f *Follower) keyframe(last bool) {
	if f.Keyframes == nil || f.Figures == nil {
		return
	}
	if last {
		f.saving.Lock()
	} else if !f.saving.TryLock() {
		return // the one before is not written yet
	}
	draft := f.draft(last)
	if draft == nil || last {
		f.write(draft, func() {})
		return
	}
	go f.write(draft, func() { time.Sleep(keyframeRest) })
}

// draft makes the keyframe that is due; nil: none is. Readers go on meanwhile: beside Run only Redact changes the figures.
func (f *Follower) draft(last bool) *keyframeDraft {
	f.mu.RLock()
	defer f.mu.RUnlock()
	now := time.Now
	if f.Now != nil {
		now = f.Now
	}
	at := now()
	if !f.Keyframes.due(f.Figures.seq, at, last) {
		return nil
	}
	return f.Keyframes.draft(f.Figures, journal.InstantOf(at))
}

// write writes a keyframe, if there is one, and lets the next one come.
func (f *Follower) write(draft *keyframeDraft, rest func()) {
	defer f.saving.Unlock()
	if draft == nil {
		return
	}
	if err := draft.write(rest); err != nil && f.Warn != nil {
		f.Warn(err)
	}
}

// saved returns when no keyframe is being written.
func (f *Follower) saved() {
	f.saving.Lock()
	defer f.saving.Unlock()
}

// Seq is that of the last record applied.
func (f *Follower) Seq() uint64 { return f.seq.Load() }

// Lag is how many durable records are still to be applied.
func (f *Follower) Lag() uint64 {
	seq, durable := f.seq.Load(), f.Source.Durable()
	if durable < seq {
		return 0
	}
	return durable - seq
}

// Await waits until the projections have reached seq, at most AwaitLimit: then it returns a *BehindError.
func (f *Follower) Await(ctx context.Context, seq uint64) error {
	if f.seq.Load() >= seq {
		return nil
	}
	limit := time.NewTimer(AwaitLimit)
	defer limit.Stop()
	for {
		moved, there := f.next(seq)
		if there {
			return nil
		}
		select {
		case <-moved:
		case <-limit.C:
			return &BehindError{Seq: f.seq.Load(), Want: seq}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// next returns what the next batch closes, unless seq is reached.
func (f *Follower) next(seq uint64) (<-chan struct{}, bool) {
	f.waiting.Lock()
	defer f.waiting.Unlock()
	if f.seq.Load() >= seq {
		return nil, true
	}
	if f.moved == nil {
		f.moved = make(chan struct{})
	}
	return f.moved, false
}

type withoutWaiting struct{}

// WithoutWaiting is for those who ask again and again, such as monitoring systems: with its context Look does not wait.
func WithoutWaiting(ctx context.Context) context.Context {
	return context.WithValue(ctx, withoutWaiting{}, true)
}

// Look answers a person: it waits until the projections have reached what is durable now, runs look while nothing changes
// and returns the Seq that look saw. look must be quick and keep nothing that the projections own.
func (f *Follower) Look(ctx context.Context, look func()) (uint64, error) {
	if ctx.Value(withoutWaiting{}) != nil {
		return f.Peek(look), nil
	}
	if err := f.Await(ctx, f.Source.Durable()); err != nil {
		return f.seq.Load(), err
	}
	return f.Peek(look), nil
}

// Peek runs look at once, wherever the projections stand, and returns the Seq that it saw.
func (f *Follower) Peek(look func()) uint64 {
	f.mu.RLock()
	defer f.mu.RUnlock()
	look()
	if f.Figures != nil {
		return f.Figures.Seq()
	}
	return f.seq.Load()
}

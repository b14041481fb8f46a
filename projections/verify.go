package projections

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"postern/journal"
)

// Proof is one of the things that verify proves, or a figure that belongs to one.
type Proof struct {
	What   string   `json:"what"`
	Proved string   `json:"proved,omitempty"` // what was looked at, in words
	Wrong  []string `json:"wrong,omitempty"`  // the first maxOffenders of what is wrong
	More   int      `json:"more,omitempty"`   // that are not named
	Books  *DayFlow `json:"books,omitempty"`  // of a day, in all or of a destination
}

// The proofs by name.
const (
	ProofChain       = "chain"
	ProofBooks       = "books"
	ProofQueue       = "queue"
	ProofDay         = "day"
	ProofDestination = "destination" // a figure of a day's books
)

// maxOffenders is how many of what is wrong one proof names.
const maxOffenders = 100

func (p *Proof) wrong(format string, args ...any) {
	if len(p.Wrong) >= maxOffenders {
		p.More++
		return
	}
	p.Wrong = append(p.Wrong, fmt.Sprintf(format, args...))
}

// Scrutiny says what is proved, and how.
type Scrutiny struct {
	Begin, End  time.Time      // the day whose books are wanted, destination by destination; zero: each day's, in all
	Zone        *time.Location // of the days; nil: the system's
	SkipDamaged bool           // what lies beyond damage is looked at too; otherwise it ends there
	Rests       bool           // mail may move meanwhile: one processor, and while it does, not all of that
}

// verifier is a Scrutiny under way. Its passes share nothing but what they read.
type verifier struct {
	Scrutiny
	journal *journal.Journal
	rows    *journal.LiveSnapshot // nil: they cannot be read
	unread  error                 // why
	to      uint64                // the last record that is looked at
}

// Verify proves from the journal, up to what is durable now, that its records are those that were written (the chain), that
// the books of recipients balance, in all, each day and for each destination, that keyframes and live rows, which are
// caches, are what a replay gives, and that the store has the content of every message in the queue. each hears of each
// proof when it is made. An error means that it could not be tried.
func Verify(ctx context.Context, j *journal.Journal, rows *journal.LiveRows, s Scrutiny, each func(Proof) error) error {
	v := &verifier{Scrutiny: s, journal: j}
	if v.Zone == nil {
		v.Zone = time.Local
	}
	snapshot, err := rows.Snapshot()
	if unreadable := (*journal.LiveRowsError)(nil); errors.As(err, &unreadable) {
		v.unread, err = unreadable, nil
	}
	if err != nil {
		return err
	}
	if v.rows = snapshot; v.rows != nil {
		defer v.rows.Close()
	}
	v.to = j.DurableNow() // what has taken a body away before the rows were looked at is among it
	passes := []func(context.Context) ([]Proof, error){v.chain, v.replay}
	if s.Rests || runtime.GOMAXPROCS(0) == 1 {
		for _, pass := range passes {
			proofs, err := pass(ctx)
			if err := tellAll(proofs, err, each); err != nil {
				return err
			}
		}
		return nil
	}
	return together(ctx, passes, each)
}

func tellAll(proofs []Proof, err error, each func(Proof) error) error {
	for i := range proofs {
		if err == nil {
			err = each(proofs[i])
		}
	}
	return err
}

// together makes the passes at once and tells of them in their order.
func together(ctx context.Context, passes []func(context.Context) ([]Proof, error), each func(Proof) error) error {
	ctx, cancel := context.WithCancel(ctx)
	type result struct {
		proofs []Proof
		err    error
	}
	results := make([]chan result, len(passes))
	for i, pass := range passes {
		results[i] = make(chan result, 1)
		go func() {
			proofs, err := pass(ctx)
			results[i] <- result{proofs, err}
		}()
	}
	var failed error
	for _, made := range results {
		r := <-made
		if err := tellAll(r.proofs, r.err, each); err != nil && failed == nil {
			failed = err
			cancel()
		}
	}
	cancel()
	return failed
}

// over is what is done about damage: it is named, and what lies beyond is looked at if that was asked for.
func (v *verifier) over(p *Proof) journal.Over {
	return func(d journal.Damage) error {
		if v.SkipDamaged {
			p.wrong("%v", d)
			return nil
		}
		p.wrong("%v: nothing beyond it was looked at", d)
		return errDamaged
	}
}

// errDamaged ends a pass at the first damage.
var errDamaged = errors.New("damaged")

// chain proves that the records are those that were written.
func (v *verifier) chain(ctx context.Context) ([]Proof, error) {
	p := Proof{What: ProofChain}
	last := uint64(0)
	rest := v.pace(ctx)
	err := v.journal.ProveChain(ctx, 1, v.to, v.over(&p), func(seq uint64) error {
		last = seq
		rest()
		return nil
	})
	if errors.Is(err, errDamaged) {
		err = nil
	}
	if kept := (*journal.DamagedError)(nil); errors.As(err, &kept) { // what the history begins with
		p.wrong("%v: nothing beyond it was looked at", kept)
		err = nil
	}
	first := uint64(1)
	if cut, ok := v.journal.LastCut(); ok {
		first = cut.Before
	}
	p.Proved = fmt.Sprintf("records %d to %d are those that were written", first, last)
	if len(p.Wrong) > 0 {
		p.Proved += ", but for what is damaged"
	}
	return []Proof{p}, err
}

// The slices of a verify that mail moves beside: so long it works, and then it rests.
const (
	verifySlice = 4 * time.Millisecond
	verifyRest  = 12 * time.Millisecond
)

// pace returns what is called between two small steps of the work.
func (v *verifier) pace(ctx context.Context) func() {
	p := &journal.Pace{Work: verifySlice, Rest: verifyRest}
	if v.Rests {
		p.Durable = v.journal.Durable
	}
	return func() { p.Step(ctx) }
}

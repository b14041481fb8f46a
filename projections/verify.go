package projections

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"postern/journal"
)

// Proof is one of the things that verify proves.
type Proof struct {
	What   string   `json:"what"`
	Proved string   `json:"proved"`          // what was looked at, in words
	Wrong  []string `json:"wrong,omitempty"` // the first maxOffenders of what is wrong
	More   int      `json:"more,omitempty"`  // that are not named
}

// maxOffenders is how many of what is wrong one proof names.
const maxOffenders = 100

func (p *Proof) wrong(format string, args ...any) {
	if len(p.Wrong) >= maxOffenders {
		p.More++
		return
	}
	p.Wrong = append(p.Wrong, fmt.Sprintf(format, args...))
}

// Verify proves from the journal, up to what is durable now, that its records are those that were written (the chain), that
// the books of recipients balance in all and for each destination, that keyframes and live rows, which are caches, are what
// a replay gives, and that the store has the content of every message in the queue. each hears of each proof when it is
// made. An error means that it could not be tried.
func Verify(ctx context.Context, j *journal.Journal, rows *journal.LiveSnapshot, each func(Proof) error) error {
	to := rows.Mark()
	for _, prove := range []func(context.Context, *journal.Journal, *journal.LiveSnapshot, uint64) (Proof, error){proveChain, proveBooks, proveRows} {
		p, err := prove(ctx, j, rows, to)
		if err != nil {
			return err
		}
		if err := each(p); err != nil {
			return err
		}
	}
	return nil
}

func proveChain(ctx context.Context, j *journal.Journal, _ *journal.LiveSnapshot, _ uint64) (Proof, error) {
	p := Proof{What: "chain"}
	last := uint64(0)
	err := j.VerifyChain(1, func(seq uint64) error {
		last = seq
		return ctx.Err()
	})
	if damaged := (*journal.DamagedError)(nil); errors.As(err, &damaged) {
		p.wrong("%v", err)
		err = nil
	}
	p.Proved = fmt.Sprintf("records 1 to %d are those that were written", last)
	return p, err
}

// proveBooks replays the figures, and compares them with each keyframe on the way.
func proveBooks(ctx context.Context, j *journal.Journal, _ *journal.LiveSnapshot, to uint64) (Proof, error) {
	p := Proof{What: "books"}
	k := &Keyframes{Rows: j.Rows(KeyframeRows)}
	frames, err := k.list()
	if err != nil {
		return p, err
	}
	f, compared := NewFigures(0), 0
	for _, x := range frames {
		if x.seq > to || x.seq <= f.Seq() {
			continue
		}
		if err := replayTo(ctx, j, f, x.seq); err != nil {
			return p, unlessDamaged(&p, err)
		}
		kept, err := k.Load(x.seq, 0)
		if err != nil {
			return p, err
		}
		if kept.Seq() != x.seq {
			continue // it cannot be read: a cache may be lost
		}
		if compared++; !sameFigures(f, kept) {
			p.wrong("the keyframe at record %d is not what a replay gives", x.seq)
		}
	}
	if err := replayTo(ctx, j, f, to); err != nil {
		return p, unlessDamaged(&p, err)
	}
	for _, d := range f.Balance() {
		p.wrong("%s", d.String())
	}
	c := &f.counters.lifetime
	p.Proved = fmt.Sprintf("%d recipients came in, %d of them left, %d are here; %d keyframes agree",
		c[RecipientsReceived]+c[GenBounceRecipients]+c[ExpandedRecipients]+c[MovedInRecipients]+c[Reinstated],
		c[CompletedRecipients]+c[DroppedRecipients]+c[MovedOutRecipients], f.queue.unattempted+f.queue.attempted+f.queue.waiting, compared)
	return p, nil
}

// unlessDamaged makes damage a finding and leaves other errors what they are.
func unlessDamaged(p *Proof, err error) error {
	if damaged := (*journal.DamagedError)(nil); errors.As(err, &damaged) {
		p.wrong("%v", err)
		return nil
	}
	return err
}

func replayTo(ctx context.Context, j *journal.Journal, f *Figures, seq uint64) error {
	var records []journal.Record
	for f.Seq() < seq {
		if err := ctx.Err(); err != nil {
			return err
		}
		var err error
		if records, err = j.Read(f.Seq(), int(min(seq-f.Seq(), followBatch)), records); err != nil {
			return err
		}
		for i := range records {
			if records[i].Seq <= seq {
				f.Apply(records[i])
			}
		}
	}
	return nil
}

// sameFigures compares what people can see of figures.
func sameFigures(a, b *Figures) bool {
	at := a.time.Time()
	x, err1 := json.Marshal(a.View(at, nil, nil))
	y, err2 := json.Marshal(b.View(at, nil, nil))
	return err1 == nil && err2 == nil && string(x) == string(y)
}

func proveRows(ctx context.Context, _ *journal.Journal, rows *journal.LiveSnapshot, to uint64) (Proof, error) {
	p := Proof{What: "queue"}
	wrong, total, err := rows.VerifyRows(ctx, maxOffenders)
	s := rows.System()
	p.Wrong, p.More = wrong, total-len(wrong)
	p.Proved = fmt.Sprintf("the rows of %d messages with %d recipients, as of record %d, are what a replay gives, and each has its content", s.Messages, s.Recipients, to)
	return p, unlessDamaged(&p, err)
}

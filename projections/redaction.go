package projections

import (
	"context"
	"fmt"

	"postern/journal"
)

// Redaction takes a person out of figures, live ones and those of keyframes, so that they say what a replay of the facts
// says once these are without it.
type Redaction struct {
	Text func(string) string // takes the person out of a text

	answers map[answerAt]string // what the last answer of a destination becomes
}

// answerAt names an answer that ended recipients.
type answerAt struct {
	destination string
	at          journal.Instant
}

// Note learns what a fact will say.
func (d *Redaction) Note(after journal.Record) {
	if e, ok := after.Event.(*journal.HardBounced); ok && e.Class == journal.Bounce5XX {
		if d.answers == nil {
			d.answers = make(map[answerAt]string)
		}
		d.answers[answerAt{e.Destination, after.Time}] = answerText(e)
	}
}

// answerText is the answer of a peer as hoststatus shows it.
func answerText(e *journal.HardBounced) string {
	return printable(append([]string{e.Code, e.Status}, e.Reply...)...)
}

// redact changes the figures and tells whether there was anything.
func (f *Figures) redact(d *Redaction) (changed bool) {
	text := func(s *string) {
		if out := d.Text(*s); out != *s {
			*s, changed = out, true
		}
	}
	f.hosts.each(func(_ uint32, h *host) {
		if e := h.error5XX; e != nil {
			anew := *e // a look may hold the old one
			if out, ok := d.answers[answerAt{h.name, e.at}]; ok {
				changed = changed || out != e.text
				anew.text = out
			}
			text(&anew.text)
			h.error5XX = &anew
		}
		if e := h.down; e != nil {
			anew := *e
			text(&anew.reason)
			h.down = &anew
		}
	})
	for i := range f.actions.list {
		text(&f.actions.list[i].selection)
	}
	return changed
}

// Redact takes a person out of the figures that are followed.
func (f *Follower) Redact(d *Redaction) {
	if f.Figures == nil {
		return
	}
	f.saving.Lock() // what is being written has the person in it: who goes through the keyframes next must find it there
	defer f.saving.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Figures.redact(d)
}

// RedactCut takes a person out of what a HistoryCut says of the figures, and tells whether there was anything.
func RedactCut(cut *journal.HistoryCut, text func(string) string) bool {
	f, err := decodeFigures([]byte(cut.Figures), 0)
	if err != nil || !f.redact(&Redaction{Text: text}) {
		return false
	}
	cut.Figures = f.Baseline()
	return true
}

// Redact takes a person out of the keyframes of a Seq and later ones, and returns how many there were. Those that it cannot
// read are of no use, and go.
func (k *Keyframes) Redact(ctx context.Context, from uint64, d *Redaction) (n int, err error) {
	have, err := k.list()
	if err != nil {
		return 0, fmt.Errorf("projections: keyframes: %w", err)
	}
	for _, x := range have {
		if x.seq < from {
			continue
		}
		if err := ctx.Err(); err != nil {
			return n, err
		}
		changed, err := k.redact(x, d)
		if err != nil {
			return n, fmt.Errorf("projections: keyframe at record %d: %w", x.seq, err)
		}
		if changed {
			n++
		}
	}
	return n, nil
}

func (k *Keyframes) redact(x keyframeIndex, d *Redaction) (changed bool, err error) {
	data, err := k.read(x)
	if err != nil {
		return false, err
	}
	f, err := decodeFigures(data, 0)
	if err == nil && !f.redact(d) {
		return false, nil
	}
	mark, markErr := k.Rows.Mark()
	if markErr != nil {
		return false, markErr
	}
	if dropped := k.Rows.Write(mark, func(b *journal.RowBatch) error { x.delete(b); return nil }); dropped != nil || err != nil {
		return true, dropped
	}
	return true, k.draft(f, x.at).write(func() {})
}

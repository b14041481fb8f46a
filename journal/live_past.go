package journal

import (
	"context"
	"encoding/binary"
	"slices"
)

// The queue of a past moment is folded anew from the facts of the messages that were in it. Which ones these are is known
// before (the figures of that moment hold them), so that of all other facts no more is read than whom they are about.

// PastRows returns a snapshot of what these messages were at a past Seq: those of them with recipients or dues then. Given
// all that were in the queue it is the queue of that moment; it has neither hosts nor a system. messages are the Seqs of
// injections, ascending. It reads the records from the first of them to seq, and holds the messages in memory. rest, unless
// it is nil, is called from time to time.
func PastRows(ctx context.Context, j *Journal, seq uint64, messages []uint64, rest func()) (*LiveSnapshot, error) {
	s := &LiveSnapshot{live: &LiveRows{journal: j}, mark: seq, rowless: true}
	if len(messages) == 0 {
		return s, nil
	}
	p := newPastFold(messages)
	blocks := 0
	err := j.scan(p.first, seq, func(first uint64, _ []byte, b *block) error {
		if blocks++; blocks%ctxEvery == 0 {
			if rest != nil {
				rest()
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
		return j.damaged(blockError(first, p.block(first, seq, b)))
	})
	if err != nil {
		return nil, err
	}
	s.adjust = p.fold.adjust
	s.tail = p.fold.tail()
	s.tail.messages = slices.DeleteFunc(s.tail.messages, func(m *LiveMessage) bool { return !p.wants(m.Seq) })
	return s, nil
}

// pastFold folds the facts about some messages.
type pastFold struct {
	fold        *liveFold
	first, last uint64          // of those that are wanted
	near        []uint64        // a bit for each Seq from first to last; nil: they lie too far apart
	far         map[uint64]bool // the same then
	coder       coder
}

// maxNear bounds the bits: 32 MiB.
const maxNear = 1 << 28

func newPastFold(messages []uint64) *pastFold {
	p := &pastFold{fold: newLiveFold(), first: messages[0], last: messages[len(messages)-1]}
	if span := p.last - p.first + 1; span <= maxNear {
		p.near = make([]uint64, (span+63)/64)
		for _, m := range messages {
			p.near[(m-p.first)/64] |= 1 << ((m - p.first) % 64)
		}
		return p
	}
	p.far = make(map[uint64]bool, len(messages))
	for _, m := range messages {
		p.far[m] = true
	}
	return p
}

// messageField is the number of the field that names the message, in the facts about a single one.
var messageField = map[Kind]int{
	KindAttemptStarted: 1, KindDelivered: 2, KindSoftBounced: 2, KindHardBounced: 2, KindOutcomeUnknown: 2, KindDoubleBounced: 2,
	KindSetAside: 1, KindNotificationDropped: 1, KindRewritten: 1, KindSplit: 1, KindQuarantined: 1, KindReleased: 1, KindDropped: 1,
	KindQueued: 1, KindMessageRemoved: 1, KindDataSent: 2,
}

// aboutMany are the facts that may be about any message.
var aboutMany = KindsOf(&ClockJumped{}, &DeliveryForced{}, &RecipientsDeleted{}, &RecipientsBounced{}, &RecipientsRedirected{},
	&RecipientsReinstated{}, &Held{}, &Unheld{})

// parentField is the number of the field of an injection that names the message it was made from.
const parentField = 11

var pastFields, pastMany = func() (fields [128]uint8, many [128]bool) {
	for k, n := range messageField {
		fields[k] = uint8(n)
	}
	for k := range aboutMany {
		many[k] = true
	}
	return fields, many
}()

func (p *pastFold) block(first, to uint64, b *block) error {
	return b.each(func(i int, f *frame) (bool, error) {
		seq := first + uint64(i)
		if seq < p.first || seq > to {
			return seq <= to, nil
		}
		if !p.concerns(seq, f) {
			return true, nil
		}
		e, err := f.event(&p.coder, seq)
		if err == nil {
			p.apply(Record{Seq: seq, Time: b.base + Instant(f.delta), Event: e})
		}
		return true, err
	})
}

// concerns tells whether a fact may be about a message that is wanted, without decoding it.
func (p *pastFold) concerns(seq uint64, f *frame) bool {
	switch {
	case f.kind == KindMessageInjected:
		return p.wants(seq) || p.wants(f.uint(parentField))
	case int(f.kind) >= len(pastFields):
		return false
	case pastFields[f.kind] > 0:
		return p.wants(f.uint(int(pastFields[f.kind])))
	}
	return pastMany[f.kind]
}

func (p *pastFold) wants(message uint64) bool {
	switch {
	case message < p.first || message > p.last:
		return false
	case p.near == nil:
		return p.far[message]
	}
	i := message - p.first
	return p.near[i/64]&(1<<(i%64)) != 0
}

func (p *pastFold) apply(r Record) {
	switch e := r.Event.(type) {
	case *MessageInjected:
		if !p.wants(r.Seq) { // it tells the sender of one that is
			if e.Why.Notifies() {
				p.fold.clearDues(e)
			}
			return
		}
	case *RecipientsReinstated: // what nobody asks for must not come back
		only := *e
		only.Set = slices.DeleteFunc(slices.Clone(e.Set), func(s MessageRecipients) bool { return !p.wants(s.Message) })
		only.Messages = slices.DeleteFunc(slices.Clone(e.Messages), func(m ReinstatedMessage) bool { return !p.wants(m.Message) })
		r.Event = &only
	}
	p.fold.apply(r)
}

// uint reads a number among a frame's fields without decoding the others; 0 when it is not there.
func (f *frame) uint(n int) uint64 {
	for b := f.public; len(b) > 0; {
		tag, w := binary.Uvarint(b)
		if w <= 0 || int(tag>>1) > n {
			return 0
		}
		v, vw := binary.Uvarint(b[w:])
		if vw <= 0 {
			return 0
		}
		if int(tag>>1) == n {
			return v
		}
		if b = b[w+vw:]; tag&1 == wireBytes {
			if v > uint64(len(b)) {
				return 0
			}
			b = b[v:]
		}
	}
	return 0
}

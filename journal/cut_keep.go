package journal

import (
	"context"
	"errors"
)

// keeper chooses what a cut keeps of the older records: those of the messages that were live at the cut and of the
// messages that they were made from, with the connections that brought them and that they were tried over, and all
// configurations.
type keeper struct {
	draft    *CutDraft
	rest     func()
	messages map[uint64]bool
	inbound  map[uint32]bool        // ICIDs
	outbound map[uint32][]keptBlock // what was said so far of the delivery connections that are open, by DCID
	used     map[uint32]bool        // those of them that a message of ours was tried over
	blocks   int
	bytes    int
}

// choose names the messages.
func (k *keeper) choose(ctx context.Context, f *liveFold, rows *LiveSnapshot) error {
	k.messages, k.inbound = make(map[uint64]bool), make(map[uint32]bool)
	envelopes := k.draft.journal.Envelopes()
	defer envelopes.Close()
	for _, m := range f.changed() {
		if err := k.keep(&m.LiveMessage, envelopes); err != nil {
			return err
		}
	}
	err := rows.Each(ctx, func(m *LiveMessage) error {
		if m.Seq >= k.draft.Fact.Before {
			return k.parents(m.Parent, envelopes)
		}
		return k.keep(m, envelopes)
	})
	delete(k.inbound, 0)
	return err
}

func (k *keeper) keep(m *LiveMessage, envelopes *Envelopes) error {
	if k.messages[m.Seq] {
		return nil
	}
	if len(k.messages) >= maxKeptMessages {
		return ErrKeepsTooMuch
	}
	k.messages[m.Seq], k.inbound[m.ICID] = true, true
	return k.parents(m.Parent, envelopes)
}

// parents keeps the messages that one was made from.
func (k *keeper) parents(parent uint64, envelopes *Envelopes) error {
	for parent != 0 && !k.messages[parent] {
		e, err := envelopes.At(parent)
		if errors.Is(err, ErrNotFound) || errors.Is(err, errNoInjection) {
			return nil
		}
		if err != nil {
			return err
		}
		k.messages[parent], k.inbound[e.ICID] = true, true
		parent = e.Parent
	}
	return nil
}

// keepRest is how many blocks are looked at between two rests.
const keepRest = 64

func (k *keeper) block(ctx context.Context, first uint64, b *block) error {
	if k.blocks++; k.blocks%keepRest == 0 {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		k.rest()
	}
	var c coder
	return b.each(func(i int, f *frame) (bool, error) {
		seq := first + uint64(i)
		if info := f.kind.info(); info == nil && !f.must() {
			return true, nil
		}
		e, err := f.event(&c, seq)
		if err != nil {
			return false, err
		}
		return true, k.record(Record{Seq: seq, Event: e}, func() (keptBlock, error) {
			value, err := b.ownBlock(i, f)
			return keptBlock{seq, value}, err
		})
	})
}

// record looks at one record; copied makes a block of it.
func (k *keeper) record(r Record, copied func() (keptBlock, error)) error {
	switch e := r.Event.(type) {
	case *Started:
		clear(k.outbound)
		clear(k.used)
		return nil
	case *DeliveryConnectionOpened:
		return k.pend(e.DCID, copied)
	case *DeliveryConnectionSecured:
		return k.pend(e.DCID, copied)
	case *DeliveryConnectionClosed:
		used := k.used[e.DCID]
		delete(k.outbound, e.DCID)
		delete(k.used, e.DCID)
		if !used {
			return nil
		}
	case *DeliveryStarted:
		if !k.messages[e.Message] {
			return nil
		}
		if err := k.add(k.outbound[e.DCID]...); err != nil {
			return err
		}
		delete(k.outbound, e.DCID)
		k.used[e.DCID] = e.DCID != 0
	case *ConfigurationCommitted:
		k.draft.Fact.Document = own(e.Document)
	default:
		if !k.inboundFact(r.Event) && !About(r, func(seq uint64) bool { return k.messages[seq] }) {
			return nil
		}
	}
	one, err := copied()
	if err != nil {
		return err
	}
	return k.add(one)
}

// maxPending is how many delivery connections are kept in mind; facts of those beyond are not kept.
const maxPending = 10_000

func (k *keeper) pend(dcid uint32, copied func() (keptBlock, error)) error {
	if k.outbound[dcid] == nil && len(k.outbound) >= maxPending {
		return nil
	}
	one, err := copied()
	if err != nil {
		return err
	}
	if k.used[dcid] {
		return k.add(one)
	}
	k.outbound[dcid] = append(k.outbound[dcid], one)
	return nil
}

// inboundFact tells whether a fact is one of a connection that brought a message of ours.
func (k *keeper) inboundFact(e Event) bool {
	switch e := e.(type) {
	case *ConnectionAccepted:
		return k.inbound[e.ICID]
	case *SenderGroupMatched:
		return k.inbound[e.ICID]
	case *ConnectionSecured:
		return k.inbound[e.ICID]
	case *ConnectionClosed:
		return k.inbound[e.ICID]
	}
	return false
}

func (k *keeper) add(blocks ...keptBlock) error {
	for _, b := range blocks {
		if k.bytes += len(b.value); k.bytes > maxKeptBytes || len(k.draft.kept) >= maxKeptRecords {
			return ErrKeepsTooMuch
		}
		k.draft.kept = append(k.draft.kept, b)
	}
	return nil
}

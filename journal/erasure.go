package journal

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/cockroachdb/pebble/v2"
)

// ForgottenText stands where a person's data were.
const ForgottenText = "(forgotten)"

const (
	// maxErased bounds the records of one erasure: their Seqs are held in memory.
	maxErased = 20_000_000
	// erasedBatch is how many bytes of blocks are written with one sync.
	erasedBatch = 4 << 20
	// mostQuoted bounds the facts whose public part names the person, as they are listed.
	mostQuoted = 100
)

// Erasure is what the history says of a person, known by an address, and takes it out of the facts: the address as sender
// and recipient, the subjects and ids of what it sent and received, the answers of peers about it, and every text that
// quotes it. Who else had a part in these messages, and what became of them, stays. After Find it must be closed; until
// then nothing else is taken out of the history. One goroutine uses it.
type Erasure struct {
	// Set before Find.
	Address string
	Orders  []uint64        // orders whose undo may need a message of it
	Down    map[string]bool // destinations that are down: why is left alone until they are up, for the live rows say it too
	Rest    func()          // called again and again while the history is read; it may take its time
	// Baseline takes the person out of the figures of a HistoryCut, and tells whether there was anything.
	Baseline func(cut *HistoryCut, redacted func(text string) string) bool

	// Set by Find.
	Messages []ErasedMessage // that it sent or received, ascending by Seq
	Refused  uint64          // facts of transactions that never became a message
	Texts    uint64          // other facts whose private part quotes it
	Configs  uint64          // documents of the configuration that name it: they are left alone
	Quoted   []uint64        // facts that quote it and cannot be changed, the first 100
	Undoable map[uint64]bool // those of Orders that hold messages of it

	journal *Journal
	records []uint64       // to be changed, ascending
	blocks  []uint64       // the first Seqs of their blocks, ascending
	text    *regexp.Regexp // the address as a word of its own, which is decided on decoded texts
	step    int            // bytes of blocks that are written with one sync; 0: erasedBatch
	bytes   *regexp.Regexp // the address anywhere: in an encoded part a length may stand before it like a letter
}

// ErasedMessage is a message that the person sent or received.
type ErasedMessage struct {
	Seq      uint64
	MID      uint32
	Sent     bool
	Received []uint32 // RIDs, ascending
}

// Find reads the whole history.
func (x *Erasure) Find(ctx context.Context, j *Journal) error {
	at := strings.LastIndexByte(x.Address, '@')
	if at <= 0 || at == len(x.Address)-1 {
		return fmt.Errorf("%q is no address", x.Address)
	}
	var err error
	word := regexp.QuoteMeta(x.Address[:at]) + `(@|%40)` + regexp.QuoteMeta(x.Address[at+1:])
	if x.bytes, err = regexp.Compile(`(?i)` + word); err != nil {
		return err
	}
	if x.text, err = regexp.Compile(`(?i)(^|[^\pL\pN._%+-]|%[0-9a-f]{2})` + word + `($|[^\pL\pN.-]|\.$|\.[^\pL\pN-])`); err != nil {
		return err
	}
	x.journal, x.Undoable = j, make(map[uint64]bool)
	j.shortened.Lock()
	if err := x.find(ctx); err != nil {
		x.Close()
		return fmt.Errorf("journal %s: what is known of %s: %w", j.dir, x.Address, err)
	}
	return nil
}

// Close ends the erasure, made or not.
func (x *Erasure) Close() { x.journal.shortened.Unlock() }

// Records is how many facts are changed, and First the first of them; 0: there is none.
func (x *Erasure) Records() uint64 { return uint64(len(x.records)) }

// First is the first record that is changed; 0: there is none.
func (x *Erasure) First() uint64 {
	if len(x.records) == 0 {
		return 0
	}
	return x.records[0]
}

// Last is the last record that is changed; 0: there is none.
func (x *Erasure) Last() uint64 {
	if len(x.records) == 0 {
		return 0
	}
	return x.records[len(x.records)-1]
}

func (x *Erasure) find(ctx context.Context) error {
	var c coder
	blocks := 0
	return x.journal.scan(1, x.journal.Durable(), func(first uint64, _ []byte, b *block) error {
		if blocks++; blocks%ctxEvery == 0 {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if x.Rest != nil {
				x.Rest()
			}
		}
		var failed error
		err := b.each(func(i int, f *frame) (bool, error) {
			failed = x.look(&c, f, Record{Seq: first + uint64(i), Time: b.base + Instant(f.delta)}, first)
			return failed == nil, nil
		})
		if failed != nil {
			return x.journal.damaged(failed)
		}
		return x.journal.damaged(blockError(first, err))
	})
}

// look notes what a record says of the person.
func (x *Erasure) look(c *coder, f *frame, r Record, first uint64) (err error) {
	about := f.kind == KindMessageInjected || f.kind == KindReceivingAborted
	if !about && int(f.kind) < len(subjectsOf) {
		about = len(x.Messages) > 0 && (subjectsOf[f.kind].message >= 0 && f.flags&frameHasPrivate != 0 || subjectsOf[f.kind].set >= 0 && len(x.Orders) > 0)
	}
	if x.Quotes(f.public) {
		x.quoted(r.Seq)
	}
	if !about && f.kind != KindHistoryCut && (f.flags&frameHasPrivate == 0 || !x.Quotes(f.private)) {
		return nil
	}
	if f.kind == KindConfigurationCommitted {
		x.Configs++
		return nil
	}
	if r.Event, err = f.event(c, r.Seq); err != nil {
		return blockError(first, err)
	}
	for _, m := range SetOf(r.Event) {
		if action := actionOf(r.Event); slices.Contains(x.Orders, action) && x.message(m.Message) != nil {
			x.Undoable[action] = true
		}
	}
	if !x.redact(r, true) {
		return nil
	}
	if len(x.records) == maxErased {
		return fmt.Errorf("more than %d facts are about %s", maxErased, x.Address)
	}
	x.records = append(x.records, r.Seq)
	if n := len(x.blocks); n == 0 || x.blocks[n-1] != first {
		x.blocks = append(x.blocks, first)
	}
	return nil
}

func (x *Erasure) quoted(seq uint64) {
	if len(x.Quoted) < mostQuoted {
		x.Quoted = append(x.Quoted, seq)
	}
}

// actionOf is the order that a fact about several messages belongs to.
func actionOf(e Event) uint64 {
	switch e := e.(type) {
	case *RecipientsDeleted:
		return e.Action
	case *RecipientsBounced:
		return e.Action
	case *RecipientsRedirected:
		return e.Action
	}
	return 0
}

// Quotes tells whether a text, or an encoded part of a record, has the address in it, perhaps as a part of a longer one.
func (x *Erasure) Quotes(part []byte) bool {
	return bytes.ContainsAny(part, "@%") && x.bytes.Match(part)
}

// message finds one that the person sent or received; nil: it is none.
func (x *Erasure) message(seq uint64) *ErasedMessage {
	i := sort.Search(len(x.Messages), func(i int) bool { return x.Messages[i].Seq >= seq })
	if i == len(x.Messages) || x.Messages[i].Seq != seq {
		return nil
	}
	return &x.Messages[i]
}

// is tells whether an address is the person's; local parts are the same in any case of letters.
func (x *Erasure) is(address string) bool { return strings.EqualFold(address, x.Address) }

// Redacted takes the person out of a text.
func (x *Erasure) Redacted(text string) string {
	for strings.ContainsAny(text, "@%") { // again: what stands between two of them belongs to one match only
		out := x.text.ReplaceAllString(text, "${1}"+ForgottenText+"${3}")
		if out == text {
			break
		}
		text = out
	}
	return text
}

// Each calls fn for every record that is changed, ascending, as it is and as it will be. Nothing is changed yet.
func (x *Erasure) Each(ctx context.Context, fn func(before, after Record) error) error {
	next := 0
	for _, first := range x.blocks {
		if err := ctx.Err(); err != nil {
			return err
		}
		value, err := x.value(first)
		if err != nil {
			return err
		}
		from := next
		before, err := x.decode(value, first, &next)
		if err != nil {
			return err
		}
		next = from
		after, err := x.decode(value, first, &next)
		if err != nil {
			return err
		}
		for i := range before {
			x.redact(after[i], false)
			if err := fn(before[i], after[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// value reads a block.
func (x *Erasure) value(first uint64) ([]byte, error) {
	v, closer, err := x.journal.db.Get(blockKey(first))
	if err != nil {
		return nil, x.journal.readError(err)
	}
	defer closer.Close()
	return bytes.Clone(v), nil
}

// decode gives those records of a block that are changed; next is the place of the first of them in records.
func (x *Erasure) decode(value []byte, first uint64, next *int) (out []Record, err error) {
	all, err := decodeRecords(nil, value, first, first, first+maxBlockRecords, maxBlockRecords, new(coder))
	if err != nil {
		return nil, err
	}
	for i := range all {
		if *next < len(x.records) && x.records[*next] == all[i].Seq {
			out = append(out, all[i])
			*next++
		}
	}
	return out, nil
}

// Make writes the facts anew. It begins with the last: what is found by a message's injection is found as long as that
// stands, so that an erasure which was cut short is completed by another one.
func (x *Erasure) Make(ctx context.Context) error {
	j := x.journal
	if j.options.ReadOnly {
		return errReadOnly
	}
	if _, err := j.scrubFrom(x.First()); err != nil {
		return fmt.Errorf("journal %s: forget: %w", j.dir, err)
	}
	b := j.db.NewBatch()
	defer func() { b.Close() }()
	for i := len(x.blocks) - 1; i >= 0; i-- {
		value, err := x.rewritten(x.blocks[i])
		if err == nil {
			err = b.Set(blockKey(x.blocks[i]), value, nil)
		}
		if err != nil {
			return fmt.Errorf("journal %s: forget: %w", j.dir, err)
		}
		if b.Len() < cmp.Or(x.step, erasedBatch) && i > 0 {
			continue
		}
		if err := b.Commit(pebble.Sync); err != nil {
			j.options.Fatal(fmt.Errorf("journal %s: forget: %w", j.dir, err))
			select {}
		}
		b.Close()
		b = j.db.NewBatch()
		j.ring.drop(x.Last() + 1)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// rewritten is the block that begins at a Seq without the person.
func (x *Erasure) rewritten(first uint64) ([]byte, error) {
	value, err := x.value(first)
	if err != nil {
		return nil, err
	}
	at, _ := slices.BinarySearch(x.records, first)
	changed, err := x.decode(value, first, &at)
	if err != nil {
		return nil, err
	}
	parts := make(map[uint64][]byte, len(changed))
	var c coder
	for _, r := range changed {
		c = coder{}
		r.Event.fields(&c)
		public := c.pub.b
		if !x.redact(r, false) {
			continue
		}
		c = coder{}
		r.Event.fields(&c)
		if !bytes.Equal(public, c.pub.b) {
			return nil, fmt.Errorf("record %d: its public part would change", r.Seq)
		}
		parts[r.Seq] = bytes.Clone(c.priv.b)
	}
	return Forget(value, first, func(seq uint64) ([]byte, bool) {
		part, ok := parts[seq]
		return part, ok
	})
}

package tracking

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"runtime/debug"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"postern/journal"
)

// A search works so long, and then it rests, while mail moves.
const (
	searchSlice = 4 * time.Millisecond
	searchRest  = 8 * time.Millisecond
)

// Find searches. It gives the newest max messages that are meant, in the order in which they came, how many there are in
// all, and the Seq up to which the index knows: what came later is not in it when the index is only read.
func (x *Index) Find(ctx context.Context, q *Query, max int) (found []Found, total int, covered uint64, err error) {
	pace := &journal.Pace{Work: searchSlice, Rest: searchRest}
	if x.Follows() {
		pace.Durable = x.History.Durable
	}
	for range 3 { // a damaged segment is made again, which may meet another one
		if err := x.CatchUp(ctx); err != nil {
			return nil, 0, 0, err
		}
		p := &pass{query: q, literal: q.literal(), max: max, gone: x.gone}
		var whole bool
		if covered, whole, err = x.find(ctx, p, pace); err != nil {
			return nil, 0, 0, err
		}
		if whole {
			return p.found, p.total, covered, nil
		}
	}
	return nil, 0, 0, errors.New("the index is damaged again and again")
}

// find looks through the segments one by one. It is not whole when one of them was damaged, which is discarded.
func (x *Index) find(ctx context.Context, p *pass, pace *journal.Pace) (covered uint64, whole bool, err error) {
	x.mu.RLock()
	damages := x.damages
	x.mu.RUnlock()
	for next, last := uint64(1), false; !last; {
		pace.Step(ctx)
		var damaged *segment
		if next, last, damaged, covered = x.findIn(ctx, p, next, damages); ctx.Err() != nil {
			return 0, false, ctx.Err()
		}
		if damaged != nil {
			x.discard(damaged)
		}
		if next == 0 {
			return 0, false, nil
		}
	}
	return covered, true, nil
}

// findIn looks through the first segment that holds records from a Seq on and tells behind which one to go on; 0: nowhere,
// since it is damaged, or another one was discarded meanwhile.
func (x *Index) findIn(ctx context.Context, p *pass, from uint64, damages int) (next uint64, last bool, damaged *segment, covered uint64) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.damages != damages {
		return 0, true, nil, 0
	}
	segments := x.all()
	i := slices.IndexFunc(segments, func(s *segment) bool { return s.to >= from })
	if i < 0 {
		return from, true, nil, x.covered()
	}
	s := segments[i]
	if s.count > 0 && p.query.during(s.first, s.last) && guarded(func() error {
		if !s.sound() {
			return errSegment
		}
		return p.segment(ctx, s)
	}) != nil {
		return 0, true, s, 0
	}
	return s.to + 1, i == len(segments)-1, nil, x.covered()
}

// guarded runs what reads mapped files. One that is cut off beneath us is an error, not the end of the gateway.
func guarded(do func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errSegment, r)
		}
	}()
	return do()
}

// pass is one search through the segments.
type pass struct {
	query   *Query
	literal []byte // stands in the text of every message that is meant
	max     int
	gone    func(s *segment, i int) bool // its records were removed
	found   []Found
	total   int
}

// during tells whether the query may mean a message that came in a time.
func (q *Query) during(first, last journal.Instant) bool {
	return (q.Since.IsZero() || last >= journal.InstantOf(q.Since)) && (q.Until.IsZero() || first < journal.InstantOf(q.Until))
}

// ctxEvery is how many messages are looked at between two looks at the context.
const ctxEvery = 4096

func (p *pass) segment(ctx context.Context, s *segment) error {
	switch {
	case p.query.MID != 0:
		return p.byMID(s)
	case len(p.literal) > 0:
		return p.byLiteral(ctx, s)
	}
	for i := range s.count {
		if i%ctxEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		p.look(s, i)
	}
	return nil
}

func (p *pass) byMID(s *segment) error {
	for i, b := 0, s.mids; len(b) >= 4; i, b = i+1, b[4:] {
		if binary.LittleEndian.Uint32(b)&^ownMessage == p.query.MID {
			p.look(s, i)
		}
	}
	return nil
}

func (p *pass) byLiteral(ctx context.Context, s *segment) error {
	for at, n := 0, 0; ; n++ {
		hit := bytes.Index(s.text[at:], p.literal)
		if hit < 0 {
			return nil
		}
		i := s.rowAt(at + hit)
		p.look(s, i)
		if i+1 == s.count {
			return nil
		}
		at = s.textAt(i + 1)
		if n%ctxEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// look keeps a message if it is meant.
func (p *pass) look(s *segment, i int) {
	if !p.query.during(s.time(i), s.time(i)) || p.gone(s, i) {
		return
	}
	t := text{rest: s.fields(i)}
	sender, subject, messageID, ip := t.next(), t.next(), t.next(), t.next()
	if !p.query.means(s.own(i), sender, subject, messageID, ip, t.rest) {
		return
	}
	if p.total++; len(p.found) >= 2*p.max { // the newest stay
		p.found = append(p.found[:0], p.found[p.max:]...)
	}
	p.found = append(p.found, Found{Seq: s.seq(i), MID: s.mid(i), Time: s.time(i).Time(), Sender: string(sender), Subject: string(subject)})
}

// newest are the last max of what was found.
func newest(found []Found, max int) []Found { return found[len(found)-min(len(found), max):] }

// text takes a message's text apart; what is left after its four first fields are the recipients.
type text struct{ rest []byte }

func (t *text) next() (field []byte) {
	field, t.rest, _ = bytes.Cut(t.rest, []byte{0})
	return field
}

// means tells whether the fields are those of a message that is meant, its MID and time apart.
func (q *Query) means(own bool, sender, subject, messageID, ip, recipients []byte) bool {
	switch {
	case (q.From != nil || q.To != nil) && own:
	case q.From != nil && !q.From.Match(sender):
	case q.Subject != nil && !q.Subject.Match(subject):
	case q.MessageID != nil && !q.MessageID.Match(messageID):
	case q.IP.IsValid() && string(ip) != q.IP.String():
	case q.Host != "" && !anyOf(recipients, func(r []byte) bool {
		return bytes.EqualFold(r[bytes.LastIndexByte(r, '@')+1:], []byte(q.Host)) && bytes.IndexByte(r, '@') >= 0
	}):
	case q.To != nil && !anyOf(recipients, q.To.Match):
	default:
		return true
	}
	return false
}

func anyOf(recipients []byte, is func([]byte) bool) bool {
	for len(recipients) > 0 {
		var r []byte
		if r, recipients, _ = bytes.Cut(recipients, []byte{0}); is(r) {
			return true
		}
	}
	return false
}

// literal is the longest text that stands in every message which is meant; it is looked for before anything is parsed.
func (q *Query) literal() []byte {
	longest := ""
	for _, re := range []*regexp.Regexp{q.From, q.To, q.Subject, q.MessageID} {
		if re == nil {
			continue
		}
		if parsed, err := syntax.Parse(re.String(), syntax.Perl); err == nil {
			longest = longer(longest, literalOf(parsed.Simplify()))
		}
	}
	if q.IP.IsValid() {
		longest = longer(longest, q.IP.String())
	}
	return []byte(longest)
}

func longer(a, b string) string {
	if len(b) > len(a) {
		return b
	}
	return a
}

// literalOf is the longest text that every match of an expression holds.
func literalOf(re *syntax.Regexp) string {
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase == 0 && !slices.ContainsFunc(re.Rune, parts) {
			return string(re.Rune)
		}
	case syntax.OpCapture, syntax.OpPlus:
		return literalOf(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return literalOf(re.Sub[0])
		}
	case syntax.OpConcat:
		longest := ""
		for _, sub := range re.Sub {
			longest = longer(longest, literalOf(sub))
		}
		return longest
	}
	return ""
}

// parts are what stands between fields, where a text has something else in its place, and what stands for bytes that are no
// character.
func parts(r rune) bool { return r == utf8.RuneError || strings.ContainsRune("\x00\n", r) }

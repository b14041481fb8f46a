package projections

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"postern/journal"
)

// These tests hold that verify catches each kind of damage, by the whole of it: the store is opened as it is after the
// gateway has stopped, and all proofs are made.

var damagedDay = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// sound is a store in which 12 messages came, half of them left, and everything that a gateway keeps beside its facts is there.
type sound struct {
	disk    *journal.Disk
	journal *journal.Journal
	mail    []uint64 // Seqs of the messages; those with an odd index live
	bodies  []journal.BodyID
	blocks  []uint64 // the first Seq of each
}

const soundMail = 12

func soundStore(t *testing.T) *sound {
	t.Helper()
	s := &sound{disk: journal.NewMemoryDisk()}
	s.open(t)
	for i := range soundMail {
		body, err := s.journal.PutBody([]byte(fmt.Sprintf("Subject: %d\r\n\r\n", i)))
		if err != nil {
			t.Fatal(err)
		}
		seq := s.say(t, i, &journal.MessageInjected{MID: uint32(i + 1), Size: 20, Body: body, Queued: true, Sender: "a@x.example", Subject: fmt.Sprint("letter ", i),
			Recipients: []journal.InjectedRecipient{{Local: "b", Domain: "y.example"}, {RID: 1, Local: "c", Domain: "z.example"}}},
			&journal.ConnectionClosed{ICID: uint32(i + 1)})
		s.mail, s.bodies = append(s.mail, seq), append(s.bodies, body)
		if i%2 == 0 {
			s.say(t, i, s.delivered(i, 0), s.delivered(i, 1))
		}
	}
	live, err := journal.OpenLiveRows(s.journal)
	if err != nil {
		t.Fatal(err)
	}
	if err := live.CatchUp(t.Context(), s.journal.Durable()); err != nil {
		t.Fatal(err)
	}
	s.keyframe(t)
	return s
}

func (s *sound) open(t *testing.T) {
	t.Helper()
	j, err := journal.Open("queue", journal.Options{Disk: s.disk})
	if err != nil {
		t.Fatal(err)
	}
	s.journal = j
	t.Cleanup(func() { s.close() })
}

func (s *sound) close() {
	if s.journal != nil {
		s.journal.Close()
		s.journal = nil
	}
}

func (s *sound) say(t *testing.T, minute int, events ...journal.Event) uint64 {
	t.Helper()
	seq, err := s.journal.AppendEvents(journal.InstantOf(damagedDay.Add(time.Duration(minute)*time.Minute)), events...)
	if err != nil {
		t.Fatal(err)
	}
	s.blocks = append(s.blocks, seq)
	return seq
}

// block changes the value of a block.
func (s *sound) block(t *testing.T, first uint64, change func([]byte) []byte) {
	t.Helper()
	if err := s.journal.ReplaceBlock(first, change); err != nil {
		t.Fatal(err)
	}
}

// row changes the n-th row, counted around, of those of a table whose keys begin so.
func (s *sound) row(t *testing.T, table, prefix string, n int, change func([]byte) []byte) {
	t.Helper()
	rows := s.journal.Rows(table)
	var keys, values [][]byte
	if err := rows.Scan([]byte(prefix), nil, func(k, v []byte) error {
		if bytes.HasPrefix(k, []byte(prefix)) {
			keys, values = append(keys, bytes.Clone(k)), append(values, bytes.Clone(v))
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	mark, err := rows.Mark()
	if err != nil || len(keys) == 0 {
		t.Fatalf("table %s has %d rows that begin with %q: %v", table, len(keys), prefix, err)
	}
	n %= len(keys)
	if err := rows.Write(mark, func(b *journal.RowBatch) error {
		if v := change(values[n]); v != nil {
			b.Set(keys[n], v)
		} else {
			b.Delete(keys[n])
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// without forges the block of the fourth message so that its second event is missing: it is that of a history in which it
// never was.
func (s *sound) without(t *testing.T) func([]byte) []byte {
	t.Helper()
	m, err := s.journal.At(s.mail[3])
	if err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open("other", journal.Options{Disk: journal.NewMemoryDisk()})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if _, err := j.AppendEvents(m.Time, m.Event); err != nil {
		t.Fatal(err)
	}
	var value []byte
	if err := j.ReplaceBlock(1, func(v []byte) []byte { value = bytes.Clone(v); return v }); err != nil {
		t.Fatal(err)
	}
	return func([]byte) []byte { return value }
}

// forged changes the last byte of a block's last record, and its checksum with it.
func forged(v []byte) []byte {
	v[len(v)-1] ^= 1
	binary.BigEndian.PutUint32(v[1:], crc32.Checksum(v[5:], castagnoli))
	return v
}

func (s *sound) delivered(i int, rid uint32) *journal.Delivered {
	return &journal.Delivered{Message: s.mail[i], MID: uint32(i + 1), Destination: []string{"y.example", "z.example"}[rid], RIDs: []uint32{rid}, Attempts: 1,
		Finished: rid == 1, Reply: "ok"}
}

// keyframe writes one as of now.
func (s *sound) keyframe(t *testing.T) {
	t.Helper()
	f, err := AsOf(t.Context(), s.journal, nil, s.journal.Durable(), 0)
	if err != nil {
		t.Fatal(err)
	}
	frames := &Keyframes{Rows: s.journal.Rows(KeyframeRows)}
	if err := frames.Save(f, damagedDay, true); err != nil {
		t.Fatal(err)
	}
}

// verified stops the store, and gives what verify has against it.
func (s *sound) verified(t *testing.T, w Scrutiny) (wrong string) {
	t.Helper()
	s.close()
	j, err := journal.Open("queue", journal.Options{Disk: s.disk, ReadOnly: true})
	if err != nil {
		return "cannot be opened: " + err.Error()
	}
	defer j.Close()
	rows, err := journal.OpenLiveRows(j)
	if err != nil {
		return "cannot be opened: " + err.Error()
	}
	w.Zone = time.UTC
	var found []string
	if err := Verify(t.Context(), j, rows, w, func(p Proof) error {
		for _, w := range p.Wrong {
			found = append(found, p.What+": "+w)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return strings.Join(found, "\n")
}

func flipped(r *rand.Rand) func([]byte) []byte {
	return func(v []byte) []byte {
		v[r.IntN(len(v))] ^= 1 << r.IntN(8)
		return v
	}
}

func TestVerifyCatchesDamage(t *testing.T) {
	gone := func([]byte) []byte { return nil }
	for name, c := range map[string]struct {
		damage func(t *testing.T, s *sound)
		want   []string // each in what is found; none: nothing is
	}{
		"nothing": {damage: func(*testing.T, *sound) {}},
		"a dropped event": {func(t *testing.T, s *sound) {
			s.block(t, s.mail[3], s.without(t))
		}, []string{"chain: the block of records 11 to 12: the chain is broken"}},
		"a forged event": {func(t *testing.T, s *sound) { s.block(t, s.mail[3], forged) },
			[]string{"chain: the block of records 11 to 12: the chain is broken"}},
		"a dropped block": {func(t *testing.T, s *sound) { s.block(t, s.mail[3], gone) },
			[]string{"chain: the block of records 11 to 12: the block is missing: nothing beyond it was looked at", "books: the block of records 11 to 12: the block is missing"}},
		"the first block dropped": {func(t *testing.T, s *sound) { s.block(t, 1, gone) }, []string{"chain: the block of records 1 to 2: the block is missing"}},
		"a doubled outcome": {func(t *testing.T, s *sound) { s.say(t, 60, s.delivered(2, 0)) },
			[]string{"books: record 37 (Delivered) names 1 recipients that are not in the queue", "books: y.example: "}},
		"an outcome of nobody": {func(t *testing.T, s *sound) {
			s.say(t, 60, &journal.HardBounced{Message: 9999, MID: 7, Destination: "q.example", RIDs: []uint32{0}})
		},
			[]string{"books: record 37 (HardBounced) names 1 recipients that are not in the queue", "books: q.example: "}},
		"a body that is gone": {func(t *testing.T, s *sound) {
			if err := s.journal.DeleteBody(s.bodies[5]); err != nil {
				t.Fatal(err)
			}
		}, []string{"queue: message 17 (MID 6) has lost its body"}},
		"a row that is gone": {func(t *testing.T, s *sound) { s.row(t, "live", "m", 1, gone) },
			[]string{"queue: message 11 (MID 4) is in the queue, but has no row"}},
		"the end cut off, rows know of it": {func(t *testing.T, s *sound) {
			s.block(t, s.blocks[17], gone)
			s.row(t, KeyframeRows, "i", 0, gone)
		}, []string{"books: the rows of the queue are as of record 36, but the journal ends at record 34: its last blocks are gone"}},
		"the end cut off, a keyframe knows of it": {func(t *testing.T, s *sound) {
			if err := s.journal.Rows("live").Clear(); err != nil {
				t.Fatal(err)
			}
			blocks := s.blocks
			for _, b := range blocks[len(blocks)-2:] {
				s.block(t, b, gone)
			}
		}, []string{"books: a keyframe is as of record 36, but the journal ends at record 32: its last blocks are gone"}},
		"a keyframe without its content": {func(t *testing.T, s *sound) { s.row(t, KeyframeRows, "d", 0, gone) },
			[]string{"books: the keyframe at record 36 is not what was written"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := soundStore(t)
			c.damage(t, s)
			got := s.verified(t, Scrutiny{})
			if len(c.want) == 0 && got != "" {
				t.Errorf("found:\n%s", got)
			}
			for _, w := range c.want {
				if !strings.Contains(got, w) {
					t.Errorf("found:\n%s\nwant\n%s", got, w)
				}
			}
		})
	}
}

// TestVerifyCatchesAnyFlippedBit: in any byte of any block, of any live row, of a keyframe and of its index.
func TestVerifyCatchesAnyFlippedBit(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 0))
	for where, flip := range map[string]func(*testing.T, *sound){
		"block": func(t *testing.T, s *sound) {
			blocks := s.blocks
			s.block(t, blocks[r.IntN(len(blocks))], flipped(r))
		},
		"row":   func(t *testing.T, s *sound) { s.row(t, "live", "m", r.IntN(100), flipped(r)) },
		"state": func(t *testing.T, s *sound) { s.row(t, "live", "s", 0, flipped(r)) },
		"keyframe": func(t *testing.T, s *sound) {
			s.row(t, KeyframeRows, "d", r.IntN(100), flipped(r))
		},
	} {
		t.Run(where, func(t *testing.T) {
			for range 60 {
				s := soundStore(t)
				flip(t, s)
				if s.verified(t, Scrutiny{}) == "" {
					t.Fatalf("seed %d: a flipped bit was not found", seed)
				}
			}
		})
	}
}

// TestVerifyLooksBeyondDamageOnlyWhenAsked: what lies behind a damaged block is looked at, and what is wrong there is named.
func TestVerifyLooksBeyondDamageOnlyWhenAsked(t *testing.T) {
	for _, skip := range []bool{false, true} {
		s := soundStore(t)
		s.say(t, 60, s.delivered(10, 0)) // which is wrong, and comes last
		s.block(t, s.mail[3], func(v []byte) []byte { v[20] ^= 1; return v })
		s.block(t, s.mail[7], func(v []byte) []byte { return nil })
		got := s.verified(t, Scrutiny{SkipDamaged: skip})
		for _, w := range []string{"chain: the block of records 11 to 12: checksum does not match", "books: the block of records 11 to 12: checksum does not match"} {
			if !strings.Contains(got, w) {
				t.Errorf("skip %v, found:\n%s\nwant\n%s", skip, got, w)
			}
		}
		for _, w := range []string{"chain: the block of records 23 to 24: the block is missing", "books: record 37 (Delivered) names 1 recipients",
			"books: from the damage to the keyframe at record 36 nothing is proved"} {
			if strings.Contains(got, w) != skip {
				t.Errorf("skip %v, found:\n%s\n%s is in it: %v", skip, got, w, !skip)
			}
		}
		if strings.Contains(got, "nothing beyond it was looked at") == skip {
			t.Errorf("skip %v, found:\n%s", skip, got)
		}
	}
}

// TestVerifyNamesWhatTheHistoryBeginsWith damages the cut that the first record stands on.
func TestVerifyNamesWhatTheHistoryBeginsWith(t *testing.T) {
	s := soundStore(t)
	cutFigures(t, s.journal, s.mail[2])
	cut, ok := s.journal.LastCut()
	if !ok {
		t.Fatal("nothing was cut")
	}
	s.say(t, 60, &journal.ConnectionClosed{ICID: 99}) // a store whose last block is damaged is not opened
	s.block(t, cut.Seq, func(v []byte) []byte { v[len(v)-1] ^= 1; return v })
	got := s.verified(t, Scrutiny{})
	for _, w := range []string{"chain: journal queue is damaged at the block of record", "books: journal queue is damaged at the block of record"} {
		if !strings.Contains(got, w) {
			t.Errorf("found:\n%s\nwant\n%s", got, w)
		}
	}
}

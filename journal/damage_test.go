package journal_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"postern/journal"
	"postern/projections"
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
	return seq
}

func (s *sound) delivered(i int, rid uint32) *journal.Delivered {
	return &journal.Delivered{Message: s.mail[i], MID: uint32(i + 1), Destination: []string{"y.example", "z.example"}[rid], RIDs: []uint32{rid}, Attempts: 1,
		Finished: rid == 1, Reply: "ok"}
}

// keyframe writes one as of now.
func (s *sound) keyframe(t *testing.T) {
	t.Helper()
	f, err := projections.AsOf(t.Context(), s.journal, nil, s.journal.Durable(), 0)
	if err != nil {
		t.Fatal(err)
	}
	frames := &projections.Keyframes{Rows: s.journal.Rows(projections.KeyframeRows)}
	if err := frames.Save(f, damagedDay, true); err != nil {
		t.Fatal(err)
	}
}

// verified stops the store, and gives what verify has against it.
func (s *sound) verified(t *testing.T, w projections.Scrutiny) (wrong string) {
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
	if err := projections.Verify(t.Context(), j, rows, w, func(p projections.Proof) error {
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
			s.journal.ChangeBlock(t, s.mail[3], func(v []byte) []byte { return journal.WithoutLast(t, v) })
		}, []string{"chain: the block of records 11 to 12: the chain is broken"}},
		"a forged event": {func(t *testing.T, s *sound) { s.journal.ChangeBlock(t, s.mail[3], journal.Forged) },
			[]string{"chain: the block of records 11 to 12: the chain is broken"}},
		"a dropped block": {func(t *testing.T, s *sound) { s.journal.ChangeBlock(t, s.mail[3], gone) },
			[]string{"chain: the block of records 11 to 12: the block is missing: nothing beyond it was looked at", "books: the block of records 11 to 12: the block is missing"}},
		"the first block dropped": {func(t *testing.T, s *sound) { s.journal.ChangeBlock(t, 1, gone) }, []string{"chain: the block of records 1 to 2: the block is missing"}},
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
		"a row that is gone": {func(t *testing.T, s *sound) { s.journal.ChangeRow(t, "live", "m", 1, gone) },
			[]string{"queue: message 11 (MID 4) is in the queue, but has no row"}},
		"the end cut off, rows know of it": {func(t *testing.T, s *sound) {
			s.journal.ChangeBlock(t, s.journal.Blocks(t)[17], gone)
			s.journal.ChangeRow(t, projections.KeyframeRows, "i", 0, gone)
		}, []string{"books: the rows of the queue knows of record 36, but the journal ends at record 34: its last blocks are gone"}},
		"the end cut off, a keyframe knows of it": {func(t *testing.T, s *sound) {
			if err := s.journal.Rows("live").Clear(); err != nil {
				t.Fatal(err)
			}
			blocks := s.journal.Blocks(t)
			for _, b := range blocks[len(blocks)-2:] {
				s.journal.ChangeBlock(t, b, gone)
			}
		}, []string{"books: a keyframe knows of record 36, but the journal ends at record 32: its last blocks are gone"}},
		"a keyframe without its content": {func(t *testing.T, s *sound) { s.journal.ChangeRow(t, projections.KeyframeRows, "d", 0, gone) },
			[]string{"books: the keyframe at record 36 is not what was written"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := soundStore(t)
			c.damage(t, s)
			got := s.verified(t, projections.Scrutiny{})
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
			blocks := s.journal.Blocks(t)
			s.journal.ChangeBlock(t, blocks[r.IntN(len(blocks))], flipped(r))
		},
		"row":   func(t *testing.T, s *sound) { s.journal.ChangeRow(t, "live", "m", r.IntN(100), flipped(r)) },
		"state": func(t *testing.T, s *sound) { s.journal.ChangeRow(t, "live", "s", 0, flipped(r)) },
		"keyframe": func(t *testing.T, s *sound) {
			s.journal.ChangeRow(t, projections.KeyframeRows, "d", r.IntN(100), flipped(r))
		},
	} {
		t.Run(where, func(t *testing.T) {
			for range 60 {
				s := soundStore(t)
				flip(t, s)
				if s.verified(t, projections.Scrutiny{}) == "" {
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
		s.journal.ChangeBlock(t, s.mail[3], func(v []byte) []byte { v[20] ^= 1; return v })
		s.journal.ChangeBlock(t, s.mail[7], func(v []byte) []byte { return nil })
		got := s.verified(t, projections.Scrutiny{SkipDamaged: skip})
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

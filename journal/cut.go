package journal

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Cut is where the history begins since retention has shortened it. The records from Before on are all there, without a
// gap. Of those below it the ones of messages that were still live at Before are kept, each under the Seq that it always
// had; the others are gone for good. The HistoryCut with the Seq of the cut says all that a fold would have learned from
// the records below Before.
type Cut struct {
	Before uint64
	Seq    uint64 // of its HistoryCut, which is not below Before
	Kept   uint64 // records below Before that are kept
	Time   Instant

	link link // of the block before Before: the chain starts from it
}

const cutSize = 4*8 + hashSize

func (c *Cut) encode() []byte {
	b := make([]byte, 0, cutSize)
	for _, n := range [...]uint64{c.Before, c.Seq, c.Kept, uint64(c.Time)} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return append(b, c.link[:]...)
}

func decodeCut(v []byte) (*Cut, error) {
	if len(v) != cutSize {
		return nil, fmt.Errorf("key %q has %d bytes", cutKey, len(v))
	}
	c := &Cut{Before: binary.BigEndian.Uint64(v), Seq: binary.BigEndian.Uint64(v[8:]), Kept: binary.BigEndian.Uint64(v[16:]),
		Time: Instant(binary.BigEndian.Uint64(v[24:])), link: link(v[32:])}
	if c.Before < 2 || c.Seq < c.Before {
		return nil, fmt.Errorf("key %q names records %d and %d", cutKey, c.Before, c.Seq)
	}
	return c, nil
}

// readCut reads where the history begins.
func (j *Journal) readCut() error {
	v, closer, err := j.db.Get(cutKey)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil
	}
	if err != nil {
		return j.readError(err)
	}
	defer closer.Close()
	c, err := decodeCut(v)
	if err != nil {
		return &DamagedError{Dir: j.dir, Err: err}
	}
	j.cut.Store(c)
	return nil
}

// LastCut returns where the history begins, and false when it begins at the first record.
func (j *Journal) LastCut() (Cut, bool) {
	if c := j.cut.Load(); c != nil {
		return *c, true
	}
	return Cut{}, false
}

// begins is the first Seq below which gaps are in order; 0: there is no such place. Ask after an iterator was opened: the
// place moves before the records go.
func (j *Journal) begins() uint64 {
	if c := j.cut.Load(); c != nil {
		return c.Before
	}
	return 0
}

// cutAway tells whether the records that follow one are gone: who stands there has to begin anew.
func (j *Journal) cutAway(at uint64) bool { return at+1 < j.begins() }

// baseline returns the HistoryCut of a cut as a fold has to see it: just before the first record that is there.
func (j *Journal) baseline(c *Cut) (Record, error) {
	r, err := j.readOne(c.Seq)
	if err != nil {
		return r, err
	}
	e, ok := r.Event.(*HistoryCut)
	if !ok || e.Before != c.Before {
		return r, j.damaged(&DamagedError{Dir: j.dir, Block: c.Seq, Err: errors.New("it does not hold the cut that the journal names")})
	}
	r.Seq = c.Before - 1
	return r, nil
}

// Baseline tells whether a record is one that a fold starts from: it replaces all that the fold knows. In its own place
// among the records the fact only says that older ones were removed.
func (e *HistoryCut) Baseline(seq uint64) bool { return seq < e.Before }

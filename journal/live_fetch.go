package journal

import (
	"encoding/binary"
	"errors"
	"slices"
)

// An order names many messages at once, mostly neighbours: their rows are read with one scan, which is a tenth of the work
// of finding each.
const (
	fetchAtLeast = 16 // messages; fewer are found one by one
	fetchPassed  = 4  // rows read for each row that is wanted, at most; beyond that the rest is found one by one
)

var errFetchedEnough = errors.New("too many rows lie between")

// fetch reads the rows of an order's messages that this window has not touched, and notes those that have none.
func (f *liveFold) fetch(set []MessageRecipients) {
	clear(f.rowless)
	if f.scan == nil || f.err != nil || len(set) < fetchAtLeast {
		return
	}
	wanted := f.unread(set)
	if len(wanted) < fetchAtLeast {
		return
	}
	read := 0
	absent := func(below uint64) {
		for len(wanted) > 0 && wanted[0] < below {
			f.rowless[wanted[0]] = true
			wanted = wanted[1:]
		}
	}
	most, end := fetchPassed*len(wanted), wanted[len(wanted)-1]+1
	err := f.scan(liveMessageRowKey(wanted[0]), liveMessageRowKey(end), func(k, v []byte) error {
		if read++; read > most {
			return errFetchedEnough
		}
		if len(k) != 9 {
			return &LiveRowsError{What: "key of a message"}
		}
		seq := binary.BigEndian.Uint64(k[1:])
		if absent(seq); len(wanted) == 0 || wanted[0] != seq {
			return nil
		}
		wanted = wanted[1:]
		f.decode(seq, v)
		return f.err
	})
	switch {
	case err == nil:
		absent(end)
	case !errors.Is(err, errFetchedEnough):
		f.err = err
	}
}

// unread gives the messages of a set that may have a row of which nothing is known, ascending.
func (f *liveFold) unread(set []MessageRecipients) []uint64 {
	wanted := make([]uint64, 0, len(set))
	for i := range set {
		if seq := set[i].Message; seq <= f.rowsAt && f.messages[seq] == nil {
			wanted = append(wanted, seq)
		}
	}
	slices.Sort(wanted)
	return slices.Compact(wanted)
}

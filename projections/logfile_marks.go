package projections

import (
	"encoding/json"
	"fmt"
	"slices"

	"postern/journal"
)

// logMark says that a file holds, up to Offset, the lines of all records up to Seq.
type logMark struct {
	Stem   string `json:"stem"`
	Offset int64  `json:"offset"`
	Seq    uint64 `json:"seq"`
	Synced bool   `json:"synced,omitempty"` // on the disk, not only in the system's memory
}

// logMarks are the last marks of a log, oldest first. The files are not synced as they are written, so after a power cut
// the newest mark may speak of text that never reached the disk. The oldest is more than a minute older, by when systems
// have written their memory out; a start begins to compare there. Begin, where the current file begins, heals the rest: from
// there the whole file can be made again.
type logMarks struct {
	Type  LogType   `json:"type,omitempty"` // what the files hold; "" in marks of before there were types of any name
	Begin logMark   `json:"begin"`          // Offset 0: behind the head
	Marks []logMark `json:"marks"`
	Left  uint64    `json:"left,omitempty"` // of a log that was retired: its files hold the lines up to this Seq; then there are no marks
}

// keptMarks is how many marks stand in the rows, markEvery seconds apart.
const keptMarks = 8

func (l *logMarks) add(m logMark) {
	if n := len(l.Marks); n > 0 && l.Marks[n-1].Seq == m.Seq && l.Marks[n-1].Stem == m.Stem {
		m.Synced = m.Synced || l.Marks[n-1].Synced
		l.Marks = l.Marks[:n-1]
	}
	l.Marks = append(l.Marks, m)
	if extra := len(l.Marks) - keptMarks; extra > 0 {
		l.Marks = slices.Delete(l.Marks, 0, extra)
	}
}

// candidates returns the marks that a start may compare from, best first.
func (l *logMarks) candidates() []logMark {
	from := 0
	for i, m := range l.Marks {
		if m.Synced {
			from = i
		}
	}
	var out []logMark
	for i := from; i >= 0 && i < len(l.Marks); i-- {
		out = append(out, l.Marks[i])
	}
	if l.Begin.Stem != "" {
		out = append(out, l.Begin)
	}
	return out
}

var marksKey = []byte("marks")

func loadMarks(rows *journal.Rows) (logMarks, error) {
	var l logMarks
	b, ok, err := rows.Get(marksKey)
	if err != nil || !ok {
		return l, err
	}
	if err := json.Unmarshal(b, &l); err != nil {
		// The rows are a cache: what cannot be read is as good as missing.
		return logMarks{}, nil
	}
	return l, nil
}

func (l *logMarks) save(rows *journal.Rows) error {
	b, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("log marks: %w", err)
	}
	seq := l.Left
	if n := len(l.Marks); n > 0 {
		seq = l.Marks[n-1].Seq
	}
	return rows.Write(seq, func(batch *journal.RowBatch) error {
		batch.Set(marksKey, b)
		return nil
	})
}

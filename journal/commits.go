package journal

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// commitRows names the rows that say at which Seq each configuration was committed.
const commitRows = "commits"

// Commits finds the commits of configurations. Rows name their Seqs, as a cache: what a crash kept out of them is read out of
// the records behind the last one that they name. A commit's record is kept whatever retention removes. One goroutine adds;
// many may read.
type Commits struct {
	j    *Journal
	rows *Rows
}

// Commits are those of this journal.
func (j *Journal) Commits() *Commits { return &Commits{j: j, rows: j.Rows(commitRows)} }

// Add names a commit whose record is durable.
func (c *Commits) Add(revision, seq uint64) error {
	return c.rows.Write(seq, func(b *RowBatch) error {
		b.Set(revisionKey(revision), binary.BigEndian.AppendUint64(nil, seq))
		return nil
	})
}

// Complete names the commits that a crash kept from being named, when revision, that of the configuration in force, is not
// named yet.
func (c *Commits) Complete(ctx context.Context, revision uint64) error {
	if revision == 0 {
		return nil
	}
	if _, named, err := c.rows.Get(revisionKey(revision)); err != nil || named {
		return err
	}
	return c.behind(ctx, c.Add)
}

// behind tells of the commits that the rows do not name, in their order. Damage before one of them keeps nobody from it, and
// what is damaged itself is no commit any more.
func (c *Commits) behind(ctx context.Context, each func(revision, seq uint64) error) error {
	mark, err := c.rows.Mark()
	if err != nil {
		return err
	}
	past := Beyond{c.j, func(Damage) error { return nil }}
	return past.Pick(ctx, mark+1, 0, KindSet{KindConfigurationCommitted: true}.Has, func(r Record) error {
		return each(r.Event.(*ConfigurationCommitted).Revision, r.Seq)
	})
}

func revisionKey(revision uint64) []byte { return binary.BigEndian.AppendUint64(nil, revision) }

// list gives revisions and their Seqs, ascending. A journal that is only read may have some that the rows do not name.
func (c *Commits) list(ctx context.Context) (list [][2]uint64, err error) {
	err = c.rows.Scan(nil, nil, func(k, v []byte) error {
		if len(k) == 8 && len(v) == 8 {
			list = append(list, [2]uint64{binary.BigEndian.Uint64(k), binary.BigEndian.Uint64(v)})
		}
		return nil
	})
	if err == nil && c.j.options.ReadOnly {
		err = c.behind(ctx, func(revision, seq uint64) error {
			list = append(list, [2]uint64{revision, seq})
			return nil
		})
	}
	return list, err
}

// Last gives the records of the last commits, at most max, the newest first.
func (c *Commits) Last(ctx context.Context, max int) (records []Record, err error) {
	list, err := c.list(ctx)
	if err != nil {
		return nil, err
	}
	for _, at := range slices.Backward(list) {
		if len(records) >= max {
			break
		}
		r, err := c.read(at)
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, nil
}

// Of gives the record of a commit; ErrNotFound when there is none.
func (c *Commits) Of(ctx context.Context, revision uint64) (Record, error) {
	return c.find(ctx, revision, func(list [][2]uint64, i int, exact bool) int {
		if !exact {
			return -1
		}
		return i
	})
}

// Before gives the record of the last commit before a revision; ErrNotFound when there is none.
func (c *Commits) Before(ctx context.Context, revision uint64) (Record, error) {
	return c.find(ctx, revision, func(list [][2]uint64, i int, _ bool) int { return i - 1 })
}

func (c *Commits) find(ctx context.Context, revision uint64, choose func(list [][2]uint64, i int, exact bool) int) (Record, error) {
	list, err := c.list(ctx)
	if err != nil {
		return Record{}, err
	}
	i, exact := slices.BinarySearchFunc(list, revision, func(at [2]uint64, revision uint64) int {
		switch {
		case at[0] < revision:
			return -1
		case at[0] > revision:
			return 1
		}
		return 0
	})
	if i = choose(list, i, exact); i < 0 {
		return Record{}, fmt.Errorf("revision %d of the configuration: %w", revision, ErrNotFound)
	}
	return c.read(list[i])
}

// WithHash tells which revision has a text of that hash, the newest of several; 0: none.
func (c *Commits) WithHash(ctx context.Context, hash string) (revision uint64, err error) {
	list, err := c.list(ctx)
	if err != nil {
		return 0, err
	}
	for _, at := range slices.Backward(list) {
		r, err := c.read(at)
		if err != nil {
			return 0, err
		}
		if strings.EqualFold(r.Event.(*ConfigurationCommitted).Hash, hash) {
			return at[0], nil
		}
	}
	return 0, nil
}

func (c *Commits) read(at [2]uint64) (Record, error) {
	r, err := c.j.At(at[1])
	if err != nil {
		return Record{}, fmt.Errorf("commit of revision %d: %w", at[0], err)
	}
	if e, ok := r.Event.(*ConfigurationCommitted); !ok || e.Revision != at[0] {
		return Record{}, fmt.Errorf("commit of revision %d: record %d is another fact", at[0], at[1])
	}
	return r, nil
}

package journal

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"testing"

	"github.com/cockroachdb/pebble/v2"
)

// What the tests of damage do to a store behind the journal's back.

// Blocks returns the first Seq of each block.
func (j *Journal) Blocks(t testing.TB) (firsts []uint64) {
	t.Helper()
	if err := j.scan(1, j.Durable(), func(first uint64, _ []byte, _ *block) error {
		firsts = append(firsts, first)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return firsts
}

// ChangeBlock replaces the value of a block, or removes it when change returns nil.
func (j *Journal) ChangeBlock(t testing.TB, first uint64, change func([]byte) []byte) {
	t.Helper()
	j.changeKey(t, blockKey(first), change)
}

// ChangeRow does it to the n-th row of a table, counted around, of those whose keys begin so.
func (j *Journal) ChangeRow(t testing.TB, table, prefix string, n int, change func([]byte) []byte) {
	t.Helper()
	r := j.Rows(table)
	var keys [][]byte
	if err := r.Scan([]byte(prefix), nil, func(k, _ []byte) error {
		if bytes.HasPrefix(k, []byte(prefix)) {
			keys = append(keys, append(bytes.Clone(r.prefix), k...))
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(keys) == 0 {
		t.Fatalf("table %s has no rows that begin with %q", table, prefix)
	}
	j.changeKey(t, keys[n%len(keys)], change)
}

func (j *Journal) changeKey(t testing.TB, key []byte, change func([]byte) []byte) {
	t.Helper()
	v, closer, err := j.db.Get(key)
	if err != nil {
		t.Fatal(err)
	}
	v = change(bytes.Clone(v))
	closer.Close()
	if v == nil {
		err = j.db.Delete(key, pebble.Sync)
	} else {
		err = j.db.Set(key, v, pebble.Sync)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// WithoutLast takes the last record out of a block as somebody would who knows its form: all but the chain is right again.
func WithoutLast(t testing.TB, value []byte) []byte {
	t.Helper()
	var b block
	if err := b.parse(value); err != nil || b.count < 2 {
		t.Fatal(b.count, err)
	}
	var f frame
	rest := b.frames
	for range b.count - 1 {
		var err error
		if rest, err = f.next(rest); err != nil {
			t.Fatal(err)
		}
	}
	out := bytes.Clone(value[:len(value)-len(rest)])
	out[6]-- // the count, which is small here
	binary.BigEndian.PutUint32(out[1:], crc32.Checksum(out[5:], castagnoli))
	return out
}

// Forged changes the last byte of a block's last record, and its checksum with it.
func Forged(value []byte) []byte {
	value[len(value)-1] ^= 1
	binary.BigEndian.PutUint32(value[1:], crc32.Checksum(value[5:], castagnoli))
	return value
}

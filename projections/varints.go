package projections

import (
	"encoding/binary"
	"errors"
	"net/netip"
)

var errKeyframe = errors.New("malformed keyframe")

// encoder appends what decoder reads.
type encoder struct{ b []byte }

func (e *encoder) uint(v uint64) { e.b = binary.AppendUvarint(e.b, v) }
func (e *encoder) int(v int64)   { e.b = binary.AppendVarint(e.b, v) }
func (e *encoder) uints(v ...uint64) {
	for _, x := range v {
		e.uint(x)
	}
}

func (e *encoder) bool(v bool) {
	if v {
		e.uint(1)
	} else {
		e.uint(0)
	}
}

func (e *encoder) string(s string) {
	e.uint(uint64(len(s)))
	e.b = append(e.b, s...)
}

func (e *encoder) strings(list []string) {
	e.uint(uint64(len(list)))
	for _, s := range list {
		e.string(s)
	}
}

func (e *encoder) addr(a netip.Addr) {
	raw, _ := a.MarshalBinary()
	e.string(string(raw))
}

// decoder reads; after an error everything is zero. Lists are bounded by the bytes that are left.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) fail() { d.err, d.b = errKeyframe, nil }

func (d *decoder) uint() uint64 {
	v, w := binary.Uvarint(d.b)
	if w <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[w:]
	return v
}

func (d *decoder) int() int64 {
	v, w := binary.Varint(d.b)
	if w <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[w:]
	return v
}

// below reads a number that must be less than limit.
func (d *decoder) below(limit uint64) uint64 {
	v := d.uint()
	if v >= limit {
		d.fail()
		return 0
	}
	return v
}

func (d *decoder) uint32() uint32 { return uint32(d.below(1 << 32)) }
func (d *decoder) bool() bool     { return d.below(2) == 1 }

// count reads the length of a list, each element of which takes a byte at least.
func (d *decoder) count() int { return int(d.below(uint64(len(d.b)) + 1)) }

func (d *decoder) string() string {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.fail()
		return ""
	}
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}

func (d *decoder) strings() (out []string) {
	for range d.count() {
		out = append(out, d.string())
	}
	return out
}

func (d *decoder) addr() (a netip.Addr) {
	if err := a.UnmarshalBinary([]byte(d.string())); err != nil {
		d.fail()
	}
	return a
}

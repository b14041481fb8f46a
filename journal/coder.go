package journal

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"unsafe"
)

// coder walks the fields of one event, writing or reading them. The same list of fields serves both ways, so that the two
// cannot disagree. An event has two streams, the public part and the private part; each is a sequence of fields in
// ascending order of their numbers:
//
//	field   = tag value
//	tag     = uvarint(number<<1 | wire)
//	value   = uvarint                    wire 0
//	        | uvarint(length) bytes      wire 1
//	list    = uvarint(count) { uvarint(length) fields }   as the bytes of a field
//
// A zero value is not written. A field that a reader does not know is skipped; one that is missing stays zero. What is read
// aliases the input, which must not be changed afterwards.
type coder struct {
	reading   bool
	pub, priv stream
	depth     int
	err       error
}

type stream struct{ b []byte }

const (
	wireVarint = 0
	wireBytes  = 1
)

var errField = errors.New("malformed field")

// find moves a reading stream to field n and tells whether it is there with that wire type. Fields with lower numbers are
// skipped: they were written by a newer version.
func (c *coder) find(s *stream, n int, wire uint64) bool {
	for c.err == nil && len(s.b) > 0 {
		tag, w := binary.Uvarint(s.b)
		if w <= 0 {
			c.err = errField
			return false
		}
		if int(tag>>1) > n {
			return false
		}
		if int(tag>>1) == n && tag&1 == wire {
			s.b = s.b[w:]
			return true
		}
		s.b = s.b[w:]
		if tag&1 == wireVarint {
			c.readUvarint(s)
		} else {
			c.readBytes(s)
		}
	}
	return false
}

func (c *coder) readUvarint(s *stream) uint64 {
	v, w := binary.Uvarint(s.b)
	if w <= 0 {
		c.err = errField
		s.b = nil
		return 0
	}
	s.b = s.b[w:]
	return v
}

func (c *coder) readBytes(s *stream) []byte {
	n := c.readUvarint(s)
	if c.err != nil || n > uint64(len(s.b)) {
		c.err = errField
		s.b = nil
		return nil
	}
	b := s.b[:n:n]
	s.b = s.b[n:]
	return b
}

// begin opens a value whose length is not known yet; end closes it. The length takes one byte in the common case and
// moves the value when it needs more.
func (s *stream) begin() int {
	s.b = append(s.b, 0)
	return len(s.b)
}

func (s *stream) end(at int) {
	n := len(s.b) - at
	if n < 0x80 {
		s.b[at-1] = byte(n)
		return
	}
	var l [binary.MaxVarintLen64]byte
	w := binary.PutUvarint(l[:], uint64(n))
	s.b = append(s.b, l[1:w]...)
	copy(s.b[at-1+w:], s.b[at:at+n])
	copy(s.b[at-1:], l[:w])
}

func (s *stream) tag(n int, wire uint64) {
	s.b = binary.AppendUvarint(s.b, uint64(n)<<1|wire)
}

func (c *coder) uint64(n int, v *uint64) {
	if c.reading {
		*v = 0
		if c.find(&c.pub, n, wireVarint) {
			*v = c.readUvarint(&c.pub)
		}
		return
	}
	if *v != 0 {
		c.pub.tag(n, wireVarint)
		c.pub.b = binary.AppendUvarint(c.pub.b, *v)
	}
}

func number[T ~uint8 | ~uint16 | ~uint32](c *coder, n int, v *T) {
	x := uint64(*v)
	c.uint64(n, &x)
	if c.reading {
		if uint64(T(x)) != x && c.err == nil {
			c.err = errField
		}
		*v = T(x)
	}
}

func (c *coder) uint8(n int, v *uint8)   { number(c, n, v) }
func (c *coder) uint16(n int, v *uint16) { number(c, n, v) }
func (c *coder) uint32(n int, v *uint32) { number(c, n, v) }

func (c *coder) int64(n int, v *int64) {
	x := uint64(*v)<<1 ^ uint64(*v>>63)
	c.uint64(n, &x)
	if c.reading {
		*v = int64(x>>1) ^ -int64(x&1)
	}
}

func (c *coder) instant(n int, v *Instant) { c.int64(n, (*int64)(v)) }

func (c *coder) bool(n int, v *bool) {
	var x uint64
	if *v {
		x = 1
	}
	c.uint64(n, &x)
	if c.reading {
		*v = x != 0
	}
}

func (c *coder) bytes(s *stream, n int, v *string) {
	if c.reading {
		*v = ""
		if c.find(s, n, wireBytes) {
			*v = alias(c.readBytes(s))
		}
		return
	}
	if *v != "" {
		s.tag(n, wireBytes)
		s.b = binary.AppendUvarint(s.b, uint64(len(*v)))
		s.b = append(s.b, *v...)
	}
}

func (c *coder) string(n int, v *string)  { c.bytes(&c.pub, n, v) }
func (c *coder) private(n int, v *string) { c.bytes(&c.priv, n, v) }

func (c *coder) addr(n int, v *netip.Addr) {
	if !c.reading {
		if v.IsValid() {
			raw := v.AsSlice()
			c.pub.tag(n, wireBytes)
			c.pub.b = binary.AppendUvarint(c.pub.b, uint64(len(raw)))
			c.pub.b = append(c.pub.b, raw...)
		}
		return
	}
	*v = netip.Addr{}
	if c.find(&c.pub, n, wireBytes) {
		a, ok := netip.AddrFromSlice(c.readBytes(&c.pub))
		if !ok && c.err == nil {
			c.err = errField
		}
		*v = a
	}
}

func (c *coder) uint32s(n int, v *[]uint32) { numbers(c, n, v) }
func (c *coder) uint64s(n int, v *[]uint64) { numbers(c, n, v) }

// instants packs a list of times into one field, each as the distance from the one before.
func (c *coder) instants(n int, v *[]Instant) {
	var steps []uint64
	if !c.reading && len(*v) > 0 {
		steps = make([]uint64, len(*v))
		before := Instant(0)
		for i, at := range *v {
			steps[i] = zigzag(int64(at - before))
			before = at
		}
	}
	c.uint64s(n, &steps)
	if !c.reading {
		return
	}
	*v = nil
	if len(steps) == 0 {
		return
	}
	out, before := make([]Instant, len(steps)), Instant(0)
	for i, step := range steps {
		before += Instant(unzigzag(step))
		out[i] = before
	}
	*v = out
}

// numbers packs a list of numbers into one field.
func numbers[T ~uint32 | ~uint64](c *coder, n int, v *[]T) {
	if !c.reading {
		if len(*v) == 0 {
			return
		}
		c.pub.tag(n, wireBytes)
		at := c.pub.begin()
		for _, x := range *v {
			c.pub.b = binary.AppendUvarint(c.pub.b, uint64(x))
		}
		c.pub.end(at)
		return
	}
	*v = nil
	if !c.find(&c.pub, n, wireBytes) {
		return
	}
	s := stream{c.readBytes(&c.pub)}
	if c.err != nil {
		return
	}
	count := 0
	for _, b := range s.b {
		if b < 0x80 {
			count++
		}
	}
	out := make([]T, 0, count)
	for c.err == nil && len(s.b) > 0 {
		x := c.readUvarint(&s)
		if uint64(T(x)) != x {
			c.err = errField
		}
		out = append(out, T(x))
	}
	*v = out
}

func (c *coder) strings(n int, v *[]string)  { c.stringList(&c.pub, n, v) }
func (c *coder) privates(n int, v *[]string) { c.stringList(&c.priv, n, v) }

func (c *coder) stringList(s *stream, n int, v *[]string) {
	if !c.reading {
		if len(*v) == 0 {
			return
		}
		s.tag(n, wireBytes)
		at := s.begin()
		for _, x := range *v {
			s.b = binary.AppendUvarint(s.b, uint64(len(x)))
			s.b = append(s.b, x...)
		}
		s.end(at)
		return
	}
	*v = nil
	if !c.find(s, n, wireBytes) {
		return
	}
	in := stream{c.readBytes(s)}
	for c.err == nil && len(in.b) > 0 {
		*v = append(*v, alias(c.readBytes(&in)))
	}
}

// list codes a list of structs, whose elements have a public and a private part each.
func list[T any](c *coder, n int, v *[]T, fields func(*coder, *T)) {
	if c.reading {
		readList(c, n, v, fields)
		return
	}
	if len(*v) == 0 {
		return
	}
	privBefore := len(c.priv.b)
	c.pub.tag(n, wireBytes)
	c.priv.tag(n, wireBytes)
	pub, priv := c.pub.begin(), c.priv.begin()
	c.pub.b = binary.AppendUvarint(c.pub.b, uint64(len(*v)))
	anyPrivate := false
	for i := range *v {
		p, q := c.pub.begin(), c.priv.begin()
		fields(c, &(*v)[i])
		anyPrivate = anyPrivate || len(c.priv.b) > q
		c.pub.end(p)
		c.priv.end(q)
	}
	c.pub.end(pub)
	c.priv.end(priv)
	if !anyPrivate {
		c.priv.b = c.priv.b[:privBefore]
	}
}

// maxDepth bounds lists in lists; the vocabulary has none deeper than one.
const maxDepth = 4

func readList[T any](c *coder, n int, v *[]T, fields func(*coder, *T)) {
	*v = nil
	var pub, priv stream
	if !c.find(&c.pub, n, wireBytes) {
		return
	}
	pub.b = c.readBytes(&c.pub)
	if c.find(&c.priv, n, wireBytes) {
		priv.b = c.readBytes(&c.priv)
	}
	count := c.readUvarint(&pub)
	// Each element takes at least the byte of its length, so a count beyond that is a lie and not a reason to allocate.
	if c.err != nil || count > uint64(len(pub.b)) || c.depth >= maxDepth {
		c.err = errField
		return
	}
	out := make([]T, count)
	outerPub, outerPriv := c.pub, c.priv
	c.depth++
	for i := range out {
		c.pub.b = c.readBytes(&pub)
		c.priv.b = nil
		if len(priv.b) > 0 {
			c.priv.b = c.readBytes(&priv)
		}
		if c.err != nil {
			break
		}
		fields(c, &out[i])
	}
	c.depth--
	c.pub, c.priv = outerPub, outerPriv
	*v = out
}

// alias makes a string of bytes that nobody will change.
func alias(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	return unsafe.String(&b[0], len(b))
}

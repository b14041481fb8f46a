package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
)

// A record stands in its block as a frame:
//
//	frame   = uvarint(kind) flags varint(time − base) uvarint(length) public [private]
//	private = [salt (16)] uvarint(length) bytes    or, when forgotten, its hash (32) and uvarint(length) what stands for it
//
// There is a private part only with frameHasPrivate. A frame of a block as it was appended has no salt of its own: the
// salt comes from the block's secret and the record's place.
const (
	frameHasPrivate byte = 1 << 0
	frameForgotten  byte = 1 << 1
	frameSalted     byte = 1 << 2
	frameMust       byte = 1 << 3
	frameKnownFlags      = frameHasPrivate | frameForgotten | frameSalted | frameMust

	saltSize = 16
	hashSize = 32
)

var errFrame = errors.New("malformed record")

// Prepared is an event with its encoding, made off the engine's turn.
type Prepared struct {
	Event Event

	frame   []byte // complete, with a time delta of zero
	public  []byte // within frame
	private []byte // within frame
}

// coders are for encoding only: their buffers are written to.
var coders = sync.Pool{New: func() any { return new(coder) }}

// Prepare encodes an event; it may be called by many goroutines at once. The event must not be changed afterwards.
func Prepare(e Event) Prepared {
	c := coders.Get().(*coder)
	*c = coder{pub: stream{c.pub.b[:0]}, priv: stream{c.priv.b[:0]}}
	e.fields(c)
	p := Prepared{Event: e}
	p.encode(e.Kind(), c.pub.b, c.priv.b)
	if cap(c.pub.b)+cap(c.priv.b) <= 1<<20 {
		coders.Put(c)
	}
	return p
}

func (p *Prepared) encode(k Kind, public, private []byte) {
	var flags byte
	if i := k.info(); i != nil && i.must {
		flags |= frameMust
	}
	size := uvarintLen(uint64(k)) + 2 + uvarintLen(uint64(len(public))) + len(public)
	if len(private) > 0 {
		flags |= frameHasPrivate
		size += uvarintLen(uint64(len(private))) + len(private)
	}
	b := make([]byte, 0, size)
	b = binary.AppendUvarint(b, uint64(k))
	b = append(b, flags, 0)
	b = binary.AppendUvarint(b, uint64(len(public)))
	b = append(b, public...)
	p.public = b[len(b)-len(public):]
	if len(private) > 0 {
		b = binary.AppendUvarint(b, uint64(len(private)))
		b = append(b, private...)
		p.private = b[len(b)-len(private):]
	}
	p.frame = b
}

func uvarintLen(x uint64) int {
	n := 1
	for x >= 0x80 {
		x >>= 7
		n++
	}
	return n
}

// frame is a record as it stands in a block; the slices alias the block.
type frame struct {
	kind    Kind
	flags   byte
	delta   int64
	public  []byte
	private []byte // of a forgotten one what stands for it, which nothing proves; nil when there is none
	salt    []byte // explicit, or nil
	hash    []byte // of a forgotten private part
}

func (f *frame) must() bool { return f.flags&frameMust != 0 }

// next takes one frame off b and returns what follows it.
func (f *frame) next(b []byte) (rest []byte, err error) {
	*f = frame{}
	kind, w := binary.Uvarint(b)
	if w <= 0 || kind > 0xffff || len(b) < w+1 {
		return nil, errFrame
	}
	f.kind, f.flags = Kind(kind), b[w]
	if f.flags&^frameKnownFlags != 0 {
		return nil, errFrame
	}
	b = b[w+1:]
	if f.delta, w = binary.Varint(b); w <= 0 {
		return nil, errFrame
	}
	if f.public, b, err = cut(b[w:]); err != nil {
		return nil, err
	}
	if f.flags&frameHasPrivate == 0 {
		if f.flags&(frameForgotten|frameSalted) != 0 {
			return nil, errFrame
		}
		return b, nil
	}
	if f.flags&frameForgotten != 0 {
		if len(b) < hashSize || f.flags&frameSalted != 0 {
			return nil, errFrame
		}
		f.hash = b[:hashSize:hashSize]
		f.private, b, err = cut(b[hashSize:])
		return b, err
	}
	if f.flags&frameSalted != 0 {
		if len(b) < saltSize {
			return nil, errFrame
		}
		f.salt, b = b[:saltSize:saltSize], b[saltSize:]
	}
	f.private, b, err = cut(b)
	return b, err
}

// cut takes a length and that many bytes.
func cut(b []byte) (part, rest []byte, err error) {
	n, w := binary.Uvarint(b)
	if w <= 0 || n > uint64(len(b)-w) {
		return nil, nil, errFrame
	}
	end := w + int(n)
	return b[w:end:end], b[end:], nil
}

// event decodes the frame's fact with c, a scratch coder. The event aliases the block.
func (f *frame) event(c *coder, seq uint64) (Event, error) {
	info := f.kind.info()
	if info == nil {
		if f.must() {
			return nil, &NewerError{Seq: seq, Kind: f.kind}
		}
		return &Unknown{K: f.kind, Public: f.public, Private: f.private}, nil
	}
	e := info.make()
	if err := f.decode(c, e, seq); err != nil {
		return nil, err
	}
	return e, nil
}

// decode reads the frame into an event of its kind, whatever stood in it.
func (f *frame) decode(c *coder, e Event, seq uint64) error {
	*c = coder{reading: true, pub: stream{f.public}, priv: stream{f.private}}
	e.fields(c)
	if c.err != nil {
		return fmt.Errorf("record %d (%s): %w", seq, f.kind, c.err)
	}
	return nil
}

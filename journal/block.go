package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
)

// The records of a turn are stored as one value, the block, under the Seq of its first record:
//
//	block = version (1) CRC32C of the rest (4) flags (1) uvarint(count) base time (8) [secret (16)] link (32) frames
//
// The secret is there when a record has a private part whose salt is not spelled out. From it come
//
//	salt(i)     = first 16 bytes of SHA-256(secret ‖ i)
//	privHash(i) = SHA-256(salt(i) ‖ private)
//	link        = SHA-256(previous link ‖ first Seq ‖ base time ‖ for each record: kind, time, length of public, public, privHash or nothing)
//
// with numbers as big-endian words. The link covers a private part only by its salted hash, so that the part can be
// replaced by that hash (see forget.go) and the chain still holds.
const (
	blockVersion byte = 1

	blockHasSecret  byte = 1 << 0
	blockKnownFlags      = blockHasSecret

	secretSize = 16
	// maxBlockRecords bounds what a damaged count can make a reader do.
	maxBlockRecords = 1 << 20
)

type link [sha256.Size]byte

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errBlock = errors.New("malformed block")
var errChecksum = errors.New("checksum does not match")
var errNewerBlock = errors.New("unknown form of block")

// blockWriter stitches prepared records into block values. Its buffers are used again; it is owned by one goroutine.
type blockWriter struct {
	value   []byte
	chained []byte
}

// write returns the block's value, valid until the next call, and its link.
func (w *blockWriter) write(prev link, first uint64, t Instant, secret *[secretSize]byte, records []Prepared) ([]byte, link) {
	flags := byte(0)
	for i := range records {
		if len(records[i].private) > 0 {
			flags |= blockHasSecret
			break
		}
	}
	v := append(w.value[:0], blockVersion, 0, 0, 0, 0, flags)
	v = binary.AppendUvarint(v, uint64(len(records)))
	v = binary.BigEndian.AppendUint64(v, uint64(t))
	if flags&blockHasSecret != 0 {
		v = append(v, secret[:]...)
	}
	linkAt := len(v)
	v = append(v, prev[:]...) // room; overwritten below
	h := beginChain(w.chained, prev, first, t)
	for i := range records {
		p := &records[i]
		v = append(v, p.frame...)
		h = appendChained(h, p.Event.Kind(), t, p.public)
		if len(p.private) > 0 {
			salt := saltOf(secret, i)
			sum := privateHash(salt[:], p.private)
			h = append(h, sum[:]...)
		}
	}
	next := link(sha256.Sum256(h))
	copy(v[linkAt:], next[:])
	binary.BigEndian.PutUint32(v[1:], crc32.Checksum(v[5:], castagnoli))
	w.value, w.chained = v, h
	return v, next
}

func beginChain(buf []byte, prev link, first uint64, t Instant) []byte {
	h := append(buf[:0], prev[:]...)
	h = binary.BigEndian.AppendUint64(h, first)
	return binary.BigEndian.AppendUint64(h, uint64(t))
}

func appendChained(h []byte, k Kind, t Instant, public []byte) []byte {
	h = binary.BigEndian.AppendUint16(h, uint16(k))
	h = binary.BigEndian.AppendUint64(h, uint64(t))
	h = binary.BigEndian.AppendUint64(h, uint64(len(public)))
	return append(h, public...)
}

func saltOf(secret *[secretSize]byte, i int) (salt [saltSize]byte) {
	var in [secretSize + 8]byte
	copy(in[:], secret[:])
	binary.BigEndian.PutUint64(in[secretSize:], uint64(i))
	sum := sha256.Sum256(in[:])
	copy(salt[:], sum[:])
	return salt
}

func privateHash(salt, private []byte) [hashSize]byte {
	var small [512]byte
	in := append(append(small[:0], salt...), private...)
	return sha256.Sum256(in)
}

// block is a decoded header; frames alias the value.
type block struct {
	flags  byte
	count  int
	base   Instant
	secret []byte // nil when there is none
	link   link
	frames []byte
}

// parse checks the value's checksum and reads its header.
func (b *block) parse(value []byte) error {
	*b = block{}
	if len(value) < 6 {
		return errBlock
	}
	if value[0] != blockVersion {
		return errNewerBlock
	}
	if crc32.Checksum(value[5:], castagnoli) != binary.BigEndian.Uint32(value[1:]) {
		return errChecksum
	}
	b.flags = value[5]
	if b.flags&^blockKnownFlags != 0 {
		return errNewerBlock
	}
	rest := value[6:]
	count, w := binary.Uvarint(rest)
	if w <= 0 || count == 0 || count > maxBlockRecords || count > uint64(len(rest)) {
		return errBlock
	}
	b.count, rest = int(count), rest[w:]
	need := 8 + sha256.Size
	if b.flags&blockHasSecret != 0 {
		need += secretSize
	}
	if len(rest) < need {
		return errBlock
	}
	b.base, rest = Instant(binary.BigEndian.Uint64(rest)), rest[8:]
	if b.flags&blockHasSecret != 0 {
		b.secret, rest = rest[:secretSize:secretSize], rest[secretSize:]
	}
	b.link, b.frames = link(rest[:sha256.Size]), rest[sha256.Size:]
	return nil
}

// each calls fn for every frame, in order; a false return ends it.
func (b *block) each(fn func(i int, f *frame) (more bool, err error)) error {
	var f frame
	rest := b.frames
	for i := range b.count {
		var err error
		if rest, err = f.next(rest); err != nil {
			return err
		}
		more, err := fn(i, &f)
		if err != nil || !more {
			return err
		}
	}
	if len(rest) != 0 {
		return errBlock
	}
	return nil
}

// records appends the records with from ≤ Seq ≤ to, at most max, of the block that begins at first. value must not change
// afterwards: the events alias it. What cannot be decoded is reported with the records before it.
func decodeRecords(into []Record, value []byte, first, from, to uint64, max int, c *coder) ([]Record, error) {
	var b block
	if err := b.parse(value); err != nil {
		return into, blockError(first, err)
	}
	err := b.each(func(i int, f *frame) (bool, error) {
		seq := first + uint64(i)
		if seq < from {
			return true, nil
		}
		if seq > to || max <= 0 {
			return false, nil
		}
		e, err := f.event(c, seq)
		if err != nil {
			return false, err
		}
		into = append(into, Record{Seq: seq, Time: b.base + Instant(f.delta), Event: e})
		max--
		return true, nil
	})
	return into, blockError(first, err)
}

func blockError(first uint64, err error) error {
	var newer *NewerError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &newer):
		return err
	case errors.Is(err, errNewerBlock):
		return &NewerError{Seq: first}
	}
	return &DamagedError{Block: first, Err: err}
}

// chain computes the link that the block should have after prev. The buffer is returned to be used again.
func (b *block) chain(buf []byte, prev link, first uint64) (link, []byte, error) {
	h := beginChain(buf, prev, first, b.base)
	err := b.each(func(i int, f *frame) (bool, error) {
		h = appendChained(h, f.kind, b.base+Instant(f.delta), f.public)
		if f.flags&frameHasPrivate == 0 {
			return true, nil
		}
		sum, err := b.hashOf(i, f)
		h = append(h, sum[:]...)
		return true, err
	})
	return sha256.Sum256(h), h, err
}

// hashOf returns the salted hash of a frame's private part.
func (b *block) hashOf(i int, f *frame) (sum [hashSize]byte, err error) {
	if f.hash != nil {
		return [hashSize]byte(f.hash), nil
	}
	salt, err := b.saltFor(i, f)
	return privateHash(salt[:], f.private), err
}

func (b *block) saltFor(i int, f *frame) (salt [saltSize]byte, err error) {
	if f.salt != nil {
		return [saltSize]byte(f.salt), nil
	}
	if b.secret == nil {
		return salt, errBlock
	}
	return saltOf((*[secretSize]byte)(b.secret), i), nil
}

// DamagedError says that the store is not what was written. Block is the first Seq of the block concerned, 0 when the
// store could not be read at all.
type DamagedError struct {
	Dir   string
	Block uint64
	Err   error
}

func (e *DamagedError) Error() string {
	why, _, _ := strings.Cut(fmt.Sprint(e.Err), "\n") // the store says more below, for those who write it
	if e.Block == 0 {
		return fmt.Sprintf("journal %s is damaged: %s", e.Dir, why)
	}
	return fmt.Sprintf("journal %s is damaged at the block of record %d: %s", e.Dir, e.Block, why)
}

func (e *DamagedError) Unwrap() error { return e.Err }

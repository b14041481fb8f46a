package tracking

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"sort"
	"sync/atomic"
	"syscall"

	"postern/journal"
)

// segment is the index of the records from ≤ Seq ≤ to. Its columns have an element for each message that came in them, in
// the order of their Seqs. Those of a sealed segment lie in a file that is mapped; only its ends change.
type segment struct {
	from, to    uint64
	first, last journal.Instant // the least and greatest time of its messages
	count       int

	seqs  []byte // uint64 of each message
	times []byte // int64, an Instant
	conns []byte // uint64: the ConnectionAccepted that brought it; 0: none
	mids  []byte // uint32; the highest bit: the gateway made the message itself
	texts []byte // uint32: where its text begins
	text  []byte // of all: fields ended by NUL, the last one by a line end
	late  []byte // mentions: two uint64, of what (a Seq, or a topic) and where
	near  uint64 // sizes.near of what made it
	state []byte // what is open at the end; see fold
	ends  []byte // uint64 of each message: the fact after which nobody was left; 0: somebody is

	path    string // of the file; "": it is not sealed
	mapped  []byte
	checked atomic.Bool // its checksum was looked at
	changed bool        // ends were written since the last sync
}

// ownMessage marks a MID of a message that the gateway made.
const ownMessage = 1 << 31

const (
	segmentMagic  = "PSTNIX02"
	segmentHeader = 96 // magic, from, to, first, last, count, lengths of text, late and state, near, checksum
	segmentSuffix = ".segment"
	newSuffix     = ".new" // of a file that is being written
)

var errSegment = errors.New("malformed segment of the index")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (s *segment) seq(i int) uint64  { return binary.LittleEndian.Uint64(s.seqs[8*i:]) }
func (s *segment) conn(i int) uint64 { return binary.LittleEndian.Uint64(s.conns[8*i:]) }
func (s *segment) end(i int) uint64  { return binary.LittleEndian.Uint64(s.ends[8*i:]) }
func (s *segment) mid(i int) uint32  { return binary.LittleEndian.Uint32(s.mids[4*i:]) &^ ownMessage }
func (s *segment) own(i int) bool    { return binary.LittleEndian.Uint32(s.mids[4*i:])&ownMessage != 0 }
func (s *segment) textAt(i int) int  { return int(binary.LittleEndian.Uint32(s.texts[4*i:])) }
func (s *segment) setEnd(i int, seq uint64) {
	binary.LittleEndian.PutUint64(s.ends[8*i:], seq)
	s.changed = true
}
func (s *segment) time(i int) journal.Instant {
	return journal.Instant(binary.LittleEndian.Uint64(s.times[8*i:]))
}

// fields is the text of a message, without the line end.
func (s *segment) fields(i int) []byte {
	end := len(s.text)
	if i+1 < s.count {
		end = s.textAt(i + 1)
	}
	return s.text[s.textAt(i) : end-1]
}

// row finds a message; −1: it is not in the segment.
func (s *segment) row(seq uint64) int {
	i := sort.Search(s.count, func(i int) bool { return s.seq(i) >= seq })
	if i == s.count || s.seq(i) != seq {
		return -1
	}
	return i
}

// rowAt finds the message whose text a place belongs to.
func (s *segment) rowAt(place int) int {
	return sort.Search(s.count, func(i int) bool { return s.textAt(i) > place }) - 1
}

// mentions calls fn for the places at which something is spoken of late.
func (s *segment) mentions(is func(of uint64) bool, fn func(of, seq uint64)) {
	for b := s.late; len(b) >= 16; b = b[16:] {
		if of := binary.LittleEndian.Uint64(b); is(of) {
			fn(of, binary.LittleEndian.Uint64(b[8:]))
		}
	}
}

// columns are the parts of a file behind its header, in order; the ends, which change, come last and bear no checksum.
func (s *segment) columns() []*[]byte {
	return []*[]byte{&s.seqs, &s.times, &s.conns, &s.mids, &s.texts, &s.late, &s.text, &s.state, &s.ends}
}

func segmentPath(dir string, from uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%020d%s", from, segmentSuffix))
}

func (s *segment) header() []byte {
	h := append(make([]byte, 0, segmentHeader), segmentMagic...)
	for _, v := range []uint64{s.from, s.to, uint64(s.first), uint64(s.last), uint64(s.count), uint64(len(s.text)), uint64(len(s.late)), uint64(len(s.state)), s.near} {
		h = binary.LittleEndian.AppendUint64(h, v)
	}
	return h
}

// sum is the checksum of all that never changes.
func (s *segment) sum() uint32 {
	sum := crc32.Checksum(s.header(), castagnoli)
	columns := s.columns()
	for _, c := range columns[:len(columns)-1] {
		sum = crc32.Update(sum, castagnoli, *c)
	}
	return sum
}

// seal writes the segment to its file, durably, and goes on with what is mapped from there.
func (s *segment) seal(dir string) (sealed *segment, err error) {
	h := binary.LittleEndian.AppendUint32(s.header(), s.sum())
	h = append(h, make([]byte, segmentHeader-len(h))...)
	path := segmentPath(dir, s.from)
	f, err := os.OpenFile(path+newSuffix, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	defer func() {
		if err != nil {
			os.Remove(path + newSuffix)
		}
	}()
	if _, err := f.Write(h); err != nil {
		return nil, err
	}
	for _, c := range s.columns() {
		if _, err := f.Write(*c); err != nil {
			return nil, err
		}
	}
	if err := f.Sync(); err != nil {
		return nil, err
	}
	if err := os.Rename(path+newSuffix, path); err != nil {
		return nil, err
	}
	if err := syncFolder(dir); err != nil {
		return nil, err
	}
	if sealed, err = openSegment(path, true); err == nil {
		sealed.checked.Store(true)
	}
	return sealed, err
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// openSegment maps a sealed segment. Its form is proved; its checksum is when it is first searched, see sound.
func openSegment(path string, writable bool) (*segment, error) {
	flags, protection := os.O_RDONLY, syscall.PROT_READ
	if writable {
		flags, protection = os.O_RDWR, syscall.PROT_READ|syscall.PROT_WRITE
	}
	f, err := os.OpenFile(path, flags, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() < segmentHeader || info.Size() > maxSegmentFile {
		return nil, fmt.Errorf("%s: %w", path, errSegment)
	}
	mapped, err := syscall.Mmap(int(f.Fd()), 0, int(info.Size()), protection, syscall.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s := &segment{path: path, mapped: mapped}
	if !s.parse() {
		s.close()
		return nil, fmt.Errorf("%s: %w", path, errSegment)
	}
	return s, nil
}

// maxSegmentFile is more than a segment can grow to.
const maxSegmentFile = 1 << 31

// parse finds the columns in what is mapped.
func (s *segment) parse() bool {
	h, rest := s.mapped[:segmentHeader], s.mapped[segmentHeader:]
	if string(h[:len(segmentMagic)]) != segmentMagic {
		return false
	}
	var v [9]uint64
	for i := range v {
		v[i] = binary.LittleEndian.Uint64(h[len(segmentMagic)+8*i:])
	}
	s.from, s.to, s.first, s.last, s.near = v[0], v[1], journal.Instant(v[2]), journal.Instant(v[3]), v[8]
	if v[4] > maxSegmentFile || v[5] > maxSegmentFile || v[6] > maxSegmentFile || v[7] > maxSegmentFile || s.from == 0 || s.to < s.from {
		return false
	}
	s.count = int(v[4])
	sizes := []int{8 * s.count, 8 * s.count, 8 * s.count, 4 * s.count, 4 * s.count, int(v[6]), int(v[5]), int(v[7]), 8 * s.count}
	for i, c := range s.columns() {
		if sizes[i] > len(rest) {
			return false
		}
		*c, rest = rest[:sizes[i]:sizes[i]], rest[sizes[i]:]
	}
	return len(rest) == 0
}

// sound tells whether the checksum is right; it is worked out once.
func (s *segment) sound() bool {
	if s.checked.Load() || s.path == "" {
		return true
	}
	if s.sum() != binary.LittleEndian.Uint32(s.mapped[len(s.header()):]) {
		return false
	}
	s.checked.Store(true)
	return true
}

// sync makes the ends durable.
func (s *segment) sync() error {
	if !s.changed || s.path == "" {
		return nil
	}
	f, err := os.OpenFile(s.path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return err
	}
	s.changed = false
	return nil
}

func (s *segment) close() {
	if s.mapped != nil {
		syscall.Munmap(s.mapped)
		s.mapped, s.count = nil, 0
		for _, c := range s.columns() {
			*c = nil
		}
	}
}

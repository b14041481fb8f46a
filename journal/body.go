package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// A body stands in chunks of up to chunkSize bytes, each a value of its own: one byte of flags and the content. Chunks are
// written without a sync before the fact that refers to them; the sync of that fact makes them durable, because the
// store's log is sequential. Each chunk is written exactly once and deleted once with SingleDelete, so that a body that
// dies young leaves nothing, not even a tombstone, when the memtable is flushed.
//
// The id is boot<<40 | counter<<1 | 1 if there is more than one chunk: who frees a body knows from its name alone whether
// there is more to look for.
const (
	chunkSize = 256 << 10
	chunkLast = 1 << 0 // flag: no chunk follows

	bootShift    = 40
	manyChunks   = 1
	maxBodyCount = 1<<(bootShift-1) - 1
)

func bodyKey(buf []byte, id BodyID, chunk uint32) []byte {
	buf = append(buf, bodyPrefix)
	buf = binary.BigEndian.AppendUint64(buf, uint64(id))
	return binary.BigEndian.AppendUint32(buf, chunk)
}

func parseBodyKey(key []byte) (id BodyID, chunk uint32, ok bool) {
	if len(key) != 13 || key[0] != bodyPrefix {
		return 0, 0, false
	}
	return BodyID(binary.BigEndian.Uint64(key[1:])), binary.BigEndian.Uint32(key[9:]), true
}

func (j *Journal) newBodyID(many bool) (BodyID, error) {
	if j.options.ReadOnly {
		return 0, errReadOnly
	}
	n := j.bodyCount.Add(1)
	if n > maxBodyCount {
		return 0, errors.New("journal: no body ids left in this run")
	}
	id := BodyID(j.boot<<bootShift | n<<1)
	if many {
		id |= manyChunks
	}
	return id, nil
}

// PutBody writes a whole body, the parts one after the other. It is durable when a fact that is appended later is.
func (j *Journal) PutBody(parts ...[]byte) (BodyID, error) {
	total := 0
	for _, p := range parts {
		total += len(p)
	}
	if total > chunkSize {
		return j.putLarge(parts)
	}
	id, err := j.newBodyID(false)
	if err != nil {
		return 0, err
	}
	return id, j.putChunk(id, 0, chunkLast, total, parts)
}

func (j *Journal) putLarge(parts [][]byte) (BodyID, error) {
	w := j.NewBody()
	for _, p := range parts {
		if _, err := w.Write(p); err != nil {
			return 0, errors.Join(err, w.Abort())
		}
	}
	return w.Commit()
}

func (j *Journal) putChunk(id BodyID, chunk uint32, flags byte, size int, parts [][]byte) error {
	batch := j.db.NewBatch()
	defer batch.Close()
	var key [13]byte
	bodyKey(key[:0], id, chunk)
	op := batch.SetDeferred(len(key), 1+size)
	copy(op.Key, key[:])
	op.Value[0] = flags
	at := 1
	for _, p := range parts {
		at += copy(op.Value[at:], p)
	}
	if err := op.Finish(); err != nil {
		return err
	}
	if err := batch.Commit(pebble.NoSync); err != nil {
		return fmt.Errorf("journal: body %d: %w", id, err)
	}
	j.bodyBytes.Add(uint64(size))
	return nil
}

// BodyWriter writes one body. It is used by one goroutine and ended with Commit or Abort.
type BodyWriter struct {
	j      *Journal
	id     BodyID // 0 until the first chunk is written
	chunks uint32
	buf    []byte // the chunk that is being filled
	err    error
}

// chunkBuffers are whole chunks; a body begins with a small buffer of its own.
var chunkBuffers = sync.Pool{New: func() any { return new([chunkSize]byte) }}

// NewBody begins a body.
func (j *Journal) NewBody() *BodyWriter { return &BodyWriter{j: j} }

// Write implements io.Writer. A body beyond 256 KiB is slowed while the store is behind with its disk.
func (w *BodyWriter) Write(p []byte) (n int, err error) {
	for len(p) > 0 && w.err == nil {
		if len(w.buf) == chunkSize {
			w.flush(0)
			continue
		}
		m := min(len(p), chunkSize-len(w.buf))
		w.grow(m)
		w.buf = append(w.buf, p[:m]...)
		p = p[m:]
		n += m
	}
	return n, w.err
}

// grow makes room for m more bytes: small bodies in what they need, larger ones in a pooled chunk.
func (w *BodyWriter) grow(m int) {
	if len(w.buf)+m <= cap(w.buf) || len(w.buf)+m <= 16<<10 {
		return
	}
	whole := chunkBuffers.Get().(*[chunkSize]byte)
	w.buf = whole[:copy(whole[:], w.buf)]
}

func (w *BodyWriter) flush(flags byte) {
	if w.err != nil {
		return
	}
	if w.id == 0 {
		w.id, w.err = w.j.newBodyID(flags&chunkLast == 0)
	}
	if w.err == nil && w.chunks > 0 {
		w.j.slowLargeBody()
	}
	if w.err == nil {
		w.err = w.j.putChunk(w.id, w.chunks, flags, len(w.buf), [][]byte{w.buf})
		w.chunks++
	}
	w.buf = w.buf[:0]
}

// Commit ends the body and gives its id, to be named in a fact that is appended afterwards.
func (w *BodyWriter) Commit() (BodyID, error) {
	w.flush(chunkLast)
	w.release()
	if w.err != nil {
		return 0, errors.Join(w.err, w.discard())
	}
	id := w.id
	w.err = errBodyEnded
	return id, nil
}

var errBodyEnded = errors.New("journal: the body was ended")

// Abort ends the body and removes what was written of it.
func (w *BodyWriter) Abort() error {
	w.release()
	if w.err == errBodyEnded {
		return nil
	}
	w.err = errBodyEnded
	return w.discard()
}

func (w *BodyWriter) discard() error {
	if w.chunks == 0 {
		return nil
	}
	w.chunks = 0
	return w.j.DeleteBody(w.id)
}

func (w *BodyWriter) release() {
	if cap(w.buf) == chunkSize {
		chunkBuffers.Put((*[chunkSize]byte)(w.buf[:chunkSize]))
	}
	w.buf = nil
}

// HasBody tells whether a body is in the store, without reading it: a Get would fetch the chunk.
func (j *Journal) HasBody(id BodyID) bool {
	it, err := j.db.NewIter(&pebble.IterOptions{LowerBound: bodyKey(nil, id, 0), UpperBound: bodyKey(nil, id, 1)})
	if err != nil {
		return false
	}
	found := it.First()
	return it.Close() == nil && found
}

// DeleteBody removes a body that no fact refers to, without a sync.
func (j *Journal) DeleteBody(id BodyID) error {
	batch := j.db.NewBatch()
	defer batch.Close()
	if err := j.deleteBody(batch, id); err != nil {
		return err
	}
	return batch.Commit(pebble.NoSync)
}

// deleteBody puts the end of each of the body's chunks into a batch.
func (j *Journal) deleteBody(batch *pebble.Batch, id BodyID) error {
	if id == 0 {
		return nil
	}
	var key [13]byte
	if id&manyChunks == 0 {
		return batch.SingleDelete(bodyKey(key[:0], id, 0), nil)
	}
	it, err := j.bodyChunks(id, id+1)
	if err != nil {
		return err
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		if err := batch.SingleDelete(it.Key(), nil); err != nil {
			return err
		}
	}
	return j.readError(it.Error())
}

// bodyChunks iterates over the chunks of the bodies from ≤ id < to.
func (j *Journal) bodyChunks(from, to BodyID) (*pebble.Iterator, error) {
	it, err := j.db.NewIter(&pebble.IterOptions{LowerBound: bodyKey(nil, from, 0), UpperBound: bodyKey(nil, to, 0)})
	if err != nil {
		return nil, j.readError(err)
	}
	return it, nil
}

// BodyReader reads one body. It is used by one goroutine and holds nothing of the store between calls.
type BodyReader struct {
	j     *Journal
	id    BodyID
	chunk uint32 // that comes next
	last  bool   // there is none
	buf   []byte // of the current chunk, not yet read
	whole []byte // buf's beginning
}

// OpenBody opens a body for reading; ErrNotFound when there is none.
func (j *Journal) OpenBody(id BodyID) (*BodyReader, error) {
	r := &BodyReader{j: j, id: id}
	if err := r.load(); err != nil {
		return nil, err
	}
	return r, nil
}

// load copies the next chunk. A copy, because a view would keep a whole memtable in memory as long as a peer is slow.
func (r *BodyReader) load() error {
	var key [13]byte
	v, closer, err := r.j.db.Get(bodyKey(key[:0], r.id, r.chunk))
	if errors.Is(err, pebble.ErrNotFound) {
		if r.chunk > 0 {
			return &DamagedError{Dir: r.j.dir, Err: fmt.Errorf("body %d ends after %d chunks", r.id, r.chunk)}
		}
		return fmt.Errorf("body %d: %w", r.id, ErrNotFound)
	}
	if err != nil {
		return r.j.readError(err)
	}
	defer closer.Close()
	if len(v) == 0 || len(v) > 1+chunkSize {
		return &DamagedError{Dir: r.j.dir, Err: fmt.Errorf("body %d: malformed chunk %d", r.id, r.chunk)}
	}
	r.last = v[0]&chunkLast != 0
	if n := len(v) - 1; n > cap(r.whole) {
		r.release()
		if n > 16<<10 {
			r.whole = chunkBuffers.Get().(*[chunkSize]byte)[:]
		} else {
			r.whole = make([]byte, n)
		}
	}
	r.buf = r.whole[:copy(r.whole[:cap(r.whole)], v[1:])]
	r.chunk++
	return nil
}

// Read implements io.Reader.
func (r *BodyReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(r.buf) == 0 {
		if r.last || r.chunk == 0 {
			return 0, io.EOF
		}
		if err := r.load(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.buf)
	r.buf = r.buf[n:]
	return n, nil
}

// WriteTo implements io.WriterTo.
func (r *BodyReader) WriteTo(w io.Writer) (total int64, err error) {
	for {
		if len(r.buf) > 0 {
			n, err := w.Write(r.buf)
			total += int64(n)
			r.buf = r.buf[n:]
			if err != nil {
				return total, err
			}
		}
		if r.last || r.chunk == 0 {
			return total, nil
		}
		if err := r.load(); err != nil {
			return total, err
		}
	}
}

// Close gives the reader's memory back.
func (r *BodyReader) Close() error {
	r.release()
	r.buf, r.last = nil, true
	return nil
}

func (r *BodyReader) release() {
	if cap(r.whole) == chunkSize {
		chunkBuffers.Put((*[chunkSize]byte)(r.whole[:chunkSize]))
	}
	r.whole = nil
}

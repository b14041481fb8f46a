package journal

import (
	"encoding/binary"
	"maps"
	"slices"
)

// liveWriter puts a fold's window into a batch of rows, in the order of their keys.
type liveWriter struct {
	batch      *RowBatch
	key, value []byte
}

func (w *liveWriter) messages(f *liveFold) {
	for _, e := range f.changed() {
		w.key = binary.BigEndian.AppendUint64(append(w.key[:0], liveMessageKey), e.Seq)
		switch {
		case !e.ended:
			w.value = appendLiveMessage(w.value[:0], &e.LiveMessage, e.stamp)
			w.batch.Set(w.key, w.value)
		case e.stored:
			w.batch.Delete(w.key)
		}
		f.recycle(e)
	}
}

func (w *liveWriter) hosts(f *liveFold) {
	for _, name := range slices.Sorted(maps.Keys(f.hosts)) {
		h := f.hosts[name]
		w.key = append(append(w.key[:0], liveHostKey), name...)
		switch {
		case !h.ended:
			w.value = appendLiveHost(w.value[:0], &h.LiveHost, h.stamp)
			w.batch.Set(w.key, w.value)
		case h.stored:
			w.batch.Delete(w.key)
		}
	}
}

func (w *liveWriter) forces(f *liveFold) {
	for _, domain := range slices.Sorted(maps.Keys(f.outdated)) {
		w.batch.Delete(append([]byte{liveForceKey}, domain...))
	}
	for _, domain := range slices.Sorted(maps.Keys(f.forced)) {
		w.key = append(append(w.key[:0], liveForceKey), domain...)
		w.value = appendLiveForce(w.value[:0], f.adjust.forced[domain])
		w.batch.Set(w.key, w.value)
	}
}

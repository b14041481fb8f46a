package engine

import (
	"sync/atomic"

	"postern/engine/config"
	"postern/journal"
)

// The disk is full, for new mail, long before it is: at 5 % or 1.5 GiB of free space, whichever is more. An almost empty
// store with large memtables holds half a GiB of preallocated log already.
const (
	watermarkShare = 20
	watermarkBytes = 3 << 29
)

// Space is what the file system of the store has.
type Space struct{ Free, Total int64 }

func (s Space) watermark() int64 {
	return max(watermarkBytes, s.Total/watermarkShare)
}

// Room is how many bytes a queue that holds used bytes may still grow by; it is negative when it is too large already.
func (s Space) Room(used int64, q config.Queue) int64 {
	room := s.Free - s.watermark()
	if q.Kilobytes > 0 {
		room = min(room, q.Kilobytes*1024-used)
	}
	return room
}

// admission answers whether a message may come in, from figures that Run and watchSpace keep up to date; asking costs a
// few loads. Safe for many goroutines.
type admission struct {
	stopping  atomic.Bool
	diskFull  atomic.Bool
	queueFull atomic.Bool
	degree    atomic.Uint32 // of resource conservation
	reasons   atomic.Pointer[[]string]
	used      atomic.Int64
	free      atomic.Int64 // bytes that the queue may still grow by
}

// Admit tells whether a message may come in now; the error is one of those that wires translate.
func (e *Engine) Admit() error {
	a := &e.admission
	switch {
	case a.stopping.Load():
		return ErrStopping
	case a.diskFull.Load(), a.queueFull.Load():
		return ErrQueueFull
	case a.degree.Load() >= Refusing:
		return ErrRefused
	case e.inbox.crowded():
		return ErrBusy
	}
	return nil
}

// Free is how many bytes the queue may still grow by, Used how many it holds.
func (e *Engine) Free() int64 { return max(0, e.admission.free.Load()) }

// Used is the sum of the sizes of live messages, in bytes.
func (e *Engine) Used() int64 { return e.admission.used.Load() }

// judgeSpace sets the marks from the disk's space and the queue's size. A full disk opens again only when there is a
// little more than the watermark, so that it does not flap.
func (a *admission) judgeSpace(s Space, used int64, q config.Queue) {
	mark := s.watermark()
	if a.diskFull.Load() {
		mark += mark / 50
	}
	a.diskFull.Store(s.Free < mark)
	free := s.Room(used, q)
	a.used.Store(used)
	a.free.Store(free)
	a.queueFull.Store(free <= 0)
}

// spaceOf reads the figures of the store's file system.
func spaceOf(j *journal.Journal) func() Space {
	return func() Space {
		u := j.Usage()
		return Space{Free: int64(u.FreeBytes), Total: int64(u.TotalBytes)}
	}
}

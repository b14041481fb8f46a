package journal

import (
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// quiet lets no compaction begin in the first moments of a store: a start has better things to do with two processors, and
// the flush that ends the reading of the log would begin one every other time. After that compactions run as many at once
// as the store allows.
type quiet struct {
	limit *pebble.ConcurrencyLimitScheduler // the store's own, without its clock, which would not wait
	wait  time.Duration
	over  atomic.Bool

	db   pebble.DBForCompaction // set by Register
	stop chan struct{}
	done chan struct{}
}

// grantEvery is how often it is looked whether a compaction that had to wait may begin.
const grantEvery = 100 * time.Millisecond

func quietFor(wait time.Duration) *quiet {
	return &quiet{limit: pebble.NewConcurrencyLimitSchedulerWithNoPeriodicGrantingForTest(), wait: wait, stop: make(chan struct{}), done: make(chan struct{})}
}

// Register implements pebble.CompactionScheduler.
func (q *quiet) Register(goroutines int, db pebble.DBForCompaction) {
	q.db = db
	q.limit.Register(goroutines, db)
	go q.run()
}

// Unregister implements pebble.CompactionScheduler.
func (q *quiet) Unregister() {
	close(q.stop)
	<-q.done
	q.limit.Unregister()
}

// TrySchedule implements pebble.CompactionScheduler.
func (q *quiet) TrySchedule() (bool, pebble.CompactionGrantHandle) {
	if !q.over.Load() {
		return false, nil
	}
	return q.limit.TrySchedule()
}

// UpdateGetAllowedWithoutPermission implements pebble.CompactionScheduler: run looks soon enough.
func (q *quiet) UpdateGetAllowedWithoutPermission() {}

func (q *quiet) run() {
	defer close(q.done)
	begin := time.NewTimer(q.wait)
	defer begin.Stop()
	select {
	case <-begin.C:
	case <-q.stop:
		return
	}
	q.over.Store(true)
	tick := time.NewTicker(grantEvery)
	defer tick.Stop()
	for {
		q.grant()
		select {
		case <-tick.C:
		case <-q.stop:
			return
		}
	}
}

// grant begins what waits, as far as it may.
func (q *quiet) grant() {
	for {
		if waiting, _ := q.db.GetWaitingCompaction(); !waiting {
			return
		}
		ok, handle := q.limit.TrySchedule()
		if !ok {
			return
		}
		if !q.db.Schedule(handle) {
			handle.Done()
			return
		}
	}
}

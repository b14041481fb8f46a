package journal

import "slices"

// liveFold folds records into live messages, down hosts and the system's state. It holds only what the records of its
// window touched: the rest is read from the rows when a fact names it, and what began and ended within the window never
// gets there. Without rows behind it (get is nil) it is a replay in memory.
//
// Apply is total: a fact that does not fit is counted and changes nothing. One goroutine owns a fold.
type liveFold struct {
	at     uint64 // Seq of the last record applied
	rowsAt uint64 // where the rows behind it stand: no row has a higher Seq

	state  liveState
	adjust liveAdjust

	messages map[uint64]*liveEntry
	hosts    map[string]*liveHostEntry

	forced   map[string]bool // domains forced in this window
	outdated map[string]bool // domains whose row a force of all has superseded in this window

	get  func(key []byte) ([]byte, bool, error)                  // a row; nil: there are none
	scan func(from, to []byte, fn func(k, v []byte) error) error // many; nil: they are read one by one

	rowless map[uint64]bool // messages that the last fetch found to have no row

	err   error // the first failure to read a row; the fold is of no use then
	names liveNames
	spare []*liveEntry
	gone  []bool // scratch
	size  int    // rough bytes held
}

// liveEntry is a message that the window has touched.
type liveEntry struct {
	LiveMessage
	stamp  liveStamp
	stored bool // there is a row of it
	ended  bool // kept only until its row is deleted
}

type liveHostEntry struct {
	LiveHost
	stamp  liveStamp
	stored bool
	ended  bool
}

// Rough costs in bytes, for the bound on a window's memory.
const (
	liveEntryCost     = 320
	liveRecipientCost = 64
	liveHostCost      = 256
)

func newLiveFold() *liveFold {
	f := &liveFold{rowless: make(map[uint64]bool)}
	f.adjust.forced = make(map[string]liveForce)
	f.begin()
	return f
}

// maxFoldNames bounds the names that a fold keeps from one window to the next: a flood of forged ones must go again.
const maxFoldNames = 1 << 14

// begin starts a window at f.at: nothing is touched yet.
func (f *liveFold) begin() {
	if len(f.messages) > 0 || f.messages == nil {
		f.messages = make(map[uint64]*liveEntry)
	}
	f.hosts = make(map[string]*liveHostEntry)
	if len(f.names.names) > maxFoldNames {
		f.names = liveNames{}
	}
	f.forced, f.outdated = nil, nil
	f.rowsAt, f.size = f.at, 0
	clear(f.rowless)
}

func (f *liveFold) anomaly() { f.state.anomalies++ }

// message returns a live message with its times as of now, or nil.
func (f *liveFold) message(seq uint64) *liveEntry {
	e, ok := f.messages[seq]
	if !ok {
		if e = f.load(seq); e == nil {
			return nil
		}
	}
	if e.ended {
		return nil
	}
	f.adjust.message(&e.LiveMessage, &e.stamp)
	return e
}

// known is message for a fact that must name a live one.
func (f *liveFold) known(seq uint64) *liveEntry {
	e := f.message(seq)
	if e == nil {
		f.anomaly()
	}
	return e
}

// load reads a message's row.
func (f *liveFold) load(seq uint64) *liveEntry {
	if f.get == nil || seq > f.rowsAt || f.err != nil || f.rowless[seq] {
		return nil
	}
	v, ok, err := f.get(liveMessageRowKey(seq))
	if err != nil || !ok {
		f.err = err
		return nil
	}
	return f.decode(seq, v)
}

// decode makes an entry of a message's row.
func (f *liveFold) decode(seq uint64, v []byte) *liveEntry {
	e := f.newEntry()
	if f.err = decodeLiveMessage(seq, v, &e.LiveMessage, &e.stamp, &f.names); f.err != nil {
		return nil
	}
	e.stored = true
	f.keep(e)
	return e
}

func (f *liveFold) newEntry() *liveEntry {
	if n := len(f.spare); n > 0 {
		e := f.spare[n-1]
		f.spare = f.spare[:n-1]
		return e
	}
	return &liveEntry{}
}

// maxSpare bounds the entries kept for reuse.
const maxSpare = 1024

// recycle takes an entry back that nobody refers to any more.
func (f *liveFold) recycle(e *liveEntry) {
	if len(f.spare) >= maxSpare || cap(e.Recipients) > 64 {
		return
	}
	clear(e.Recipients[:cap(e.Recipients)])
	*e = liveEntry{LiveMessage: LiveMessage{Recipients: e.Recipients[:0], Dues: e.Dues[:0]}}
	f.spare = append(f.spare, e)
}

func (f *liveFold) keep(e *liveEntry) {
	f.messages[e.Seq] = e
	f.size += e.cost()
}

func (e *liveEntry) cost() int {
	return liveEntryCost + liveRecipientCost*len(e.Recipients) + 8*len(e.Dues)
}

// count adds a message to the totals.
func (f *liveFold) count(m *LiveMessage) {
	f.state.Messages++
	f.state.Recipients += uint64(len(m.Recipients))
	f.state.BodyBytes += m.bodyBytes()
}

// endIfDone lets a message go that has neither recipients nor dues.
func (f *liveFold) endIfDone(e *liveEntry) {
	if len(e.Recipients) > 0 || len(e.Dues) > 0 {
		return
	}
	f.state.Messages--
	f.state.BodyBytes -= e.bodyBytes()
	e.ended = true
	if !e.stored {
		delete(f.messages, e.Seq)
		f.size -= e.cost()
		f.recycle(e)
	}
}

// take removes recipients. Those that are not there are anomalies.
func (f *liveFold) take(e *liveEntry, rids []uint32) {
	n := len(e.Recipients)
	if n == 1 && len(rids) == 1 && e.Recipients[0].RID == rids[0] {
		e.Recipients = e.Recipients[:0]
		f.state.Recipients--
		f.size -= liveRecipientCost
		return
	}
	if cap(f.gone) < n {
		f.gone = make([]bool, n)
	}
	gone := f.gone[:n]
	clear(gone)
	for _, rid := range rids {
		i, ok := e.recipient(rid)
		if !ok || gone[i] {
			f.anomaly()
			continue
		}
		gone[i] = true
	}
	left := e.Recipients[:0]
	for i := range e.Recipients {
		if !gone[i] {
			left = append(left, e.Recipients[i])
		}
	}
	clear(e.Recipients[len(left):])
	e.Recipients = left
	f.state.Recipients -= uint64(n - len(left))
	f.size -= liveRecipientCost * (n - len(left))
}

// host returns the state of a destination that is not well, or nil.
func (f *liveFold) host(destination string) *liveHostEntry {
	h, ok := f.hosts[destination]
	if !ok {
		if h = f.loadHost(destination); h == nil {
			return nil
		}
	}
	if h.ended {
		return nil
	}
	f.adjust.host(&h.LiveHost, &h.stamp)
	return h
}

func (f *liveFold) loadHost(destination string) *liveHostEntry {
	if f.get == nil || f.err != nil {
		return nil
	}
	v, ok, err := f.get(append([]byte{liveHostKey}, destination...))
	if err != nil || !ok {
		f.err = err
		return nil
	}
	name := f.names.ofString(destination)
	h := &liveHostEntry{stored: true}
	if h.LiveHost, h.stamp, f.err = decodeLiveHost(name, v); f.err != nil {
		return nil
	}
	f.hosts[name] = h
	f.size += liveHostCost
	return h
}

// changed returns the touched messages in the order of their Seqs.
func (f *liveFold) changed() []*liveEntry {
	all := make([]*liveEntry, 0, len(f.messages))
	for _, e := range f.messages {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b *liveEntry) int {
		if a.Seq < b.Seq {
			return -1
		}
		return 1
	})
	return all
}

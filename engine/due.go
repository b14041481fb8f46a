package engine

// dueEntry is something that becomes due at a time of State's clock.
type dueEntry struct {
	at int64
	id uint32
}

// dueHeap is a four-ary heap, the earliest first, equal times by index. Entries are not removed when what they speak of
// changes; whoever pops one checks whether it still holds.
type dueHeap struct{ h []dueEntry }

func (a dueEntry) before(b dueEntry) bool { return a.at < b.at || a.at == b.at && a.id < b.id }

func (q *dueHeap) push(e dueEntry) {
	q.h = append(q.h, e)
	i := len(q.h) - 1
	for i > 0 {
		p := (i - 1) / 4
		if !e.before(q.h[p]) {
			break
		}
		q.h[i] = q.h[p]
		i = p
	}
	q.h[i] = e
}

// first is the earliest entry; ok is false when there is none.
func (q *dueHeap) first() (e dueEntry, ok bool) {
	if len(q.h) == 0 {
		return dueEntry{}, false
	}
	return q.h[0], true
}

func (q *dueHeap) pop() dueEntry {
	top := q.h[0]
	last := q.h[len(q.h)-1]
	q.h = q.h[:len(q.h)-1]
	n := len(q.h)
	if n == 0 {
		q.h = nil
		return top
	}
	if c := cap(q.h); c > 4096 && n < c/4 {
		q.h = append(make([]dueEntry, 0, c/2), q.h...)
	}
	i := 0
	for {
		c := 4*i + 1
		if c >= n {
			break
		}
		least := c
		for k := c + 1; k < min(c+4, n); k++ {
			if q.h[k].before(q.h[least]) {
				least = k
			}
		}
		if !q.h[least].before(last) {
			break
		}
		q.h[i] = q.h[least]
		i = least
	}
	q.h[i] = last
	return top
}

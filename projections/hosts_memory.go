package projections

// What is remembered of destinations follows those that have mail, not those that ever were named: a sender can forge as
// many names as he likes.

// take gives a free number, whose host is zero.
func (s *hosts) take() (n uint32) {
	if k := len(s.free); k > 0 {
		n = s.free[k-1]
		s.free = s.free[:k-1]
	} else {
		n = s.used
		s.used++
	}
	i := int(n >> hostPageBits)
	if i == len(s.pages) {
		s.pages = append(s.pages, nil)
	}
	if s.pages[i] == nil {
		s.pages[i] = new(hostPage)
	}
	s.pages[i].live++
	return n
}

// drop forgets a host that nothing refers to, and gives back what its page and the names take when few are left.
func (s *hosts) drop(n uint32) {
	h := s.at(n)
	s.unlink(n)
	delete(s.byName, h.name)
	*h = host{}
	s.free = append(s.free, n)
	page := &s.pages[n>>hostPageBits]
	if (*page).live--; (*page).live == 0 {
		*page = nil
	}
	const few = 1024
	if s.most <= few || len(s.byName) > s.most/4 {
		return
	}
	byName := make(map[string]uint32, len(s.byName))
	s.each(func(n uint32, h *host) { byName[h.name] = n })
	s.byName, s.most = byName, len(byName)
}

// makeRoom drops the host that has been idle longest, and before it one that is out of memory.
func (s *hosts) makeRoom() {
	for _, list := range [...]uint8{listSilent, listRetired, listIdle} {
		if s.dropFirst(list) {
			return
		}
	}
}

// dropFirst drops the first host of a list that has no connection.
func (s *hosts) dropFirst(list uint8) bool {
	for n := s.head[list]; n != 0; n = s.at(n).next {
		if s.at(n).connections == 0 {
			s.drop(n)
			s.forgotten++
			return true
		}
	}
	return false
}

// expire retires the hosts whose time in memory is over.
func (s *hosts) expire(clock int64) {
	for n := s.head[listIdle]; n != 0 && clock-s.at(n).idleSince >= int64(HostLife); n = s.head[listIdle] {
		s.retire(n)
	}
}

// retire takes a host without recipients out of memory: only its counters are kept, and not even those of too many that
// never took anything.
func (s *hosts) retire(n uint32) {
	h := s.at(n)
	s.unlink(n)
	h.state, h.down = HostUnknown, nil
	if h.delivered > 0 {
		s.push(listRetired, n)
		return
	}
	s.push(listSilent, n)
	if s.length[listSilent] > max(1, s.max/silentFraction) {
		s.dropFirst(listSilent)
	}
}

// forget takes a destination out of memory that the gateway has forgotten. One that has mail is merely no longer down.
func (s *hosts) forget(name string) {
	n := s.lookup(name)
	if n == 0 {
		return
	}
	h := s.at(n)
	switch {
	case h.list == listIdle:
		s.retire(n)
	case h.list == listNone && h.state == HostStateDown:
		h.state, h.down = HostUnknown, nil
	}
}

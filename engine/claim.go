package engine

// An order claims its recipients before it is a fact: from then on nobody attempts them, so that the fact can name the exact
// set. A claim is State's alone: what is claimed when the process ends is as if it never had been.

// standing is where a recipient stands, or stood before it was parked.
func (s *State) standing(ri uint32) phase {
	if r := s.recipients.at(ri); r.state == parked {
		return r.was
	}
	return s.phase(ri)
}

// claim sets a recipient aside for an order. One in an attempt is parked when the attempt comes back.
func (s *State) claim(ri uint32) {
	r := s.recipients.at(ri)
	if r.flags&claimed != 0 {
		return
	}
	r.flags |= claimed
	if r.state == trying {
		s.claimedInHand++
		return
	}
	was := s.phase(ri)
	s.unlist(ri)
	r.state, r.was = parked, was
}

// unclaim gives a recipient back that no order has taken.
func (s *State) unclaim(ri uint32) {
	r := s.recipients.at(ri)
	if r.flags&claimed == 0 {
		return
	}
	r.flags &^= claimed
	if r.state == trying {
		s.claimedInHand--
		return
	}
	s.unpark(ri)
}

// unpark puts a parked recipient back where it stood.
func (s *State) unpark(ri uint32) {
	r := s.recipients.at(ri)
	if r.state != parked {
		return
	}
	switch was := r.was; was {
	case waiting:
		s.wait(ri, r.due)
	case held, pending:
		r.state = was
	default:
		s.makeReady(ri)
	}
}

// callOff parks claimed recipients whose attempt was called off before it had sent anything that counts. No fact tells of
// it: the order's own will.
func (s *State) callOff(mi uint32, rids []uint32) {
	s.settle(mi, rids, func(ri uint32) {
		r := s.recipients.at(ri)
		r.state, r.was = parked, trying
	})
}

package tracking

import "postern/journal"

// ofInbound tells whether a fact is one of the connection that brought the message.
func (t *trace) ofInbound(e journal.Event) bool {
	if !t.inbound {
		return false
	}
	switch e := e.(type) {
	case *journal.ConnectionAccepted:
		return e.ICID == t.icid
	case *journal.SenderGroupMatched:
		return e.ICID == t.icid
	case *journal.ConnectionSecured:
		return e.ICID == t.icid
	case *journal.ConnectionClosed:
		if e.ICID == t.icid {
			t.inbound = false
			return true
		}
	}
	return false
}

// noteDelivery keeps in mind which delivery connections are open, and adds what happens to those of the family.
func (t *trace) noteDelivery(r journal.Record) {
	switch e := r.Event.(type) {
	case *journal.DeliveryConnectionOpened:
		t.opened[e.DCID] = []uint64{r.Seq}
	case *journal.DeliveryConnectionSecured:
		if facts := t.opened[e.DCID]; facts != nil { // else its beginning was not read, and is looked for when it matters
			t.opened[e.DCID] = append(facts, r.Seq)
		}
	case *journal.DeliveryConnectionClosed:
		if t.outbound[e.DCID] {
			t.add(r.Seq)
			t.outbound[e.DCID] = false
		}
		delete(t.opened, e.DCID)
	}
}

// follow follows a delivery connection from its beginning.
func (t *trace) follow(seq uint64, e *journal.DeliveryStarted) error {
	dcid := e.DCID
	if dcid == 0 || t.outbound[dcid] {
		return nil
	}
	t.outbound[dcid] = true
	if t.way.late(e.Message, seq) {
		if opened := t.way.spokenOf(seq, seq).only(); opened != 0 {
			return t.carried(opened, dcid)
		}
	}
	if facts := t.opened[dcid]; len(facts) > 0 && facts[0] >= t.way.since {
		for _, s := range facts {
			t.add(s)
		}
		t.way.pass(facts[0])
		return nil
	}
	return t.before(seq, func(r journal.Record) bool {
		switch e := r.Event.(type) {
		case *journal.DeliveryConnectionOpened:
			return e.DCID == dcid
		case *journal.DeliveryConnectionSecured:
			return e.DCID == dcid
		}
		return false
	}, func(r journal.Record) bool {
		t.add(r.Seq)
		if _, opened := r.Event.(*journal.DeliveryConnectionOpened); opened {
			t.way.pass(r.Seq)
			return true
		}
		return false
	}, &journal.DeliveryConnectionOpened{}, &journal.DeliveryConnectionSecured{})
}

// carried adds a delivery connection of which the index notes all. If it is closed later than the index knows, it is met
// again on the way.
func (t *trace) carried(opened uint64, dcid uint32) error {
	kinds := journal.KindsOf(&journal.DeliveryConnectionOpened{}, &journal.DeliveryConnectionSecured{}, &journal.DeliveryConnectionClosed{})
	seqs := []uint64{opened}
	for at := opened; at <= t.way.covered && t.outbound[dcid]; {
		m := t.way.spokenOf(at, opened)
		for _, seq := range append(seqs, m.seqs...) {
			err := t.history.Pick(t.ctx, seq, seq, kinds.Has, func(r journal.Record) error {
				t.add(r.Seq)
				if _, closed := r.Event.(*journal.DeliveryConnectionClosed); closed {
					t.outbound[dcid] = false
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		if seqs, at = nil, m.to+1; at == 0 {
			break
		}
	}
	return nil
}

// accepted finds the fact that the connection which brought a message began with; without one, the message itself.
func (t *trace) accepted(seq uint64) (at uint64, err error) {
	at = seq
	if conn, known := t.way.connection(seq); known && conn != 0 {
		return conn, nil
	}
	err = t.before(seq, func(r journal.Record) bool {
		e, ok := r.Event.(*journal.ConnectionAccepted)
		return ok && e.ICID == t.icid
	}, func(r journal.Record) bool {
		at = r.Seq
		return true
	}, &journal.ConnectionAccepted{})
	return at, err
}

// before looks at facts of some kinds before a Seq that are meant, the last one first, until found says that it is enough: ids
// come again after a rollover. A start of the gateway ends it, since no connection outlives one.
func (t *trace) before(seq uint64, meant, found func(journal.Record) bool, events ...journal.Event) error {
	start := func(r journal.Record) bool { _, is := r.Event.(*journal.Started); return is }
	_, err := Back(t.ctx, t.history, seq-1, 1, journal.KindsOf(append(events, &journal.Started{})...),
		func(r journal.Record) bool { return start(r) || meant(r) },
		func(r journal.Record) bool { return start(r) || found(r) })
	return err
}

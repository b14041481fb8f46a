package tracking

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"postern/journal"
)

// connection is one that is open.
type connection struct {
	accepted uint64
	remote   netip.Addr
}

// delivery is a connection to a destination that is open.
type delivery struct {
	opened, secured uint64
	late            bool // a message went over it long after it had come: all of the connection is noted
}

// maxOpen bounds the connections that are kept in mind. Beyond it the older half is forgotten: the end of some was never
// written down, in a flood. Of one that is forgotten the trace reads on for it as without an index.
const maxOpen = 100_000

func makeRoom[C any](open map[uint32]C, began func(C) uint64) {
	if len(open) < maxOpen {
		return
	}
	all := make([]uint64, 0, len(open))
	for _, c := range open {
		all = append(all, began(c))
	}
	slices.Sort(all)
	for id, c := range open {
		if began(c) < all[len(all)/2] {
			delete(open, id)
		}
	}
}

func (f *fold) secured(seq uint64, dcid uint32) {
	if d, open := f.outbound[dcid]; open {
		d.secured = seq
		f.outbound[dcid] = d
	}
}

// carried notes which connection a message goes over long after it came, and all of that.
func (f *fold) carried(seq uint64, e *journal.DeliveryStarted) {
	d, open := f.outbound[e.DCID]
	if !open || seq-e.Message <= f.sizes.near {
		return
	}
	f.note(seq, d.opened)
	if d.late {
		return
	}
	if d.secured != 0 {
		f.note(d.opened, d.secured)
	}
	d.late = true
	f.outbound[e.DCID] = d
}

func (f *fold) closed(seq uint64, dcid uint32) {
	if d := f.outbound[dcid]; d.late {
		f.note(d.opened, seq)
	} else {
		f.noteLate(d.opened, seq)
	}
	delete(f.outbound, dcid)
}

// open lists the connections that are open: what the next segment begins with.
func (f *fold) open() (state []byte) {
	state = binary.AppendUvarint(state, uint64(len(f.inbound)))
	for icid, c := range f.inbound {
		state = binary.AppendUvarint(state, uint64(icid))
		state = binary.AppendUvarint(state, c.accepted)
		raw, _ := c.remote.MarshalBinary()
		state = append(binary.AppendUvarint(state, uint64(len(raw))), raw...)
	}
	state = binary.AppendUvarint(state, uint64(len(f.outbound)))
	for dcid, d := range f.outbound {
		late := uint64(0)
		if d.late {
			late = 1
		}
		for _, v := range []uint64{uint64(dcid), d.opened, d.secured, late} {
			state = binary.AppendUvarint(state, v)
		}
	}
	return state
}

// reopen reads what open has written; of what is malformed it takes what can be read.
func (f *fold) reopen(state []byte) {
	bad := false
	next := func() uint64 {
		v, n := binary.Uvarint(state)
		if n <= 0 {
			bad, state = true, nil
			return 0
		}
		state = state[n:]
		return v
	}
	for n := next(); n > 0 && !bad; n-- {
		icid, c := uint32(next()), connection{accepted: next()}
		if size := next(); size <= uint64(len(state)) {
			if c.remote.UnmarshalBinary(state[:size]) != nil {
				bad = true
			}
			state = state[size:]
		}
		if !bad {
			f.inbound[icid] = c
		}
	}
	for n := next(); n > 0 && !bad; n-- {
		dcid, d := uint32(next()), delivery{opened: next(), secured: next(), late: next() != 0}
		if !bad {
			f.outbound[dcid] = d
		}
	}
}

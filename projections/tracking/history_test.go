package tracking

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"postern/journal"
)

// past makes a journal of mail that comes and goes at random: connections that carry several messages, deliveries that take
// long, notifications, orders about many messages and their undo, restarts.
type past struct {
	t        *testing.T
	r        *rand.Rand
	j        *journal.Journal
	at       journal.Instant
	blocks   []uint64 // their first Seqs
	ids      uint32
	inbound  []uint32
	outbound []uint32
	live     []*mail
	deleted  map[uint64][]*mail
	failures map[string]uint32 // of destinations, in a row
	revision uint64            // of the configuration
	between  bool              // meanwhile
}

type mail struct {
	seq   uint64
	mid   uint32
	left  []uint32
	tries uint32
}

func newPast(t *testing.T, seed uint64) *past {
	j, err := journal.Open("journal", journal.Options{Disk: journal.NewMemoryDisk()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	p := &past{t: t, r: rand.New(rand.NewPCG(seed, 7)), j: j, at: 1_700_000_000_000_000_000, deleted: map[uint64][]*mail{}, failures: map[string]uint32{}}
	p.write(&journal.Started{Boot: 1})
	return p
}

// write appends facts as one block and returns the Seq of the first.
func (p *past) write(events ...journal.Event) uint64 {
	p.at += journal.Instant(p.r.IntN(2_000_000_000))
	first, err := p.j.AppendEvents(p.at, events...)
	if err != nil {
		p.t.Fatal(err)
	}
	p.blocks = append(p.blocks, first)
	return first
}

func (p *past) id() uint32 { p.ids++; return p.ids }

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// goOn makes a number of steps.
func (p *past) goOn(steps int) {
	for range steps {
		switch n := p.r.IntN(100); {
		case n < 12:
			p.connect()
		case n < 50:
			p.inject()
		case n < 80:
			p.attempt()
		case n < 86:
			p.hangUp()
		case n < 90:
			p.delete()
		case n < 93:
			p.undo()
		case n < 94:
			p.restart()
		case n < 97:
			p.host()
		default:
			p.operate()
		}
	}
}

// meanwhile lets other things happen first, sometimes.
func (p *past) meanwhile(most int) {
	if !p.between && p.r.IntN(2) == 0 {
		p.between = true
		p.goOn(p.r.IntN(most))
		p.between = false
	}
}

func (p *past) connect() {
	icid := p.id()
	p.inbound = append(p.inbound, icid)
	p.write(&journal.ConnectionAccepted{ICID: icid, Listener: "In", Remote: netip.AddrFrom4([4]byte{192, 0, 2, byte(p.r.IntN(5))})})
	for _, e := range []journal.Event{&journal.SenderGroupMatched{ICID: icid, Action: "ACCEPT", Match: "ALL"}, &journal.ConnectionSecured{ICID: icid}} {
		p.meanwhile(20)
		if slices.Contains(p.inbound, icid) {
			p.write(e)
		}
	}
}

func (p *past) inject() {
	if len(p.inbound) == 0 {
		return
	}
	m := &mail{mid: uint32(1 + p.r.IntN(40))} // they come again
	e := &journal.MessageInjected{MID: m.mid, ICID: pick(p.r, p.inbound), Sender: fmt.Sprintf("from%d@Sender.example", p.r.IntN(6)),
		Subject: pick(p.r, []string{"sales: confidential", "hello world", "ünïcode", "", "re: hello"}), MessageID: fmt.Sprintf("<%d@x>", p.r.IntN(30))}
	for rid := range 1 + p.r.IntN(3) {
		e.Recipients = append(e.Recipients, journal.InjectedRecipient{RID: uint32(rid), Local: fmt.Sprintf("to%d", p.r.IntN(5)), Domain: pick(p.r, []string{"a.example", "b.example", "C.example"})})
		m.left = append(m.left, uint32(rid))
	}
	m.seq = p.write(e)
	p.live = append(p.live, m)
}

// attempt lets one recipient of a message go somewhere, or not.
func (p *past) attempt() {
	if len(p.live) == 0 {
		return
	}
	m := pick(p.r, p.live)
	var dcid uint32
	if len(p.outbound) > 0 && p.r.IntN(2) == 0 {
		dcid = pick(p.r, p.outbound)
	} else {
		dcid = p.id()
		p.outbound = append(p.outbound, dcid)
		p.write(&journal.DeliveryConnectionOpened{DCID: dcid, Host: fmt.Sprint("mx", dcid)})
		if p.r.IntN(2) == 0 {
			p.inject()
			p.write(&journal.DeliveryConnectionSecured{DCID: dcid})
		}
	}
	rid, next := m.left[0], p.at+journal.Instant(p.r.IntN(600_000_000_000))
	m.tries++
	p.write(&journal.AttemptStarted{Message: m.seq, MID: m.mid, RIDs: []uint32{rid}, Attempt: m.tries, Next: next}, &journal.DeliveryStarted{Message: m.seq, MID: m.mid, DCID: dcid, RIDs: []uint32{rid}})
	switch p.r.IntN(6) {
	case 5: // the peer may have it
		of := journal.MessageRecipients{Message: m.seq, MID: m.mid, RIDs: []uint32{rid}}
		p.write(&journal.OutcomeUnknown{Message: m.seq, MID: m.mid, DCID: dcid, RIDs: of.RIDs, Attempts: m.tries, Action: "hold"},
			&journal.Held{By: journal.ByInDoubt, Set: []journal.MessageRecipients{of}})
		return
	case 0:
		p.write(&journal.SoftBounced{Message: m.seq, MID: m.mid, DCID: dcid, RIDs: []uint32{rid}, Attempts: m.tries, Next: next, Code: "451", Reply: []string{"later"}})
		return
	case 1:
		m.left = m.left[1:]
		fact := p.write(&journal.HardBounced{Message: m.seq, MID: m.mid, DCID: dcid, RIDs: []uint32{rid}, Attempts: m.tries, Finished: len(m.left) == 0, Notify: true})
		p.forget(m)
		p.notify(m, fact)
	case 2: // it goes on, until an order or a restart ends it
		return
	default:
		m.left = m.left[1:]
		p.write(&journal.Delivered{Message: m.seq, MID: m.mid, DCID: dcid, RIDs: []uint32{rid}, Attempts: m.tries, Finished: len(m.left) == 0})
	}
	p.forget(m)
}

// host lets a destination fail once more, or come back.
func (p *past) host() {
	d := pick(p.r, []string{"a.example", "b.example", "C.example"})
	if p.r.IntN(4) == 0 {
		p.failures[d] = 0
		p.write(&journal.HostUp{Destination: d})
		return
	}
	p.failures[d]++
	p.write(&journal.HostDown{Destination: d, Failures: p.failures[d], Next: p.at, Reason: "refused"}, &journal.Sampled{})
}

// operate is what operators do, and what befalls the gateway as a whole.
func (p *past) operate() {
	domain := pick(p.r, []string{"a.example", "b.example", "c.example"})
	switch p.r.IntN(10) {
	case 0:
		p.write(&journal.DeliverySuspended{By: "ann", Domains: []string{domain}})
	case 1:
		p.write(&journal.DeliveryResumed{By: "bob", Domains: []string{domain}})
	case 2:
		p.write(&journal.DeliveryForced{By: "ann", Domain: domain})
	case 3:
		p.revision++
		p.write(&journal.ConfigurationCommitted{Revision: p.revision, By: "bob", Comment: fmt.Sprint("the ", p.revision, ".")})
	case 4:
		p.write(&journal.ResourceConservationChanged{Degree: uint32(p.r.IntN(3)), Reasons: []string{"memory"}})
	case 5:
		p.write(&journal.BulkActionOrdered{Action: "hold"}) // and is never done
	default:
		p.holdSome()
	}
}

// holdSome holds some messages, lets them go or sends them elsewhere.
func (p *past) holdSome() {
	var set []journal.MessageRecipients
	for _, m := range p.live {
		if p.r.IntN(4) == 0 {
			set = append(set, journal.MessageRecipients{Message: m.seq, MID: m.mid, RIDs: m.left})
		}
	}
	if len(set) == 0 {
		return
	}
	p.write(pick(p.r, []journal.Event{&journal.Held{By: "ann", Reason: "legal", Set: set}, &journal.Unheld{By: "bob", Set: set},
		&journal.RecipientsRedirected{By: "ann", Target: "b.example", Set: set}}))
}

// forget takes a message of which nobody is left out of those that live.
func (p *past) forget(m *mail) {
	if len(m.left) == 0 {
		p.live = slices.DeleteFunc(p.live, func(o *mail) bool { return o == m })
	}
}

// notify makes the notification of a bounce, at once or after a while.
func (p *past) notify(m *mail, fact uint64) {
	p.meanwhile(20)
	n := &mail{mid: uint32(1 + p.r.IntN(40)), left: []uint32{0}}
	n.seq = p.write(&journal.MessageInjected{MID: n.mid, Why: journal.WhyBounce, Parent: m.seq, ParentMID: m.mid, Reports: []uint64{fact}, Subject: "Delivery Status Notification (Failure)",
		Recipients: []journal.InjectedRecipient{{Local: "from", Domain: "sender.example"}}})
	p.live = append(p.live, n)
}

func (p *past) hangUp() {
	if n := len(p.inbound); n > 0 && p.r.IntN(2) == 0 {
		i := p.r.IntN(n)
		p.write(&journal.ConnectionClosed{ICID: p.inbound[i]})
		p.inbound = slices.Delete(p.inbound, i, i+1)
	}
	if n := len(p.outbound); n > 0 {
		i := p.r.IntN(n)
		p.write(&journal.DeliveryConnectionClosed{DCID: p.outbound[i]})
		p.outbound = slices.Delete(p.outbound, i, i+1)
	}
}

// delete takes some messages at once.
func (p *past) delete() {
	var set []journal.MessageRecipients
	var gone []*mail
	for _, m := range p.live {
		if p.r.IntN(3) == 0 {
			set = append(set, journal.MessageRecipients{Message: m.seq, MID: m.mid, RIDs: m.left, Finished: true})
			gone = append(gone, m)
		}
	}
	if len(set) == 0 {
		return
	}
	action := p.write(&journal.BulkActionOrdered{Action: "delete"})
	p.write(&journal.RecipientsDeleted{Action: action, By: "root", Set: set})
	p.deleted[action] = gone
	p.live = slices.DeleteFunc(p.live, func(m *mail) bool { return slices.Contains(gone, m) })
}

// undo brings back what an order took, or lets the time for it end.
func (p *past) undo() {
	orders := slices.Sorted(maps.Keys(p.deleted))
	if len(orders) == 0 {
		return
	}
	action := orders[0]
	gone := p.deleted[action]
	delete(p.deleted, action)
	if p.r.IntN(2) == 0 {
		var set []journal.MessageRecipients
		var back []journal.ReinstatedMessage
		for _, m := range gone {
			back = append(back, journal.ReinstatedMessage{Message: m.seq, MID: m.mid, Recipients: 3})
			set = append(set, journal.MessageRecipients{Message: m.seq, MID: m.mid, RIDs: m.left})
		}
		p.write(&journal.RecipientsReinstated{Set: set, Messages: back})
		p.live = append(p.live, gone...)
	}
	p.write(&journal.UndoEnded{Action: action})
}

func (p *past) restart() {
	p.write(&journal.Started{Boot: 2})
	p.inbound, p.outbound = nil, nil
}

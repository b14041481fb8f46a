package projections

import (
	"strings"

	"postern/journal"
)

// flow names a figure of a DayFlow.
type flow func(*DayFlow) *uint64

func received(f *DayFlow) *uint64  { return &f.Received }
func generated(f *DayFlow) *uint64 { return &f.Generated }
func expanded(f *DayFlow) *uint64  { return &f.Expanded }
func movedIn(f *DayFlow) *uint64   { return &f.MovedIn }
func delivered(f *DayFlow) *uint64 { return &f.Delivered }
func bounced(f *DayFlow) *uint64   { return &f.Bounced }
func deleted(f *DayFlow) *uint64   { return &f.Deleted }
func dropped(f *DayFlow) *uint64   { return &f.Dropped }
func movedOut(f *DayFlow) *uint64  { return &f.MovedOut }

// count books what a fact says came or left.
func (d *dayBooks) count(event journal.Event) {
	switch e := event.(type) {
	case *journal.MessageInjected:
		d.came(e)
	case *journal.Delivered:
		d.left(delivered, e.Message, e.Destination, e.RIDs)
	case *journal.HardBounced:
		d.left(bounced, e.Message, e.Destination, e.RIDs)
	case *journal.DoubleBounced:
		d.left(bounced, e.Message, e.Destination, e.RIDs)
	case *journal.Dropped:
		how := dropped
		if e.Filter {
			how = bounced
		}
		d.left(how, e.Message, "", e.RIDs)
	case *journal.Split:
		d.left(movedOut, e.Message, "", e.RIDs)
	case *journal.Rewritten:
		d.left(movedOut, e.Message, "", d.r.figures.liveRIDs(e.Message))
	case *journal.RecipientsDeleted:
		d.set(deleted, e.Set)
	case *journal.RecipientsBounced:
		d.set(bounced, e.Set)
	case *journal.MessageRemoved:
		d.left(deleted, e.Message, "", e.RIDs)
	case *journal.RecipientsRedirected:
		for i := range e.Set {
			d.sent(&e.Set[i], e.Target)
		}
	case *journal.RecipientsReinstated:
		d.back(e)
	}
}

func (d *dayBooks) came(e *journal.MessageInjected) {
	how := expanded
	switch e.Why {
	case journal.WhyReceived:
		how = received
	case journal.WhyBounce, journal.WhyDelay, journal.WhySuccess:
		how = generated
	case journal.WhySplit, journal.WhyRewrite:
		how = movedIn
	}
	*how(&d.all) += uint64(len(e.Recipients))
	if d.perHost == nil {
		return
	}
	for i := range e.Recipients {
		*how(d.named(e.Recipients[i].Domain))++
	}
}

// named is at for a name that may lie in a block.
func (d *dayBooks) named(name string) *DayFlow {
	if f := d.perHost[name]; f != nil {
		return f
	}
	return d.at(strings.Clone(name))
}

func (d *dayBooks) set(how flow, set []journal.MessageRecipients) {
	for i := range set {
		d.left(how, set[i].Message, set[i].Destination, set[i].RIDs)
	}
}

// left books recipients out of the destinations that they wait for, whatever the fact says of those.
func (d *dayBooks) left(how flow, message uint64, destination string, rids []uint32) {
	*how(&d.all) += uint64(len(rids))
	if d.perHost == nil {
		return
	}
	for _, rid := range rids {
		*how(d.named(d.waits(message, rid, destination)))++
	}
}

// waits is the destination that a recipient waits for; otherwise is that of one that is not there.
func (d *dayBooks) waits(message uint64, rid uint32, otherwise string) string {
	f := d.r.figures
	if m, _, ok := f.queue.messages.find(message); ok {
		if w := f.queue.recipient(m, rid); w&wordLive != 0 {
			return f.hosts.at(w.host()).name
		}
	}
	return otherwise
}

// sent books recipients from one destination to another.
func (d *dayBooks) sent(s *journal.MessageRecipients, target string) {
	d.left(movedOut, s.Message, s.Destination, s.RIDs)
	n := uint64(len(s.RIDs))
	d.all.MovedIn += n
	d.all.Redirected += n
	if d.perHost != nil && n > 0 {
		d.named(target).MovedIn += n
	}
}

// back books what an undo brings: into the queue, or from one destination in it to where it came from.
func (d *dayBooks) back(e *journal.RecipientsReinstated) {
	for i := range e.Set {
		s := &e.Set[i]
		host := s.Destination
		if s.Redirect != "" {
			host = s.Redirect
		}
		if e.Target != "" {
			d.sent(s, host)
			continue
		}
		n := uint64(len(s.RIDs))
		d.all.Reinstated += n
		if d.perHost != nil && n > 0 {
			d.named(host).Reinstated += n
		}
	}
}

package projections

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"postern/journal"
	"postern/projections/tracking"
)

// place says where the recipients are that the live rows still have, and what keeps them there.
func (x *Explanation) place(ctx context.Context, j *journal.Journal, index *tracking.Index, rows *journal.LiveSnapshot, m *journal.LiveMessage, q Inquiry) error {
	sys := rows.System()
	p := &placing{Explanation: x, inquiry: q, system: sys, message: m, hosts: map[string]*journal.LiveHost{}}
	for i := range m.Recipients {
		p.hosts[m.Recipients[i].Target()] = nil
	}
	if len(m.Recipients) > 0 {
		err := rows.EachHost(ctx, func(h journal.LiveHost) error {
			if _, asked := p.hosts[h.Destination]; asked && h.Down {
				p.hosts[h.Destination] = &h
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for i := range x.Recipients {
		c := &x.Recipients[i]
		k, ok := slices.BinarySearchFunc(m.Recipients, c.RID, func(r journal.LiveRecipient, rid uint32) int { return int(r.RID) - int(rid) })
		if ok {
			p.live(c, &m.Recipients[k])
		} else if !ended(c.State) {
			c.State, c.Since, c.By, c.Reason = StateGone, time.Time{}, "", ""
		}
	}
	if err := p.crowd(ctx, rows); err != nil {
		return err
	}
	return p.sinceWhen(ctx, j, index)
}

// ended tells whether a state is one out of the queue.
func ended(s RecipientState) bool {
	return s == StateDelivered || s == StateBounced || s == StateDeleted || s == StateDropped || s == StateMoved
}

// placing finds where live recipients are.
type placing struct {
	*Explanation
	inquiry Inquiry
	system  journal.LiveSystem
	message *journal.LiveMessage
	hosts   map[string]*journal.LiveHost // those that the message waits for; nil: well
}

// live says where a recipient in the queue is.
func (p *placing) live(c *ExplainedRecipient, r *journal.LiveRecipient) {
	told := c.State
	c.Destination, c.Redirected, c.Attempts = r.Target(), r.Redirect != "", r.Attempts
	if r.Next != 0 {
		c.Next = r.Next.Time()
	}
	if p.inquiry.QueueTime > 0 {
		c.Expires = p.message.Injected.Time().Add(p.inquiry.QueueTime)
	}
	host := p.hosts[c.Destination]
	switch {
	case p.message.Quarantines > 0:
		c.State = StateQuarantined
	case p.message.InWorkQueue:
		c.State = StateWorkQueue
		p.bindWorkQueue()
	case r.Attempting && p.inquiry.Running:
		c.State = StateAttempting
	case r.Attempting:
		c.State = StateInDoubt
	case p.message.SetAside:
		c.State = StateSetAside
	case r.Held:
		c.State = StateHeld
		p.bindHost(host)
	case p.suspended(c.Destination):
		c.State = StateSuspended
		p.bindHost(host)
	case host != nil:
		c.State = StateHostDown
		p.bindHost(host)
		if at := host.Next.Time(); at.After(c.Next) {
			c.Next = at
		}
	case c.Next.After(p.inquiry.Now):
		c.State = StateQueued
	default:
		c.State = StateDue
	}
	if c.State != told && !(told == StateAttempting && c.State == StateInDoubt) {
		c.Since, c.By, c.Reason = time.Time{}, "", ""
	}
}

func (p *placing) bindHost(h *journal.LiveHost) {
	if h != nil && !slices.ContainsFunc(p.Hosts, func(e ExplainedHost) bool { return e.Destination == h.Destination }) {
		p.Hosts = append(p.Hosts, ExplainedHost{Destination: h.Destination, Failures: h.Failures, Next: h.Next.Time(), Reason: h.Reason})
	}
}

// bind notes what binds, once.
func (p *placing) bind(b Bound) {
	if !slices.ContainsFunc(p.Bounds, func(o Bound) bool { return o.What == b.What && o.Object == b.Object }) {
		p.Bounds = append(p.Bounds, b)
	}
}

func (p *placing) bindWorkQueue() {
	if p.system.WorkQueuePaused {
		p.bind(Bound{What: BoundWorkQueue, Reason: p.system.WorkQueuePauseReason})
	}
}

// suspended tells whether the delivery to a destination is suspended, and notes by which order.
func (p *placing) suspended(destination string) bool {
	domain := strings.ToLower(destination)
	switch all := slices.Contains(p.system.DeliverySuspended, "*"); {
	case all:
		p.bind(Bound{What: BoundSuspension})
	case slices.Contains(p.system.DeliverySuspended, domain):
		p.bind(Bound{What: BoundSuspension, Object: domain})
	default:
		return false
	}
	return true
}

// crowd counts the attempts that are under way, when recipients are due and are not tried all the same.
func (p *placing) crowd(ctx context.Context, rows *journal.LiveSnapshot) error {
	var due []string
	for i := range p.Recipients {
		if c := &p.Recipients[i]; c.State == StateDue && !slices.Contains(due, c.Destination) {
			due = append(due, c.Destination)
		}
	}
	if len(due) == 0 {
		return nil
	}
	if !p.inquiry.Running {
		p.bind(Bound{What: BoundStopped})
		return nil
	}
	if len(p.system.BulkActions) > 0 {
		p.bind(Bound{What: BoundOrder})
	}
	all, to := 0, map[string]int{}
	err := rows.Each(ctx, func(m *journal.LiveMessage) error {
		var tried []string
		for i := range m.Recipients {
			if r := &m.Recipients[i]; r.Attempting && !slices.Contains(tried, r.Target()) { // one attempt of a message to a destination
				tried = append(tried, r.Target())
				all++
				to[r.Target()]++
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, d := range due {
		p.bind(Bound{What: BoundPerDestination, Object: d, Now: to[d], Limit: p.inquiry.PerDestination})
	}
	p.bind(Bound{What: BoundConnections, Now: all, Limit: p.inquiry.Connections})
	return nil
}

// landmarks are the facts that say since when and by whom what binds, but for those about hosts.
var landmarks = journal.KindsOf(&journal.DeliverySuspended{}, &journal.WorkQueuePaused{}, &journal.BulkActionOrdered{},
	&journal.ResourceConservationChanged{}, &journal.ConfigurationCommitted{})

// sinceWhen finds since when and by whom, for all that binds, and the last commit of a configuration.
func (p *placing) sinceWhen(ctx context.Context, j *journal.Journal, index *tracking.Index) error {
	if p.system.Conservation > 0 && slices.ContainsFunc(p.Recipients, func(c ExplainedRecipient) bool { return !ended(c.State) && c.State != StateGone }) {
		p.bind(Bound{What: BoundConservation, Now: int(p.system.Conservation)})
	}
	wanted := map[string]func(journal.Record) bool{} // by what is looked for; true: it is found
	for i := range p.Bounds {
		b := &p.Bounds[i]
		wanted[string(b.What)+" "+b.Object] = func(r journal.Record) bool { return b.began(r, p.system.BulkActions) }
		if b.What == BoundPerDestination || b.What == BoundConnections || b.What == BoundStopped {
			delete(wanted, string(b.What)+" "+b.Object)
		}
	}
	for i := range p.Hosts {
		h := &p.Hosts[i]
		wanted["host "+h.Destination] = h.began
	}
	p.Configuration.Revision = p.inquiry.Revision
	if p.system.Revision > 0 {
		p.Configuration.Revision = p.system.Revision
		wanted["configuration"] = p.Configuration.committed
	}
	if len(wanted) == 0 {
		return nil
	}
	marks := tracking.Landmarks{Kinds: landmarks, Hosts: map[string]bool{}}
	for i := range p.Hosts {
		marks.Hosts[p.Hosts[i].Destination] = true
	}
	err := tracking.Latest(ctx, j, index, p.AsOf, marks, func(r journal.Record) bool {
		for name, found := range wanted {
			if found(r) {
				delete(wanted, name)
			}
		}
		return len(wanted) == 0
	})
	if errors.Is(err, journal.ErrNotFound) { // retention has cut what is before
		return nil
	}
	return err
}

// began tells whether a fact is the one that bound.
func (b *Bound) began(r journal.Record, orders []uint64) bool {
	at := r.Time.Time()
	switch e := r.Event.(type) {
	case *journal.DeliverySuspended:
		if b.What != BoundSuspension || b.Object == "" && len(e.Domains) > 0 ||
			b.Object != "" && !slices.ContainsFunc(e.Domains, func(d string) bool { return strings.EqualFold(d, b.Object) }) {
			return false
		}
		b.Since, b.By = at, e.By
	case *journal.WorkQueuePaused:
		if b.What != BoundWorkQueue {
			return false
		}
		b.Since, b.By, b.Reason = at, e.By, e.Reason
	case *journal.BulkActionOrdered:
		if b.What != BoundOrder || !slices.Contains(orders, r.Seq) {
			return false
		}
		b.Since, b.By, b.Reason = at, e.By, e.Action
	case *journal.ResourceConservationChanged:
		if b.What != BoundConservation {
			return false
		}
		b.Since, b.Reason = at, strings.Join(e.Reasons, ", ")
	default:
		return false
	}
	return true
}

// began tells whether a fact is the first of the failures in a row; each one before it takes the beginning further back.
func (h *ExplainedHost) began(r journal.Record) bool {
	switch e := r.Event.(type) {
	case *journal.HostDown:
		if e.Destination == h.Destination {
			h.Since = r.Time.Time()
			return e.Failures == 1
		}
	case *journal.HostUp:
		return e.Destination == h.Destination
	}
	return false
}

func (c *ConfigurationCommit) committed(r journal.Record) bool {
	e, ok := r.Event.(*journal.ConfigurationCommitted)
	if ok && e.Revision == c.Revision {
		c.Since, c.By, c.Comment = r.Time.Time(), e.By, e.Comment
		return true
	}
	return false
}

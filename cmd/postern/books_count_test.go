package main

import (
	"fmt"
	"slices"

	"postern/journal"
)

// destinations are those of the random mail; operators send mail to the last ones, too.
var destinations = []string{"d0.example", "d1.example", "d2.example", "d3.example", "target.example"}

// messages lists the live ones, ascending.
func (c *factCount) messages() (seqs []uint64) {
	for seq := range c.bySeq {
		seqs = append(seqs, seq)
	}
	slices.Sort(seqs)
	return seqs
}

// needed are the bodies that live messages need, or orders that can be undone.
func (c *factCount) needed() map[journal.BodyID]bool {
	need := map[journal.BodyID]bool{}
	for seq := range c.bySeq {
		need[c.bodies[seq]] = true
	}
	for _, taken := range c.taken {
		for _, seq := range taken {
			need[c.bodies[seq]] = true
		}
	}
	delete(need, 0)
	return need
}

// addOrder counts what operators do.
func (c *factCount) addOrder(r journal.Record) {
	switch e := r.Event.(type) {
	case *journal.RecipientsDeleted:
		c.take(e.Action, e.Set)
	case *journal.RecipientsBounced:
		told := map[uint64]bool{}
		for i := range e.Set {
			if seq := e.Set[i].Message; c.senders[seq] && !told[seq] {
				told[seq] = true
				c.dues[seq]++
			}
		}
		c.take(e.Action, e.Set)
	case *journal.MessageRemoved:
		c.end(e.Message, e.RIDs, false)
	case *journal.RecipientsRedirected:
		c.eachOf(e.Set, func(name string, _ *journal.MessageRecipients) { c.live[name] = e.Target })
	case *journal.Held:
		c.eachOf(e.Set, func(string, *journal.MessageRecipients) {})
	case *journal.NotificationDropped:
		c.dues[e.Message] -= len(e.Reports)
		c.drop(e.Message)
	case *journal.RecipientsReinstated:
		c.comeBack(e)
	case *journal.BulkActionOrdered:
		if e.Undoable() {
			c.taken[r.Seq] = []uint64{}
		}
	case *journal.UndoEnded:
		delete(c.taken, e.Action)
	case *journal.Queued:
		delete(c.unqueued, e.Message)
	}
}

func (c *factCount) take(action uint64, set []journal.MessageRecipients) {
	for i := range set {
		if _, ok := c.taken[action]; ok {
			c.taken[action] = append(c.taken[action], set[i].Message)
		}
		c.end(set[i].Message, set[i].RIDs, false)
	}
}

// eachOf calls fn for recipients that an order has taken out of any attempt.
func (c *factCount) eachOf(set []journal.MessageRecipients, fn func(name string, s *journal.MessageRecipients)) {
	for i := range set {
		for _, rid := range set[i].RIDs {
			name := fmt.Sprint(set[i].Message, "/", rid)
			delete(c.hands, name)
			fn(name, &set[i])
		}
	}
}

func (c *factCount) comeBack(e *journal.RecipientsReinstated) {
	c.eachOf(e.Set, func(name string, s *journal.MessageRecipients) {
		if c.live[name] = s.Destination; s.Redirect != "" {
			c.live[name] = s.Redirect
		}
		if e.Target != "" {
			return
		}
		c.bySeq[s.Message]++
	})
	for i := range e.Set {
		for k, rid := range e.Set[i].RIDs {
			if e.Target == "" {
				c.tried[fmt.Sprint(e.Set[i].Message, "/", rid)] = e.Set[i].Attempts[k] > 0
			}
		}
	}
}

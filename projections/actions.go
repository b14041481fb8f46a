package projections

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"postern/journal"
)

// MaxActions is how many orders about the queue are remembered; the oldest are forgotten.
const MaxActions = 200

// maxActionText is how many bytes of what was asked for are remembered.
const maxActionText = 1000

// Action is something that an operator ordered done to mail in the queue.
type Action struct {
	ID         uint64    `json:"id"` // Seq of its fact, which undo names
	Time       time.Time `json:"timestamp"`
	By         string    `json:"by"`
	Action     string    `json:"action"`             // delete, bounce, redirect, hold, release, reinstate, remove, archive
	Target     string    `json:"target,omitempty"`   // of a redirect
	Selection  string    `json:"selection"`          // what was asked for, in words
	Messages   uint64    `json:"messages"`           // that it was to touch, and once it is completed that it has touched
	Recipients uint64    `json:"recipients"`         // the same of recipients
	Excluded   uint64    `json:"excluded,omitempty"` // recipients that were past recall
	Completed  time.Time `json:"completed,omitzero"` // zero: it is under way
	Undoes     uint64    `json:"undoes,omitempty"`   // ID of what a reinstate brings back
	UndoneBy   uint64    `json:"undone_by,omitempty"`
	Reinstated uint64    `json:"reinstated,omitempty"` // recipients of it that were brought back
	UndoEnded  time.Time `json:"undo_ended,omitzero"`  // since when it can be undone no more; zero: it can, or never could
}

// actions are the last orders, the oldest first. Part of the figures.
type actions struct{ list []action }

type action struct {
	id                             uint64
	ordered, completed, ended      journal.Instant
	by, action, target, selection  string
	messages, recipients, excluded uint64
	undoes, undoneBy, reinstated   uint64
}

// apply folds the facts that make, complete or undo an order.
func (s *actions) apply(r journal.Record) {
	switch e := r.Event.(type) {
	case *journal.BulkActionOrdered:
		s.add(action{id: r.Seq, ordered: r.Time, by: strings.Clone(e.By), action: strings.Clone(e.Action), target: strings.Clone(e.Target),
			selection: shortened(e.Selection, maxActionText), messages: e.Messages, recipients: e.Recipients, undoes: e.Undone})
		if a := s.find(e.Undone); e.Undone != 0 && a != nil { // also when nothing comes back
			a.undoneBy = r.Seq
		}
	case *journal.BulkActionCompleted:
		if a := s.find(e.Action); a != nil {
			a.completed, a.messages, a.recipients = r.Time, e.Messages, e.Recipients
			_, a.excluded = countSet(e.Excluded)
		}
	case *journal.UndoEnded:
		if a := s.find(e.Action); a != nil {
			a.ended = r.Time
		}
	case *journal.MessageRemoved:
		a := action{id: r.Seq, ordered: r.Time, completed: r.Time, by: strings.Clone(e.By), action: "remove",
			selection: fmt.Sprintf("MID %d", e.MID), messages: 1, recipients: uint64(len(e.RIDs))}
		if e.Archive != "" {
			a.action = "archive"
		}
		s.add(a)
	case *journal.RecipientsReinstated:
		s.reinstated(r, e)
	}
}

// reinstated notes on both sides what was brought back: on the order that did so, which is the fact itself when it names
// none, and on the one that had taken it.
func (s *actions) reinstated(r journal.Record, e *journal.RecipientsReinstated) {
	messages, recipients := countSet(e.Set)
	by := e.Action
	if by == 0 {
		by = r.Seq
		s.add(action{id: r.Seq, ordered: r.Time, completed: r.Time, by: strings.Clone(e.By), action: "reinstate",
			messages: messages, recipients: recipients})
	}
	if a := s.find(by); a != nil {
		a.undoes = e.Undone
	}
	if a := s.find(e.Undone); a != nil {
		a.undoneBy = by
		a.reinstated += recipients
	}
}

func (s *actions) add(a action) {
	if len(s.list) >= MaxActions {
		s.list = slices.Delete(s.list, 0, len(s.list)-MaxActions+1)
	}
	s.list = append(s.list, a)
}

// find returns an order that is remembered, nil when it is not.
func (s *actions) find(id uint64) *action {
	for i := range slices.Backward(s.list) {
		if s.list[i].id == id {
			return &s.list[i]
		}
	}
	return nil
}

// countSet counts the messages of a set, which names one as often as it has destinations, and the recipients.
func countSet(set []journal.MessageRecipients) (messages, recipients uint64) {
	seen := make(map[uint64]bool, len(set))
	for i := range set {
		seen[set[i].Message] = true
		recipients += uint64(len(set[i].RIDs))
	}
	return uint64(len(seen)), recipients
}

// shortened is a copy of a text, at most so many bytes of it.
func shortened(text string, most int) string {
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	return strings.Clone(text)
}

// Actions gives the last orders about the queue, the newest first, at most max; 0 is all that are remembered.
func (f *Figures) Actions(max int) []Action {
	list := f.actions.list
	if max > 0 && len(list) > max {
		list = list[len(list)-max:]
	}
	out := make([]Action, 0, len(list))
	for _, a := range slices.Backward(list) {
		out = append(out, Action{ID: a.id, Time: a.ordered.Time(), By: a.by, Action: a.action, Target: a.target, Selection: a.selection,
			Messages: a.messages, Recipients: a.recipients, Excluded: a.excluded, Completed: a.completed.Time(), Undoes: a.undoes,
			UndoneBy: a.undoneBy, Reinstated: a.reinstated, UndoEnded: a.ended.Time()})
	}
	return out
}

func (s *actions) encode(e *encoder) {
	e.uint(uint64(len(s.list)))
	for i := range s.list {
		a := &s.list[i]
		e.strings([]string{a.by, a.action, a.target, a.selection})
		e.uints(a.id, a.messages, a.recipients, a.excluded, a.undoes, a.undoneBy, a.reinstated)
		e.int(int64(a.ordered))
		e.int(int64(a.completed))
		e.int(int64(a.ended))
	}
}

func (s *actions) decode(d *decoder) {
	for range d.count() {
		words := d.strings()
		if len(words) != 4 {
			d.fail()
			return
		}
		a := action{by: words[0], action: words[1], target: words[2], selection: words[3]}
		for _, v := range []*uint64{&a.id, &a.messages, &a.recipients, &a.excluded, &a.undoes, &a.undoneBy, &a.reinstated} {
			*v = d.uint()
		}
		a.ordered, a.completed, a.ended = journal.Instant(d.int()), journal.Instant(d.int()), journal.Instant(d.int())
		s.add(a)
	}
}

package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"postern/journal"
)

// reportOrder asks for the notification of what has befallen one message.
type reportOrder struct {
	message uint64   // Seq
	facts   []uint64 // Seqs of what is to be reported
	last    bool     // what cannot be read is left out: it was tried often enough
}

// handReports gives messages with reports due to the writers, as many as they have room for. The rest waits in State,
// where a crash finds it again.
func (e *Engine) handReports(now int64) {
	s := e.state
	for d, ok := s.reportLater.first(); ok && d.at <= now; d, ok = s.reportLater.first() {
		s.reportQueue = append(s.reportQueue, s.reportLater.pop().id)
	}
	for len(s.reportQueue) > 0 && s.loaded && !e.stopping {
		mi := s.reportQueue[0]
		m := s.messages.at(mi)
		due := s.reports[mi]
		if m.seq == 0 || len(due) == 0 || m.flags&reporting == 0 {
			s.reportQueue = s.reportQueue[1:]
			continue
		}
		select {
		case e.reporter <- reportOrder{message: m.seq, facts: append([]uint64(nil), due...),
			last: e.reportTries[m.seq] >= maxReportTries}:
			s.reportQueue = s.reportQueue[1:]
		default:
			return
		}
	}
}

// reportsDue tells whether all of these facts still wait to be reported.
func (s *State) reportsDue(parent uint64, facts []uint64) bool {
	mi, ok := s.bySeq[parent]
	if !ok {
		return false
	}
	for _, f := range facts {
		if !slices.Contains(s.reports[mi], f) {
			return false
		}
	}
	return true
}

// reportWriters is how many notifications are written at a time: each waits for a sync that all share.
const reportWriters = 16

// startReporters starts the writers of notifications; they end with ctx.
func (e *Engine) startReporters(ctx context.Context) {
	for range reportWriters {
		e.workers.Add(1)
		go func() {
			defer e.workers.Done()
			for {
				select {
				case <-ctx.Done():
					return
				case o := <-e.reporter:
					e.reportWritten(o, e.writeReport(ctx, o))
				}
			}
		}()
	}
}

// reportAgain is how long a notification that could not be written waits: the queue may have been busy, the disk may have
// had a bad moment. After so many tries it is written from what can be read, or given up.
const (
	reportAgain    = 10 * time.Second
	maxReportTries = 6
)

// reportWritten makes room for another report. One that could not be written is tried again, but not for ever.
func (e *Engine) reportWritten(o reportOrder, err error) {
	switch {
	case err == nil || errors.Is(err, errNotDue) || errors.Is(err, ErrStopping):
		e.order(func(*turn) { delete(e.reportTries, o.message) })
		return
	case errors.Is(err, ErrBusy):
	case o.last || errors.Is(err, errNobodyToTell):
		e.options.Problem(fmt.Errorf("notification for message %d: given up: %w", o.message, err))
		e.order(func(t *turn) {
			delete(e.reportTries, o.message)
			if mi, ok := t.s.bySeq[o.message]; ok && t.s.reportsDue(o.message, o.facts) {
				t.emit(&journal.NotificationDropped{Message: o.message, MID: t.s.messages.at(mi).mid, Reports: o.facts, Reason: err.Error()})
			}
		})
		return
	default:
		e.options.Problem(fmt.Errorf("notification for message %d: %w", o.message, err))
	}
	e.order(func(t *turn) {
		if mi, ok := t.s.bySeq[o.message]; ok {
			t.s.reportLater.push(dueEntry{t.clock + int64(reportAgain), mi})
			if !errors.Is(err, ErrBusy) {
				e.reportTries[o.message]++
			}
		}
	})
}

// errNobodyToTell says that the facts that can be read name no sender, or no recipient of whom he wants to hear.
var errNobodyToTell = errors.New("there is nobody to tell, or nothing")

// writeReport submits the injection of a notification. Nothing of its text is stored: it is rendered from the facts at each
// attempt, here only to know its size.
func (e *Engine) writeReport(ctx context.Context, o reportOrder) error {
	parent, err := injected(e.options.Journal, o.message)
	if err != nil {
		return err
	}
	if parent.Sender == "" {
		return errNobodyToTell
	}
	doc := e.options.Document()
	n := &journal.MessageInjected{Why: journal.WhyBounce, Queued: true, Parent: o.message, ParentMID: parent.MID, Reports: o.facts,
		Body: parent.Body, SMTPUTF8: parent.SMTPUTF8, MessageID: fmt.Sprintf("<dsn.%d.%d@%s>", o.message, o.facts[0], doc.Hostname)}
	local, domain := splitAddress(parent.Sender)
	n.Recipients = []journal.InjectedRecipient{{RID: 0, Local: local, Domain: domain, Notify: journal.NotifyNever}}
	facts, err := reported(e.options.Journal, n, o.last)
	if err != nil {
		return err
	}
	if facts.successOnly() {
		n.Why = journal.WhySuccess
	}
	n.Subject, n.Form = facts.subject(), journal.Body8Bit
	if n.MID, err = e.ID(ctx, journal.MID); err != nil {
		return err
	}
	content, err := facts.open(e.options.Journal, doc, journal.InstantOf(e.options.Now()), n)
	if err != nil {
		return err
	}
	n.Size = content.Size
	if !content.eightBit {
		n.Form = journal.Body7Bit
	}
	content.Close()
	_, err = e.Inject(ctx, n)
	return err
}

func splitAddress(a string) (local, domain string) {
	at := strings.LastIndexByte(a, '@')
	if at < 0 {
		return a, ""
	}
	return a[:at], strings.ToLower(a[at+1:])
}

// injected reads the injection of a message.
func injected(j *journal.Journal, seq uint64) (*journal.MessageInjected, error) {
	r, err := j.At(seq)
	if err != nil {
		return nil, fmt.Errorf("message %d: %w", seq, err)
	}
	m, ok := r.Event.(*journal.MessageInjected)
	if !ok {
		return nil, fmt.Errorf("record %d is no injection", seq)
	}
	return m, nil
}

package engine

import (
	"context"
	"errors"
	"fmt"

	"postern/journal"
)

// Alert is what operators are to hear of: that something is wrong, or that it is over.
type Alert struct {
	Kind     string // one word
	Object   string // what it is about, "" the gateway itself
	Severity string // Information, Warning, Critical; of what is over that of before
	Text     string // sentences for people
	Over     bool
}

func (a *Alert) fact() journal.Event {
	if a.Over {
		return &journal.AlertCleared{Alert: a.Kind, Object: a.Object}
	}
	return &journal.AlertRaised{Alert: a.Kind, Object: a.Object, Severity: a.Severity, Text: a.Text}
}

// Alert writes an alert down and queues its mail, if the configuration names somebody, with one sync: after a nil error both
// are durable, after an error neither will be unless ctx has ended. What the queue has too little of does not matter to it:
// it is a few kilobytes, and what is wrong may be just that. The mail is delivered as all mail is, and nobody is ever told
// what became of it: its recipients want no notifications.
func (e *Engine) Alert(ctx context.Context, a Alert) error {
	mail, err := e.alertMail(ctx, a)
	if err != nil {
		return fmt.Errorf("alert %s %s: %w", a.Kind, a.Object, err)
	}
	err = e.decide(ctx, func(t *turn) {
		t.emit(a.fact())
		if mail != nil {
			t.emit(mail)
		}
	})
	if errors.Is(err, ErrStopping) && mail != nil {
		_ = e.options.Journal.DeleteBody(mail.Body) // the next start sweeps what is left
	}
	return err
}

// alertMail stores the text of an alert and returns its injection, nil when nobody is to have it.
func (e *Engine) alertMail(ctx context.Context, a Alert) (*journal.MessageInjected, error) {
	doc := e.options.Document()
	if len(doc.Alerts.To) == 0 {
		return nil, nil
	}
	mid, err := e.ID(ctx, journal.MID)
	if err != nil {
		return nil, err
	}
	letter := alertLetter{Alert: a, to: doc.Alerts.To, from: doc.Alerts.From, host: doc.Hostname, version: e.options.Version, mid: mid, at: e.options.Now()}
	text := letter.render()
	body, err := e.options.Journal.PutBody(text)
	if err != nil {
		return nil, err
	}
	m := &journal.MessageInjected{MID: mid, Size: int64(len(text)), Body: body, Why: journal.WhyAlert, Queued: true,
		Sender: letter.from, MessageID: letter.messageID(), Subject: letter.subject()}
	for i, address := range letter.to {
		local, domain := splitAddress(address)
		m.Recipients = append(m.Recipients, journal.InjectedRecipient{RID: uint32(i), Local: local, Domain: domain, Notify: journal.NotifyNever})
	}
	return m, nil
}

package shell

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"postern/engine"
	"postern/journal"
	"postern/projections"
)

// Past is what a person may ask of past moments. Each answer is exactly what the records up to the last one of its moment
// say, and bears it. A moment without history is refused.
type Past interface {
	// StatusAt is Status as of a moment.
	StatusAt(ctx context.Context, at time.Time) (projections.Status, error)
	// HostAt is Host as of a moment, without what only a running gateway knows.
	HostAt(ctx context.Context, name string, at time.Time) (HostReport, error)
	// TopHostsAt is TopHosts as of a moment.
	TopHostsAt(ctx context.Context, order projections.HostOrder, n int, at time.Time) (TopHosts, error)
	// TopInboundAt is TopInbound as of a moment, as the facts told of clients.
	TopInboundAt(ctx context.Context, n int, at time.Time) (TopInbound, error)
	// RecipientsAt is Recipients as of a moment; begin is told first which it is.
	RecipientsAt(ctx context.Context, s engine.Selection, at time.Time, begin func(projections.Moment) error, page func([]engine.Listed) error) error
	// Replay calls row for the moments of a period, a step apart, from its first to its last, and for its end; at most about
	// maxReplay of them. Where the history begins within the period the first row has what grew since as its deltas.
	Replay(ctx context.Context, from, to time.Time, step time.Duration, row func(RateRow) error) error
}

// maxReplay is how many rows a replay has.
const maxReplay = 10_000

// pastLook is one look into a journal's past.
type pastLook struct {
	projections.Past
	journal *journal.Journal
}

func newPastLook(j *journal.Journal, setBacks []uint64) *pastLook {
	return &pastLook{journal: j, Past: projections.Past{Journal: j, SetBacks: setBacks,
		Keyframes: &projections.Keyframes{Rows: j.Rows(projections.KeyframeRows)}}}
}

// figures are those of a moment.
func (p *pastLook) figures(ctx context.Context, at time.Time) (m projections.Moment, f *projections.Figures, err error) {
	if m, err = p.Moment(at); err == nil {
		f, err = p.Figures(ctx, m)
	}
	if none := (*projections.NoHistoryError)(nil); errors.As(err, &none) {
		err = &RefusedError{none.Reason}
	}
	return m, f, err
}

func (p *pastLook) status(ctx context.Context, at time.Time) (s projections.Status, err error) {
	m, f, err := p.figures(ctx, at)
	if err != nil {
		return s, err
	}
	return p.Status(ctx, m, f)
}

func (p *pastLook) host(ctx context.Context, name string, at time.Time) (r HostReport, err error) {
	if err := checkHost(name); err != nil {
		return r, &RefusedError{sentence(err.Error())}
	}
	m, f, err := p.figures(ctx, at)
	if err != nil {
		return r, err
	}
	r.Timestamp = m.At
	r.fold(connected(f), name)
	r.Host = strings.ToLower(r.Host)
	m.NotRecorded = []string{projections.GaugePendingOutbound}
	r.Past = &m
	return r, nil
}

// connected lets nobody be connected with a gateway that did not run.
func connected(f *projections.Figures) *projections.Figures {
	if !f.Running() {
		f.Disconnect()
	}
	return f
}

func (p *pastLook) topHosts(ctx context.Context, order projections.HostOrder, n int, at time.Time) (t TopHosts, err error) {
	m, f, err := p.figures(ctx, at)
	if err != nil {
		return t, err
	}
	return TopHosts{Timestamp: m.At, Hosts: connected(f).Top(min(n, maxTopHosts), order, m.At), Past: &m}, nil
}

func (p *pastLook) topInbound(ctx context.Context, n int, at time.Time) (t TopInbound, err error) {
	m, f, err := p.figures(ctx, at)
	if err != nil {
		return t, err
	}
	return TopInbound{Timestamp: m.At, Clients: connected(f).TopInbound(min(max(n, 1), maxTopInbound)), Past: &m}, nil
}

// replay moves the figures from one moment to the next.
func (p *pastLook) replay(ctx context.Context, from, to time.Time, step time.Duration, row func(RateRow) error) error {
	step = max(step, time.Second)
	from, to, cut, err := p.within(from, to, step)
	if err != nil {
		return err
	}
	if to.Sub(from)/step >= maxReplay {
		return &RefusedError{fmt.Sprintf("The period has more than %d rows: give a shorter one, or more seconds between them.", maxReplay)}
	}
	if _, err := p.Moment(to); err != nil {
		_, _, err = p.figures(ctx, to)
		return err
	}
	m, f, err := p.figures(ctx, from)
	if err != nil {
		return err
	}
	first := pastRate(f, m)
	if cut {
		if err := p.sinceTheBeginning(&first); err != nil {
			return err
		}
	}
	err = row(first)
	for at := from; err == nil && at.Before(to); {
		if at = at.Add(step); at.After(to) {
			at = to
		}
		if m, err = p.Moment(at); err == nil && m.Seq < f.Seq() { // the clock was set back
			f, err = p.Figures(ctx, m)
		} else if err == nil {
			err = p.Advance(ctx, f, m.Seq)
		}
		if err == nil {
			err = row(pastRate(f, m))
		}
	}
	return err
}

// sinceTheBeginning gives a row what has grown since the history begins: with nothing, or with what a cut has summed up.
func (p *pastLook) sinceTheBeginning(r *RateRow) error {
	begins, _, err := p.Journal.First()
	if err != nil {
		return err
	}
	records, err := p.Journal.Read(begins-1, 1, nil)
	if err != nil || len(records) == 0 {
		return err
	}
	base := projections.NewFigures(0)
	if cut, ok := records[0].Event.(*journal.HistoryCut); ok && cut.Baseline(records[0].Seq) {
		base.Apply(records[0])
	}
	before := rateRowOf(base.View(r.Timestamp, nil, nil))
	r.ReceivedDelta, r.CompletedDelta = grown(before.Received, r.Received), grown(before.Completed, r.Completed)
	return nil
}

// within cuts a period to what the history has of it; one that lies outside stays, and is refused by whoever looks. cut tells
// that the history begins within it.
func (p *pastLook) within(from, to time.Time, step time.Duration) (_, _ time.Time, cut bool, err error) {
	_, begins, err := p.Journal.First()
	if err != nil || begins == 0 {
		return from, to, false, err
	}
	now := time.Now()
	if p.Now != nil {
		now = p.Now()
	}
	if to.After(now) && !from.After(now) {
		to = now
	}
	if first := begins.Time(); from.Before(first) && !to.Before(first) {
		cut = true
		if from = from.Add((first.Sub(from) + step - 1) / step * step); from.After(to) {
			from = to
		}
	}
	return from, to, cut, nil
}

// pastRate is a row of rate as it was at a moment.
func pastRate(f *projections.Figures, m projections.Moment) RateRow {
	r := rateRowOf(f.View(m.At, nil, nil))
	r.Seq, r.Crashed, r.Restarted = m.Seq, m.Crashed, m.Restarted
	if !f.Running() {
		r.Inbound, r.Outbound = 0, 0
	}
	return r
}

// past has a look at the past, when no other heavy reading is under way. Mail does not wait for it: it rests in between.
func (l *Local) past(ctx context.Context, look func(*pastLook) error) error {
	if l.Messages.Journal == nil {
		return errNoQueue
	}
	var setBacks []uint64
	if _, err := l.Follower.Look(ctx, func() { setBacks = l.Figures.SetBacks() }); err != nil {
		return err
	}
	if err := takeTurn(ctx, &l.searching, errSearching); err != nil {
		return err
	}
	defer l.searching.Unlock()
	p := newPastLook(l.Messages.Journal, setBacks)
	p.Listeners, p.Now, p.Rest = l.self().Listeners, l.now, resting(p.journal)
	return look(p)
}

// resting leaves mail the better part of two processors while it is on the move; when nothing is written nobody waits.
func resting(j *journal.Journal) func(worked time.Duration) {
	at := j.Durable()
	return func(worked time.Duration) {
		before := at
		if at = j.Durable(); at != before {
			rest(worked * 2 / 3)
		}
	}
}

// past has a look at the past of the stopped store.
func (o *Offline) past(ctx context.Context, look func(*pastLook) error) error {
	var setBacks []uint64
	if err := o.figures(ctx, func(f *projections.Figures) { setBacks = f.SetBacks() }); err != nil {
		return err
	}
	j, err := o.open()
	if err != nil {
		return err
	}
	defer j.Close()
	p := newPastLook(j, setBacks)
	p.Stopped = true
	return look(p)
}

// StatusAt implements Gateway.
func (l *Local) StatusAt(ctx context.Context, at time.Time) (s projections.Status, err error) {
	return s, l.past(ctx, func(p *pastLook) error { s, err = p.status(ctx, at); return err })
}

// HostAt implements Gateway.
func (l *Local) HostAt(ctx context.Context, name string, at time.Time) (r HostReport, err error) {
	return r, l.past(ctx, func(p *pastLook) error { r, err = p.host(ctx, name, at); return err })
}

// TopHostsAt implements Gateway.
func (l *Local) TopHostsAt(ctx context.Context, order projections.HostOrder, n int, at time.Time) (t TopHosts, err error) {
	return t, l.past(ctx, func(p *pastLook) error { t, err = p.topHosts(ctx, order, n, at); return err })
}

// TopInboundAt implements Gateway.
func (l *Local) TopInboundAt(ctx context.Context, n int, at time.Time) (t TopInbound, err error) {
	return t, l.past(ctx, func(p *pastLook) error { t, err = p.topInbound(ctx, n, at); return err })
}

// Replay implements Gateway.
func (l *Local) Replay(ctx context.Context, from, to time.Time, step time.Duration, row func(RateRow) error) error {
	return l.past(ctx, func(p *pastLook) error { return p.replay(ctx, from, to, step, row) })
}

// StatusAt implements Gateway.
func (o *Offline) StatusAt(ctx context.Context, at time.Time) (s projections.Status, err error) {
	return s, o.past(ctx, func(p *pastLook) error { s, err = p.status(ctx, at); return err })
}

// HostAt implements Gateway.
func (o *Offline) HostAt(ctx context.Context, name string, at time.Time) (r HostReport, err error) {
	return r, o.past(ctx, func(p *pastLook) error { r, err = p.host(ctx, name, at); return err })
}

// TopHostsAt implements Gateway.
func (o *Offline) TopHostsAt(ctx context.Context, order projections.HostOrder, n int, at time.Time) (t TopHosts, err error) {
	return t, o.past(ctx, func(p *pastLook) error { t, err = p.topHosts(ctx, order, n, at); return err })
}

// TopInboundAt implements Gateway.
func (o *Offline) TopInboundAt(ctx context.Context, n int, at time.Time) (t TopInbound, err error) {
	return t, o.past(ctx, func(p *pastLook) error { t, err = p.topInbound(ctx, n, at); return err })
}

// Replay implements Gateway.
func (o *Offline) Replay(ctx context.Context, from, to time.Time, step time.Duration, row func(RateRow) error) error {
	return o.past(ctx, func(p *pastLook) error { return p.replay(ctx, from, to, step, row) })
}

package projections

import (
	"context"
	"fmt"
	"slices"
	"time"

	"postern/journal"
)

// Archive is the journal as a look at the past reads it: *journal.Journal is one.
type Archive interface {
	Source
	// First returns the first record that is kept, zeros when there is none.
	First() (seq uint64, at journal.Instant, err error)
	// LastBefore returns the last record whose time is not after t; back are the Seqs before which the clock was set back.
	LastBefore(t journal.Instant, back []uint64) (seq uint64, at journal.Instant, err error)
	// Pick calls fn for the records with from ≤ Seq ≤ to of the wanted kinds.
	Pick(ctx context.Context, from, to uint64, wanted func(journal.Kind) bool, fn func(journal.Record) error) error
}

// Past builds the figures as they stood at past moments. Its fields are set before use; one goroutine uses it.
type Past struct {
	Journal   Archive
	Keyframes *Keyframes       // nobody else's; nil: all is replayed from the first record
	SetBacks  []uint64         // of the present figures
	Stopped   bool             // the gateway does not run
	Listeners []string         // the configured ones, by name
	Now       func() time.Time // nil: time.Now
	Pace      journal.Pace     // of the work
}

// Moment is a moment of the past as the history has it: what is shown of it is exactly what the records up to Seq say.
type Moment struct {
	At       time.Time `json:"at"`       // what was asked for
	Seq      uint64    `json:"seq"`      // of the last record that was written until then
	Recorded time.Time `json:"recorded"` // when that was written

	Crashed     bool      `json:"crashed,omitempty"`      // after that record the gateway ended without a stop
	Restarted   time.Time `json:"restarted,omitzero"`     // when it was started again; zero: it was not yet
	Sampled     time.Time `json:"sampled,omitzero"`       // of the last sample before; zero: there is none
	FromSample  []string  `json:"from_sample,omitempty"`  // gauges that are as of it
	NotRecorded []string  `json:"not_recorded,omitempty"` // gauges that are known only while they can be read off
}

// NoHistoryError says that a moment lies where there is no history; its text is a sentence.
type NoHistoryError struct{ Reason string }

func (e *NoHistoryError) Error() string { return e.Reason }

const sentenceTime = "Mon Jan 02 15:04:05 2006 MST"

// Moment finds the last record of a moment. Where the clock was set back and a time came twice, the later one is meant. The
// error is a *NoHistoryError when the moment lies in the future or before the first record.
func (p *Past) Moment(at time.Time) (Moment, error) {
	now := time.Now
	if p.Now != nil {
		now = p.Now
	}
	if at.After(now()) {
		return Moment{}, &NoHistoryError{fmt.Sprintf("%s lies in the future: it is %s", at.Format(sentenceTime), now().In(at.Location()).Format(sentenceTime))}
	}
	seq, written, err := p.Journal.LastBefore(journal.InstantOf(at), p.SetBacks)
	if err != nil {
		return Moment{}, err
	}
	if seq > 0 {
		m := Moment{At: at.UTC(), Seq: seq, Recorded: written.Time()}
		return m, p.crash(&m)
	}
	if _, written, err = p.Journal.First(); err != nil {
		return Moment{}, err
	}
	if written == 0 {
		return Moment{}, &NoHistoryError{"the journal is empty: there is no past yet"}
	}
	return Moment{}, &NoHistoryError{fmt.Sprintf("the history begins at %s: nothing is known of %s", written.Time().In(at.Location()).Format(sentenceTime), at.Format(sentenceTime))}
}

// crash notes that a run of the gateway ended with the moment's record, and not by a stop.
func (p *Past) crash(m *Moment) error {
	around, err := p.Journal.Read(m.Seq-1, 2, nil)
	if err != nil || len(around) == 0 {
		return err
	}
	if _, stopped := around[0].Event.(*journal.Stopped); stopped {
		return nil
	}
	if m.Crashed = p.Stopped; len(around) > 1 {
		if _, m.Crashed = around[1].Event.(*journal.Started); m.Crashed {
			m.Restarted = around[1].Time.Time()
		}
	}
	return nil
}

// Figures builds the figures as of a moment, from the newest keyframe before it.
func (p *Past) Figures(ctx context.Context, m Moment) (*Figures, error) {
	f := NewFigures(0)
	if p.Keyframes != nil {
		var err error
		if f, err = p.Keyframes.Load(m.Seq, 0); err != nil {
			return nil, err
		}
	}
	return f, p.Advance(ctx, f, m.Seq)
}

// Advance applies the records up to a Seq.
func (p *Past) Advance(ctx context.Context, f *Figures, seq uint64) error {
	return f.advance(ctx, p.Journal, seq, &p.Pace)
}

// advance applies the records up to a Seq, which must be durable.
func (f *Figures) advance(ctx context.Context, source Source, seq uint64, pace *journal.Pace) error {
	var records []journal.Record
	for f.seq < seq {
		pace.Step(ctx)
		if err := ctx.Err(); err != nil {
			return err
		}
		var err error
		records, err = source.Read(f.seq, int(min(seq-f.seq, followBatch)), records)
		for i := range records {
			if r := &records[i]; r.Seq > seq {
				if cut, ok := r.Event.(*journal.HistoryCut); ok && cut.Baseline(r.Seq) {
					return fmt.Errorf("projections: record %d: %w with record %d", seq, errGone, cut.Before)
				}
				return nil
			}
			f.Apply(records[i])
		}
		if err != nil {
			return fmt.Errorf("projections: after record %d: %w", f.seq, err)
		}
		if len(records) == 0 {
			return fmt.Errorf("projections: record %d: %w", seq, errNotYet)
		}
	}
	return nil
}

// Status is what status showed at a moment, of figures that stand there. A gateway that did not run then is offline.
func (p *Past) Status(ctx context.Context, m Moment, f *Figures) (Status, error) {
	stopped := !f.Running()
	if stopped {
		f.Disconnect()
	}
	v := f.View(m.At, nil, p.Listeners)
	if stopped {
		v.System, v.UptimeSeconds = SystemOffline, 0
		for c := range v.Counters {
			v.Counters[c].Uptime = 0
		}
	}
	v.Past = &m
	if !stopped {
		if err := p.sample(ctx, &v, f.system.started); err != nil {
			return v, err
		}
	}
	m.NotRecorded = v.missing()
	return v, nil
}

// sampleAge is how old the last sample of a running gateway is at most; there is one a minute.
const sampleAge = 2 * time.Minute

// sample puts the gauges of the last sample in, those that the facts do not give.
func (p *Past) sample(ctx context.Context, v *Status, started journal.Instant) error {
	m := v.Past
	from, _, err := p.Journal.LastBefore(journal.InstantOf(m.At.Add(-sampleAge)), p.SetBacks)
	if err != nil || from >= m.Seq {
		return err
	}
	return p.Journal.Pick(ctx, from+1, m.Seq, journal.KindsOf(&journal.Sampled{}).Has, func(r journal.Record) error {
		if e, ok := r.Event.(*journal.Sampled); ok && r.Time >= started {
			v.takeSample(r.Time, e)
		}
		return nil
	})
}

// takeSample fills in the gauges that only a sample tells of.
func (v *Status) takeSample(at journal.Instant, e *journal.Sampled) {
	again := v.Past.FromSample
	v.Past.Sampled, v.Past.FromSample = at.Time(), nil
	for i := range e.Values {
		gauge, ok := gaugeSamples[e.Values[i].Name]
		if !ok {
			continue
		}
		if _, known := v.Gauges[gauge]; known && !slices.Contains(again, gauge) {
			continue
		}
		v.Gauges[gauge] = e.Values[i].Value
		v.Past.FromSample = append(v.Past.FromSample, gauge)
	}
	for i := range e.Texts {
		if gauge, ok := textSamples[e.Texts[i].Name]; ok {
			v.Texts[gauge] = string([]byte(e.Texts[i].Text))
		}
	}
	slices.Sort(v.Past.FromSample)
}

// liveOnly are the gauges that nothing writes down.
var liveOnly = []string{GaugePendingOutbound, GaugePendingDNS, GaugeOpenFiles, GaugeFollowerLag}

// missing names the gauges that are not known of a past moment, ascending.
func (v *Status) missing() []string {
	names := slices.Clone(liveOnly)
	for _, gauge := range gaugeSamples {
		if _, known := v.Gauges[gauge]; !known {
			names = append(names, gauge)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"postern/engine"
	"postern/projections"
)

// alarms watches what may be wrong with the gateway and has operators told when it begins and when it is over. It looks at
// levels as they stand and never at facts as they come, so that a replay tells nobody anything. Of one kind about one object
// at most one alert is raised in an interval; what is wrong for longer is not repeated, what is worse than it was is.
// run is the only goroutine that uses it.
type alarms struct {
	levels   func(now time.Time, stands func(kind, object string) bool) []engine.Alert
	tell     func(context.Context, engine.Alert) error
	interval func() time.Duration
	problem  func(error)

	known map[alarmKey]alarm
}

type alarmKey struct{ kind, object string }

// alarm is what was told last of a kind and an object.
type alarm struct {
	raised   time.Time
	severity string
	stands   bool
}

// lookEvery is how often levels are looked at.
const lookEvery = 5 * time.Second

// takeOver remembers what an earlier run has told, so that a start repeats nothing.
func (a *alarms) takeOver(told []projections.Alert) {
	a.known = make(map[alarmKey]alarm, len(told))
	for _, t := range slices.Backward(told) { // the newest first
		a.known[alarmKey{t.Kind, t.Object}] = alarm{raised: t.Time, severity: t.Severity, stands: t.Cleared.IsZero()}
	}
}

// run looks until ctx ends.
func (a *alarms) run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		a.look(ctx, time.Now())
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// look compares what is wrong with what was told. What could not be told is tried again with the next look.
func (a *alarms) look(ctx context.Context, now time.Time) {
	if a.known == nil {
		a.known = make(map[alarmKey]alarm)
	}
	wrong := map[alarmKey]bool{}
	for _, level := range a.levels(now, func(kind, object string) bool { return a.known[alarmKey{kind, object}].stands }) {
		key := alarmKey{level.Kind, level.Object}
		wrong[key] = true
		if k, told := a.known[key]; told && (k.stands && severity(level.Severity) <= severity(k.severity) || now.Sub(k.raised).Abs() < a.interval()) {
			continue
		}
		if a.send(ctx, level) {
			a.known[key] = alarm{raised: now, severity: level.Severity, stands: true}
		}
	}
	a.clear(ctx, now, wrong)
}

// clear tells what is over, and forgets what need not be remembered.
func (a *alarms) clear(ctx context.Context, now time.Time, wrong map[alarmKey]bool) {
	keys := make([]alarmKey, 0, len(a.known))
	for key := range a.known {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b alarmKey) int { return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.object, b.object)) })
	for _, key := range keys {
		k := a.known[key]
		switch {
		case k.stands && !wrong[key]:
			if a.send(ctx, engine.Alert{Kind: key.kind, Object: key.object, Severity: k.severity, Text: overText(key.kind, key.object), Over: true}) {
				k.stands = false
				a.known[key] = k
			}
		case !k.stands && now.Sub(k.raised).Abs() >= a.interval():
			delete(a.known, key)
		}
	}
}

func (a *alarms) send(ctx context.Context, alert engine.Alert) bool {
	err := a.tell(ctx, alert)
	if err != nil && !errors.Is(err, engine.ErrStopping) && ctx.Err() == nil {
		a.problem(err)
	}
	return err == nil
}

// severity orders the words.
func severity(word string) int {
	return slices.Index([]string{severityInformation, severityWarning, severityCritical}, word)
}

const (
	severityInformation = "Information"
	severityWarning     = "Warning"
	severityCritical    = "Critical"
)

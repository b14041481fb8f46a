package main

import (
	"fmt"
	"strings"
	"sync"

	"postern/engine"
	"postern/journal"
	"postern/projections"
	"postern/shell"
)

// damage is what is known against the journal: whoever reads it tells of what is damaged, and only a verify that finds all of
// it true takes that back. The zero value knows nothing. Many goroutines may use it.
type damage struct {
	mu   sync.Mutex
	text string // of the alert; "": nothing is known. Under mu
	met  uint64 // times that something was told. Under mu
}

// meet is told of damage by a reader.
func (d *damage) meet(err *journal.DamagedError) { d.tell(fmt.Sprintf("The %v.", err)) }

// tell keeps the first that is told.
func (d *damage) tell(text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.met++
	if d.text == "" {
		d.text = shell.Printable(strings.Join(strings.Fields(text), " "))
	}
}

// why is what the alert says; "": nothing is known.
func (d *damage) why() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text
}

// takeOver goes on from the alert that an earlier run has left standing.
func (d *damage) takeOver(told []projections.Alert) {
	for _, t := range told {
		if t.Kind == alertDamage && t.Cleared.IsZero() {
			d.tell(strings.TrimSuffix(t.Text, damageAdvice))
			return
		}
	}
}

// proving is told that a verify begins; what it returns hears, at its end, of the first that was found wrong. What a reader
// has met meanwhile is not taken back by it: the verify may have been there before.
func (d *damage) proving() (proved func(wrong string)) {
	d.mu.Lock()
	before := d.met
	d.mu.Unlock()
	return func(wrong string) {
		if wrong != "" {
			d.tell(fmt.Sprintf("The journal does not prove true: %s.", wrong))
			return
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.met == before {
			d.text = ""
		}
	}
}

// maxDamageText is how much of what is known an alert tells, in bytes.
const maxDamageText = 250

// journal tells of damage.
func (l *levels) journal(out []engine.Alert) []engine.Alert {
	if l.damage == nil {
		return out
	}
	why := l.damage()
	if why == "" {
		return out
	}
	if len(why) > maxDamageText {
		why = strings.ToValidUTF8(why[:maxDamageText], "") + "..."
	}
	return append(out, engine.Alert{Kind: alertDamage, Severity: severityCritical, Text: why + damageAdvice})
}

// damageAdvice ends the alert.
const damageAdvice = ` "verify --skip-damaged" names all that is wrong; the alert stands until a verify of all days finds nothing.`

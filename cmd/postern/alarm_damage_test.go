package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"postern/engine"
	"postern/journal"
	"postern/projections"
)

// What a reader has met of damage stands until a verify that began after it has found nothing wrong, and over a restart.
func TestDamageStandsUntilItIsProvedAway(t *testing.T) {
	var d damage
	says := func(want string) {
		t.Helper()
		if got := d.why(); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("says %q, want %q", got, want)
		}
	}
	block := &journal.DamagedError{Dir: "/data/journal", Block: 7, Err: errors.New("checksum does not match\r\n" + strings.Repeat("ü", 300))}
	d.proving()("")
	says("")
	d.meet(block)
	d.meet(&journal.DamagedError{Dir: "/data/journal", Block: 9, Err: errors.New("another")})
	says("The journal /data/journal is damaged at the block of record 7: checksum")
	d.proving()("the block of record 7: checksum does not match")
	says("record 7")
	early := d.proving()
	d.meet(block)
	early("") // it may have passed the place before
	says("record 7")

	told := (&levels{damage: d.why}).journal(nil)
	if len(told) != 1 || len(told[0].Text) > 400 || strings.ContainsAny(told[0].Text, "\r\n") || !strings.HasSuffix(told[0].Text, damageAdvice) {
		t.Fatalf("told %+v", told)
	}
	alert := projections.Alert{Kind: told[0].Kind, Text: told[0].Text}
	var next damage
	next.takeOver([]projections.Alert{{Kind: alertDoubt, Text: "another"}, {Kind: alertDamage, Text: "of before", Cleared: time.Unix(1, 0)}, alert})
	if again := (&levels{damage: next.why}).journal(nil); len(again) != 1 || strings.Count(again[0].Text, damageAdvice) != 1 || !strings.Contains(again[0].Text, "record 7") {
		t.Errorf("the next run tells %+v", again)
	}
	d.proving()("")
	says("")
	d.proving()("y.example: 1 left that never came")
	says("The journal does not prove true: y.example: 1 left that never came.")
	var none []engine.Alert
	if got := (&levels{}).journal(none); got != nil {
		t.Errorf("nobody knows, and %+v is told", got)
	}
}

package bench

import (
	"fmt"
	"strings"

	"postern/bench/sink"
	"postern/journal"
)

// copies sums up how often each message arrived.
func copies(arrived map[sink.Arrival]int) map[string]int {
	n := make(map[string]int, len(arrived))
	for a, times := range arrived {
		n[a.ID] += times
	}
	return n
}

func missing(acked []string, arrived map[sink.Arrival]int) (n int) {
	times := copies(arrived)
	for _, id := range acked {
		if times[id] == 0 {
			n++
		}
	}
	return n
}

// account compares what was acked with what arrived and with what the stopped journal in dir says. The messages have one
// recipient each, and their subject is their identity.
func (f *KillFigures) account(dir string, acked []string, arrived map[sink.Arrival]int) error {
	j, err := journal.Open(dir, journal.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer j.Close()
	unknown, err := f.fold(j)
	if err != nil {
		return err
	}
	times := copies(arrived)
	for _, id := range acked {
		if times[id] > 0 {
			f.Arrived++
		} else {
			f.Lost++
			f.example("lost " + id)
		}
	}
	for id, n := range times {
		if n < 2 {
			continue
		}
		f.Twice++
		if !unknown[id] {
			f.TwiceUnlisted++
			f.example(fmt.Sprintf("%d times, unlisted: %s", n, id))
		}
	}
	f.Unknown = len(unknown)
	return nil
}

func (f *KillFigures) example(what string) {
	if len(f.Examples) < 10 {
		f.Examples = append(f.Examples, what)
	}
}

// complaints counts what a process that is only killed should never say.
func (f *KillFigures) complaints(said string) {
	for line := range strings.Lines(said) {
		if strings.Contains(line, `"level":"error"`) || strings.Contains(line, "DATA RACE") || strings.HasPrefix(line, "panic:") {
			f.Complaints++
			f.example(strings.TrimSpace(line))
		}
	}
}

// fold reads the whole history: who is still queued, who was given up, and which messages an OutcomeUnknown names.
func (f *KillFigures) fold(j *journal.Journal) (unknown map[string]bool, err error) {
	unknown = map[string]bool{}
	var records []journal.Record
	for after := uint64(0); ; after = records[len(records)-1].Seq {
		if records, err = j.Read(after, 10_000, records); err != nil {
			return nil, err
		}
		if len(records) == 0 {
			return unknown, nil
		}
		for _, r := range records {
			switch e := r.Event.(type) {
			case *journal.MessageInjected:
				f.Left += len(e.Recipients)
			case *journal.Delivered:
				f.Left -= len(e.RIDs)
			case *journal.HardBounced:
				f.Left, f.Bounced = f.Left-len(e.RIDs), f.Bounced+len(e.RIDs)
			case *journal.DoubleBounced:
				f.Left, f.Bounced = f.Left-len(e.RIDs), f.Bounced+len(e.RIDs)
			case *journal.SetAside:
				f.example(fmt.Sprintf("MID %d set aside: %s", e.MID, e.Evidence))
			case *journal.OutcomeUnknown:
				m, err := j.At(e.Message)
				if err != nil {
					return nil, fmt.Errorf("record %d names message %d: %w", r.Seq, e.Message, err)
				}
				unknown[m.Event.(*journal.MessageInjected).Subject] = true
			}
		}
	}
}

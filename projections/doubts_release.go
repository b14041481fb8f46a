package projections

import (
	"context"
	"slices"
	"strings"

	"postern/journal"
	"postern/projections/tracking"
)

// HeldInDoubt counts the recipients that are held because their peer may have the message: of a MID (0: of all), and of those
// that wait for a host ("": any). An index of the journal, which may be nil, spares reading all of it. Of very many doubts the
// oldest are not counted.
func HeldInDoubt(ctx context.Context, j *journal.Journal, index *tracking.Index, rows *journal.LiveSnapshot, mid uint32, host string) (recipients int, err error) {
	type recipient struct {
		message uint64
		rid     uint32
	}
	seen, doubts := map[recipient]bool{}, 0
	var failed error
	err = tracking.Latest(ctx, j, index, rows.Mark(), tracking.Landmarks{Kinds: journal.KindsOf(&journal.OutcomeUnknown{})}, func(r journal.Record) bool {
		e, ok := r.Event.(*journal.OutcomeUnknown)
		if !ok || mid != 0 && e.MID != mid {
			return false
		}
		var m *journal.LiveMessage
		if m, ok, failed = rows.Message(e.Message); failed != nil {
			return true
		}
		for _, rid := range e.RIDs {
			one := recipient{e.Message, rid}
			if ok && !seen[one] && e.Action != "" && slices.ContainsFunc(m.Recipients, func(c journal.LiveRecipient) bool {
				// Of one that was tried again since, the last outcome is known.
				return c.RID == rid && c.Held && c.Attempts == e.Attempts && (host == "" || strings.EqualFold(c.Target(), host))
			}) {
				recipients++
			}
			seen[one] = true // an earlier doubt about it is settled
		}
		doubts++
		return doubts == maxDoubts
	})
	if failed != nil {
		err = failed
	}
	return recipients, err
}

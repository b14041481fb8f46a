package journal

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

func (s *liveState) started(e *Started) {
	switch {
	case e.Clean || s.Boots == 0:
		s.Unclean = 0
	case s.Unclean < 1<<32-1:
		s.Unclean++
	}
	s.Boots, s.Clean = e.Boot, false
}

// jumped moves the times that belong to no message.
func (s *liveState) jumped(delta int64) {
	s.ClockShift += delta
	if len(s.Undoable) == 0 {
		return
	}
	s.Undoable = slices.Clone(s.Undoable)
	for i := range s.Undoable {
		s.Undoable[i].At = shifted(s.Undoable[i].At, delta)
	}
}

func (s *liveState) stopped(e *Stopped) {
	s.Clean, s.Unclean = true, 0
	for id, next := range map[IDKind]uint32{MID: e.NextMID, ICID: e.NextICID, DCID: e.NextDCID} {
		if next != 0 {
			*s.next(id) = next
		}
	}
}

// next is where the next id of a kind stands, nil for no kind.
func (s *liveState) next(id IDKind) *uint32 {
	switch id {
	case MID:
		return &s.NextMID
	case ICID:
		return &s.NextICID
	case DCID:
		return &s.NextDCID
	}
	return nil
}

// reserved notes a block of ids; one that lies before the last says that the ids began anew.
func (s *liveState) reserved(e *IDsReserved) bool {
	next := s.next(e.ID)
	if next == nil {
		return false
	}
	s.Wrapped = s.Wrapped || e.From < *next
	*next = e.To
	return true
}

// cut sets the baselines that stand for the records that are gone.
func (s *liveState) cut(e *HistoryCut) {
	s.Boots, s.LastReset, s.Revision = e.Boots, e.LastReset, e.Revision
	for _, v := range e.NextIDs {
		for _, id := range [...]IDKind{MID, ICID, DCID} {
			if v.Name == id.String() && v.Value >= 0 && v.Value <= IDLimit {
				*s.next(id) = uint32(v.Value)
			}
		}
	}
	s.DeliverySuspended, s.ListenersSuspended = nil, nil
	s.suspendAll(e.SuspendedHosts)
	for _, l := range e.Suspended {
		s.ListenersSuspended = insertSorted(s.ListenersSuspended, own(l))
	}
	s.WorkQueuePauseReason = own(e.WorkQueuePause)
	s.WorkQueuePaused = e.WorkQueuePause != ""
	if e.Document != "" {
		sum := sha256.Sum256([]byte(e.Document))
		s.ConfigHash = hex.EncodeToString(sum[:])
	}
}

// suspend stops domains, without any all of them.
func (s *liveState) suspend(domains []string) {
	if len(domains) == 0 {
		domains = []string{"*"}
	}
	s.suspendAll(domains)
}

func (s *liveState) suspendAll(domains []string) {
	for _, d := range domains {
		s.DeliverySuspended = insertSorted(s.DeliverySuspended, own(strings.ToLower(d)))
	}
}

// resume ends suspensions, without domains every one.
func (s *liveState) resume(domains []string) {
	if len(domains) == 0 || slices.Contains(domains, "*") {
		s.DeliverySuspended = nil
		return
	}
	for _, d := range domains {
		s.DeliverySuspended = removeSorted(s.DeliverySuspended, strings.ToLower(d))
	}
}

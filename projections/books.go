package projections

import "fmt"

// Difference is a place where the books do not balance: what came is not what left and what is still here.
type Difference struct {
	Where    string // "all", or a destination
	In, Out  uint64 // recipients
	Here     uint64
	Strays   uint64 // recipients that facts named and that were not there
	Messages string // what else is wrong
}

// String tells the difference in one line.
func (d Difference) String() string {
	return fmt.Sprintf("%s: %d in, %d out, %d here, %d strays %s", d.Where, d.In, d.Out, d.Here, d.Strays, d.Messages)
}

// Balance proves the books: received + generated + expanded + moved in + reinstated = completed + dropped + moved out +
// what is here (active, in the work queue, in quarantine), in all and for each destination. In all, the left side are sums
// over facts and the right side's last part is counted over recipients, so that neither is derived from the other.
// After a HistoryCut they balance only for a fold that has seen everything before it too.
func (f *Figures) Balance() (out []Difference) {
	c := &f.counters.lifetime
	q := &f.queue
	all := Difference{
		Where:  "all",
		In:     c[RecipientsReceived] + c[GenBounceRecipients] + c[ExpandedRecipients] + c[MovedInRecipients] + c[Reinstated],
		Out:    c[CompletedRecipients] + c[DroppedRecipients] + c[MovedOutRecipients],
		Here:   q.unattempted + q.attempted + q.waiting,
		Strays: q.strays,
	}
	if hard := c[DNSHardBounces] + c[FiveXXHardBounces] + c[FilterHardBounces] + c[ExpiredHardBounces] + c[OtherHardBounces]; hard != c[HardBounced] {
		all.Messages = fmt.Sprintf("(hard bounced %d, its classes %d)", c[HardBounced], hard)
	}
	if done := c[HardBounced] + c[Delivered] + c[Deleted]; done != c[CompletedRecipients] {
		all.Messages += fmt.Sprintf("(completed %d, its parts %d)", c[CompletedRecipients], done)
	}
	if all.In != all.Out+all.Here || all.Strays > 0 || all.Messages != "" {
		out = append(out, all)
	}
	var unattempted, attempted, waiting uint64
	f.hosts.each(func(_ uint32, h *host) {
		unattempted += uint64(h.unattempted)
		attempted += uint64(h.attempted)
		waiting += uint64(h.waiting)
		d := Difference{
			Where:  h.name,
			In:     h.opening + h.injected + h.movedIn + h.reinstated + h.strays,
			Out:    h.completed() + h.dropped + h.movedOut,
			Here:   uint64(h.live()),
			Strays: h.strays,
		}
		if d.In != d.Out+d.Here || d.Strays > 0 {
			out = append(out, d)
		}
	})
	if unattempted != q.unattempted || attempted != q.attempted || waiting != q.waiting {
		out = append(out, Difference{Where: "all", Messages: "the destinations' recipients are not those of the queue"})
	}
	return out
}

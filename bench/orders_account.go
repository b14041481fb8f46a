package bench

import (
	"fmt"

	"postern/journal"
)

// account compares what the orders said with the facts of the stopped journal in dir, and the last status with their fold.
func (o *ordersRun) account(dir string, end statusFigures) (wrong []string, err error) {
	j, err := journal.Open(dir, journal.Options{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer j.Close()
	b := orderBooks{touched: make(map[uint64]uint64), completed: make(map[uint64]uint64)}
	if err := b.fold(j); err != nil {
		return nil, err
	}
	for _, g := range o.given {
		if n := b.touched[g.ID]; n != g.want || n != g.said || n != g.Recipients || n != b.completed[g.ID] {
			wrong = append(wrong, fmt.Sprintf("%s %d: facts touch %d recipients of %d, its end says %d, the command %d, the list of orders %d",
				g.Action, g.ID, n, g.want, b.completed[g.ID], g.said, g.Recipients))
		}
	}
	if status := end.Counters["gen_bounce_recips"].Lifetime; b.notifications != status {
		wrong = append(wrong, fmt.Sprintf("%d notifications by the facts, %d by the status", b.notifications, status))
	}
	if status := end.Gauges["active_recips"]; b.left != status {
		wrong = append(wrong, fmt.Sprintf("%d recipients are left by the facts, %d by the status", b.left, status))
	}
	return wrong, nil
}

// orderBooks are what the facts say of orders, by Seq of each.
type orderBooks struct {
	touched, completed map[uint64]uint64 // recipients
	notifications      uint64
	left               int64 // recipients in the queue
}

func (b *orderBooks) fold(j *journal.Journal) error {
	var records []journal.Record
	for after := uint64(0); ; after = records[len(records)-1].Seq {
		var err error
		if records, err = j.Read(after, 1000, records); err != nil || len(records) == 0 {
			return err
		}
		for i := range records {
			b.add(records[i].Event)
		}
	}
}

func (b *orderBooks) add(event journal.Event) {
	switch e := event.(type) {
	case *journal.MessageInjected:
		b.left += int64(len(e.Recipients))
		if e.Why == journal.WhyBounce {
			b.notifications++
		}
	case *journal.RecipientsDeleted:
		b.left -= b.touch(e.Action, e.Set)
	case *journal.RecipientsBounced:
		b.left -= b.touch(e.Action, e.Set)
	case *journal.RecipientsRedirected:
		b.touch(e.Action, e.Set)
	case *journal.RecipientsReinstated:
		if n := b.touch(e.Action, e.Set); e.Target == "" {
			b.left += n
		}
	case *journal.BulkActionCompleted:
		b.completed[e.Action] = e.Recipients
	}
}

func (b *orderBooks) touch(order uint64, set []journal.MessageRecipients) (n int64) {
	for i := range set {
		n += int64(len(set[i].RIDs))
	}
	b.touched[order] += uint64(n)
	return n
}

package projections

// Queued returns the Seqs of the messages with recipients in the queue, ascending, those in the work queue and in quarantine
// included, that come after a Seq: as many as have so many recipients together, at least one if there is any.
func (f *Figures) Queued(after uint64, recipients int) (seqs []uint64) {
	f.queue.messages.each(func(m *message) bool {
		if m.seq <= after {
			return true
		}
		n := int(f.queue.left(m))
		if n == 0 {
			return true
		}
		if recipients -= n; recipients < 0 && len(seqs) > 0 {
			return false
		}
		seqs = append(seqs, m.seq)
		return true
	})
	return seqs
}

package bench

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"time"

	"postern/engine"
	"postern/journal"
	"postern/projections"
)

// TravelConfig says how long a history is looked back on.
type TravelConfig struct {
	Dir      string // of the journal, on the disk that is meant
	Events   int    // over one day
	Looks    int    // back to moments all over the day
	Progress io.Writer
}

// TravelFigures are what looks back took.
type TravelFigures struct {
	Events         uint64
	Slowest        time.Duration // figures as of a moment
	Median         time.Duration
	SlowestListing time.Duration // the whole queue as of a moment
	Listed         int           // recipients of that
	PerMillion     time.Duration // records applied from the first one on
	Explained      time.Duration // why mail of that day's first minute is still here, the slowest
	Traced         time.Duration // all that is told of it, the slowest
}

// Travel makes the journal of a day, whose queue grows by some mail for a dead host, and looks back.
func Travel(ctx context.Context, c TravelConfig) (f TravelFigures, err error) {
	day, err := c.write(ctx)
	if err != nil {
		return f, err
	}
	j, err := journal.Open(filepath.Join(c.Dir, "journal"), journal.Options{ReadOnly: true})
	if err != nil {
		return f, err
	}
	defer j.Close()
	f.Events = j.Durable()
	past := &projections.Past{Journal: j, Keyframes: &projections.Keyframes{Rows: j.Rows(projections.KeyframeRows)},
		Now: func() time.Time { return day.Add(24 * time.Hour) }}
	r := rand.New(rand.NewPCG(1, 2))
	var took []float64
	for i := range c.Looks {
		at := day.Add(time.Minute + time.Duration(r.Int64N(int64(24*time.Hour-time.Minute))))
		began := time.Now()
		if _, _, err := look(ctx, past, at); err != nil {
			return f, err
		}
		took = append(took, float64(time.Since(began)))
		f.Slowest = max(f.Slowest, time.Since(began))
		if i%5 > 0 {
			continue
		}
		began = time.Now()
		m, figures, err := look(ctx, past, at)
		if err != nil {
			return f, err
		}
		n, err := listPast(ctx, j, m, figures)
		if err != nil {
			return f, err
		}
		if d := time.Since(began); d > f.SlowestListing {
			f.SlowestListing, f.Listed = d, n
		}
		fmt.Fprintf(c.Progress, "at %s: figures in %.0f ms, %d recipients in %.0f ms\n", at.Format(time.TimeOnly), took[i]/1e6, n, milliseconds(time.Since(began)))
	}
	f.Median = time.Duration(median(took))
	if f.PerMillion, err = replayed(ctx, j); err != nil {
		return f, err
	}
	return f, c.askWhy(ctx, j, day.Add(24*time.Hour), &f)
}

// look builds the figures of a moment, and what status shows of them.
func look(ctx context.Context, past *projections.Past, at time.Time) (m projections.Moment, f *projections.Figures, err error) {
	if m, err = past.Moment(at); err != nil {
		return m, nil, err
	}
	if f, err = past.Figures(ctx, m); err == nil {
		_, err = past.Status(ctx, m, f)
	}
	return m, f, err
}

// listPast lists the queue of a moment as showrecipients does.
func listPast(ctx context.Context, j *journal.Journal, m projections.Moment, f *projections.Figures) (n int, err error) {
	const part = 200_000
	for after := uint64(0); ; {
		seqs := f.Queued(after, part)
		if len(seqs) == 0 {
			return n, nil
		}
		after = seqs[len(seqs)-1]
		rows, err := journal.PastRows(ctx, j, m.Seq, seqs, nil)
		if err != nil {
			return n, err
		}
		err = engine.RecipientsOf(ctx, j, rows, engine.Selection{}, m.At, func(engine.Listed) error { n++; return nil })
		if err != nil {
			return n, err
		}
	}
}

// replayed is how long a million records take, without keyframes.
func replayed(ctx context.Context, j *journal.Journal) (time.Duration, error) {
	n := min(j.Durable(), 1_000_000)
	began := time.Now()
	_, err := projections.AsOf(ctx, j, nil, n, 0)
	return time.Duration(float64(time.Since(began)) * 1e6 / float64(n)), err
}

// travelBlock is how many records are written at once.
const travelBlock = 450

// write makes the journal, and its keyframes as a gateway does, and returns when it begins.
func (c TravelConfig) write(ctx context.Context) (day time.Time, err error) {
	j, err := journal.Open(filepath.Join(c.Dir, "journal"), journal.Options{})
	if err != nil {
		return day, err
	}
	defer func() {
		if closed := j.Close(); err == nil {
			err = closed
		}
	}()
	day = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	w := travelWriter{journal: j, figures: projections.NewFigures(0), frames: &projections.Keyframes{Rows: j.Rows(projections.KeyframeRows)}}
	w.add(&journal.Started{Boot: 1, Hostname: "mail.example.com"})
	w.add(&journal.ConfigurationCommitted{Revision: 1, By: "admin"})
	w.count++
	w.stubborn = w.inject(w.count, "slow.example")
	minute := 0
	for w.next < uint64(c.Events) {
		if err := ctx.Err(); err != nil {
			return day, err
		}
		at := day.Add(time.Duration(float64(w.next) / float64(c.Events) * float64(24*time.Hour)))
		if m := int(at.Sub(day) / time.Minute); m > minute {
			minute = m
			w.add(w.figures.Sample(at, nil))
			w.probe(at, m)
			if m%60 == 0 {
				fmt.Fprintf(c.Progress, "%d records written\n", w.next)
			}
		}
		for len(w.block) < travelBlock {
			w.message(at)
		}
		if err := w.flush(at); err != nil {
			return day, err
		}
	}
	rows, err := journal.OpenLiveRows(j)
	if err != nil {
		return day, err
	}
	return day, rows.CatchUp(ctx, j.Durable())
}

// travelWriter writes what a relay writes down.
type travelWriter struct {
	journal *journal.Journal
	figures *projections.Figures
	frames  *projections.Keyframes
	block   []journal.Prepared
	next    uint64 // records written or in the block
	count   uint32 // messages
	waiting []waitingMail

	stubborn uint64 // the message of the first minute whose host never takes it
	tries    uint32 // of it
}

// waitingMail is mail for a host that is down.
type waitingMail struct {
	message uint64
	mid     uint32
	tries   uint32
}

func (w *travelWriter) add(e journal.Event) (seq uint64) {
	w.block = append(w.block, journal.Prepare(e))
	w.next++
	return w.next
}

// message adds the facts of one message: most are delivered at once, one in a hundred waits, and what waits is tried again.
func (w *travelWriter) message(at time.Time) {
	w.count++
	n, rids := w.count, []uint32{0}
	domain := fmt.Sprintf("d%d.example", n%5000)
	if n%100 == 0 {
		domain = "dead.example"
	}
	m := w.inject(n, domain)
	next := journal.InstantOf(at.Add(time.Minute))
	w.add(&journal.AttemptStarted{Message: m, MID: n, Destination: domain, RIDs: rids, Attempt: 1, Next: next})
	if n%100 == 0 {
		w.add(&journal.SoftBounced{Message: m, MID: n, Destination: domain, RIDs: rids, Attempts: 1, Next: next, Code: "000", Status: "4.4.1", Reason: "no answer"})
		w.waiting = append(w.waiting, waitingMail{m, n, 1})
		return
	}
	w.add(&journal.DeliveryConnectionOpened{DCID: n, Destination: domain})
	w.add(&journal.DeliveryStarted{DCID: n, Message: m, MID: n, RIDs: rids})
	w.add(&journal.Delivered{DCID: n, Message: m, MID: n, Destination: domain, RIDs: rids, Attempts: 1, Size: 4096, Finished: true, Reply: "ok"})
	w.add(&journal.DeliveryConnectionClosed{DCID: n, Destination: domain})
	if n%50 == 1 && len(w.waiting) > 0 {
		w.again(at)
	}
}

// inject adds a message, and the connection that brings it.
func (w *travelWriter) inject(n uint32, domain string) (seq uint64) {
	w.add(&journal.ConnectionAccepted{ICID: n, Listener: "InboundMail", ReverseDNS: "client.example"})
	w.add(&journal.SenderGroupMatched{ICID: n, Action: "RELAY", Group: "RELAYLIST"})
	seq = w.add(&journal.MessageInjected{MID: n, ICID: n, Size: 4096, Queued: true, Sender: fmt.Sprintf("sender%d@home.example", n%1000),
		Subject: "a subject as long as most", MessageID: fmt.Sprintf("<%d@home.example>", n),
		Recipients: []journal.InjectedRecipient{{Local: fmt.Sprintf("user%d", n%997), Domain: domain}}})
	w.add(&journal.ConnectionClosed{ICID: n})
	return seq
}

// again tries the mail that waits, one after the other; the tenth time it is let go.
func (w *travelWriter) again(at time.Time) {
	x := w.waiting[0]
	w.waiting = w.waiting[1:]
	x.tries++
	rids, next := []uint32{0}, journal.InstantOf(at.Add(time.Hour))
	w.add(&journal.AttemptStarted{Message: x.message, MID: x.mid, Destination: "dead.example", RIDs: rids, Attempt: x.tries, Next: next})
	if x.tries == 10 {
		w.add(&journal.HardBounced{Message: x.message, MID: x.mid, Destination: "dead.example", RIDs: rids, Attempts: x.tries,
			Class: journal.BounceExpired, Code: "000", Status: "4.4.7", Reason: "expired", Finished: true})
		return
	}
	w.add(&journal.SoftBounced{Message: x.message, MID: x.mid, Destination: "dead.example", RIDs: rids, Attempts: x.tries, Next: next, Code: "000", Status: "4.4.1", Reason: "no answer"})
	w.waiting = append(w.waiting, x)
}

// flush writes the block and lets the figures follow.
func (w *travelWriter) flush(at time.Time) error {
	first, err := w.journal.Append(&journal.Block{Time: journal.InstantOf(at), Events: w.block})
	if err != nil {
		return err
	}
	for i := range w.block {
		w.figures.Apply(journal.Record{Seq: first + uint64(i), Time: journal.InstantOf(at), Event: w.block[i].Event})
	}
	w.block = w.block[:0]
	return w.frames.Save(w.figures, at, false)
}

package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Settings are what all workloads share; a zero number is the workload's own default, which is what the budget means.
type Settings struct {
	Binary   string        // of the gateway
	Dir      string        // for data, on the disk that is meant; a workload makes a folder in it and removes it
	Rounds   int           // of the relay
	Messages int           // of the relay's rounds
	Queue    int           // messages of the long queue
	Watch    time.Duration // how long the long queue is left alone
	Progress io.Writer     // nil: none
}

// Workload is a part of the budget: its rows, and what fills them in.
type Workload struct {
	Name    string
	rows    []Row
	measure func(ctx context.Context, s Settings, rows []Row) error
}

// Measure returns the workload's rows, filled in. When it cannot be carried through, each of them says why.
func (w *Workload) Measure(ctx context.Context, s Settings) []Row {
	if s.Progress == nil {
		s.Progress = io.Discard
	}
	rows := append([]Row(nil), w.rows...)
	dir, err := os.MkdirTemp(s.Dir, "postern-bench-")
	if err == nil {
		s.Dir = dir
		err = errors.Join(w.measure(ctx, s, rows), os.RemoveAll(dir))
	}
	for i := range rows {
		rows[i].Failure = err
	}
	return rows
}

// Budget is what is measured, and what each figure must and should be, on two cores.
var Budget = []Workload{
	{"relay", []Row{
		{What: "relay of 4 KiB messages, 20 clients, one connection a message", Unit: "times Postfix in the same run", Must: 5, Aim: 7, More: true, Digits: 2},
		{What: "the same as a share of load to sink with nothing between (0.5 is physics)", Must: 0.30, Aim: 0.42, More: true, Digits: 3},
		{What: "relay, connections kept open", Unit: "times Postfix in the same run", Must: 8, Aim: 10, More: true, Digits: 2},
		{What: "accept latency p99 at half that load, one connection a message", Unit: "ms", Must: 20, Aim: 10, Digits: 1},
		{What: "accept latency p99 at half that load, connections kept open", Unit: "ms", Must: 20, Aim: 10, Digits: 1},
		{What: "messages that the relay delivered twice", Must: 0},
	}, measureRelay},
	{"written", []Row{
		{What: "store's bytes for a byte of body, quick delivery, bodies of 4 KiB", Must: 1.35, Aim: 1.25, Digits: 3},
		{What: "store's bytes for a byte of body, quick delivery, bodies of 100 KiB", Must: 1.08, Aim: 1.05, Digits: 3},
	}, measureWritten},
	{"kill", []Row{
		{What: "20 x kill -9 under load: acknowledged messages that were lost", Must: 0},
		{What: "20 x kill -9 under load: second copies that no OutcomeUnknown names", Must: 0},
	}, measureKill},
	{"queue", []Row{
		{What: "memory of a queued recipient: (RSS at 1 M - RSS at 0.1 M) / 0.9 M, after churn", Unit: "B", Must: 300, Aim: 150},
		{What: "1 M queued for a dead host for 10 minutes: events", Unit: "a minute", Must: 1000, Digits: 1},
		{What: "1 M queued for a dead host for 10 minutes: processor", Unit: "%", Must: 2, Digits: 2},
		{What: "restart with 1 M queued: accepting", Unit: "s", Must: 1, Aim: 0.3, Digits: 2},
		{What: "restart with 1 M queued: all scheduled", Unit: "s", Must: 2, Aim: 1, Digits: 2},
	}, measureQueue},
	{"idle", []Row{
		{What: "memory of the gateway with 10,000 idle inbound connections", Unit: "MiB", Must: 300, Aim: 150},
	}, measureIdle},
	{"tophosts", []Row{
		{What: "tophosts with 100,000 destinations", Unit: "ms", Must: 10, Aim: 2, Digits: 2},
	}, measureTopHosts},
	{"travel", []Row{
		{What: "status as of a moment of the last day, 10 million events in it, the slowest", Unit: "s", Must: 2, Digits: 2},
		{What: "showrecipients as of a moment of that day, the whole queue, the slowest", Unit: "s", Must: 2, Digits: 2},
		{What: "replay of a million records", Unit: "s", Open: true, Digits: 2},
		{What: "explain of mail that was in the queue all that day", Unit: "s", Must: 0.3, Digits: 3},
		{What: "findevent of it: all its lines, 30 attempts", Unit: "s", Must: 0.2, Digits: 3},
	}, measureTravel},
	{"http", []Row{
		{What: "/metrics with 1 M queued, p99", Unit: "ms", Must: 5, Digits: 2},
		{What: "/xml/status with 1 M queued, p99", Unit: "ms", Must: 5, Digits: 2},
		{What: "status over the admin socket with 1 M queued, p99", Unit: "ms", Must: 5, Digits: 2},
		{What: "status over the admin socket with 1,000 queued, p99", Unit: "ms", Must: 5, Digits: 2},
	}, measureHTTP},
	{"orders", []Row{
		{What: "delete 1 M recipients", Unit: "s", Must: 20, Aim: 3, Digits: 2},
		{What: "undo of deleting 1 M recipients", Unit: "s", Open: true, Digits: 2},
		{What: "redirect 1 M recipients", Unit: "s", Must: 20, Aim: 3, Digits: 2},
		{What: "undo of redirecting 1 M recipients", Unit: "s", Open: true, Digits: 2},
		{What: "bounce 1 M recipients, delivery suspended", Unit: "s", Must: 40, Aim: 10, Digits: 2},
		{What: "memory that an order about 1 M recipients takes: the most of these", Unit: "MiB", Open: true},
		{What: "accept latency p99 at half load while 1 M recipients are deleted", Unit: "times that without", Must: 4, Digits: 2},
		{What: "showrecipients all with 1 M queued: first row", Unit: "ms", Must: 100, Digits: 1},
		{What: "showrecipients all with 1 M queued: all rows", Unit: "s", Open: true, Digits: 2},
		{What: "listing after delete and undo: differs from that before", Must: 0},
		{What: "orders: counts that are not the journal's", Must: 0},
	}, measureOrders},
	{"findevent", []Row{
		{What: "findevent by MID over 1 M messages, its lines included", Unit: "ms", Must: 20, Aim: 5, Digits: 2},
		{What: "findevent by a regular expression without a fixed text over 1 M messages", Unit: "s", Must: 2, Digits: 3},
		{What: "findevent by a regular expression with a fixed text in it over 1 M messages", Unit: "s", Must: 2, Aim: 0.5, Digits: 3},
		{What: "findevent for a rare text", Unit: "times as fast as ripgrep over the mail log of the same period", Must: 5, More: true, Digits: 1},
	}, measureFindEvent},
	{"watched", []Row{
		{What: "what the relay loses to rate 1, /metrics and tophosts beside it, each second", Unit: "%", Must: 3, Digits: 2},
	}, measureWatched},
	{"polled", []Row{
		{What: "what the relay loses to a walk of the whole SNMP tree beside it, each second (v3, authPriv)", Unit: "%", Must: 2, Digits: 2},
		{What: "processor for such a walk", Unit: "ms", Must: 40, Digits: 1},
	}, measurePolled},
	{"verify", []Row{
		{What: "verify of 1 M messages, ten facts each, the gateway stopped", Unit: "s", Must: 10, Aim: 5, Digits: 2},
		{What: "what the relay keeps of its speed while 1 M messages are verified beside it", Unit: "%", Must: 70, Aim: 85, More: true, Digits: 1},
		{What: "what it keeps while findevent is asked one question after another about these 1 M messages", Unit: "%", Must: 70, Aim: 85, More: true, Digits: 1},
	}, measureVerify},
}

func measureRelay(ctx context.Context, s Settings, rows []Row) error {
	single, kept, err := Relay(ctx, RelayConfig{Binary: s.Binary, Dir: s.Dir, Rounds: s.Rounds, Messages: s.Messages, Progress: s.Progress})
	if err != nil {
		return err
	}
	against := func(r *Row, f RelayFigures) {
		r.Value, r.Note = f.TimesPostfix, fmt.Sprintf("%.0f/s end to end, Postfix %.0f/s", f.Relay, f.Postfix)
		if f.NoPostfix != nil {
			r.Missing = fmt.Sprintf("%s; the gateway relays %.0f/s", f.NoPostfix, f.Relay)
		}
	}
	against(&rows[0], single)
	rows[1].Value, rows[1].Note = single.ShareOfDirect, fmt.Sprintf("of %.0f/s; kept open %.3f of %.0f/s", single.Direct, kept.ShareOfDirect, kept.Direct)
	against(&rows[2], kept)
	for i, f := range []RelayFigures{single, kept} {
		rows[3+i].Value, rows[3+i].Note = milliseconds(f.HalfLoad), fmt.Sprintf("at %.0f/s", f.Relay/2)
		rows[5].Value += float64(f.Duplicates)
	}
	return nil
}

func measureWritten(ctx context.Context, s Settings, rows []Row) error {
	for i, c := range []WrittenConfig{{Size: 4 << 10, Messages: 200_000}, {Size: 100 << 10, Messages: 20_000}} {
		c.Binary, c.Dir = s.Binary, filepath.Join(s.Dir, fmt.Sprint(c.Size))
		f, err := Written(ctx, c)
		if err != nil {
			return err
		}
		rows[i].Value, rows[i].Note = f.Total(), f.String()
		fmt.Fprintf(s.Progress, "bodies of %d KiB: %s\n", c.Size>>10, f)
	}
	return nil
}

func measureKill(ctx context.Context, s Settings, rows []Row) error {
	f, err := Kill(ctx, KillConfig{Binary: s.Binary, Dir: filepath.Join(s.Dir, "data"), Rounds: 20, Seed: uint64(time.Now().UnixNano()), Progress: s.Progress})
	if err != nil {
		return err
	}
	rows[0].Value, rows[0].Note = float64(f.Lost), fmt.Sprintf("%d acknowledged, seed %d", f.Acked, f.Seed)
	rows[1].Value, rows[1].Note = float64(f.TwiceUnlisted), fmt.Sprintf("%d arrived twice; greets %d ms after a kill, %d at most", f.Twice, f.Restart[0], f.Restart[1])
	return nil
}

func measureQueue(ctx context.Context, s Settings, rows []Row) error {
	f, err := Queue(ctx, QueueConfig{Binary: s.Binary, Dir: filepath.Join(s.Dir, "data"), Messages: s.Queue, Watch: s.Watch, Progress: s.Progress})
	if err != nil {
		return err
	}
	shortened := ""
	if f.Messages != 1_000_000 {
		shortened = fmt.Sprintf("only %d queued, ", f.Messages)
	}
	rows[0].Value, rows[0].Note = f.PerRecipient(), fmt.Sprintf("%s%d MiB and %d MiB", shortened, f.Large>>20, f.Small>>20)
	rows[1].Value, rows[2].Value = f.EventsPerMinute, f.CPUPercent
	for i := 1; i <= 2; i++ {
		rows[i].Note = fmt.Sprintf("%swatched for %v", shortened, f.Watched)
	}
	worse := func(r *Row, stopped, killed time.Duration) {
		r.Value = max(stopped, killed).Seconds()
		r.Note = fmt.Sprintf("%s%.2f s after a stop, %.2f s after kill -9", shortened, stopped.Seconds(), killed.Seconds())
	}
	worse(&rows[3], f.Stopped.Accepting, f.Killed.Accepting)
	worse(&rows[4], f.Stopped.Loaded, f.Killed.Loaded)
	return nil
}

func measureIdle(ctx context.Context, s Settings, rows []Row) error {
	f, err := Idle(ctx, s.Binary, filepath.Join(s.Dir, "data"), 10_000)
	rows[0].Value, rows[0].Note = float64(f.With)/(1<<20), fmt.Sprintf("%d MiB without", f.Before>>20)
	return err
}

func measureTopHosts(_ context.Context, _ Settings, rows []Row) error {
	took, err := TopHosts(100_000)
	rows[0].Value, rows[0].Note = milliseconds(took), "the slowest order, median of 101"
	return err
}

func measureVerify(ctx context.Context, s Settings, rows []Row) error {
	f, err := Verify(ctx, VerifyConfig{Binary: s.Binary, Dir: filepath.Join(s.Dir, "data"), Progress: s.Progress})
	rows[0].Value, rows[0].Note = f.Stopped.Seconds(), fmt.Sprintf("%d facts", f.Facts)
	of := func(b Beside) string { return fmt.Sprintf("%.0f/s of %.0f/s", b.With, b.Alone) }
	rows[1].Value, rows[1].Note = f.Verify.Kept(), fmt.Sprintf("%s; the verify takes %.0f s then", of(f.Verify), f.Running.Seconds())
	rows[2].Value, rows[2].Note = f.FindEvent.Kept(), fmt.Sprintf("%s; %d commands were answered", of(f.FindEvent), f.Asked)
	return err
}

func measureTravel(ctx context.Context, s Settings, rows []Row) error {
	f, err := Travel(ctx, TravelConfig{Dir: s.Dir, Events: 10_000_000, Looks: 40, Progress: s.Progress})
	if err != nil {
		return err
	}
	rows[0].Value, rows[0].Note = f.Slowest.Seconds(), fmt.Sprintf("%d events, median %.2f s", f.Events, f.Median.Seconds())
	rows[1].Value, rows[1].Note = f.SlowestListing.Seconds(), fmt.Sprintf("%d recipients", f.Listed)
	rows[2].Value = f.PerMillion.Seconds()
	rows[3].Value, rows[4].Value = f.Explained.Seconds(), f.Traced.Seconds()
	return nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

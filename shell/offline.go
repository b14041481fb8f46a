package shell

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"postern/engine/config"
	"postern/journal"
	"postern/projections"
	"postern/projections/logpush"
)

// Offline answers from the store of a gateway that does not run. What takes a daemon it has from notRunning.
type Offline struct {
	notRunning
	Data string
	Zone *time.Location                 // nil: the machine's
	Room func(used uint64) (left int64) // bytes by which a queue of used bytes may still grow; nil: nobody knows

	Document func() *config.Document // by which notifications are written; nil: the defaults

	Keys *logpush.HostKeys // of the hosts that logs are copied to; nil: none are
	// KeptOf says what the store keeps of an address, with the queue at its end.
	KeptOf func(ctx context.Context, j *journal.Journal, queue *journal.LiveSnapshot, address string) (Forgotten, error)

	Program Program // that asks
	Prober  Prober

	mu   sync.Mutex
	kept *projections.Figures // read once: what does not run does not change. Under mu
}

// Status implements Gateway.
func (o *Offline) Status(ctx context.Context) (s projections.Status, err error) {
	err = o.figures(ctx, func(f *projections.Figures) {
		s = f.View(time.Now(), nil, nil)
		s.System, s.Running, s.UptimeSeconds = projections.SystemOffline, false, 0
		for c := range s.Counters {
			s.Counters[c].Uptime = 0 // what the last run counted is in the other columns
		}
		if o.Room != nil {
			s.Gauges[projections.GaugeKilobytesFree] = max(0, o.Room(f.Bytes())) / 1024
		}
	})
	return s, err
}

// Identity implements Gateway.
func (o *Offline) Identity(ctx context.Context) (id Identity, err error) {
	err = o.figures(ctx, func(f *projections.Figures) {
		s := f.View(time.Now(), nil, nil)
		id = Identity{Hostname: s.Hostname, Version: s.Build}
	})
	return id, err
}

// WhoAmI implements Gateway.
func (o *Offline) WhoAmI(context.Context) (Operator, error) { return *Self(), nil }

// stopped tells whether the answer comes out of the store of a gateway that does not run: then a command only looks.
func (c *Call) stopped() bool {
	_, is := c.Gateway.(*Offline)
	return is
}

// figures shows the figures at the end of the stopped store, one caller at a time.
func (o *Offline) figures(ctx context.Context, show func(*projections.Figures)) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.kept != nil {
		show(o.kept)
		return nil
	}
	j, err := o.open()
	if err != nil {
		return err
	}
	defer j.Close()
	figures, err := projections.AsOf(ctx, j, &projections.Keyframes{Rows: j.Rows(projections.KeyframeRows)}, j.Durable(), 0)
	if err != nil {
		return fmt.Errorf("the journal of %s could not be replayed: %w", o.Data, err)
	}
	figures.Disconnect()
	o.kept = figures
	show(figures)
	return nil
}

// FindStore gives the directory of the store in a data directory. The error says, for people, that there is none.
func FindStore(data string) (dir string, err error) {
	dir = filepath.Join(data, "journal")
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("there is no store in %s: --data names the data directory of a gateway, \"postern serve\" makes a new store", data)
	}
	return dir, nil
}

// open opens the stopped store.
func (o *Offline) open() (*journal.Journal, error) {
	dir, err := FindStore(o.Data)
	if err != nil {
		return nil, err
	}
	j, err := journal.Open(dir, journal.Options{ReadOnly: true})
	if locked := (*journal.LockedError)(nil); errors.As(err, &locked) {
		return nil, fmt.Errorf("the gateway of %s is starting or stopping: try again in a moment", o.Data)
	}
	return j, err
}

// queue shows the queue as it is at the end of the stopped store.
func (o *Offline) queue(ctx context.Context, show func(*journal.Journal, *journal.LiveSnapshot) error) error {
	j, err := o.open()
	if err != nil {
		return err
	}
	defer j.Close()
	rows, err := journal.OpenLiveRows(j)
	if err != nil {
		return err
	}
	queue, err := rows.Current(ctx)
	if err != nil {
		return fmt.Errorf("the queue of %s could not be read: %w", o.Data, err)
	}
	defer queue.Close()
	return show(j, queue)
}

// notRunning is what a gateway that does not run says to everything.
type notRunning struct{}

func (notRunning) Status(context.Context) (s projections.Status, err error) { return s, ErrNotRunning }

func (notRunning) Identity(context.Context) (id Identity, err error) { return id, ErrNotRunning }

func (notRunning) WhoAmI(context.Context) (o Operator, err error) { return o, ErrNotRunning }

func (notRunning) Sessions(context.Context) ([]Session, error) { return nil, ErrNotRunning }

func (notRunning) OpenSession(context.Context, string, func(Session)) error { return ErrNotRunning }

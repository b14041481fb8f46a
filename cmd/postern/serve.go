package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/rs/zerolog"

	"postern/engine"
	"postern/engine/config"
	"postern/hardware"
	"postern/journal"
	"postern/projections"
	"postern/projections/tracking"
	"postern/shell"
	"postern/smtp/deliver"
	"postern/smtp/dns"
	"postern/smtp/receive"
	"postern/snmp"
)

// gateway is the running daemon: the parts, in the order in which they are built. Stopping goes the other way.
type gateway struct {
	flags           flags // that it was started with
	log             zerolog.Logger
	data            string
	inForce         atomic.Pointer[config.Document]
	configuration   configuration // how inForce becomes another one
	lock            *os.File
	ports           ports
	journal         *journal.Journal
	rows            *journal.LiveRows
	suspended       []string // domains to which deliveries have been suspended since before the start; "*" is all
	closedListeners []string // listeners that have been suspended since before the start
	restored        bool     // the store is a backup, and this is its first start
	resolver        *dns.Resolver
	client          *deliver.Client
	engine          *engine.Engine
	receiver        *receive.Server
	logs            subscriptions
	index           *tracking.Index
	looker          *projections.Follower
	figures         *projections.Figures // owned by looker
	frames          *projections.Keyframes
	gauges          projections.Gauges
	machine         hardware.Machine
	monitor         hardware.Monitor
	lags            lags
	admin           *shell.Admin
	pages           pages
	agent           *snmp.Agent
	traps           *snmp.Watcher
	pulse           *pulse
	retention       retention
	damage          damage
	failures        failures
	expiries        expiries
	running         sync.WaitGroup // followers and the parts' own loops

	ending  atomic.Bool // the first order to end was taken
	orders  chan order  // holds that one
	drained drained
}

// serve runs the gateway until a signal or an operator ends it, or until it is to begin anew. A second signal ends at once,
// which is safe, because a crash is.
func serve(f flags, stderr io.Writer) error {
	doc, data, err := loadDocument(f)
	if err != nil {
		return err
	}
	outliveLogReaders()
	asked, gone := stopSignal()
	again, hung := restartSignal(), hangUps(gone)
	g := &gateway{flags: f, log: processLog(stderr), data: data, orders: make(chan order, 1), drained: newDrained()}
	g.inForce.Store(doc)
	defer func() { g.ports.binder.close() }()
	if err := g.build(); err != nil {
		g.close()
		return err
	}
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	g.start(ctx, ended)
	g.announce()
	g.run("reloading at a signal", func() error { return g.reloads(ctx, hung) })
	o, err := g.await(ended, asked, again)
	if restart := g.stop(o, cancel, asked); !restart || err != nil {
		return err
	}
	g.log.Info().Msg("stopped; beginning anew")
	return g.beginAnew(asked)
}

// configName is the configuration's file in the data directory.
const configName = "postern.toml"

// loadDocument reads the configuration; without a file, the defaults hold. A file that was named is read before anything is
// made.
func loadDocument(f flags) (doc *config.Document, data string, err error) {
	if f.config != "" {
		if doc, err = config.Load(f.config); err != nil {
			return nil, "", err
		}
	}
	if data, err = f.dataDirectory(true); err != nil || doc != nil {
		return doc, data, err
	}
	path := f.configFile(data)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return config.Default(), data, nil
	}
	doc, err = config.Load(path)
	return doc, data, err
}

// configFile is the configuration's file.
func (f *flags) configFile(data string) string {
	if f.config != "" {
		return f.config
	}
	return filepath.Join(data, configName)
}

// processLog is the process's own log: for people on a terminal, for programs otherwise.
func processLog(w io.Writer) zerolog.Logger {
	if file, ok := w.(*os.File); ok {
		if info, err := file.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			w = zerolog.ConsoleWriter{Out: file, TimeFormat: time.TimeOnly}
		}
	}
	return zerolog.New(w).With().Timestamp().Logger()
}

func (g *gateway) build() error {
	if err := g.open(); err != nil {
		return err
	}
	d, document := g.document(), g.document
	g.resolver = &dns.Resolver{Servers: d.DNS.Servers, Timeout: d.DNS.Timeout.Duration, Tries: d.DNS.Tries, CacheSize: d.DNS.Cache}
	g.client = &deliver.Client{Document: document, Resolver: g.resolver, Store: g.journal, IsOwn: g.isOwn,
		Content: func(seq uint64, m *journal.MessageInjected) (io.ReadCloser, int64, error) {
			c, err := engine.OpenContent(g.journal, g.document(), seq, m)
			if err != nil {
				return nil, 0, err
			}
			return c, c.Size, nil
		}}
	// Idle connections are closed while their last facts can still be written.
	drained := func() { g.client.Close(); g.sampleLast() }
	g.machine.Limit = g.memoryLimit
	g.monitor.Limits = func() hardware.Limits { return limitsOf(document()) }
	g.engine = engine.New(engine.Options{Drained: drained, Journal: g.journal, Rows: g.rows, Deliverer: g.client, Document: document, Version: Version, Committed: g.configuration.edit,
		Memory: g.machine.MemoryShare, Behind: g.lags.Behind,
		Problem: func(err error) { g.log.Error().Err(err).Msg("engine") }})
	g.client.Note = g.engine.Note
	g.client.BeforeFinalDot = g.engine.DataSent
	g.client.DCID = func(ctx context.Context) (uint32, error) { return g.engine.ID(ctx, journal.DCID) }
	g.receiver = &receive.Server{Document: document, Queue: g.engine, Store: receive.StoreOf(g.journal), Reverse: g.resolver,
		Delay:    g.replyDelay,
		Announce: g.ports.announce, Suspended: g.closedListeners, Tolerant: !g.rows.System().Clean && g.rows.System().Boots > 0,
		OnProblem: func(listener string, err error) { g.log.Error().Str("listener", listener).Err(err).Msg("receiving") }}
	if err := g.receiver.Listen(); err != nil {
		return err
	}
	if err := g.buildFollowers(); err != nil {
		return err
	}
	if err := g.buildHTTP(); err != nil {
		return err
	}
	g.buildSNMP()
	g.buildTraps()
	g.expiries.unknown = func(name string, err error) {
		g.log.Warn().Err(err).Str("certificate", name).Msg("when a certificate ends cannot be told: the gateway cannot read it")
	}
	g.expiries.refresh(d, time.Now()) // while all files can be read
	return g.dropPrivileges()
}

// dropPrivileges opens the admin socket to its group, and goes on as the configured user, now that the store is open and all
// that only root may read was read. One thread goes on binding ports.
func (g *gateway) dropPrivileges() error {
	a, err := accountOf(g.document().Daemon)
	if err != nil {
		return err
	}
	owner := -1
	if a != nil {
		owner = a.uid
		if err := a.own(g.data); err != nil {
			return fmt.Errorf("the data directory is to be %s's: %w", g.document().Daemon.User, err)
		}
	}
	if err := g.admin.Share(owner); err != nil {
		g.log.Warn().Err(err).Msg("only root and the gateway's own user can administer it")
	}
	if a == nil {
		return nil
	}
	g.ports.binder, err = newBinder(a)
	return err
}

// open takes the store: the lock that tells readers to let go, the journal, and the live rows up to its end.
func (g *gateway) open() error {
	var err error
	if g.lock, err = takeServeLock(g.data); err != nil {
		return err
	}
	if err = g.inspect(); err != nil {
		return err
	}
	if g.journal, err = openWaiting(filepath.Join(g.data, "journal"), journal.Options{Quiet: logPatience, Damaged: g.damage.meet}, readerPatience); err != nil {
		return err
	}
	if err := g.readState(); err != nil {
		return err
	}
	g.suspended, g.closedListeners = g.rows.System().DeliverySuspended, g.rows.System().ListenersSuspended
	if g.restored, err = g.journal.Restored(); err != nil {
		return err
	}
	return g.chooseConfiguration(context.Background())
}

// document is the configuration in force.
func (g *gateway) document() *config.Document { return g.inForce.Load() }

// readState reads the live rows and, beside them, the figures of the newest keyframe: mail waits for both.
func (g *gateway) readState() error {
	figures := make(chan error, 1)
	g.frames = &projections.Keyframes{Rows: g.journal.Rows(projections.KeyframeRows)}
	go func() {
		var err error
		if err = g.frames.Sweep(); err == nil {
			g.figures, err = g.frames.Load(g.journal.Durable(), 0)
		}
		figures <- err
	}()
	var err error
	if g.rows, err = journal.OpenLiveRows(g.journal); err == nil {
		err = g.rows.CatchUp(context.Background(), g.journal.Durable())
	}
	return errors.Join(err, <-figures)
}

// openWaiting opens a journal; a reader that holds it sees serve.lock and lets go.
func openWaiting(dir string, o journal.Options, patience time.Duration) (*journal.Journal, error) {
	for end := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		j, err := journal.Open(dir, o)
		if locked := (*journal.LockedError)(nil); errors.As(err, &locked) && time.Now().Before(end) {
			continue
		}
		return j, err
	}
}

func (g *gateway) start(ctx context.Context, ended chan<- error) {
	over := make(chan struct{})
	go func() {
		ended <- g.engine.Run(context.Background())
		close(over)
	}()
	select {
	case <-g.engine.Ready():
	case <-over: // it could not begin: what is started now is stopped again at once
	}
	g.run("delivery", func() error { return g.client.Run(ctx) })
	g.run("receiving", func() error { return g.receiver.Serve(context.Background()) })
	g.pages.serve(ctx)
	g.recordConfiguration(ctx)
	g.follow(ctx)
	g.run("erasure", func() error { return g.scrub(ctx) })
	g.run("retention", func() error { return g.keepHistory(ctx) })
	g.run("journal's pulse", func() error { return g.pulse.run(ctx, g.journal) })
	g.run("SNMP", func() error { return g.agent.Serve(ctx) })
	g.run("traps", func() error { return g.sendTraps(ctx) })
}

// run keeps one of the gateway's loops; its failure is an operator's business, not the end of the others.
func (g *gateway) run(what string, loop func() error) {
	g.running.Add(1)
	go func() {
		defer g.running.Done()
		if err := loop(); err != nil && !errors.Is(err, context.Canceled) {
			g.failures.add(what, err)
			g.log.Error().Err(err).Msg(what + " ended")
		}
	}()
}

func (g *gateway) announce() {
	if g.restored {
		g.log.Warn().Msg("the store was restored from a backup: deliveries are suspended until they are resumed")
	} else if len(g.suspended) > 0 {
		g.log.Warn().Strs("domains", g.suspended).Msg("deliveries are currently suspended")
	}
	if _, err := daemon.SdNotify(false, daemon.SdNotifyReady); err != nil {
		g.log.Error().Err(err).Msg("systemd")
	}
	for _, l := range g.document().Listeners {
		if slices.Contains(g.closedListeners, l.Name) {
			g.log.Warn().Str("listener", l.Name).Stringer("address", l.Address).Msg("receiving is currently suspended")
			continue
		}
		g.log.Info().Str("listener", l.Name).Str("kind", string(l.Kind)).Stringer("address", l.Address).Msg("accepting mail")
	}
	if at := g.pages.addr(); at != nil {
		g.log.Info().Stringer("address", at).Msg("status over HTTP")
	}
	if at := g.agent.Addr(); at.IsValid() {
		g.log.Info().Stringer("address", at).Msg("answering SNMP")
	}
}

func (g *gateway) close() {
	g.ports.close()
	if g.resolver != nil {
		g.resolver.Close()
	}
	if g.index != nil {
		g.index.Close()
	}
	if g.journal != nil {
		if err := g.journal.Close(); err != nil {
			g.log.Error().Err(err).Msg("journal")
		}
	}
	if g.lock != nil {
		g.lock.Close()
	}
}

// isOwn tells whether an address and port is one of our listeners. One on 0.0.0.0 or :: is on every address of the machine.
func (g *gateway) isOwn(a netip.AddrPort) bool {
	to := a.Addr().Unmap()
	for _, l := range g.document().Listeners {
		switch {
		case l.Address.Port() != a.Port():
		case l.Address.Addr().Unmap() == to, l.Address.Addr().IsUnspecified() && isLocal(to):
			return true
		}
	}
	return false
}

func isLocal(a netip.Addr) bool {
	if a.IsLoopback() || a.IsUnspecified() {
		return true
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, i := range addrs {
		if p, err := netip.ParsePrefix(i.String()); err == nil && p.Addr().Unmap() == a.WithZone("") {
			return true
		}
	}
	return false
}

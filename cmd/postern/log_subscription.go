package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"postern/engine/config"
	"postern/projections"
	"postern/projections/logpush"
)

// subscription is a log and who writes or pushes it.
type subscription struct {
	shape
	file    *projections.LogFollower // nil: it has no files
	syslog  *logpush.Syslog          // nil: it goes to no syslog server
	scp     *logpush.SCP             // nil: its files stay here
	lagging *lagging

	stop    context.CancelFunc
	running sync.WaitGroup
}

// shape is all that makes a log what it is: a commit that leaves it the same leaves the log alone.
type shape struct {
	row      config.Log
	hostname string
	bytes    int64
	age      time.Duration
	keep     int
}

func shapeOf(d *config.Document, l *config.Log) shape {
	bytes, age, keep := d.Rollover(l)
	return shape{*l, d.Hostname, bytes, age.Duration, keep}
}

// levelNames are the levels as the configuration spells them.
var levelNames = map[string]projections.LineLevel{"info": projections.LineInfo, "warning": projections.LineWarning, "critical": projections.LineCritical}

// subscribe makes who writes or pushes a log.
func (g *gateway) subscribe(d *config.Document, l *config.Log) (*subscription, error) {
	one := &subscription{shape: shapeOf(d, l), stop: func() {}}
	s := projections.LogSubscription{Name: l.Name, Type: projections.LogType(l.Type), Least: levelNames[l.Level]}
	if l.Retrieval == config.RetrieveSyslog {
		return one, g.subscribeSyslog(one, s)
	}
	o := g.logOptions(d)
	o.MaxBytes, o.MaxAge, o.Keep = one.bytes, one.age, one.keep
	o.OnProblem = func(err error) {
		one.lagging.broken.Store(err != nil)
		g.sayLog(l.Name, err, "the log cannot go on; it catches up when it can", "the log goes on")
	}
	one.file = projections.NewLogFollower(s, g.journal, o)
	one.lagging = g.lags.watch(l.Name, func() uint64 { return g.journal.Durable() - one.file.Lag() })
	if l.Retrieval == config.RetrieveSCP {
		return one, g.subscribeSCP(one)
	}
	return one, nil
}

// logOptions are what all logs with files have in common.
func (g *gateway) logOptions(d *config.Document) projections.LogOptions {
	return projections.LogOptions{Dir: g.logsDirectory(), Version: Version, Serial: serial(d.Hostname)}
}

// placesOf are what the tables' names begin with in which pushed logs keep their places; the log's name follows.
var placesOf = map[string]string{config.RetrieveSyslog: "syslog:", config.RetrieveSCP: "scp:"}

func (g *gateway) subscribeSyslog(one *subscription, s projections.LogSubscription) error {
	l := &one.row
	roots, err := authorities(l)
	if err != nil {
		return err
	}
	one.syslog = &logpush.Syslog{Subscription: s, Journal: g.journal, Rows: g.journal.Rows(placesOf[config.RetrieveSyslog] + l.Name), Network: l.Protocol, Address: l.Endpoint(),
		Format: logpush.Format{Hostname: one.hostname, Log: l.Name, Facility: l.FacilityNumber(), BSD: l.Format == "rfc3164"},
		TLS:    &tls.Config{ServerName: l.Host, RootCAs: roots, MinVersion: tls.VersionTLS12},
		OnProblem: func(err error) {
			g.sayLog(l.Name, err, "the log cannot be sent; it waits in the journal", "the log is sent again")
		}}
	if err := one.syslog.Begin(); err != nil {
		return err
	}
	one.lagging = g.lags.add(&lagging{name: l.Name, seen: one.syslog.Seq, elsewhere: true})
	return nil
}

func (g *gateway) subscribeSCP(one *subscription) error {
	l := &one.row
	one.scp = &logpush.SCP{Log: l.Name, Dir: g.logsDirectory(), Keys: g.keysDirectory(), Rows: g.journal.Rows(placesOf[config.RetrieveSCP] + l.Name),
		Target: logpush.Target{Host: l.Host, Port: l.Port, User: l.User, Directory: l.Directory, Identity: l.Identity, KnownHosts: l.KnownHosts},
		OnProblem: func(err error) {
			g.sayLog(l.Name, err, "a file of the log could not be copied; it is tried again", "files of the log are copied again")
		},
		OnLost: func(files []string) {
			g.log.Error().Str("log", l.Name).Strs("files", files).Msg("files of the log were removed before they could be copied: more are closed than are kept")
		}}
	return one.scp.Begin()
}

func (g *gateway) sayLog(log string, err error, bad, good string) {
	if err != nil {
		g.log.Error().Err(err).Str("log", log).Msg(bad)
	} else {
		g.log.Info().Str("log", log).Msg(good)
	}
}

func (g *gateway) logsDirectory() string { return filepath.Join(g.data, "logs") }

// maxAuthorities bounds the file of those who vouch for syslog servers.
const maxAuthorities = 4 << 20

// authorities are those who vouch for a log's TLS server; nil: whom the system trusts.
func authorities(l *config.Log) (*x509.CertPool, error) {
	if l.Authority == "" {
		return nil, nil
	}
	if info, err := os.Stat(l.Authority); err != nil || !info.Mode().IsRegular() || info.Size() > maxAuthorities {
		return nil, fmt.Errorf("log.authority: %s is no file of certificates that can be read", l.Authority)
	}
	text, err := os.ReadFile(l.Authority)
	if err != nil {
		return nil, fmt.Errorf("log.authority: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("log.authority: %s holds no certificate in PEM form", l.Authority)
	}
	return pool, nil
}

// start begins the loops.
func (one *subscription) start(ctx context.Context, g *gateway) {
	ctx, one.stop = context.WithCancel(ctx)
	begin := func(what string, run func(context.Context) error) {
		one.running.Add(1)
		g.run(what, func() error {
			defer one.running.Done()
			g.loaded(ctx, logPatience)
			return run(ctx)
		})
	}
	if one.file != nil {
		begin("log "+one.row.Name, one.file.Run)
	}
	if one.syslog != nil {
		begin("syslog push of "+one.row.Name, one.syslog.Run)
	}
	if one.scp != nil {
		begin("SCP push of "+one.row.Name, one.scp.Run)
	}
}

// goOnFrom takes over how the push of the same log to the same place stands, whatever else a commit has changed of it: it is
// over when lines arrive, and not when somebody commits.
func (one *subscription) goOnFrom(before *subscription, l *lags) {
	if before.row.Name != one.row.Name || before.row.Endpoint() != one.row.Endpoint() {
		return
	}
	if one.syslog != nil && before.syslog != nil && one.row.Protocol == before.row.Protocol {
		one.syslog.GoOnFrom(before.syslog)
		l.succeed(one.lagging, before.lagging)
	}
	if one.scp != nil && before.scp != nil {
		one.scp.GoOnFrom(before.scp)
	}
}

// forget removes the places that nobody goes on from. next is the subscription that has the name now; nil: none has.
func (one *subscription) forget(next *config.Log) error {
	if one.syslog != nil && (next == nil || next.Retrieval != config.RetrieveSyslog) {
		return one.syslog.Forget()
	}
	if one.scp != nil && (next == nil || next.Retrieval != config.RetrieveSCP) {
		return one.scp.Forget()
	}
	return nil
}

func (one *subscription) unwatch(l *lags) {
	if one.lagging != nil {
		l.unwatch(one.lagging)
	}
}

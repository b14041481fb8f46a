package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"postern/projections"
)

// buildFollowers makes those who look: each pulls durable records at its own pace and slows nobody.
func (g *gateway) buildFollowers() {
	o := projections.LogOptions{Dir: filepath.Join(g.data, "logs"), Version: Version, Serial: serial(g.document.Hostname),
		MaxBytes: int64(g.document.Logs.RolloverMegabytes) << 20, MaxAge: g.document.Logs.RolloverAge.Duration, Keep: g.document.Logs.Keep}
	problem := func(log string) func(error) {
		return func(err error) {
			if err != nil {
				g.log.Error().Err(err).Str("log", log).Msg("the log cannot go on; it catches up when it can")
			} else {
				g.log.Info().Str("log", log).Msg("the log goes on")
			}
		}
	}
	o.OnProblem = problem("mail_logs")
	g.mailLog = projections.NewMailLogFollower(g.journal, o)
	o.OnProblem = problem("status")
	g.statusLog = projections.NewStatusLogFollower(g.journal, o)
}

// follow starts them; they go to the journal's end when ctx ends.
func (g *gateway) follow(ctx context.Context) {
	g.run("mail log", func() error { return g.mailLog.Run(ctx) })
	g.run("status log", func() error { return g.statusLog.Run(ctx) })
	g.run("live rows", func() error {
		for tick := time.NewTicker(10 * time.Millisecond); g.engine.Loading() < 100 && ctx.Err() == nil; {
			<-tick.C
		}
		return g.rows.Follow(ctx)
	})
}

// serial is a machine's number in the shape that log readers expect, 20 characters, drawn from its name.
func serial(hostname string) string {
	sum := sha256.Sum256([]byte(hostname))
	hex := strings.ToUpper(fmt.Sprintf("%x", sum))
	return hex[:12] + "-" + hex[12:19]
}

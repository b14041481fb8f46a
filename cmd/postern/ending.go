package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"postern/journal"
	"postern/shell"
)

// usualGrace is what connections and deliveries get together to end by themselves when nobody says how long.
const usualGrace = 30 * time.Second

// order is how the gateway is to end.
type order struct {
	grace   time.Duration // then what is left is cut off
	restart bool          // the program begins anew, in the same process
}

// drained tells how far the end is: each channel is closed when that much is over.
type drained struct{ receiving, delivery chan struct{} }

func newDrained() drained { return drained{make(chan struct{}), make(chan struct{})} }

// Stop orders the gateway's end. The error, a sentence for the operator, says why nothing comes of it: the gateway could
// not restart, or is ending already. Otherwise it returns at once, and g.drained tells how far the end is.
func (g *gateway) Stop(grace time.Duration, restart bool) (shell.Stopping, error) {
	if restart {
		if err := g.refuseRestart(); err != nil {
			return shell.Stopping{}, &shell.RefusedError{Reason: err.Error()}
		}
	}
	if g.ending.Swap(true) {
		return shell.Stopping{}, &shell.RefusedError{Reason: "The gateway is stopping already."}
	}
	g.orders <- order{max(grace, 0), restart}
	return shell.Stopping{Received: g.drained.receiving, Delivered: g.drained.delivery}, nil
}

// await waits for the order to end. The error is what ended the gateway without one.
func (g *gateway) await(ended <-chan error, asked, again <-chan os.Signal) (order, error) {
	for {
		select {
		case err := <-ended:
			if err == nil {
				err = errors.New("the engine ended by itself")
			}
			g.ending.Store(true)
			return order{grace: usualGrace}, err
		case s := <-asked:
			g.ending.Store(true)
			g.log.Info().Str("signal", s.String()).Msg("stopping; a second signal ends at once")
			g.engine.Note(&journal.OperatorOrdered{Signal: s.String(), What: journal.OrderStop})
			return order{grace: usualGrace}, nil
		case s := <-again:
			if _, err := g.Stop(usualGrace, true); err != nil {
				g.log.Warn().Err(err).Msg("not restarted")
				continue
			}
			g.engine.Note(&journal.OperatorOrdered{Signal: s.String(), What: journal.OrderRestart})
		case o := <-g.orders:
			g.log.Info().Bool("restart", o.restart).Float64("seconds", o.grace.Seconds()).Msg("stopping by order; a signal stops for good")
			return o, nil
		}
	}
}

// stopSignal gives the first signal that asks for a stop; the second ends the process, also while it still starts. What is
// sent on also counts as such a signal.
func stopSignal() (asked <-chan os.Signal, also chan<- os.Signal) {
	signals, first := make(chan os.Signal, 2), make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		first <- <-signals
		for <-signals == syscall.SIGHUP { // a terminal that goes says so more than once
		}
		os.Exit(exitRefused)
	}()
	return first, signals
}

// reloads commits the file, as somebody has edited it, at each signal until ctx ends.
func (g *gateway) reloads(ctx context.Context, signals <-chan os.Signal) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case s := <-signals:
			if _, err := g.Commit(ctx, shell.Proposal{Edited: true, Comment: "the edited file, loaded at SIGHUP"}, byFile); err != nil {
				g.log.Warn().Str("signal", s.String()).Err(err).Msg("the configuration file was not taken up")
			}
		}
	}
}

// restartSignal gives the signal that asks for a restart.
func restartSignal() <-chan os.Signal {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR2)
	return signals
}

// stop ends everything in the order in which nothing is lost: no new mail, no new attempts, the engine's last fact, the
// followers up to it, the journal. It tells whether the order to restart still holds: a signal makes a plain stop of it.
func (g *gateway) stop(o order, cancel context.CancelFunc, asked <-chan os.Signal) (restart bool) {
	if o.restart {
		notifyReloading()
	} else {
		daemon.SdNotify(false, daemon.SdNotifyStopping)
	}
	ctx, over := g.patience(o.grace, asked)
	g.drain(ctx, o.grace)
	if err := g.admin.Close(); err != nil {
		g.log.Warn().Err(err).Msg("admin socket")
	}
	cancel()
	g.running.Wait()
	g.close()
	return !over() && o.restart
}

// drain lets connections and deliveries end until ctx does, which is after grace. A third of it is for those who send us
// mail: cut off, they keep it and come again. The rest is for deliveries too, since of one that is cut off at its end
// nobody knows what became of it.
func (g *gateway) drain(ctx context.Context, grace time.Duration) {
	receiving, done := context.WithTimeout(ctx, grace/3)
	if err := g.receiver.Shutdown(receiving); err != nil {
		g.log.Warn().Err(err).Msg("receiving was cut off")
	}
	done()
	close(g.drained.receiving)
	spared := context.AfterFunc(ctx, g.client.CutOff)
	g.engine.Stop(ctx)
	if !spared() {
		g.log.Warn().Msg("deliveries were cut off")
	}
	close(g.drained.delivery)
}

// patience is a context for the grace of a stop. A signal that comes before over is called leaves no more than the usual
// grace, and over tells of it.
func (g *gateway) patience(grace time.Duration, asked <-chan os.Signal) (ctx context.Context, over func() (signalled bool)) {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	end, answer := make(chan struct{}), make(chan bool, 1)
	go func() { // ends with over
		select {
		case s := <-asked:
			g.log.Info().Str("signal", s.String()).Msg("stopping for good; a second signal ends at once")
			daemon.SdNotify(false, daemon.SdNotifyStopping)
			cut := time.AfterFunc(usualGrace, cancel)
			defer cut.Stop()
			<-end
			answer <- true
		case <-end:
			answer <- len(asked) > 0
		}
	}()
	return ctx, func() bool {
		close(end)
		cancel()
		return <-answer
	}
}

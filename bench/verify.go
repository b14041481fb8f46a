package bench

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"time"

	"postern/bench/load"
	"postern/bench/sink"
	"postern/projections"
)

// VerifyConfig is a long history that is verified, by itself and beside mail.
type VerifyConfig struct {
	Binary   string // of the gateway
	Dir      string // for its data; not there or empty
	Messages int    // of the history; default a million
	Rounds   int    // of each figure, which is a median; default 3
	Mail     int    // messages of a round beside; default 10,000
	Progress io.Writer
}

// VerifyFigures are what verify takes, and what it takes from mail.
type VerifyFigures struct {
	Facts         uint64        // in the history
	Stopped       time.Duration // of the command, the gateway stopped
	Running       time.Duration // of the command, mail going on
	Alone, Beside float64       // messages a second end to end, without and with a verify
}

// verifyRun is the workload under way.
type verifyRun struct {
	VerifyConfig
	gateway *Gateway
	sink    *sink.Sink
	legs    int // for their prefixes
}

// Verify makes the history and verifies it.
func Verify(ctx context.Context, c VerifyConfig) (f VerifyFigures, err error) {
	c.defaults()
	v := &verifyRun{VerifyConfig: c, sink: &sink.Sink{}, gateway: &Gateway{Binary: c.Binary, Data: c.Dir}}
	if err := v.sink.Listen("127.0.0.1:0"); err != nil {
		return f, err
	}
	defer v.sink.Close()
	if err := v.gateway.Configure(v.sink.Address().String(), ""); err != nil {
		return f, err
	}
	if err := MakeHistory(filepath.Join(c.Dir, "journal"), c.Messages); err != nil {
		return f, err
	}
	fmt.Fprintf(c.Progress, "a history of %d messages is made\n", c.Messages)
	if err := v.stopped(ctx, &f); err != nil {
		return f, err
	}
	if _, err := v.gateway.Start(time.Minute); err != nil {
		return f, err
	}
	defer func() { v.gateway.Kill() }()
	if err := v.caughtUp(ctx, &f); err != nil {
		return f, err
	}
	if err := v.beside(ctx, &f); err != nil {
		return f, err
	}
	return f, v.gateway.Stop(time.Minute)
}

func (c *VerifyConfig) defaults() {
	if c.Messages == 0 {
		c.Messages = 1_000_000
	}
	if c.Rounds == 0 {
		c.Rounds = 3
	}
	if c.Mail == 0 {
		c.Mail = 10_000
	}
	if c.Progress == nil {
		c.Progress = io.Discard
	}
}

func (v *verifyRun) verify(ctx context.Context) *exec.Cmd {
	return exec.CommandContext(ctx, v.Binary, "verify", "--data", v.gateway.Data)
}

// stopped verifies the store of the stopped gateway.
func (v *verifyRun) stopped(ctx context.Context, f *VerifyFigures) error {
	var took []float64
	for range v.Rounds {
		began := time.Now()
		if _, err := v.verify(ctx).Output(); err != nil {
			return failed([]string{"verify"}, err)
		}
		took = append(took, float64(time.Since(began)))
		fmt.Fprintf(v.Progress, "verified in %.2f s\n", time.Since(began).Seconds())
	}
	f.Stopped = time.Duration(median(took))
	return nil
}

// caughtUp waits until the logs of the history are written, which nobody has written yet.
func (v *verifyRun) caughtUp(ctx context.Context, f *VerifyFigures) error {
	for {
		s, err := gatewayStatus{v.gateway}.read()
		if err != nil {
			return err
		}
		if f.Facts = s.Seq; s.Gauges[projections.GaugeFollowerLag] == 0 {
			return pause(ctx, storeSettles)
		}
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
}

// beside relays mail without a verify and with one, by turns, and at last as long as a whole verify takes.
func (v *verifyRun) beside(ctx context.Context, f *VerifyFigures) error {
	var alone, beside []float64
	for range v.Rounds {
		rate, err := v.leg(ctx)
		if err != nil {
			return err
		}
		alone = append(alone, rate)
		verifying, stop := context.WithCancel(ctx)
		process := v.verify(verifying)
		if err = process.Start(); err == nil {
			rate, err = v.leg(ctx)
			stop()
			process.Wait()
		}
		if stop(); err != nil {
			return err
		}
		beside = append(beside, rate)
		fmt.Fprintf(v.Progress, "relay alone %.0f/s, beside a verify %.0f/s\n", alone[len(alone)-1], rate)
	}
	f.Alone, f.Beside = median(alone), median(beside)
	return v.whole(ctx, f)
}

// whole lets mail go on until a verify has ended.
func (v *verifyRun) whole(ctx context.Context, f *VerifyFigures) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	began, ended := time.Now(), make(chan error, 1)
	go func() {
		_, err := v.verify(ctx).Output()
		ended <- failed([]string{"verify"}, err)
	}()
	for {
		_, err := v.leg(ctx)
		select {
		case failed := <-ended:
			f.Running = time.Since(began)
			return failed
		default:
		}
		if err != nil {
			return err
		}
	}
}

func (v *verifyRun) leg(ctx context.Context) (perSecond float64, err error) {
	v.legs++
	v.sink.Forget()
	perSecond, _, err = leg(ctx, v.sink, load.Config{Clients: 20, Messages: v.Mail, Prefix: fmt.Sprint("verify-", v.legs)}, "relay", v.gateway.Address)
	return perSecond, err
}

package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"postern/bench/load"
	"postern/bench/sink"
	"postern/projections"
)

// VerifyConfig is a long history that is verified, by itself and beside mail, and searched beside mail.
type VerifyConfig struct {
	Binary   string // of the gateway
	Dir      string // for its data; not there or empty
	Messages int    // of the history; default a million
	Rounds   int    // of each figure, which is a median; default 5
	Mail     int    // messages of a round beside; default 10,000
	Progress io.Writer
}

// VerifyFigures are what verify takes, and what it and findevent take from mail.
type VerifyFigures struct {
	Facts     uint64        // in the history
	Stopped   time.Duration // of the command, the gateway stopped
	Running   time.Duration // of the command, mail going on
	Verify    Beside
	FindEvent Beside
	Asked     int // commands of findevent that were answered beside mail
}

// Beside is what a reader of the history leaves to mail: messages a second end to end, medians over rounds by turns.
type Beside struct{ Alone, With float64 }

// Kept is the share that mail keeps, in percent.
func (b Beside) Kept() float64 { return 100 * b.With / b.Alone }

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
	if err := v.readers(ctx, &f); err != nil {
		return f, err
	}
	return f, v.gateway.Stop(time.Minute)
}

func (c *VerifyConfig) defaults() {
	if c.Messages == 0 {
		c.Messages = 1_000_000
	}
	if c.Rounds == 0 {
		c.Rounds = 5
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

// readers lets each reader of the history go on beside mail, and verify at last as long as it takes.
func (v *verifyRun) readers(ctx context.Context, f *VerifyFigures) (err error) {
	if f.Verify, err = v.beside(ctx, "a verify", func(ctx context.Context) error {
		_, err := v.verify(ctx).Output()
		return err
	}); err != nil {
		return err
	}
	if f.FindEvent, err = v.beside(ctx, "findevent", func(ctx context.Context) error { return v.search(ctx, f) }); err != nil {
		return err
	}
	return v.whole(ctx, f)
}

// beside relays mail without a reader and with one, by turns. The reader goes on until its context ends.
func (v *verifyRun) beside(ctx context.Context, name string, read func(context.Context) error) (Beside, error) {
	var alone, with []float64
	for range v.Rounds {
		rate, err := v.leg(ctx)
		if err != nil {
			return Beside{}, err
		}
		alone = append(alone, rate)
		reading, stop := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- read(reading) }()
		rate, err = v.leg(ctx)
		over := reading.Err() == nil && len(ended) > 0
		stop()
		if failed := <-ended; over {
			err = errors.Join(err, fmt.Errorf("%s ended before mail did: %w", name, failed))
		}
		if err != nil {
			return Beside{}, err
		}
		with = append(with, rate)
		fmt.Fprintf(v.Progress, "relay alone %.0f/s, beside %s %.0f/s\n", alone[len(alone)-1], name, rate)
	}
	return Beside{Alone: median(alone), With: median(with)}, nil
}

// search asks findevent one question after another, each with a command of its own: an expression without a fixed text,
// which looks at every message, and one that traces a message.
func (v *verifyRun) search(ctx context.Context, f *VerifyFigures) error {
	for i := 0; ; i++ {
		question := []string{"--subject", "^[a-f].* [x-z][a-z]+$"}
		if i%2 == 1 {
			question = []string{"--mid", strconv.Itoa(1 + i*7919%v.Messages)}
		}
		words := append([]string{"findevent", "--data", v.gateway.Data}, question...)
		out, err := exec.CommandContext(ctx, v.Binary, words...).Output()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return failed(words, err)
		}
		if bytes.Count(out, []byte("\n")) < 5 {
			return fmt.Errorf("%v found little: %.300s", words, out)
		}
		f.Asked++
	}
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

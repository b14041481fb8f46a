package bench

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/gosnmp/gosnmp"

	"postern/bench/freeport"
	"postern/bench/load"
	"postern/bench/sink"
	"postern/engine/config"
)

// PolledConfig compares the relay left alone with the same relay while a monitoring system walks the whole SNMP tree each
// second, in version 3, authenticated and encrypted.
type PolledConfig struct {
	Binary   string // of the gateway
	Dir      string // for its data; not there or empty
	Rounds   int    // of both ways, which come first by turns; default 25
	Messages int    // of each way in a round: some seconds' worth; default 10,000
	Quiet    int    // walks of the gateway at rest, for their processor time; default 100
	Progress io.Writer
}

// PolledFigures are medians over the rounds; a share is made within its round.
type PolledFigures struct {
	Alone, Polled float64       // messages a second, end to end
	Lost          []float64     // percent of each round's messages a second alone that polling costs, ascending
	Walks         int           // beside mail
	Objects       int           // of a walk, the fewest
	Walk          time.Duration // beside mail, until the last answer; median
	Processor     time.Duration // of the gateway at rest, for a walk
}

// polledRun is the workload under way.
type polledRun struct {
	PolledConfig
	gateway *Gateway
	sink    *sink.Sink
	poller  *gosnmp.GoSNMP
	figures PolledFigures
	took    []float64 // by walks beside mail
}

// The passphrases of the user who polls.
const pollAuth, pollPriv = "one of the benchmark", "another of the benchmark"

// Polled runs the comparison.
func Polled(ctx context.Context, c PolledConfig) (PolledFigures, error) {
	c.defaults()
	p := &polledRun{PolledConfig: c, sink: &sink.Sink{}, gateway: &Gateway{Binary: c.Binary, Data: filepath.Join(c.Dir, "data")}}
	if err := p.sink.Listen("127.0.0.1:0"); err != nil {
		return p.figures, err
	}
	defer p.sink.Close()
	if err := p.configure(); err != nil {
		return p.figures, err
	}
	if _, err := p.gateway.Start(20 * time.Second); err != nil {
		return p.figures, err
	}
	defer func() { p.gateway.Kill() }()
	if err := p.poller.Connect(); err != nil {
		return p.figures, err
	}
	defer p.poller.Close()
	if err := p.quiet(ctx); err != nil {
		return p.figures, err
	}
	if err := p.rounds(ctx); err != nil {
		return p.figures, err
	}
	return p.figures, p.gateway.Stop(40 * time.Second)
}

func (c *PolledConfig) defaults() {
	if c.Rounds == 0 {
		c.Rounds = 25
	}
	if c.Messages == 0 {
		c.Messages = 10_000
	}
	if c.Quiet == 0 {
		c.Quiet = 100
	}
	if c.Progress == nil {
		c.Progress = io.Discard
	}
}

// configure switches the agent on, and makes who asks it.
func (p *polledRun) configure() error {
	at, err := freeport.Pick("udp")
	if err != nil {
		return err
	}
	port := at.Port()
	auth, err := config.SNMPKey(pollAuth)
	if err != nil {
		return err
	}
	priv, err := config.SNMPKey(pollPriv)
	if err != nil {
		return err
	}
	p.poller = &gosnmp.GoSNMP{Target: "127.0.0.1", Port: port, Version: gosnmp.Version3, Timeout: 5 * time.Second, MaxRepetitions: 50,
		SecurityModel: gosnmp.UserSecurityModel, MsgFlags: gosnmp.AuthPriv, SecurityParameters: &gosnmp.UsmSecurityParameters{UserName: "v3get",
			AuthenticationProtocol: gosnmp.SHA, AuthenticationPassphrase: pollAuth, PrivacyProtocol: gosnmp.AES, PrivacyPassphrase: pollPriv}}
	return p.gateway.Configure(p.sink.Address().String(), fmt.Sprintf(
		"[[interface]]\nname = \"Data\"\naddress = \"127.0.0.1/8\"\n[snmp]\nenabled = true\nport = %d\nlevel = %q\nauth_key = %q\npriv_key = %q\n", port, config.AuthPriv, auth, priv))
}

// walk asks for everything.
func (p *polledRun) walk() error {
	n := 0
	if err := p.poller.BulkWalk(".1.3.6.1", func(gosnmp.SnmpPDU) error { n++; return nil }); err != nil {
		return fmt.Errorf("walk: %w", err)
	}
	if f := &p.figures; f.Objects == 0 || n < f.Objects {
		f.Objects = n
	}
	return nil
}

// quiet takes the processor time of walks while nothing else happens, less what the gateway takes anyway.
func (p *polledRun) quiet(ctx context.Context) error {
	if _, err := p.gateway.settle(ctx); err != nil {
		return err
	}
	used := func(do func() error) (time.Duration, error) {
		before, err := p.gateway.Processor()
		if err == nil {
			err = do()
		}
		if err != nil {
			return 0, err
		}
		after, err := p.gateway.Processor()
		return after - before, err
	}
	began := time.Now()
	walks, err := used(func() error {
		for range p.Quiet {
			if err := p.walk(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	took := time.Since(began)
	nothing, err := used(func() error { return pause(ctx, took) })
	p.figures.Processor = max(walks-nothing, 0) / time.Duration(p.Quiet)
	fmt.Fprintf(p.Progress, "%d objects, %.1f ms of processor a walk\n", p.figures.Objects, milliseconds(p.figures.Processor))
	return err
}

func (p *polledRun) rounds(ctx context.Context) error {
	var rates [2][]float64 // alone, polled
	for round := range p.Rounds {
		p.sink.Forget()
		for step := range rates {
			way := (round + step) % len(rates)
			rate, err := p.leg(ctx, way == 1, strconv.Itoa(round))
			if err != nil {
				return fmt.Errorf("round %d: %w", round+1, err)
			}
			rates[way] = append(rates[way], rate)
		}
		p.figures.Lost = append(p.figures.Lost, 100*(1-rates[1][round]/rates[0][round]))
		fmt.Fprintf(p.Progress, "round %d: alone %.0f/s, polled %.0f/s\n", round+1, rates[0][round], rates[1][round])
	}
	slices.Sort(p.figures.Lost)
	p.figures.Alone, p.figures.Polled = median(rates[0]), median(rates[1])
	p.figures.Walk = time.Duration(median(p.took))
	return nil
}

// leg sends the load, and walks meanwhile if it is to be polled.
func (p *polledRun) leg(ctx context.Context, polled bool, prefix string) (perSecond float64, err error) {
	l := load.Config{Clients: 20, Messages: p.Messages, Prefix: prefix}
	if !polled {
		perSecond, _, err = leg(ctx, p.sink, l, "alone", p.gateway.Address)
		return perSecond, err
	}
	walking, stop := context.WithCancel(ctx)
	defer stop()
	walked := make(chan error, 1)
	go func() { walked <- p.walks(walking) }()
	perSecond, _, err = leg(ctx, p.sink, l, "polled", p.gateway.Address)
	stop()
	if failed := <-walked; err == nil {
		err = failed
	}
	return perSecond, err
}

// walks walks each second until ctx ends.
func (p *polledRun) walks(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		began := time.Now()
		if err := p.walk(); err != nil {
			return err
		}
		p.took = append(p.took, float64(time.Since(began)))
		p.figures.Walks++
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func measurePolled(ctx context.Context, s Settings, rows []Row) error {
	f, err := Polled(ctx, PolledConfig{Binary: s.Binary, Dir: s.Dir, Rounds: 5 * s.Rounds, Messages: s.Messages, Progress: s.Progress})
	if err != nil {
		return err
	}
	n := len(f.Lost)
	if f.Walks < 2*n {
		return fmt.Errorf("in %d rounds there were %d walks", n, f.Walks)
	}
	rows[0].Value = median(f.Lost)
	rows[0].Note = fmt.Sprintf("%.0f/s of %.0f/s, half of %d rounds between %.1f and %.1f; %d walks, each %.0f ms", f.Polled, f.Alone, n, f.Lost[n/4], f.Lost[n-1-n/4], f.Walks, milliseconds(f.Walk))
	rows[1].Value, rows[1].Note = milliseconds(f.Processor), fmt.Sprintf("%d objects, the gateway at rest", f.Objects)
	return nil
}

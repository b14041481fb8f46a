package snmp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"time"

	"postern/engine/config"
)

// door is a bound port. It is read as long as it is open, by the agent's readers.
type door struct {
	at   netip.AddrPort // as the configuration has it
	conn *net.UDPConn
	read bool // it has readers. Under Agent.mu
}

// readersOfDoor is how many datagrams are answered at once.
const readersOfDoor = 2

// retryBind is how often what could not be put into force is tried again.
const retryBind = 5 * time.Second

// Serve answers until ctx ends.
func (a *Agent) Serve(ctx context.Context) error {
	a.mu.Lock()
	a.ctx = ctx
	if a.door != nil {
		a.open(a.door)
	}
	a.mu.Unlock()
	tick := time.NewTicker(retryBind)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			a.retry()
		case <-ctx.Done():
			a.mu.Lock()
			if a.door != nil {
				a.door.conn.Close()
			}
			a.mu.Unlock()
			a.readers.Wait()
			return nil
		}
	}
}

// retry puts the wanted document into force, if it is not, and tells once why that cannot be.
func (a *Agent) retry() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s := a.inForce.Load(); s != nil && s.document == a.wanted && (a.door != nil || !s.enabled) || !a.wanted.SNMP.Enabled && s == nil {
		return
	}
	c, err := a.prepare(a.wanted)
	if err != nil {
		if err.Error() != a.failed {
			a.failed = err.Error()
			a.problem(err)
		}
		return
	}
	a.activate(c)
}

// Change is a configuration that can be put into force: its port is bound, its keys are made.
type Change struct {
	agent *Agent
	state *state
	door  *door // the new one; nil: as it is
}

// Prepare makes everything that a document needs, beside what is in force, which goes on. The error is a sentence that
// says what cannot be had. What was prepared is activated or discarded before anything else is.
func (a *Agent) Prepare(d *config.Document) (*Change, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c, err := a.prepare(d)
	if err != nil && a.failed != "" && reflect.DeepEqual(d.SNMP, a.wanted.SNMP) && addressOf(d) == addressOf(a.wanted) {
		return &Change{agent: a, state: &state{document: d}}, nil // it is not this change that cannot be had; Serve goes on trying
	}
	return c, err
}

// Activate puts the change into force.
func (c *Change) Activate() {
	c.agent.mu.Lock()
	defer c.agent.mu.Unlock()
	c.agent.activate(c)
}

// Discard lets go of what was prepared.
func (c *Change) Discard() {
	if c.door != nil {
		c.door.conn.Close()
	}
}

// Configure puts a document into force, or leaves all as it was and says in a sentence why.
func (a *Agent) Configure(d *config.Document) error {
	c, err := a.Prepare(d)
	if err == nil {
		c.Activate()
	}
	return err
}

func (a *Agent) prepare(d *config.Document) (*Change, error) {
	c := &Change{agent: a}
	if !d.SNMP.Enabled && a.inForce.Load() == nil {
		return &Change{agent: a, state: &state{document: d}}, nil // nobody has asked for an engine yet
	}
	var err error
	if c.state, err = a.stateOf(d); err != nil {
		return nil, err
	}
	if at := addressOf(d); d.SNMP.Enabled && (a.door == nil || a.door.at != at) {
		conn, err := a.listen(at)
		if err != nil {
			return nil, fmt.Errorf("snmp cannot listen on %s: %w", at, err)
		}
		c.door = &door{at: at, conn: conn}
	}
	return c, nil
}

func (a *Agent) activate(c *Change) {
	a.wanted = c.state.document
	if c.state.engine == nil {
		return
	}
	a.inForce.Store(c.state)
	a.failed = ""
	switch {
	case c.door != nil:
		if a.door != nil {
			a.door.conn.Close()
		}
		a.door = c.door
		a.open(a.door)
	case !c.state.enabled && a.door != nil:
		a.door.conn.Close()
		a.door = nil
	}
}

// addressOf is where the document wants the agent.
func addressOf(d *config.Document) netip.AddrPort {
	in := d.SNMPInterface()
	if in == nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(in.Address.Addr(), d.SNMP.Port)
}

func (a *Agent) listen(at netip.AddrPort) (*net.UDPConn, error) {
	if a.Listen != nil {
		return a.Listen(context.Background(), at)
	}
	return net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
}

// open starts the readers of a door; before Serve and after its end there are none.
func (a *Agent) open(d *door) {
	if a.ctx == nil || d.read {
		return
	}
	if a.ctx.Err() != nil {
		d.conn.Close()
		return
	}
	d.read = true
	for range readersOfDoor {
		a.readers.Go(func() { a.read(d) })
	}
}

// read answers what comes, until the door is closed.
func (a *Agent) read(d *door) {
	buffer := make([]byte, maxMessage+1) // what is longer is cut, and no SNMP any more
	for {
		n, from, err := d.conn.ReadFromUDPAddrPort(buffer)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			a.lose(d, err)
			return
		}
		if reply := a.Answer(buffer[:n], from); reply != nil {
			_, _ = d.conn.WriteToUDPAddrPort(reply, from) // who cannot be reached asks again
		}
	}
}

// lose gives a door up that cannot be read; Serve binds another one.
func (a *Agent) lose(d *door, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	d.conn.Close()
	if a.door == d {
		a.door = nil
		a.problem(fmt.Errorf("snmp on %s: %w", d.at, err))
	}
}

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"

	"postern/engine/config"
	"postern/shell"
)

// ports hands out ports. Some were bound before anybody wants them: before a store is made, so that a busy port does not
// leave one behind. Many goroutines may use it.
type ports struct {
	binder *binder // set once, before the gateway's parts run

	mu    sync.Mutex
	bound map[string][]net.Listener // by the configured address; several may be on port 0
}

// listenTCP binds a port; the silence of clients is judged by the receiver, not by keep-alives.
var listenTCP = (&net.ListenConfig{KeepAlive: -1}).Listen

// bindAll takes the ports of all listeners and of the status pages, as far as they are free; those that are the running
// gateway's own are left alone.
func (p *ports) bindAll(d *config.Document, own []shell.Socket) (faults []error) {
	for _, want := range portsOf(d) {
		if has(own, "TCP", want.at) {
			continue
		}
		if err := p.bind(want.what, want.at); err != nil {
			faults = append(faults, err)
		}
	}
	return faults
}

// wanted is a port, and what it is for.
type wanted struct {
	what string
	at   netip.AddrPort
}

// portsOf lists where a configuration has the gateway listen.
func portsOf(d *config.Document) (list []wanted) {
	for i := range d.Listeners {
		list = append(list, wanted{fmt.Sprintf("listener %q", d.Listeners[i].Name), d.Listeners[i].Address})
	}
	if d.HTTP.Address.IsValid() {
		list = append(list, wanted{"http", d.HTTP.Address})
	}
	return list
}

// bind takes a port.
func (p *ports) bind(what string, at netip.AddrPort) error {
	address := at.String()
	bound, err := p.listen(context.Background(), "tcp", address)
	if err != nil {
		return fmt.Errorf("%s cannot listen on %s: %w", what, address, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bound == nil {
		p.bound = make(map[string][]net.Listener)
	}
	p.bound[address] = append(p.bound[address], bound)
	return nil
}

// announce hands out what is bound, once, and binds what is not.
func (p *ports) announce(ctx context.Context, network, address string) (net.Listener, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if list := p.bound[address]; len(list) > 0 {
		p.bound[address] = list[1:]
		return list[0], nil
	}
	return p.listen(ctx, network, address)
}

// listen binds a TCP port, wherever it can be.
func (p *ports) listen(ctx context.Context, network, address string) (l net.Listener, err error) {
	refused := p.binder.run(func() { l, err = listenTCP(ctx, network, address) })
	return l, cmp.Or(refused, err)
}

// listenPacket is the same for UDP.
func (p *ports) listenPacket(_ context.Context, at netip.AddrPort) (c *net.UDPConn, err error) {
	refused := p.binder.run(func() { c, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(at)) })
	return c, cmp.Or(refused, err)
}

// close lets go of what nobody took.
func (p *ports) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, list := range p.bound {
		for _, l := range list {
			l.Close()
		}
	}
	p.bound = nil
}

// inspect finds what would end a first start when its store is made already: nothing is to be left behind then. A store
// that exists may hold mail, and is served as well as can be.
func (g *gateway) inspect() error {
	if _, err := os.Stat(filepath.Join(g.data, "journal")); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if _, err := accountOf(g.document().Daemon); err != nil {
		return err
	}
	if faults := findFaults(g.document(), nil); len(faults) > 0 {
		return faults[0]
	}
	if faults := g.ports.bindAll(g.document(), nil); len(faults) > 0 {
		return faults[0]
	}
	return nil
}

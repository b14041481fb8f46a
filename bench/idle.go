package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// IdleFigures are what clients cost that are connected and silent.
type IdleFigures struct {
	Before, With int64 // resident bytes of the gateway
}

// Idle connects so many clients, which say EHLO and nothing more.
func Idle(ctx context.Context, binary, dir string, connections int) (f IdleFigures, err error) {
	g := &Gateway{Binary: binary, Data: dir, Listener: "max_connections = 100000\nmax_connections_per_client = 100000"}
	if err := g.Configure("127.0.0.1:1", ""); err != nil { // nothing is sent
		return f, err
	}
	if _, err := g.Start(20 * time.Second); err != nil {
		return f, err
	}
	defer g.Kill()
	if f.Before, err = g.Resident(); err != nil {
		return f, err
	}
	open, err := connectAll(g.Address, connections)
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	if err != nil {
		return f, err
	}
	if err := pause(ctx, 5*time.Second); err != nil {
		return f, err
	}
	if f.With, err = g.Resident(); err != nil {
		return f, err
	}
	for i, c := range open { // all of them were there when the memory was read
		if err := c.order("NOOP", "250"); err != nil {
			return f, fmt.Errorf("connection %d of %d: %w", i+1, connections, err)
		}
	}
	return f, nil
}

// idler is a client that says no more than it must.
type idler struct {
	net.Conn
	r *bufio.Reader
}

// connectAll opens connections from a few hands at once; on an error it returns those that are open.
func connectAll(address string, n int) (open []idler, err error) {
	const hands = 50
	parts, errs := make([][]idler, hands), make([]error, hands)
	var all sync.WaitGroup
	for i := range hands {
		all.Go(func() {
			for k := i; k < n && errs[i] == nil; k += hands {
				c, err := sayHello(address)
				if errs[i] = err; err == nil {
					parts[i] = append(parts[i], c)
				}
			}
		})
	}
	all.Wait()
	for _, p := range parts {
		open = append(open, p...)
	}
	return open, errors.Join(errs...)
}

// sayHello connects and greets.
func sayHello(address string) (idler, error) {
	conn, err := net.DialTimeout("tcp", address, 20*time.Second)
	if err != nil {
		return idler{}, err
	}
	c := idler{conn, bufio.NewReaderSize(conn, 512)}
	if err = c.order("", "220"); err == nil {
		err = c.order("EHLO idle.sender.test", "250")
	}
	if err != nil {
		c.Close()
	}
	return c, err
}

// order sends a command, or none, and reads the reply that is wanted.
func (c idler) order(command, want string) error {
	c.SetDeadline(time.Now().Add(30 * time.Second))
	if command != "" {
		if _, err := c.Write([]byte(command + "\r\n")); err != nil {
			return err
		}
	}
	for {
		line, err := c.r.ReadString('\n')
		switch {
		case err != nil:
			return err
		case !strings.HasPrefix(line, want):
			return fmt.Errorf("answered %q to %q", line, command)
		case len(line) < 4 || line[3] != '-':
			return nil
		}
	}
}

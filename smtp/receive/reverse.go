package receive

import (
	"context"
	"time"

	"postern/engine"
)

// How long a reverse lookup may go on, and how long the first MAIL waits for it.
const (
	reverseTimeout  = 30 * time.Second
	reversePatience = 3 * time.Second
)

// hostName is what a reverse lookup found.
type hostName struct {
	name     string
	verified bool
}

// lookUp starts the reverse lookup of the client beside the banner; loopback has no name worth a query.
func (c *conversation) lookUp() {
	remote := c.client.address
	if c.server.Reverse == nil || !remote.IsValid() || remote.IsLoopback() {
		return
	}
	ctx, cancel := context.WithTimeout(c.server.ctx, reverseTimeout)
	found := make(chan hostName, 1)
	c.found, c.giveUp = found, cancel
	c.server.group.Go(func() {
		defer cancel()
		name, verified := c.server.Reverse.Verified(ctx, remote)
		if _, ok := engine.NormalDomain(name); !ok {
			name, verified = "", false
		}
		found <- hostName{name, verified}
	})
}

// awaitName takes the lookup's result, waiting at most patience for it; after that it is given up.
func (c *conversation) awaitName(patience time.Duration) {
	if c.found == nil {
		return
	}
	defer func() {
		c.giveUp()
		c.found = nil
	}()
	select {
	case c.reverse = <-c.found:
		return
	default:
	}
	if patience == 0 {
		return
	}
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case c.reverse = <-c.found:
	case <-t.C:
	case <-c.server.ctx.Done():
	}
}

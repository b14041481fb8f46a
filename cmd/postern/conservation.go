package main

import (
	"time"

	"postern/engine"
)

// replyDelay is how much later each reply of a transaction leaves while resources are conserved. Where nothing is accepted
// there is nothing to slow: a refusal is cheap, and a client that has it goes away.
func (g *gateway) replyDelay() time.Duration {
	degree := g.engine.Conservation()
	if degree > engine.Slowest {
		return 0
	}
	return time.Duration(degree) * g.document().Conserve.ReplyDelay.Duration
}

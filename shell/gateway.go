package shell

import (
	"context"
	"time"

	"postern/projections"
)

// Gateway is all that a person may see or order. Its errors are sentences for that person; ErrNotRunning says that it
// takes a daemon. On whose behalf it is asked stands in the context (OperatorOf). It may be used by many goroutines at
// once. Every figure is as of what was durable when it was asked for.
type Gateway interface {
	Queue
	Suspensions
	Logs
	HostKeys
	Visits
	Machine
	Sensing
	Lookups
	Hosts
	DNS
	Counters
	Alarms
	Messages
	Tracking
	Proofs
	Audits
	Explaining
	Doubting
	Forgetting
	Past
	Configuring
	Files
	// Status gives the figures of status, status detail and the feeds.
	Status(ctx context.Context) (projections.Status, error)
	// Identity tells which gateway this is.
	Identity(ctx context.Context) (Identity, error)
	// WhoAmI is the operator as the gateway knows them.
	WhoAmI(ctx context.Context) (Operator, error)
	// Sessions lists the shells that are open, the oldest first.
	Sessions(ctx context.Context) ([]Session, error)
	// OpenSession registers a shell from an address ("": the machine itself) and holds it open until ctx ends. opened is
	// told of it once.
	OpenSession(ctx context.Context, from string, opened func(Session)) error
}

// Identity is which gateway answers.
type Identity struct {
	Hostname  string    `json:"hostname"`
	Version   string    `json:"version"`
	Listeners []string  `json:"listeners"`
	Started   time.Time `json:"started,omitzero"` // zero: does not run
	PID       int       `json:"pid"`
}

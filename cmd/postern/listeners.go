package main

import (
	"context"
	"errors"
	"syscall"
	"time"

	"postern/shell"
	"postern/smtp/receive"
)

// listeners suspends and resumes receiving for operators. What is refused is a sentence for them.
type listeners struct{ receiver *receive.Server }

// Suspend closes the ports of listeners, of all without names; their clients have that long to end, and are then cut off.
// It returns when none is left, or with ctx, whose end leaves the suspension as it is.
func (l listeners) Suspend(ctx context.Context, names []string, grace time.Duration) error {
	return refusedBy(l.receiver.Suspend(ctx, names, grace))
}

// Resume undoes Suspend, for all listeners named or for none.
func (l listeners) Resume(names []string) error { return refusedBy(l.receiver.Resume(names)) }

func refusedBy(err error) error {
	switch {
	case errors.Is(err, receive.ErrNoListener):
		return &shell.RefusedError{Reason: err.Error()}
	case errors.Is(err, syscall.EADDRINUSE):
		return &shell.RefusedError{Reason: err.Error() + "; end what has the port, or resume the others by their names"}
	case errors.Is(err, syscall.EACCES):
		return &shell.RefusedError{Reason: err.Error() + "; " + mayNotBind()}
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return &shell.RefusedError{Reason: err.Error() + "; the machine does not have this address now"}
	}
	return err
}

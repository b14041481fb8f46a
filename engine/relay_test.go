package engine

import (
	"context"
	"errors"
	"testing"
)

// Whoever waits for an order hears of its end also when the engine has stopped by then, and of the stop when it comes first.
func TestEndOfAnOrderBesideAStop(t *testing.T) {
	stopped := make(chan struct{})
	close(stopped)
	r := newRelay()
	if _, over, err := r.next(context.Background(), stopped); over || !errors.Is(err, ErrStopping) {
		t.Errorf("before the end: %v, %v", over, err)
	}
	r.end(nil)
	<-r.wake // somebody has been woken already
	if _, over, err := r.next(context.Background(), stopped); !over || err != nil {
		t.Errorf("after the end: %v, %v", over, err)
	}
}

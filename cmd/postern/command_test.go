package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
)

// TestASignalIsNamed: whoever interrupts a command is not told of contexts.
func TestASignalIsNamed(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	broken := errors.New("the gateway stopped while it answered")
	if err := interrupted(ctx, context.Canceled); !errors.Is(err, context.Canceled) {
		t.Errorf("without a signal: %v", err)
	}
	cancel()
	var stderr bytes.Buffer
	if code := outcome(&stderr, interrupted(ctx, fmt.Errorf("the queue: %w", context.Canceled))); code != exitRefused || stderr.String() != "postern: interrupted\n" {
		t.Errorf("exit %d: %s", code, stderr.String())
	}
	if err := interrupted(ctx, broken); err != broken {
		t.Errorf("what had another reason: %v", err)
	}
	if err := interrupted(ctx, nil); err != nil {
		t.Errorf("what was done: %v", err)
	}
}

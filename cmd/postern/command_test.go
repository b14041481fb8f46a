package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
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

// TestHelpKnowsWhatItLists: each line of the usage, and each command.
func TestHelpKnowsWhatItLists(t *testing.T) {
	for _, c := range []struct{ name, want string }{{"serve", "run the gateway"}, {"shell", "operator's shell"}, {"config", "config reload"}, {"journal", "journal backup DIR"},
		{"status", "counters, rates"}, {"help", "help [COMMAND]"}} {
		for _, form := range [][]string{{"help", c.name}, {"help", c.name, "--json"}, {c.name, "--help"}, {c.name, "x", "-h"}} {
			var stdout, stderr bytes.Buffer
			code := run(form, nil, &stdout, &stderr)
			if code != exitDone || form[len(form)-1] != "--json" && !strings.Contains(stdout.String(), c.want) || form[len(form)-1] == "--json" && !json.Valid(stdout.Bytes()) {
				t.Errorf("%q: exit %d, %s%s", form, code, stdout.String(), stderr.String())
			}
		}
	}
	var stdout, stderr bytes.Buffer
	if code := run([]string{"help", "COMMAND"}, nil, &stdout, &stderr); code != exitUsage {
		t.Errorf("help COMMAND: exit %d, %s", code, stdout.String())
	}
}

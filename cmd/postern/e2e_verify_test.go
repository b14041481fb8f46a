package main

import (
	"context"
	"os/exec"
	"strings"
	"testing"

	"postern/bench/load"
)

// TestVerifyBesideMail: what comes, bounces and leaves while it looks is no finding, and a day's books are true also while it
// goes on.
func TestVerifyBesideMail(t *testing.T) {
	s := runSink(t)
	g, _, _ := mixedGateway(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan *load.Result, 1)
	go func() {
		done <- load.Run(ctx, load.Config{Address: g.Address, Clients: 4, Prefix: "beside", Recipient: mixedRecipient})
	}()
	flowing := s.Total()
	eventually(t, "mail flows", func() bool { return s.Total() > flowing+50 })
	for range 8 {
		for _, words := range [][]string{{"verify"}, {"verify", "--day", "today"}} {
			out, err := exec.Command(binary, append(words, "--data", g.Data)...).CombinedOutput()
			if err != nil || !strings.Contains(string(out), "chain  true") || !strings.Contains(string(out), "day    true") {
				t.Errorf("%v: %v\n%s", words, err, out)
			}
		}
	}
	cancel()
	<-done
}

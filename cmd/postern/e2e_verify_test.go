package main

import (
	"bytes"
	"context"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"postern/bench"
	"postern/bench/load"
	"postern/journal"
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

// TestDamageIsAnAlert damages a block of a stopped gateway: who meets it once the gateway runs raises the alert, verify names
// it beside mail as on the stopped store, and once it finds all true the alert is over.
func TestDamageIsAnAlert(t *testing.T) {
	s := runSink(t)
	g := runGateway(t, s, "")
	for range 20 {
		send(t, g.Address, "jane@plain.test")
	}
	eventually(t, "all is delivered", func() bool { return s.Total() == 20 })
	stop(t, g)
	first := changeBlock(t, g, 5, func(v []byte) []byte { v[len(v)-1] ^= 1; return v })
	start(t, g)
	verified := func(want int, words ...string) {
		t.Helper()
		c := exec.Command(binary, "verify", "--data", g.Data)
		out, _ := c.CombinedOutput()
		if code := c.ProcessState.ExitCode(); code != want {
			t.Errorf("verify: status %d, want %d", code, want)
		}
		wantAll(t, "verify", string(out), words...)
	}
	if code, said := refusal(t, "findevent", "--from", ".", "--data", g.Data); code != exitRefused || !strings.Contains(said, "checksum does not match") {
		t.Errorf("findevent: %d, %s", code, said)
	}
	eventually(t, "the alert stands", func() bool { return slices.Equal(alertsOf(t, g), []string{alertDamage}) })
	damaged := []string{"chain  FALSE", "checksum does not match", "books  FALSE", "day    FALSE", "queue  ", "the journal does not prove true"}
	verified(exitRefused, damaged...)
	stop(t, g)
	verified(exitRefused, damaged...)
	if again := changeBlock(t, g, first, func(v []byte) []byte { v[len(v)-1] ^= 1; return v }); again != first {
		t.Fatalf("block %d was mended, not %d", again, first)
	}
	start(t, g)
	verified(exitDone, "chain  true")
	eventually(t, "the alert is over", func() bool { return slices.Equal(alertsOf(t, g), []string{alertDamage + " over"}) })
}

// changeBlock changes the first block of a stopped gateway's journal that begins at a record or behind it.
func changeBlock(t *testing.T, g *bench.Gateway, from uint64, change func([]byte) []byte) (first uint64) {
	t.Helper()
	j, err := journal.Open(filepath.Join(g.Data, "journal"), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	for first = from; first <= j.Durable(); first++ {
		if err := j.ReplaceBlock(first, func(v []byte) []byte { return change(bytes.Clone(v)) }); err == nil {
			return first
		}
	}
	t.Fatalf("no block begins behind record %d", from)
	return 0
}

package load_test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"postern/bench/load"
	"postern/bench/sink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What the client calls acked is what the sink has, once each, in every manner of sending.
func TestAckedIsArrived(t *testing.T) {
	for _, c := range []load.Config{{}, {KeepOpen: true}, {KeepOpen: true, Pipeline: true}} {
		t.Run(fmt.Sprintf("%t %t", c.KeepOpen, c.Pipeline), func(t *testing.T) {
			s := listen(t, &sink.Sink{})
			c.Address, c.Clients, c.Messages = s.Address().String(), 4, 200
			r := load.Run(t.Context(), c)
			if len(r.Acked) != 200 || r.Refused+r.Failed+len(r.Unanswered) != 0 || r.Percentile(0.99) <= 0 {
				t.Fatalf("acked %d, refused %d (%s), failed %d", len(r.Acked), r.Refused, r.Reply, r.Failed)
			}
			arrived := map[string]int{}
			for a, n := range s.Arrived() {
				arrived[a.ID] += n
			}
			for _, id := range r.Acked {
				if arrived[id] != 1 {
					t.Fatalf("%s arrived %d times", id, arrived[id])
				}
			}
		})
	}
}

// Messages do not leave before they are due.
func TestRate(t *testing.T) {
	s := listen(t, &sink.Sink{})
	r := load.Run(t.Context(), load.Config{Address: s.Address().String(), Clients: 4, Messages: 51, KeepOpen: true, Rate: 500})
	if len(r.Acked) != 51 || r.Elapsed < 100*time.Millisecond {
		t.Fatalf("%d messages in %v", len(r.Acked), r.Elapsed)
	}
}

// An attachment cannot be compressed, and is not the same from two clients.
func TestNoise(t *testing.T) {
	s := listen(t, &sink.Sink{Keep: true})
	load.Run(t.Context(), load.Config{Address: s.Address().String(), Clients: 2, Messages: 20, Size: 10_000, Noise: true})
	text, packed := 0, new(bytes.Buffer)
	z, _ := flate.NewWriter(packed, flate.DefaultCompression)
	seen := map[string]bool{}
	for _, m := range s.Messages() {
		_, body, _ := strings.Cut(m.Content, "\r\n\r\n")
		if !seen[body] {
			text += len(body)
			io.WriteString(z, body)
		}
		seen[body] = true
	}
	z.Close()
	if len(seen) != 2 || packed.Len() < text*7/10 {
		t.Fatalf("%d bodies of 2 clients; %d bytes become %d", len(seen), text, packed.Len())
	}
}

func TestScripts(t *testing.T) {
	s := listen(t, &sink.Sink{Keep: true})
	send := func(who string) *load.Result {
		return load.Run(t.Context(), load.Config{Address: s.Address().String(), Messages: 1, Prefix: who,
			Recipient: func(int) string { return who + "@sink.test" }})
	}
	if r := send("bounce-a"); r.Refused != 1 || r.Reply != "550 5.1.1 no such user" {
		t.Errorf("bounce-: %+v", r)
	}
	if r := send("defer-a"); r.Refused != 1 || r.Reply != "450 4.2.1 not now" {
		t.Errorf("defer-: %+v", r)
	}
	s.Lift()
	if r := send("defer-a"); len(r.Acked) != 1 {
		t.Errorf("defer- after Lift: %+v", r)
	}
	if r := send("lost-a"); len(r.Unanswered) != 1 || s.Arrived()[sink.Arrival{ID: r.Unanswered[0], Recipient: "lost-a@sink.test"}] != 1 {
		t.Errorf("lost-: %+v", r)
	}
	if r := send("lost-a"); len(r.Acked) != 1 {
		t.Errorf("lost- the second time: %+v", r)
	}
	if n := len(s.Messages()); n != 3 || s.Total() != 3 {
		t.Errorf("%d messages, total %d", n, s.Total())
	}
}

func listen(t *testing.T, s *sink.Sink) *sink.Sink {
	t.Helper()
	if err := s.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

package projections

import (
	"strings"
	"testing"

	"postern/journal"
)

// TestVerifyNamesWhatIsWrong: what was never written, what was written twice, and what is not there any more.
func TestVerifyNamesWhatIsWrong(t *testing.T) {
	mail := func(body journal.BodyID) journal.Event {
		return &journal.MessageInjected{MID: 7, Size: 5, Body: body, Queued: true, Sender: "a@x.example",
			Recipients: []journal.InjectedRecipient{{Local: "b", Domain: "y.example"}, {RID: 1, Local: "c", Domain: "y.example"}}}
	}
	for name, c := range map[string]struct {
		facts []journal.Event
		lose  bool
		want  string // in what is wrong; "": nothing is
	}{
		"nothing":              {facts: []journal.Event{&journal.Delivered{Message: 1, RIDs: []uint32{0}, Destination: "y.example"}}},
		"doubled outcome":      {facts: []journal.Event{&journal.Delivered{Message: 1, RIDs: []uint32{0}, Destination: "y.example"}, &journal.Delivered{Message: 1, RIDs: []uint32{0}, Destination: "y.example"}}, want: "strays"},
		"outcome of nobody":    {facts: []journal.Event{&journal.HardBounced{Message: 99, RIDs: []uint32{0}, Destination: "z.example"}}, want: "z.example"},
		"content that is gone": {lose: true, want: "message 1 (MID 7) has lost its body"},
	} {
		t.Run(name, func(t *testing.T) {
			j, err := journal.Open("j", journal.Options{Disk: journal.NewMemoryDisk()})
			if err != nil {
				t.Fatal(err)
			}
			defer j.Close()
			body, err := j.PutBody([]byte("x: y\n"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := j.AppendEvents(noon, append([]journal.Event{mail(body)}, c.facts...)...); err != nil {
				t.Fatal(err)
			}
			if c.lose {
				if err := j.DeleteBody(body); err != nil {
					t.Fatal(err)
				}
			}
			live, err := journal.OpenLiveRows(j)
			if err != nil {
				t.Fatal(err)
			}
			if err := live.CatchUp(t.Context(), j.Durable()); err != nil {
				t.Fatal(err)
			}
			var wrong []string
			proofs := 0
			if err := Verify(t.Context(), j, live, Scrutiny{}, func(p Proof) error {
				proofs++
				wrong = append(wrong, p.Wrong...)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(wrong, "\n"); proofs != 4 || (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("%d proofs, wrong:\n%s", proofs, got)
			}
		})
	}
}

package projections

import (
	"fmt"
	"testing"
	"time"

	"postern/journal"
)

// relay is the story of messages that are delivered at once, nine facts each.
func relay(messages int) []journal.Record {
	var out []journal.Record
	now := noon
	add := func(e journal.Event) uint64 {
		out = append(out, journal.Record{Seq: uint64(len(out) + 1), Time: now, Event: e})
		return uint64(len(out))
	}
	rids := []uint32{0}
	for i := range uint32(messages) {
		now = now.Add(200 * time.Microsecond)
		d := fmt.Sprintf("d%d.example", i%5000)
		add(&journal.ConnectionAccepted{ICID: i + 1, Listener: "In", ReverseDNS: "h.example"})
		add(&journal.SenderGroupMatched{ICID: i + 1})
		m := add(&journal.MessageInjected{MID: i + 1, ICID: i + 1, Size: 4096, Queued: true, Recipients: recipients(1, d)})
		add(&journal.ConnectionClosed{ICID: i + 1})
		add(&journal.AttemptStarted{Message: m, MID: i + 1, Destination: d, RIDs: rids, Attempt: 1})
		add(&journal.DeliveryConnectionOpened{DCID: i + 1, Destination: d})
		add(&journal.DeliveryStarted{DCID: i + 1, Message: m, RIDs: rids})
		add(&journal.Delivered{DCID: i + 1, Message: m, Destination: d, RIDs: rids, Attempts: 1, Finished: true})
		add(&journal.DeliveryConnectionClosed{DCID: i + 1, Destination: d})
	}
	return out
}

func BenchmarkApply(b *testing.B) {
	records := relay(111_112) // a million
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; {
		f := NewFigures(0)
		for i := range records {
			if n++; n > b.N {
				break
			}
			f.Apply(records[i])
		}
	}
}

// queued is a queue of n messages for 50,000 destinations.
func queued(n int) *Figures {
	f := NewFigures(0)
	for i := range n {
		feed(f, noon, &journal.MessageInjected{MID: uint32(i + 1), Size: 4096, Queued: true, Recipients: recipients(1, fmt.Sprintf("d%d.example", i%50_000))})
	}
	return f
}

func BenchmarkSoftBounceInALargeQueue(b *testing.B) {
	const n = 1_000_000
	f := queued(n)
	rids := []uint32{0}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		f.Apply(journal.Record{Seq: f.seq + 1, Time: noon, Event: &journal.SoftBounced{Message: 1 + uint64(i)*7919%n, RIDs: rids, Attempts: 1}})
	}
}

func BenchmarkTop(b *testing.B) {
	f := NewFigures(0)
	for i := range 100_000 {
		feed(f, noon, &journal.MessageInjected{Queued: true, Recipients: recipients(1+i*7919%13, fmt.Sprintf("d%d.example", i))})
	}
	for order, name := range []string{"active", "connections", "delivered", "soft", "hard"} { // all but the first are zero: names decide
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				f.Top(20, HostOrder(order), noon.Time())
			}
		})
	}
}

func BenchmarkView(b *testing.B) {
	f := queued(100_000)
	for b.Loop() {
		f.View(noon.Time(), nil, nil)
	}
}

func BenchmarkKeyframeOfAMillion(b *testing.B) {
	f := queued(1_000_000)
	var data []byte
	b.Run("encode", func(b *testing.B) {
		for b.Loop() {
			data = f.encode(nil)
		}
		b.ReportMetric(float64(len(data))/1e6, "MB")
	})
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			if _, err := decodeFigures(data, 0); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkOldestOfAHost(b *testing.B) {
	f := queued(1_000_000)
	feed(f, noon, &journal.MessageInjected{Queued: true, Recipients: recipients(1, "last.example")})
	for b.Loop() {
		if s, _ := f.Host("last.example", noon.Time()); s.Active != 1 {
			b.Fatal("not found")
		}
	}
}

package journal

import (
	"crypto/rand"
	"fmt"
	"net/netip"
	"testing"
)

// lifeOfMessage is what the gateway writes of one message that is delivered at once, one connection on either side: on its
// acceptance, at the start of its attempt, and at its end.
func lifeOfMessage(n uint32, body BodyID) (accepted, started, ended []Prepared) {
	remote := netip.AddrFrom4([4]byte{192, 0, 2, byte(n)})
	rids := []uint32{0}
	now := Instant(1_700_000_000_000_000_000)
	message := uint64(n) * 9
	accepted = []Prepared{
		Prepare(&ConnectionAccepted{ICID: n, Listener: "InboundMail", Interface: "Management", LocalAddress: remote, Remote: remote, ReverseDNS: "client.example.net", Verified: true}),
		Prepare(&SenderGroupMatched{ICID: n, Action: "RELAY", Group: "RELAYLIST", Match: "192.0.2.0/24"}),
		Prepare(&MessageInjected{MID: n, ICID: n, Size: 4096, Body: body, Queued: true, Sender: "sender@example.net", MessageID: "<20261123.1234567@client.example.net>",
			Subject: "A subject of usual length", Recipients: []InjectedRecipient{{Domain: "example.com", Local: "recipient"}}}),
		Prepare(&AttemptStarted{Message: message, MID: n, Destination: "example.com", RIDs: rids, Attempt: 1, Next: now + Instant(n)}),
		Prepare(&ConnectionClosed{ICID: n}),
	}
	started = []Prepared{
		Prepare(&DeliveryConnectionOpened{DCID: n, Destination: "example.com", Source: remote, Address: remote, Port: 25}),
		Prepare(&DeliveryStarted{DCID: n, Message: message, MID: n, RIDs: rids}),
	}
	ended = []Prepared{
		Prepare(&Delivered{DCID: n, Message: message, MID: n, Destination: "example.com", RIDs: rids, Attempts: 1, Size: 4096, Finished: true, Reply: "2.0.0 OK: queued as 4XyZ12"}),
		Prepare(&DeliveryConnectionClosed{DCID: n, Destination: "example.com"}),
	}
	return accepted, started, ended
}

// BenchmarkQuickDelivery writes whole lives of messages, each turn with the parts of 20 of them, and tells how many bytes
// the store wrote for each byte of a body. Run it with -benchtime 40000x or more: the memtable has to be flushed.
func BenchmarkQuickDelivery(b *testing.B) {
	for _, size := range []int{4 << 10, 100 << 10} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) { quickDelivery(b, size) })
	}
}

func quickDelivery(b *testing.B, size int) {
	const turn = 20
	j, err := Open(b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	content := make([]byte, size)
	rand.Read(content)
	type stage struct {
		started, ended []Prepared
		bodies         []BodyID
	}
	var last, beforeLast stage
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; {
		var block Block
		var current stage
		for range min(turn, b.N-n) {
			n++
			id, err := j.PutBody(content)
			if err != nil {
				b.Fatal(err)
			}
			accepted, started, ended := lifeOfMessage(uint32(n), id)
			block.Events = append(block.Events, accepted...)
			current.started = append(current.started, started...)
			current.ended = append(current.ended, ended...)
			current.bodies = append(current.bodies, id)
		}
		block.Events = append(append(block.Events, last.started...), beforeLast.ended...)
		block.Free = beforeLast.bodies
		if _, err := j.Append(&block); err != nil {
			b.Fatal(err)
		}
		last, beforeLast = current, last
	}
	b.StopTimer()
	if err := j.db.Flush(); err != nil {
		b.Fatal(err)
	}
	u := j.Usage()
	body := float64(u.BodyBytes)
	b.ReportMetric(float64(u.WALBytes+u.FlushedBytes+u.CompactedBytes)/body, "written/body")
	b.ReportMetric(float64(u.WALBytes)/body, "wal/body")
	b.ReportMetric(float64(u.FlushedBytes)/body, "flushed/body")
	b.ReportMetric(float64(u.CompactedBytes)/body, "compacted/body")
}

// BenchmarkAppend is one turn of ten facts to the system's disk.
func BenchmarkAppend(b *testing.B) {
	j, err := Open(b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	benchmarkAppend(b, j)
}

// BenchmarkAppendInMemory is the same without a disk.
func BenchmarkAppendInMemory(b *testing.B) {
	j, err := Open("queue", Options{Disk: NewMemoryDisk()})
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	benchmarkAppend(b, j)
}

func benchmarkAppend(b *testing.B, j *Journal) {
	accepted, started, ended := lifeOfMessage(1, 0)
	events := append(append(append(accepted, started...), ended...), started[0])
	b.ReportAllocs()
	for b.Loop() {
		if _, err := j.Append(&Block{Time: 1, Events: events}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStitch is what Append does of it before the store: the frames of ten facts, their hashes and the link.
func BenchmarkStitch(b *testing.B) {
	accepted, started, ended := lifeOfMessage(1, 0)
	events := append(append(append(accepted, started...), ended...), started[0])
	var w blockWriter
	var prev link
	b.ReportAllocs()
	for b.Loop() {
		_, prev = w.write(prev, 1, 1, new([secretSize]byte), events)
	}
}

func BenchmarkPrepare(b *testing.B) {
	e := &MessageInjected{MID: 1, ICID: 1, Size: 4096, Sender: "sender@example.net", MessageID: "<20261123.1234567@client.example.net>",
		Recipients: []InjectedRecipient{{Domain: "example.com", Local: "recipient"}}}
	b.ReportAllocs()
	for b.Loop() {
		Prepare(e)
	}
}

// BenchmarkRead reads a history of blocks of 50 from the store, in slices of 1,000; one operation is one record.
func BenchmarkRead(b *testing.B) {
	j, err := Open("queue", Options{Disk: NewMemoryDisk(), Ring: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	accepted, started, ended := lifeOfMessage(1, 0)
	var events []Prepared
	for len(events) < 50 {
		events = append(append(append(events, accepted...), started...), ended...)
	}
	for range 1000 {
		if _, err := j.Append(&Block{Time: 1, Events: events[:50]}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	var records []Record
	for n, at := 0, uint64(0); n < b.N; n += len(records) {
		if records, err = j.Read(at, 1000, records); err != nil {
			b.Fatal(err)
		}
		if at += uint64(len(records)); at >= j.Durable() {
			at = 0
		}
	}
}

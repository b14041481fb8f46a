package journal

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"
)

const liveBenchMessages = 1_000_000

// fillLive appends injections of one recipient each, to 1,000 domains; with ends, each is delivered at once.
func fillLive(b *testing.B, j *Journal, messages int, ends bool) {
	b.Helper()
	names := make([]string, 1000)
	for i := range names {
		names[i] = fmt.Sprintf("customer%d.example.com", i)
	}
	seq := j.Durable()
	block := Block{Time: liveStart}
	for i := range messages {
		m := &MessageInjected{
			MID: uint32(i + 1), ICID: uint32(i/3 + 1), Size: 4096, Body: BodyID(i + 1), Queued: true, Sender: "sender@example.org",
			MessageID: "<1234567890@example.org>", Subject: "a subject of common length",
			Recipients: []InjectedRecipient{{Domain: names[i%len(names)], Local: "somebody"}},
		}
		block.Events = append(block.Events, Prepare(m))
		seq++
		if ends {
			at := seq
			block.Events = append(block.Events,
				Prepare(&AttemptStarted{Message: at, MID: m.MID, Destination: m.Recipients[0].Domain, RIDs: []uint32{0}, Attempt: 1, Next: liveStart + Instant(time.Hour)}),
				Prepare(&DeliveryStarted{Message: at, MID: m.MID, RIDs: []uint32{0}}),
				Prepare(&Delivered{Message: at, MID: m.MID, RIDs: []uint32{0}, Finished: true, Reply: "ok"}))
			seq += 3
		}
		if len(block.Events) >= 1000 || i == messages-1 {
			if _, err := j.Append(&block); err != nil {
				b.Fatal(err)
			}
			block = Block{Time: liveStart + Instant(i)*1000}
		}
	}
}

func openBench(b *testing.B, dir string) (*Journal, *LiveRows) {
	j, err := Open(dir, Options{})
	if err != nil {
		b.Fatal(err)
	}
	l, err := OpenLiveRows(j)
	if err != nil {
		b.Fatal(err)
	}
	return j, l
}

// BenchmarkLiveRows measures a million queued messages: fold from nothing, bytes a row, reading them all at a start.
func BenchmarkLiveRows(b *testing.B) {
	dir := b.TempDir()
	j, l := openBench(b, dir)
	fillLive(b, j, liveBenchMessages, false)
	ctx := context.Background()
	for b.Loop() {
		if err := l.rows.Clear(); err != nil {
			b.Fatal(err)
		}
		l.unusable.Store(true)
		began := time.Now()
		if err := l.CatchUp(ctx, j.Durable()); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(began).Seconds(), "s/fold-1M")
	}
	bytes := 0
	if err := l.rows.Scan(nil, nil, func(k, v []byte) error { bytes += len(v); return nil }); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(bytes)/liveBenchMessages, "B/row")
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	j, l = openBench(b, dir)
	defer j.Close()
	b.ReportMetric(time.Since(began).Seconds(), "s/open")
	var before, after runtime.MemStats
	for _, name := range []string{"s/load-1M-first", "s/load-1M-again"} {
		runtime.ReadMemStats(&before)
		began, n := time.Now(), 0
		if err := l.Each(ctx, func(m *LiveMessage) error { n += len(m.Recipients); return nil }); err != nil || n != liveBenchMessages {
			b.Fatal(n, err)
		}
		b.ReportMetric(time.Since(began).Seconds(), name)
		runtime.ReadMemStats(&after)
	}
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/liveBenchMessages, "allocs/load-row")
}

// BenchmarkLiveFold measures the fold of a million records of mail that is delivered at once, apart from reading them.
func BenchmarkLiveFold(b *testing.B) {
	j, _ := openBench(b, b.TempDir())
	defer j.Close()
	fillLive(b, j, liveBenchMessages/4, true)
	var records []Record
	var read, fold time.Duration
	for b.Loop() {
		read, fold = 0, 0
		f := newLiveFold()
		for f.at < j.Durable() {
			began := time.Now()
			var err error
			if records, err = j.Read(f.at, liveReadRecords, records); err != nil {
				b.Fatal(err)
			}
			read += time.Since(began)
			began = time.Now()
			for _, r := range records {
				f.apply(r)
			}
			fold += time.Since(began)
		}
		if f.state.anomalies != 0 || f.state.Messages != 0 {
			b.Fatal("not folded to nothing")
		}
	}
	b.ReportMetric(read.Seconds(), "s/read-1M")
	b.ReportMetric(fold.Seconds(), "s/fold-1M")
}

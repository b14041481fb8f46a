package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"postern/engine"
	"postern/engine/config"
	"postern/journal"
)

// QueueConfig is a queue of messages of one recipient each to a destination that cannot be reached.
type QueueConfig struct {
	Dir      string
	Messages int
	Churn    int           // messages that are delivered in between, to age the heap
	Watch    time.Duration // how long the idle queue is watched
}

// QueueFigures is what such a queue costs.
type QueueFigures struct {
	Messages         int
	InjectedPerSec   float64
	RSS              int64   // bytes, after churn
	EventsPerMinute  float64 // while nothing is to be done
	CPUPercent       float64 // meanwhile
	RestartAccepting float64 // seconds until mail can come in
	RestartLoaded    float64 // seconds until all is scheduled
}

// deadPeer reaches nobody but alive.example.
type deadPeer struct{}

func (deadPeer) Deliver(_ context.Context, a engine.Attempt) []engine.Outcome {
	o := engine.Outcome{Result: engine.Temporary, Host: true, Code: "000", Status: "4.4.1", Reason: "No answer from host"}
	if a.Destination == "alive.example" {
		o = engine.Outcome{Result: engine.Delivered, DCID: 1, Code: "250", Status: "2.0.0", Reply: []string{"ok"}}
	}
	out := make([]engine.Outcome, len(a.RIDs))
	for i := range out {
		out[i] = o
	}
	return out
}

// openEngine brings up journal, live rows and engine on a directory.
func openEngine(dir string) (*journal.Journal, *journal.LiveRows, *engine.Engine, <-chan error, error) {
	j, err := journal.Open(filepath.Join(dir, "journal"), journal.Options{})
	if err != nil {
		return nil, nil, nil, nil, err
	}
	rows, err := journal.OpenLiveRows(j)
	if err == nil {
		err = rows.CatchUp(context.Background(), j.Durable())
	}
	if err != nil {
		return nil, nil, nil, nil, errors.Join(err, j.Close())
	}
	doc := config.Default()
	e := engine.New(engine.Options{Journal: j, Rows: rows, Deliverer: deadPeer{}, Document: func() *config.Document { return doc }, Version: "bench",
		Problem: func(err error) { fmt.Fprintln(os.Stderr, err) }})
	done := make(chan error, 1)
	go func() { done <- e.Run(context.Background()) }()
	<-e.Ready()
	return j, rows, e, done, nil
}

// Queue fills a queue, churns, watches it idle; Restart measures coming back to it.
func Queue(c QueueConfig) (QueueFigures, error) {
	f := QueueFigures{Messages: c.Messages}
	j, rows, e, done, err := openEngine(c.Dir)
	if err != nil {
		return f, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var follower sync.WaitGroup
	follower.Add(1)
	go func() { defer follower.Done(); rows.Follow(ctx) }()
	began := time.Now()
	if err := inject(j, e, c.Messages, "dead.example"); err != nil {
		return f, err
	}
	f.InjectedPerSec = float64(c.Messages) / time.Since(began).Seconds()
	if err := inject(j, e, c.Churn, "alive.example"); err != nil {
		return f, err
	}
	for e.Totals().Messages > c.Messages {
		time.Sleep(50 * time.Millisecond)
	}
	time.Sleep(5 * time.Second)
	runtime.GC()
	before, cpu := j.Durable(), processTime()
	time.Sleep(c.Watch)
	f.EventsPerMinute = float64(j.Durable()-before) / c.Watch.Minutes()
	f.CPUPercent = 100 * (processTime() - cpu).Seconds() / c.Watch.Seconds()
	f.RSS = residentBytes()
	e.Stop(ctx)
	err = <-done
	cancel()
	follower.Wait()
	return f, errors.Join(err, j.Close())
}

// Restart measures a start on a queue that stands on the disk.
func Restart(dir string) (accepting, loaded float64, err error) {
	began := time.Now()
	j, _, e, done, err := openEngine(dir)
	if err != nil {
		return 0, 0, err
	}
	accepting = time.Since(began).Seconds()
	for e.Loading() < 100 {
		time.Sleep(2 * time.Millisecond)
	}
	loaded = time.Since(began).Seconds()
	e.Stop(context.Background())
	err = <-done
	return accepting, loaded, errors.Join(err, j.Close())
}

// inject hands in messages of 1 KiB as 200 connections at once would.
func inject(j *journal.Journal, e *engine.Engine, n int, domain string) error {
	body := []byte("Subject: bench\r\n\r\n" + strings.Repeat("x", 1000) + "\r\n")
	work, errs := make(chan int, 1000), make(chan error, 200)
	var hands sync.WaitGroup
	for range 200 {
		hands.Add(1)
		go func() {
			defer hands.Done()
			for i := range work {
				if err := injectOne(j, e, body, i, domain); err != nil {
					errs <- err
					return
				}
			}
		}()
	}
	for i := range n {
		select {
		case work <- i:
		case err := <-errs:
			close(work)
			return err
		}
	}
	close(work)
	hands.Wait()
	return nil
}

func injectOne(j *journal.Journal, e *engine.Engine, body []byte, i int, domain string) error {
	id, err := j.PutBody(body)
	if err != nil {
		return err
	}
	mid, err := e.ID(context.Background(), journal.MID)
	if err != nil {
		return err
	}
	_, err = e.Inject(context.Background(), &journal.MessageInjected{MID: mid, ICID: 1, Size: int64(len(body)), Body: id, Queued: true,
		Sender: "sender@example.com", MessageID: "<" + strconv.Itoa(i) + "@example.com>", Subject: "bench",
		Recipients: []journal.InjectedRecipient{{Local: "user" + strconv.Itoa(i), Domain: domain}}})
	return err
}

func residentBytes() int64 {
	text, _ := os.ReadFile("/proc/self/statm")
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

func processTime() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// serve.lock is held by the gateway from before it opens the store to its end. Whoever reads a stopped store looks at it
// now and then, and lets go of the store when it is taken: the gateway waits readerPatience for that.
const (
	lockName       = "serve.lock"
	readerPatience = 15 * time.Second
	readerLooks    = 200 * time.Millisecond
)

// takeServeLock takes the lock for as long as the file is open. A reader that looks holds it for an instant, so one
// refusal proves nothing.
func takeServeLock(data string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(data, lockName), os.O_CREATE|os.O_RDWR, 0o640)
	if err != nil {
		return nil, err
	}
	for range 10 {
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err == nil {
		return lock, nil
	}
	lock.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("the gateway of %s is running already", data)
	}
	return nil, fmt.Errorf("%s: %w", lockName, err)
}

// isServed tells whether somebody holds the lock.
func isServed(data string) bool {
	lock, err := os.Open(filepath.Join(data, lockName))
	if err != nil {
		return false
	}
	defer lock.Close()
	return errors.Is(syscall.Flock(int(lock.Fd()), syscall.LOCK_SH|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}

// whenServed calls do once when the lock is taken, unless ctx ends before. The function that it returns waits for the end
// of the watch, which ctx or the lock brings.
func whenServed(ctx context.Context, data string, do func()) (wait func()) {
	over := make(chan struct{})
	go func() {
		defer close(over)
		tick := time.NewTicker(readerLooks)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if isServed(data) {
					do()
					return
				}
			}
		}
	}()
	return func() { <-over }
}

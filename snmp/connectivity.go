package snmp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Checker asks a URL whether the world can be reached. The zero value is ready.
type Checker struct {
	Dial func(ctx context.Context, network, address string) (net.Conn, error) // nil: the system's
}

// The limits of a check.
const (
	checkEvery     = 30 * time.Second
	checkPatience  = 10 * time.Second
	maxRedirects   = 5
	maxCheckedBody = 64 << 10 // bytes that are read and thrown away
)

// Reach asks once. The error is a sentence: the status is not one of 200 to 299, or there is none.
func (c *Checker) Reach(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, checkPatience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	way := &http.Transport{DialContext: c.Dial, DisableKeepAlives: true, MaxResponseHeaderBytes: maxCheckedBody, ForceAttemptHTTP2: true}
	defer way.CloseIdleConnections()
	client := &http.Client{Transport: way, CheckRedirect: func(_ *http.Request, before []*http.Request) error {
		if len(before) > maxRedirects {
			return fmt.Errorf("it redirects more than %d times", maxRedirects)
		}
		return nil
	}}
	reply, err := client.Do(request)
	if err != nil {
		if e := (*url.Error)(nil); errors.As(err, &e) {
			err = e.Err // it says the URL again, or that of a redirect
		}
		return err
	}
	defer reply.Body.Close()
	_, _ = io.CopyN(io.Discard, reply.Body, maxCheckedBody) // the status is what counts
	if reply.StatusCode < 200 || reply.StatusCode > 299 {
		return fmt.Errorf("it answers with the status %d", reply.StatusCode)
	}
	return nil
}

// reach checks a URL again and again, and keeps what came of it.
type reach struct {
	wake chan struct{} // holds one: another URL is wanted. Set before run

	mu      sync.Mutex // guards what follows
	wanted  string     // "": none
	checked string     // of which good tells; "": none
	good    bool
}

// ask says which URL is to be checked.
func (r *reach) ask(address string) {
	r.mu.Lock()
	changed := r.wanted != address
	r.wanted = address
	r.mu.Unlock()
	if changed {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

// last is how the wanted URL stands.
func (r *reach) last() (address string, good, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.checked, r.good, r.checked != "" && r.checked == r.wanted
}

// run checks until ctx ends.
func (r *reach) run(ctx context.Context, c Checker, say func(string, error)) error {
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-r.wake:
		}
		r.check(ctx, c, say)
	}
}

func (r *reach) check(ctx context.Context, c Checker, say func(string, error)) {
	r.mu.Lock()
	address := r.wanted
	r.mu.Unlock()
	var err error
	if address != "" {
		if err = c.Reach(ctx, address); ctx.Err() != nil {
			return
		}
	}
	r.mu.Lock()
	was := r.checked != address || r.good
	r.checked, r.good = address, err == nil
	r.mu.Unlock()
	if say != nil && was != (err == nil) {
		say(address, err)
	}
}

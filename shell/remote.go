package shell

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"postern/projections"
)

// ErrNotRunning says that no daemon answers on the admin socket.
var ErrNotRunning = errors.New("the gateway does not run")

// Remote asks the daemon over the admin socket in the data directory.
type Remote struct {
	Data    string
	Session uint64 // of the shell that asks; 0: none
	Command string // the command on whose behalf it asks
}

// answerLimit bounds the wait for an answer that is not a stream.
const answerLimit = 30 * time.Second

// Status implements Gateway.
func (r *Remote) Status(ctx context.Context) (s projections.Status, err error) {
	return s, r.get(ctx, "/v1/status", nil, &s)
}

// Identity implements Gateway.
func (r *Remote) Identity(ctx context.Context) (id Identity, err error) {
	return id, r.get(ctx, "/v1/identity", nil, &id)
}

// WhoAmI implements Gateway.
func (r *Remote) WhoAmI(ctx context.Context) (o Operator, err error) {
	return o, r.get(ctx, "/v1/whoami", nil, &o)
}

// Sessions implements Gateway.
func (r *Remote) Sessions(ctx context.Context) (list []Session, err error) {
	return list, r.get(ctx, "/v1/sessions", nil, &list)
}

// OpenSession implements Gateway.
func (r *Remote) OpenSession(ctx context.Context, from string, opened func(Session)) error {
	resp, err := r.request(ctx, http.MethodPost, "/v1/session", url.Values{"from": {from}})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var s Session
	if err := json.NewDecoder(resp.Body).Decode(&s); err != nil {
		return r.broken(ctx, err)
	}
	opened(s)
	_, err = io.Copy(io.Discard, resp.Body)
	return r.broken(ctx, err)
}

// get asks a question whose answer is one value.
func (r *Remote) get(ctx context.Context, path string, q url.Values, into any) error {
	return r.exchange(ctx, http.MethodGet, path, q, into)
}

// post gives an order whose answer is one value.
func (r *Remote) post(ctx context.Context, path string, q url.Values, into any) error {
	return r.exchange(ctx, http.MethodPost, path, q, into)
}

func (r *Remote) exchange(ctx context.Context, method, path string, q url.Values, into any) error {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	resp, err := r.request(ctx, method, path, q)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return r.broken(ctx, err)
	}
	return nil
}

// stream asks a question whose answer is many values, one a line. each is called with every line until it refuses one.
func (r *Remote) stream(ctx context.Context, path string, q url.Values, each func(json.RawMessage) error) error {
	resp, err := r.request(ctx, http.MethodGet, path, q)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	for lines := json.NewDecoder(resp.Body); ; {
		var line json.RawMessage
		err := lines.Decode(&line)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return r.broken(ctx, err)
		}
		if err := each(line); err != nil {
			return err
		}
	}
}

// request asks and leaves the answer's body to the caller. A refusal is an error with the daemon's sentence.
func (r *Remote) request(ctx context.Context, method, path string, q url.Values) (*http.Response, error) {
	u := url.URL{Scheme: "http", Host: "postern", Path: path, RawQuery: q.Encode()}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
	if err != nil {
		return nil, err
	}
	if r.Session != 0 {
		req.Header.Set(sessionHeader, strconv.FormatUint(r.Session, 10))
		req.Header.Set(commandHeader, r.Command)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: r.dial, ResponseHeaderTimeout: answerLimit}}
	resp, err := client.Do(req)
	if err != nil {
		return nil, r.broken(ctx, err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
		return nil, &RefusedError{strings.TrimSpace(string(text))}
	}
	return resp, nil
}

func (r *Remote) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	socket, dir, err := socketPath(r.Data)
	if err != nil {
		return nil, err
	}
	if dir != nil {
		defer dir.Close()
	}
	d := net.Dialer{Timeout: 5 * time.Second}
	return d.DialContext(ctx, "unix", socket)
}

// broken words an exchange that did not come to its end.
func (r *Remote) broken(ctx context.Context, err error) error {
	switch {
	case err == nil, ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return ErrNotRunning
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return errors.New("the gateway stopped while it answered")
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the gateway of %s did not answer within %s", r.Data, answerLimit)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("you may not reach the gateway's admin socket in %s: root, the gateway's own user and the group of [admin] may", r.Data)
	}
	return fmt.Errorf("the gateway of %s: %w", r.Data, err)
}

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
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"postern/projections"
)

// ErrNotRunning says that no daemon answers on the admin socket.
var ErrNotRunning = errors.New("the gateway does not run")

// errBrokenOff says that an answer has begun and has no end.
var errBrokenOff = errors.New("the gateway stopped while it answered")

// Remote asks the daemon over the admin socket in the data directory.
type Remote struct {
	Data    string
	Session uint64        // of the shell that asks; 0: none
	Command string        // the command on whose behalf it asks
	Service string        // directory of the service's socket; "": ServiceDirectory
	Limit   time.Duration // of the wait for an answer that is not a stream; 0: answerLimit
}

// dialLimit bounds the wait for the daemon to take the call, answerLimit that for an answer that is not a stream.
const (
	dialLimit   = 5 * time.Second
	answerLimit = 30 * time.Second
)

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
	return r.exchange(ctx, http.MethodGet, path, q, nil, into)
}

// post gives an order whose answer is one value.
func (r *Remote) post(ctx context.Context, path string, q url.Values, into any) error {
	return r.exchange(ctx, http.MethodPost, path, q, nil, into)
}

// exchange is a request, perhaps with a body, whose answer is one value.
func (r *Remote) exchange(ctx context.Context, method, path string, q url.Values, body io.Reader, into any) error {
	ctx, cancel := context.WithTimeout(ctx, r.limit())
	defer cancel()
	resp, err := r.requestWith(ctx, method, path, q, body)
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
	return r.lines(ctx, http.MethodGet, path, q, rawly(each))
}

// order is stream for what has an effect.
func (r *Remote) order(ctx context.Context, path string, q url.Values, each func(json.RawMessage) error) error {
	return r.lines(ctx, http.MethodPost, path, q, rawly(each))
}

// rawly reads a line as it stands.
func rawly(each func(json.RawMessage) error) func(*json.Decoder) error {
	return func(d *json.Decoder) error {
		var line json.RawMessage
		if err := d.Decode(&line); err != nil {
			return &lineError{err}
		}
		return each(line)
	}
}

// lineError says that a line could not be read.
type lineError struct{ err error }

func (e *lineError) Error() string { return e.err.Error() }
func (e *lineError) Unwrap() error { return e.err }

// lines has next read one line after the other; a *lineError of it is the end of the answer, whole or not.
func (r *Remote) lines(ctx context.Context, method, path string, q url.Values, next func(*json.Decoder) error) error {
	resp, err := r.request(ctx, method, path, q)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	for lines := json.NewDecoder(resp.Body); ; {
		err := next(lines)
		if unread := (*lineError)(nil); errors.As(err, &unread) {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return r.broken(ctx, unread.err)
		}
		if err != nil {
			return err
		}
	}
}

// request asks and leaves the answer's body to the caller. A refusal is an error with the daemon's sentence.
func (r *Remote) request(ctx context.Context, method, path string, q url.Values) (*http.Response, error) {
	return r.requestWith(ctx, method, path, q, nil)
}

// requestWith is request with a body; nil: it has none.
func (r *Remote) requestWith(ctx context.Context, method, path string, q url.Values, body io.Reader) (*http.Response, error) {
	u := url.URL{Scheme: "http", Host: "postern", Path: path, RawQuery: q.Encode()}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, err
	}
	req.Header.Set(dataHeader, identityOf(r.Data))
	if r.Session != 0 {
		req.Header.Set(sessionHeader, strconv.FormatUint(r.Session, 10))
		req.Header.Set(commandHeader, r.Command)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: r.dial, ResponseHeaderTimeout: r.limit()}}
	resp, err := client.Do(req)
	if err != nil {
		return nil, r.broken(ctx, err)
	}
	if resp.StatusCode == http.StatusMisdirectedRequest {
		resp.Body.Close()
		return nil, ErrNotRunning // the service's socket is another gateway's
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
		reason := strings.TrimSpace(string(text))
		if resp.StatusCode == http.StatusBadRequest {
			return nil, &MisreadError{reason}
		}
		return nil, &RefusedError{reason}
	}
	return resp, nil
}

// dial reaches the socket in the data directory, or else that of the service, which is open to those who may not look into
// the data directory.
func (r *Remote) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	d := net.Dialer{Timeout: dialLimit}
	socket, dir, err := socketPath(r.Data)
	if dir != nil {
		defer dir.Close()
	}
	if err == nil {
		var c net.Conn
		if c, err = d.DialContext(ctx, "unix", socket); err == nil {
			return c, nil
		}
	}
	service := r.Service
	if service == "" {
		service = ServiceDirectory
	}
	if c, other := d.DialContext(ctx, "unix", filepath.Join(service, socketName)); other == nil {
		return c, nil
	}
	return nil, err
}

func (r *Remote) limit() time.Duration {
	if r.Limit > 0 {
		return r.Limit
	}
	return answerLimit
}

// broken words an exchange that did not come to its end.
func (r *Remote) broken(ctx context.Context, err error) error {
	late := net.Error(nil)
	switch {
	case err == nil, ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return ErrNotRunning
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return errBrokenOff
	case errors.As(err, &late) && late.Timeout():
		return fmt.Errorf("the gateway of %s runs, but did not answer within %s", r.Data, r.limit())
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("you may not reach the gateway's admin socket in %s: root, the gateway's own user and the group of [admin] may", r.Data)
	}
	return fmt.Errorf("the gateway of %s: %w", r.Data, err)
}

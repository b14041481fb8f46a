package shell

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"

	"postern/projections"
)

// ErrNotRunning says that no daemon answers on the admin socket.
var ErrNotRunning = errors.New("the gateway does not run")

// Remote asks the daemon over the admin socket in the data directory.
type Remote struct{ Data string }

// Status implements Gateway.
func (r *Remote) Status(ctx context.Context) (s projections.Status, err error) {
	return s, r.get(ctx, "/v1/status", &s)
}

func (r *Remote) get(ctx context.Context, path string, into any) error {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		socket, dir, err := socketPath(r.Data)
		if err != nil {
			return nil, err
		}
		if dir != nil {
			defer dir.Close()
		}
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://postern"+path, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return ErrNotRunning
	}
	if err != nil {
		return fmt.Errorf("the gateway of %s: %w", r.Data, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
		return errors.New(strings.TrimSpace(string(text)))
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return fmt.Errorf("the gateway of %s: its answer: %w", r.Data, err)
	}
	return nil
}

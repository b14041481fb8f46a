package shell

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"postern/projections/logpush"
)

// HostKeys are the SSH keys for copying logs to other hosts. They take effect at once, not at commit.
type HostKeys interface {
	// HostKeys lists the keys of other hosts that are trusted.
	HostKeys(ctx context.Context) ([]logpush.HostKey, error)
	// ScanHostKeys asks a host for its keys; none is trusted by that.
	ScanHostKeys(ctx context.Context, host string, port uint16) ([]logpush.HostKey, error)
	// AddHostKey trusts a key, whose fingerprint somebody has compared.
	AddHostKey(ctx context.Context, key logpush.HostKey) error
	// RemoveHostKey trusts a key no more.
	RemoveHostKey(ctx context.Context, key logpush.HostKey) error
	// PushKey gives the gateway's own public key, a line for authorized_keys on the other host.
	PushKey(ctx context.Context) (string, error)
}

// errNoKeys is the answer of a gateway that copies no logs.
var errNoKeys = &RefusedError{"This gateway copies no logs to other hosts."}

// HostKeys implements Gateway.
func (l *Local) HostKeys(context.Context) ([]logpush.HostKey, error) {
	if l.Logs.Keys == nil {
		return nil, errNoKeys
	}
	return l.Logs.Keys.List()
}

// ScanHostKeys implements Gateway.
func (l *Local) ScanHostKeys(ctx context.Context, host string, port uint16) ([]logpush.HostKey, error) {
	if l.Logs.Keys == nil {
		return nil, errNoKeys
	}
	keys, err := l.Logs.Keys.Scan(ctx, host, port)
	return keys, refusedKeys(err)
}

// AddHostKey implements Gateway.
func (l *Local) AddHostKey(_ context.Context, key logpush.HostKey) error {
	if l.Logs.Keys == nil {
		return errNoKeys
	}
	return refusedKeys(l.Logs.Keys.Add([]logpush.HostKey{key}))
}

// RemoveHostKey implements Gateway.
func (l *Local) RemoveHostKey(_ context.Context, key logpush.HostKey) error {
	if l.Logs.Keys == nil {
		return errNoKeys
	}
	return refusedKeys(l.Logs.Keys.Remove(key))
}

// PushKey implements Gateway.
func (l *Local) PushKey(ctx context.Context) (string, error) {
	if l.Logs.Keys == nil {
		return "", errNoKeys
	}
	key, err := l.Logs.Keys.Own(ctx)
	return key, refusedKeys(err)
}

func refusedKeys(err error) error {
	if err == nil {
		return nil
	}
	return &RefusedError{err.Error()}
}

// HostKeys implements Gateway.
func (o *Offline) HostKeys(context.Context) ([]logpush.HostKey, error) {
	if o.Keys == nil {
		return nil, errNoKeys
	}
	return o.Keys.List()
}

func (notRunning) HostKeys(context.Context) ([]logpush.HostKey, error) { return nil, ErrNotRunning }

func (notRunning) ScanHostKeys(context.Context, string, uint16) ([]logpush.HostKey, error) {
	return nil, ErrNotRunning
}

func (notRunning) AddHostKey(context.Context, logpush.HostKey) error { return ErrNotRunning }

func (notRunning) RemoveHostKey(context.Context, logpush.HostKey) error { return ErrNotRunning }

func (notRunning) PushKey(context.Context) (string, error) { return "", ErrNotRunning }

// HostKeys implements Gateway.
func (r *Remote) HostKeys(ctx context.Context) (keys []logpush.HostKey, err error) {
	return keys, r.get(ctx, "/v1/logs/hostkeys", nil, &keys)
}

// ScanHostKeys implements Gateway.
func (r *Remote) ScanHostKeys(ctx context.Context, host string, port uint16) (keys []logpush.HostKey, err error) {
	return keys, r.post(ctx, "/v1/logs/hostkeys/scan", url.Values{"host": {host}, "port": {strconv.Itoa(int(port))}}, &keys)
}

// AddHostKey implements Gateway.
func (r *Remote) AddHostKey(ctx context.Context, key logpush.HostKey) error {
	return r.post(ctx, "/v1/logs/hostkeys/add", keyValues(key), &struct{}{})
}

// RemoveHostKey implements Gateway.
func (r *Remote) RemoveHostKey(ctx context.Context, key logpush.HostKey) error {
	return r.post(ctx, "/v1/logs/hostkeys/remove", keyValues(key), &struct{}{})
}

// PushKey implements Gateway.
func (r *Remote) PushKey(ctx context.Context) (key string, err error) {
	return key, r.post(ctx, "/v1/logs/pushkey", nil, &key)
}

func keyValues(k logpush.HostKey) url.Values {
	return url.Values{"host": {k.Host}, "type": {k.Type}, "key": {k.Key}}
}

func hostKeyOf(v url.Values) logpush.HostKey {
	return logpush.HostKey{Host: v.Get("host"), Type: v.Get("type"), Key: v.Get("key")}
}

func hostKeysRoutes(mux *http.ServeMux, g Gateway) {
	get(mux, "/v1/logs/hostkeys", func(ctx context.Context, _ url.Values) (any, error) { return g.HostKeys(ctx) })
	post(mux, "/v1/logs/hostkeys/scan", func(ctx context.Context, v url.Values) (any, error) {
		port, _ := strconv.ParseUint(v.Get("port"), 10, 16) // 0 is refused
		return g.ScanHostKeys(ctx, v.Get("host"), uint16(port))
	})
	post(mux, "/v1/logs/hostkeys/add", func(ctx context.Context, v url.Values) (any, error) {
		return struct{}{}, g.AddHostKey(ctx, hostKeyOf(v))
	})
	post(mux, "/v1/logs/hostkeys/remove", func(ctx context.Context, v url.Values) (any, error) {
		return struct{}{}, g.RemoveHostKey(ctx, hostKeyOf(v))
	})
	post(mux, "/v1/logs/pushkey", func(ctx context.Context, _ url.Values) (any, error) { return g.PushKey(ctx) })
}

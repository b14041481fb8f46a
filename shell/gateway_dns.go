package shell

import (
	"context"
	"errors"
	"net/http"
	"net/url"
)

// DNS is what a person may order of the gateway's resolver. What it has counted stands in Status.
type DNS interface {
	// FlushDNS empties the resolver's cache.
	FlushDNS(ctx context.Context) error
}

// FlushDNS implements Gateway.
func (l *Local) FlushDNS(context.Context) error {
	if l.Cache == nil {
		return errors.New("this gateway has no DNS cache")
	}
	l.Cache.Flush()
	return nil
}

func (notRunning) FlushDNS(context.Context) error { return ErrNotRunning }

// FlushDNS implements Gateway.
func (r *Remote) FlushDNS(ctx context.Context) error {
	var done struct{}
	return r.post(ctx, "/v1/dns/flush", nil, &done)
}

func dnsRoutes(mux *http.ServeMux, g Gateway) {
	post(mux, "/v1/dns/flush", func(ctx context.Context, _ url.Values) (any, error) { return struct{}{}, g.FlushDNS(ctx) })
}

package shell

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"postern/projections"
)

// Alarms is what a person may see of the alerts.
type Alarms interface {
	// Alerts lists the last alerts, the newest first, at most max; 0 is all that are remembered.
	Alerts(ctx context.Context, max int) ([]projections.Alert, error)
}

// Alerts implements Gateway.
func (l *Local) Alerts(ctx context.Context, max int) (list []projections.Alert, err error) {
	_, err = l.Follower.Look(ctx, func() { list = l.Figures.Alerts(max) })
	return list, err
}

// Alerts implements Gateway.
func (o *Offline) Alerts(ctx context.Context, max int) (list []projections.Alert, err error) {
	return list, o.figures(ctx, func(f *projections.Figures) { list = f.Alerts(max) })
}

func (notRunning) Alerts(context.Context, int) ([]projections.Alert, error) {
	return nil, ErrNotRunning
}

// Alerts implements Gateway.
func (r *Remote) Alerts(ctx context.Context, max int) (list []projections.Alert, err error) {
	return list, r.get(ctx, "/v1/alerts", url.Values{"max": {strconv.Itoa(max)}}, &list)
}

func alertsRoutes(mux *http.ServeMux, g Gateway) {
	get(mux, "/v1/alerts", func(ctx context.Context, q url.Values) (any, error) {
		max, err := strconv.Atoi(q.Get("max"))
		if err != nil || max < 0 {
			return nil, &RefusedError{fmt.Sprintf("%q is not a number of alerts", q.Get("max"))}
		}
		return g.Alerts(ctx, max)
	})
}

package shell

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"postern/projections"
)

// Visits is what a person may see of who was here.
type Visits interface {
	// Logins lists the last visits of operators and the ends of the daemon between them, the newest first, at most max;
	// 0 is all that are remembered.
	Logins(ctx context.Context, max int) ([]Login, error)
}

// Login is a visit of an operator, or, without a name, an end of the daemon.
type Login struct {
	User string    `json:"username,omitempty"`
	From string    `json:"remote_host,omitempty"` // an address; "": at the machine itself
	In   time.Time `json:"login_time,omitzero"`
	Out  time.Time `json:"logout_time,omitzero"` // zero while open; after a crash, when the daemon was started again
	End  string    `json:"end"`                  // open, closed, shutdown, crash
}

func loginsOf(f *projections.Figures, max int) []Login {
	list := []Login{}
	for _, v := range f.Logins(max) {
		l := Login{User: v.User, In: v.In, Out: v.Out, End: v.End.String()}
		if v.From.IsValid() {
			l.From = v.From.String()
		}
		list = append(list, l)
	}
	return list
}

// Logins implements Gateway.
func (l *Local) Logins(ctx context.Context, max int) (list []Login, err error) {
	_, err = l.Follower.Look(ctx, func() { list = loginsOf(l.Figures, max) })
	return list, err
}

// Logins implements Gateway.
func (o *Offline) Logins(ctx context.Context, max int) (list []Login, err error) {
	return list, o.figures(ctx, func(f *projections.Figures) { list = loginsOf(f, max) })
}

func (notRunning) Logins(context.Context, int) ([]Login, error) { return nil, ErrNotRunning }

// Logins implements Gateway.
func (r *Remote) Logins(ctx context.Context, max int) (list []Login, err error) {
	return list, r.get(ctx, "/v1/logins", url.Values{"max": {strconv.Itoa(max)}}, &list)
}

func visitsRoutes(mux *http.ServeMux, g Gateway) {
	get(mux, "/v1/logins", func(ctx context.Context, q url.Values) (any, error) {
		max, err := strconv.Atoi(q.Get("max"))
		if err != nil || max < 0 {
			return nil, &RefusedError{fmt.Sprintf("%q is not a number of rows", q.Get("max"))}
		}
		return g.Logins(ctx, max)
	})
}

package shell

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"postern/hardware"
)

// Sensing tells how the machine itself is.
type Sensing interface {
	// Sensors is the last reading of the machine's sensors; nobody changes it.
	Sensors(ctx context.Context) (*hardware.Sensors, error)
}

// sensors reads the machine's sensors, by the program's way or, where it has none, once and by the sensors' own limits.
func (p *Program) sensors(ctx context.Context) (*hardware.Sensors, error) {
	if p.Sensors != nil {
		return p.Sensors(ctx), ctx.Err()
	}
	m := &hardware.Monitor{Proc: p.Proc, Sys: p.Sys}
	return m.Sensors(time.Now()), nil
}

// Sensors implements Gateway.
func (l *Local) Sensors(ctx context.Context) (*hardware.Sensors, error) {
	return l.Program.sensors(ctx)
}

// Sensors implements Gateway: the machine has its sensors whether the gateway runs or not.
func (o *Offline) Sensors(ctx context.Context) (*hardware.Sensors, error) {
	return o.Program.sensors(ctx)
}

func (notRunning) Sensors(context.Context) (*hardware.Sensors, error) { return nil, ErrNotRunning }

// Sensors implements Gateway.
func (r *Remote) Sensors(ctx context.Context) (*hardware.Sensors, error) {
	s := new(hardware.Sensors)
	if err := r.get(ctx, "/v1/sensors", nil, s); err != nil {
		return nil, err
	}
	return s, nil
}

func sensingRoutes(mux *http.ServeMux, g Gateway) {
	get(mux, "/v1/sensors", func(ctx context.Context, _ url.Values) (any, error) { return g.Sensors(ctx) })
}

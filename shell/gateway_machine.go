package shell

import (
	"context"
	"io/fs"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"

	"postern/hardware"
	"postern/projections"
)

// Machine is what a person may see of the program and the machine it runs on.
type Machine interface {
	// Clock is the gateway's time.
	Clock(ctx context.Context) (Clock, error)
	// Version tells which program runs, and on what.
	Version(ctx context.Context) (Version, error)
	// Services tells where the gateway's processes listen.
	Services(ctx context.Context) (Services, error)
}

// Clock is the time, and the zone that the gateway's logs are written in.
type Clock struct {
	Time time.Time `json:"time"`
	Zone string    `json:"zone"`
}

// Version is the block of the version command; "" is what nobody knows.
type Version struct {
	Product   string    `json:"product"`
	Model     string    `json:"model"`
	Version   string    `json:"version"`
	Built     time.Time `json:"build_date,omitzero"`   // of the program's file
	Installed time.Time `json:"install_date,omitzero"` // when the store's first run began
	Serial    string    `json:"serial"`
	BIOS      string    `json:"bios"`
	RAID      string    `json:"raid"`
}

// Services is where the gateway listens.
type Services struct {
	Features []Feature `json:"features"`
	Sockets  []Socket  `json:"sockets"`
}

// Feature is something that the gateway offers to others.
type Feature struct {
	Name      string   `json:"name"`
	What      string   `json:"what"`
	Addresses []string `json:"addresses"` // where it is meant to listen: ip:port, or the end of a path
	Listening bool     `json:"listening"`
}

// Socket is a row of tcpservices.
type Socket struct {
	Command string `json:"command"`
	User    string `json:"user"`
	Type    string `json:"type"` // IPv4, IPv6, unix
	Node    string `json:"node"` // TCP, UDP, STREAM
	Name    string `json:"name"` // *:25, 127.0.0.1:2525, [::1]:25, a path
}

// Program is what Local and Offline need to know of the program they are part of. Its fields are set before use.
type Program struct {
	Version  string
	Serial   func(hostname string) string            // the machine's number, as the logs have it
	Features func() []Feature                        // what the configuration has it offer; nil: nothing
	Proc     fs.FS                                   // nil: /proc
	Sys      fs.FS                                   // nil: /sys
	Sensors  func(context.Context) *hardware.Sensors // nil: read when asked, by the sensors' own limits
	File     string                                  // of the program; "": /proc/self/exe
}

const product = "Postern mail gateway"

func (p *Program) proc() fs.FS {
	if p.Proc != nil {
		return p.Proc
	}
	return os.DirFS("/proc")
}

// version puts the block together.
func (p *Program) version(hostname string, installed time.Time) Version {
	sys, file := p.Sys, p.File
	if sys == nil {
		sys = os.DirFS("/sys")
	}
	if file == "" {
		file = "/proc/self/exe"
	}
	is := hardware.Identify(p.proc(), sys)
	v := Version{Product: product, Model: is.Model, Version: p.Version, Installed: installed, BIOS: is.BIOS, RAID: is.RAID}
	if info, err := os.Stat(file); err == nil {
		v.Built = info.ModTime()
	}
	if p.Serial != nil && hostname != "" {
		v.Serial = p.Serial(hostname)
	}
	return v
}

// services lists this process's sockets, and which of the features have one.
func (p *Program) services() (Services, error) {
	listening, err := hardware.Listening(p.proc())
	if err != nil {
		return Services{}, err
	}
	s := Services{Features: []Feature{}, Sockets: []Socket{}}
	command, _ := fs.ReadFile(p.proc(), "self/comm")
	name := "?"
	if u, err := user.LookupId(strconv.Itoa(os.Geteuid())); err == nil {
		name = u.Username
	}
	for _, l := range listening {
		row := socketOf(l)
		row.Command, row.User = strings.TrimSpace(string(command)), name
		s.Sockets = append(s.Sockets, row)
	}
	if p.Features != nil {
		for _, f := range p.Features() {
			f.Listening = slices.ContainsFunc(f.Addresses, func(want string) bool { return isListening(listening, want) })
			s.Features = append(s.Features, f)
		}
	}
	return s, nil
}

func socketOf(l hardware.Socket) Socket {
	if l.Network == "unix" {
		return Socket{Type: "unix", Node: "STREAM", Name: l.Path}
	}
	s := Socket{Type: "IPv4", Node: strings.ToUpper(l.Network), Name: l.Address.String()}
	if l.Address.Addr().Is6() {
		s.Type = "IPv6"
	}
	if l.Address.Addr().IsUnspecified() {
		s.Name = "*:" + strconv.Itoa(int(l.Address.Port()))
	}
	return s
}

// isListening tells whether an address, or the end of a path, has a socket. Port 0 is any that the system has chosen.
func isListening(sockets []hardware.Socket, want string) bool {
	address, err := netip.ParseAddrPort(want)
	return slices.ContainsFunc(sockets, func(s hardware.Socket) bool {
		switch {
		case err != nil:
			return s.Network == "unix" && strings.HasSuffix(s.Path, want)
		case s.Network == "unix" || address.Port() != 0 && s.Address.Port() != address.Port():
			return false
		}
		return s.Address.Addr().IsUnspecified() || s.Address.Addr() == address.Addr()
	})
}

// Clock implements Gateway.
func (l *Local) Clock(context.Context) (Clock, error) { return clockOf(l.now()), nil }

func clockOf(now time.Time) Clock {
	zone, _ := now.Zone()
	return Clock{now, zone}
}

// Version implements Gateway.
func (l *Local) Version(ctx context.Context) (v Version, err error) {
	var installed time.Time
	if _, err = l.Follower.Look(ctx, func() { installed = l.Figures.Installed() }); err != nil {
		return v, err
	}
	return l.Program.version(l.Self.Hostname, installed), nil
}

// Services implements Gateway.
func (l *Local) Services(context.Context) (Services, error) { return l.Program.services() }

// Clock implements Gateway: it is the machine's.
func (o *Offline) Clock(context.Context) (Clock, error) { return clockOf(time.Now()), nil }

// Version implements Gateway. Without a store it tells of the program alone.
func (o *Offline) Version(ctx context.Context) (v Version, err error) {
	var hostname string
	var installed time.Time
	if o.Data != "" {
		err = o.figures(ctx, func(f *projections.Figures) {
			hostname, installed = f.View(time.Now(), nil, nil).Hostname, f.Installed()
		})
	}
	return o.Program.version(hostname, installed), err
}

// Services implements Gateway: what the configuration has a gateway offer, of which nothing listens.
func (o *Offline) Services(context.Context) (Services, error) {
	s := Services{Features: []Feature{}, Sockets: []Socket{}}
	if o.Program.Features != nil {
		s.Features = append(s.Features, o.Program.Features()...)
	}
	return s, nil
}

func (notRunning) Clock(context.Context) (c Clock, err error) { return c, ErrNotRunning }

func (notRunning) Version(context.Context) (v Version, err error) { return v, ErrNotRunning }

func (notRunning) Services(context.Context) (s Services, err error) { return s, ErrNotRunning }

// Clock implements Gateway.
func (r *Remote) Clock(ctx context.Context) (c Clock, err error) {
	return c, r.get(ctx, "/v1/clock", nil, &c)
}

// Version implements Gateway.
func (r *Remote) Version(ctx context.Context) (v Version, err error) {
	return v, r.get(ctx, "/v1/version", nil, &v)
}

// Services implements Gateway.
func (r *Remote) Services(ctx context.Context) (s Services, err error) {
	return s, r.get(ctx, "/v1/services", nil, &s)
}

func machineRoutes(mux *http.ServeMux, g Gateway) {
	get(mux, "/v1/clock", func(ctx context.Context, _ url.Values) (any, error) { return g.Clock(ctx) })
	get(mux, "/v1/version", func(ctx context.Context, _ url.Values) (any, error) { return g.Version(ctx) })
	get(mux, "/v1/services", func(ctx context.Context, _ url.Values) (any, error) { return g.Services(ctx) })
}

package config

import (
	"net/netip"
	"time"
)

// Document is the whole configuration, as postern.toml spells it, after defaults and checks. It is never changed once it
// is in force: a commit makes a new one.
type Document struct {
	Hostname   string      `toml:"hostname"`
	Interfaces []Interface `toml:"interface"`
	Listeners  []Listener  `toml:"listener"`
	Routes     []SMTPRoute `toml:"smtp_route"`
	DNS        DNS         `toml:"dns"`
	Retry      Retry       `toml:"retry"`
	Bounce     Bounce      `toml:"bounce"`
	Delivery   Delivery    `toml:"delivery"`
	Queue      Queue       `toml:"queue"`
	Journal    Journal     `toml:"journal"`
	Logs       Logs        `toml:"logs"`
	Admin      Admin       `toml:"admin"`
	Daemon     Daemon      `toml:"daemon"`
}

// Interface is an address of the machine with a name, as logs show it.
type Interface struct {
	Name     string       `toml:"name"`
	Address  netip.Prefix `toml:"address"`  // 127.0.0.1/8: the address and its network
	Hostname string       `toml:"hostname"` // default: the document's
}

// Kind is what a listener is for.
type Kind string

// The kinds of listeners.
const (
	Public    Kind = "public"    // the world: accepts what accept_domains names
	Private   Kind = "private"   // our own hosts: relays
	Blackhole Kind = "blackhole" // accepts and drops
)

// Listener is a port on which mail is received.
type Listener struct {
	Name          string         `toml:"name"`
	Kind          Kind           `toml:"kind"`
	Address       netip.AddrPort `toml:"address"`
	RelayFrom     []netip.Prefix `toml:"relay_from"`     // who may relay anywhere; private default: loopback
	AcceptDomains []string       `toml:"accept_domains"` // example.com, .example.com (its sub-domains), ALL

	MaxMessageSize          int64    `toml:"max_message_size"` // bytes; default 104857600
	MaxRecipients           int      `toml:"max_recipients"`   // of a message; default 1000
	MaxMessages             int      `toml:"max_messages"`     // of a connection; default 1000
	MaxConnections          int      `toml:"max_connections"`  // default 1000
	MaxConnectionsPerClient int      `toml:"max_connections_per_client"`
	CommandTimeout          Duration `toml:"command_timeout"`    // between commands; default 5m
	DataTimeout             Duration `toml:"data_timeout"`       // between reads of content; default 3m
	ConnectionTimeout       Duration `toml:"connection_timeout"` // in all; default 15m without progress of a message
	MaxErrors               int      `toml:"max_errors"`         // refused commands before 421; default 20
	BareNewlines            string   `toml:"bare_newlines"`      // reject (550 5.6.11, default) or normalise
	MaxHops                 int      `toml:"max_hops"`           // Received headers before a loop is declared; default 100
	Certificate             string   `toml:"certificate"`        // PEM file; with Key, STARTTLS is offered
	Key                     string   `toml:"key"`
}

// SMTPRoute overrides where mail for a domain goes.
type SMTPRoute struct {
	Domain string   `toml:"domain"` // ALL, example.com, .example.com (its sub-domains)
	To     []string `toml:"to"`     // host, [host], host:port, USEDNS, /dev/null; tried in this order
}

// DNS names the resolvers.
type DNS struct {
	Servers []netip.AddrPort `toml:"servers"` // empty: the system's
	Timeout Duration         `toml:"timeout"` // of one query to one server; default 2s
	Tries   int              `toml:"tries"`   // rounds over the servers; default 2
	Cache   int              `toml:"cache"`   // entries; default 100000
}

// Retry is the Default bounce profile's schedule.
type Retry struct {
	InitialSeconds  int `toml:"initial_seconds"`   // 60
	MaxSeconds      int `toml:"max_seconds"`       // 3600
	MaxAttempts     int `toml:"max_attempts"`      // 100
	MaxQueueSeconds int `toml:"max_queue_seconds"` // 259200
}

// Bounce shapes delivery status notifications.
type Bounce struct {
	CopyBytes int64 `toml:"copy_bytes"` // of the original that a notification carries whole; default 10240
}

// Delivery limits the delivery client.
type Delivery struct {
	Connections           int      `toml:"connections"`             // in all; default 10000
	PerDestination        int      `toml:"per_destination"`         // default 500
	MessagesPerConnection int      `toml:"messages_per_connection"` // default 50
	TLS                   string   `toml:"tls"`                     // opportunistic (default) or off
	Interface             string   `toml:"interface"`               // whose address is the source; "" the system chooses
	Port                  uint16   `toml:"port"`                    // default 25
	ConnectTimeout        Duration `toml:"connect_timeout"`         // default 30s
	GreetingTimeout       Duration `toml:"greeting_timeout"`        // default 5m
	CommandTimeout        Duration `toml:"command_timeout"`         // default 5m
	DataTimeout           Duration `toml:"data_timeout"`            // a write of content; default 3m
	FinalTimeout          Duration `toml:"final_timeout"`           // the reply to the final dot; default 10m
	IdleTimeout           Duration `toml:"idle_timeout"`            // an open connection without work; default 5s
	InDoubt               string   `toml:"in_doubt"`                // resend (default), hold, ask
}

// Queue limits what is kept.
type Queue struct {
	Kilobytes   int64 `toml:"kilobytes"`    // 0: what the disk has above the watermark
	UndoSeconds int   `toml:"undo_seconds"` // 3600
}

// Journal says how long history is kept.
type Journal struct {
	KeepDays int `toml:"keep_days"` // 30
}

// Logs shapes the text logs in DATA/logs.
type Logs struct {
	RolloverMegabytes int      `toml:"rollover_megabytes"` // default 100
	RolloverAge       Duration `toml:"rollover_age"`       // default 24h
	Keep              int      `toml:"keep"`               // closed files of each log; default 10
}

// Admin says who may use the admin socket, beside root and the daemon's user.
type Admin struct {
	Group string `toml:"group"`
}

// Daemon says as whom the process goes on after it has bound its ports.
type Daemon struct {
	User  string `toml:"user"`
	Group string `toml:"group"`
}

// Duration is written as "90s", "5m", "24h".
type Duration struct{ time.Duration }

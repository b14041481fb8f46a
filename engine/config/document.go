package config

import (
	"net/netip"
)

// Document is the whole configuration, as postern.toml spells it, after defaults and checks. It is never changed once it
// is in force: a commit makes a new one, through Encode and Parse. The tags limits and choice say what a value may be, and
// secret that it is not shown: see Masked.
type Document struct {
	Hostname   string      `toml:"hostname"` // default: the machine's
	Interfaces []Interface `toml:"interface"`
	Listeners  []Listener  `toml:"listener"`
	Routes     []SMTPRoute `toml:"smtp_route"`
	DNS        DNS         `toml:"dns"`
	Retry      Retry       `toml:"retry"`
	Bounce     Bounce      `toml:"bounce"`
	Delivery   Delivery    `toml:"delivery"`
	Queue      Queue       `toml:"queue"`
	Conserve   Conserve    `toml:"conservation"`
	Alerts     Alerts      `toml:"alerts"`
	Journal    Journal     `toml:"journal"`
	Logs       Logs        `toml:"logs"`
	Admin      Admin       `toml:"admin"`
	Daemon     Daemon      `toml:"daemon"`
	HTTP       HTTP        `toml:"http"`
	SNMP       SNMP        `toml:"snmp"`
	Hardware   Hardware    `toml:"hardware"`

	Subscriptions []Log `toml:"log"` // default: mail_logs and status, in files

	Revision uint64 `toml:"-"` // from the stamp of the text, 0 when it bears none

	routes domainIndex[SMTPRoute] // built by Parse, read only
	doubts domainIndex[Doubt]     // built by Parse, read only
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
	Kind          Kind           `toml:"kind" choice:"public private blackhole"`
	Address       netip.AddrPort `toml:"address"`        // port 0: any that is free
	RelayFrom     []netip.Prefix `toml:"relay_from"`     // who may relay anywhere; private default: loopback
	AcceptDomains []string       `toml:"accept_domains"` // example.com, .example.com (its sub-domains), [192.0.2.1], ALL

	MaxMessageSize          int64    `toml:"max_message_size" limits:"1024 2147483647"`    // bytes; default 104857600
	MaxRecipients           int      `toml:"max_recipients" limits:"1 100000"`             // of a message; default 1000
	MaxMessages             int      `toml:"max_messages" limits:"1 1000000"`              // of a connection; default 1000
	MaxConnections          int      `toml:"max_connections" limits:"1 100000"`            // default 1000
	MaxConnectionsPerClient int      `toml:"max_connections_per_client" limits:"1 100000"` // of one address; default 50 on a public listener, 1000 else
	CommandTimeout          Duration `toml:"command_timeout" limits:"1s 1h"`               // between commands; default 5m
	DataTimeout             Duration `toml:"data_timeout" limits:"1s 1h"`                  // between reads of content; default 3m
	ConnectionTimeout       Duration `toml:"connection_timeout" limits:"1s 24h"`           // in all; default 15m without progress of a message
	MaxErrors               int      `toml:"max_errors" limits:"1 1000"`                   // refused commands before 421; default 20
	BareNewlines            string   `toml:"bare_newlines" choice:"reject normalise"`      // reject (550 5.6.11, default) or normalise
	MaxHops                 int      `toml:"max_hops" limits:"1 1000"`                     // Received headers before a loop is declared; default 100
	Certificate             string   `toml:"certificate"`                                  // PEM file; with Key, STARTTLS is offered
	Key                     string   `toml:"key"`

	accepts domainIndex[string] // built by Parse, read only
}

// SMTPRoute overrides where mail for a domain goes.
type SMTPRoute struct {
	Domain string   `toml:"domain"` // ALL, example.com, .example.com (its sub-domains), [192.0.2.1]
	To     []string `toml:"to"`     // host, [host], host:port, USEDNS, /dev/null; tried in this order; see ParseTarget
}

// DNS names the resolvers.
type DNS struct {
	Servers []netip.AddrPort `toml:"servers"`                     // empty: the system's; port 53 when none is given
	Timeout Duration         `toml:"timeout" limits:"100ms 1m"`   // of one query to one server; default 2s
	Tries   int              `toml:"tries" limits:"1 10"`         // rounds over the servers; default 2
	Cache   int              `toml:"cache" limits:"100 10000000"` // entries; default 100000
}

// Retry is the Default bounce profile's schedule.
type Retry struct {
	InitialSeconds  int `toml:"initial_seconds" limits:"1 86400"`      // 60
	MaxSeconds      int `toml:"max_seconds" limits:"1 604800"`         // 3600
	MaxAttempts     int `toml:"max_attempts" limits:"1 10000"`         // 100
	MaxQueueSeconds int `toml:"max_queue_seconds" limits:"1 31536000"` // 259200
}

// Bounce shapes delivery status notifications.
type Bounce struct {
	CopyBytes int64 `toml:"copy_bytes" limits:"0 10485760"` // of the original that a notification carries whole; default 10240
}

// Delivery limits the delivery client.
type Delivery struct {
	Connections           int      `toml:"connections" limits:"1 100000"`             // in all; default 10000
	PerDestination        int      `toml:"per_destination" limits:"1 100000"`         // default 500
	MessagesPerConnection int      `toml:"messages_per_connection" limits:"1 100000"` // default 50
	TLS                   string   `toml:"tls" choice:"opportunistic off"`            // opportunistic (default) or off
	Interface             string   `toml:"interface"`                                 // whose address is the source; "" the system chooses
	Port                  uint16   `toml:"port" limits:"1 65535"`                     // default 25
	ConnectTimeout        Duration `toml:"connect_timeout" limits:"100ms 1h"`         // default 30s
	GreetingTimeout       Duration `toml:"greeting_timeout" limits:"100ms 1h"`        // default 5m
	CommandTimeout        Duration `toml:"command_timeout" limits:"100ms 1h"`         // default 5m
	DataTimeout           Duration `toml:"data_timeout" limits:"100ms 1h"`            // a write of content; default 3m
	FinalTimeout          Duration `toml:"final_timeout" limits:"100ms 1h"`           // the reply to the final dot; default 10m
	IdleTimeout           Duration `toml:"idle_timeout" limits:"100ms 1h"`            // an open connection without work; default 5s
	InDoubt               string   `toml:"in_doubt" choice:"resend hold ask"`         // what is done when nobody knows whether a peer has a message: resend (default), hold, ask
	Doubts                []Doubt  `toml:"doubt"`                                     // the same for single destinations
}

// What is done with a message that its peer may have without our knowing. With hold and ask the final dot waits until it is
// durable that it follows, so that what is in doubt after a crash is exact.
const (
	DoubtResend = "resend" // twice is better than never
	DoubtHold   = "hold"   // it stays in the queue, held
	DoubtAsk    = "ask"    // the same, and an operator is asked
)

// Doubt is what is done with mail for a domain whose outcome is unknown.
type Doubt struct {
	Domain string `toml:"domain"` // ALL, example.com, .example.com (its sub-domains), [192.0.2.1]
	Action string `toml:"action" choice:"resend hold ask"`
}

// Queue limits what is kept.
type Queue struct {
	Kilobytes   int64 `toml:"kilobytes" limits:"0 1099511627776"` // 0: what the disk has above the watermark
	UndoSeconds int   `toml:"undo_seconds" limits:"0 2592000"`    // 3600
}

// Conserve shapes resource conservation: when memory, queue or disk run short, replies to senders are held back in
// degrees from 1 (60 % of a limit) to 60 (85 %), and from 90 % on nothing is accepted until it is less than 85 % again.
type Conserve struct {
	MemoryMegabytes int64    `toml:"memory_megabytes" limits:"0 1048576"` // that the gateway is to keep within; 0 (default): the control group's or the machine's
	ReplyDelay      Duration `toml:"reply_delay" limits:"1ms 1s"`         // of each reply of a transaction, for each degree; default 50ms
}

// Alerts says who hears of what is wrong with the gateway, beside displayalerts and the logs. Their mail passes the limits
// of the queue and resource conservation.
type Alerts struct {
	To              []string `toml:"to"`                                  // addresses; default none
	From            string   `toml:"from"`                                // envelope sender; default the null sender: nothing comes back
	Interval        Duration `toml:"interval" limits:"1m 168h"`           // for which one of a kind about the same thing is not repeated; default 1h
	HostRecipients  int      `toml:"host_recipients" limits:"1 10000000"` // that wait for a host which is down; default 1000
	CertificateDays int      `toml:"certificate_days" limits:"1 3650"`    // before a listener's certificate ends; default 30
}

// Journal says how long history is kept.
type Journal struct {
	KeepDays      int `toml:"keep_days" limits:"1 36500"`        // 30; longer than the longest time in queue
	KeepGigabytes int `toml:"keep_gigabytes" limits:"0 1048576"` // that history takes on the disk; 0 (default): no limit
}

// Logs shapes the text logs in DATA/logs, as far as a subscription says nothing else.
type Logs struct {
	RolloverMegabytes int      `toml:"rollover_megabytes" limits:"1 100000"` // default 100
	RolloverAge       Duration `toml:"rollover_age" limits:"1m 8760h"`       // default 24h
	Keep              int      `toml:"keep" limits:"1 10000"`                // closed files of each log; default 10
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

// HTTP is where the gateway shows its status to browsers and monitoring systems.
type HTTP struct {
	Address     netip.AddrPort `toml:"address"`     // default: none, and nothing is served; without a password a loopback address
	Certificate string         `toml:"certificate"` // PEM file; with Key, only TLS is spoken
	Key         string         `toml:"key"`
	User        string         `toml:"user"`
	Password    string         `toml:"password" secret:"yes"` // hashed, see HashPassword
}

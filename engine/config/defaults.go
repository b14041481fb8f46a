package config

import (
	"net/netip"
	"os"
	"time"
)

// Default is the configuration without a file: a private listener on 127.0.0.1:2525 that relays for loopback only, and
// delivery by MX.
func Default() *Document { return defaults(machineName()) }

func defaults(hostname string) *Document {
	d := sections(hostname)
	d.Interfaces = []Interface{defaultInterface(hostname)}
	mail := defaultListener(Private)
	mail.Name = "Mail"
	mail.Address = netip.MustParseAddrPort("127.0.0.1:2525")
	d.Listeners = []Listener{mail}
	d.Subscriptions = defaultLogs()
	return d
}

// sections has every default that stands in a table of its own, and no lists.
func sections(hostname string) *Document {
	return &Document{
		Hostname: hostname,
		DNS:      DNS{Timeout: seconds(2), Tries: 2, Cache: 100_000},
		Retry:    Retry{InitialSeconds: 60, MaxSeconds: 3600, MaxAttempts: 100, MaxQueueSeconds: 259_200},
		Bounce:   Bounce{CopyBytes: 10_240},
		Delivery: Delivery{
			Connections:           10_000,
			PerDestination:        500,
			MessagesPerConnection: 50,
			TLS:                   "opportunistic",
			Port:                  25,
			ConnectTimeout:        seconds(30),
			GreetingTimeout:       minutes(5), // RFC 5321 section 4.5.3.2, as the three below
			CommandTimeout:        minutes(5),
			DataTimeout:           minutes(3),
			FinalTimeout:          minutes(10),
			IdleTimeout:           seconds(5),
			InDoubt:               "resend",
		},
		Queue:    Queue{UndoSeconds: 3600},
		Conserve: Conserve{ReplyDelay: Duration{50 * time.Millisecond}},
		Alerts:   Alerts{Interval: Duration{time.Hour}, HostRecipients: 1000, CertificateDays: 30},
		Journal:  Journal{KeepDays: 30},
		Logs:     Logs{RolloverMegabytes: 100, RolloverAge: Duration{24 * time.Hour}, Keep: 10},
		SNMP:     defaultSNMP(),
		Hardware: defaultHardware(),
	}
}

func defaultInterface(hostname string) Interface {
	return Interface{Name: "Management", Address: netip.MustParsePrefix("127.0.0.1/8"), Hostname: hostname}
}

// defaultListener has what a listener of that kind is when the document says no more. One client of a public listener gets
// few connections; our own hosts get as many as there are.
func defaultListener(kind Kind) Listener {
	l := Listener{
		Kind:                    kind,
		MaxMessageSize:          104_857_600,
		MaxRecipients:           1000,
		MaxMessages:             1000,
		MaxConnections:          1000,
		MaxConnectionsPerClient: 1000,
		CommandTimeout:          minutes(5),
		DataTimeout:             minutes(3),
		ConnectionTimeout:       minutes(15),
		MaxErrors:               20,
		BareNewlines:            "reject",
		MaxHops:                 100,
	}
	switch kind {
	case Public:
		l.MaxConnectionsPerClient = 50
	case Private:
		l.RelayFrom = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	}
	return l
}

// machineName is the machine's own name where mail can use it.
func machineName() string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	name, err = normalDomain(name)
	if err != nil {
		return "localhost"
	}
	return name
}

func seconds(n int) Duration { return Duration{time.Duration(n) * time.Second} }
func minutes(n int) Duration { return Duration{time.Duration(n) * time.Minute} }

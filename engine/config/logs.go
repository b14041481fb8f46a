package config

import (
	"net"
	"slices"
	"strconv"
	"strings"
)

// Log is a subscription to a log: what is written, how much of it, and how it reaches those who read it. What a row does not
// say about rolling over it has from [logs].
type Log struct {
	Name      string `toml:"name"` // of the subscription and, before ".@", of its files
	Type      string `toml:"type" choice:"mail_logs status"`
	Level     string `toml:"level" choice:"critical warning info"` // the least that is written; default info
	Retrieval string `toml:"retrieval" choice:"file syslog scp"`   // default file
	Megabytes int    `toml:"rollover_megabytes" limits:"0 100000"` // 0 (default): as in [logs]
	Seconds   int    `toml:"rollover_seconds" limits:"0 31536000"` // age of a file; 0 (default): as in [logs]
	Keep      int    `toml:"keep" limits:"0 10000"`                // closed files; 0 (default): as in [logs]

	Host string `toml:"host"`                  // where it is pushed to: a name or an address
	Port uint16 `toml:"port" limits:"0 65535"` // default 514, 6514 with TLS, 22 for SCP

	Protocol  string `toml:"protocol" choice:"udp tcp tls"`                                                                                                     // of syslog; default udp
	Format    string `toml:"format" choice:"rfc5424 rfc3164"`                                                                                                   // of syslog; default rfc5424
	Facility  string `toml:"facility" choice:"auth authpriv console daemon ftp local0 local1 local2 local3 local4 local5 local6 local7 mail ntp security user"` // of syslog; default mail
	Authority string `toml:"authority"`                                                                                                                         // PEM file of who vouches for a TLS server; "" whom the system trusts

	User       string `toml:"user"`        // of SCP
	Directory  string `toml:"directory"`   // of SCP: on the other host
	Identity   string `toml:"identity"`    // of SCP: file of the private key; "" the gateway's own. A name without / lies in DATA/configuration
	KnownHosts string `toml:"known_hosts"` // of SCP: file of the host keys that are trusted; "" the gateway's own
}

// The types of logs.
const (
	LogTypeMail   = "mail_logs"
	LogTypeStatus = "status"
)

// How a log reaches those who read it.
const (
	RetrieveFile   = "file"   // its files lie in DATA/logs and are fetched from there
	RetrieveSyslog = "syslog" // each line is sent to a syslog server; there are no files
	RetrieveSCP    = "scp"    // as file, and each file is copied to another host when it is closed
)

// facilities are the numbers of the names (RFC 5424 section 6.2.1).
var facilities = map[string]int{"user": 1, "mail": 2, "daemon": 3, "auth": 4, "authpriv": 10, "ftp": 11, "ntp": 12, "security": 13, "console": 14,
	"local0": 16, "local1": 17, "local2": 18, "local3": 19, "local4": 20, "local5": 21, "local6": 22, "local7": 23}

// Facilities are the names that a log's facility may have, in the order in which they are shown.
func Facilities() []string {
	var names []string
	for name := range facilities {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// FacilityNumber is the facility as syslog messages carry it, 0 to 23.
func (l *Log) FacilityNumber() int { return facilities[l.Facility] }

// Endpoint is host:port of where the log is pushed to.
func (l *Log) Endpoint() string { return net.JoinHostPort(l.Host, strconv.Itoa(int(l.Port))) }

// HasFiles tells whether the log lies in files in DATA/logs.
func (l *Log) HasFiles() bool { return l.Retrieval != RetrieveSyslog }

// Rollover is when a file of the log is closed, in bytes and in age, and how many closed ones are kept.
func (d *Document) Rollover(l *Log) (bytes int64, age Duration, keep int) {
	megabytes, age, keep := d.Logs.RolloverMegabytes, d.Logs.RolloverAge, d.Logs.Keep
	if l.Megabytes > 0 {
		megabytes = l.Megabytes
	}
	if l.Seconds > 0 {
		age = seconds(l.Seconds)
	}
	if l.Keep > 0 {
		keep = l.Keep
	}
	return int64(megabytes) << 20, age, keep
}

// NewLog is a subscription with what a row has that says no more than these.
func NewLog(name, kind string) Log {
	l := defaultLog()
	l.Name, l.Type = name, kind
	return l
}

func defaultLog() Log {
	return Log{Level: "info", Retrieval: RetrieveFile, Protocol: "udp", Format: "rfc5424", Facility: "mail"}
}

// defaultLogs are the logs of a document that names none.
func defaultLogs() []Log {
	return []Log{NewLog(LogTypeMail, LogTypeMail), NewLog(LogTypeStatus, LogTypeStatus)}
}

// SubscriptionNamed is the subscription of that name, in any case of letters; nil: there is none.
func (d *Document) SubscriptionNamed(name string) *Log {
	i := slices.IndexFunc(d.Subscriptions, func(l Log) bool { return strings.EqualFold(l.Name, name) })
	if i < 0 {
		return nil
	}
	return &d.Subscriptions[i]
}

package shell

import (
	"context"
	"fmt"
	"slices"

	"postern/engine/config"
	"postern/projections/logpush"
)

var logLevels = []Choice{{"critical", "Critical"}, {"warning", "Warning"}, {"info", "Information"}}

var logRetrievals = []Choice{{config.RetrieveFile, "Local File"}, {config.RetrieveSCP, "SCP Push"}, {config.RetrieveSyslog, "Syslog Push"}}

// logDetails asks for all of a log but its name and type.
func (t *turn) logDetails(ctx context.Context, l *config.Log) error {
	if err := t.choose(ctx, "LEVEL", "Log level:", &l.Level, logLevels); err != nil {
		return err
	}
	return t.logWay(ctx, l)
}

// logWay asks how a log is had, and for what that way needs.
func (t *turn) logWay(ctx context.Context, l *config.Log) error {
	retrieval := l.Retrieval
	if err := t.choose(ctx, "RETRIEVAL", "Choose the method to retrieve the logs.", &retrieval, logRetrievals); err != nil {
		return err
	}
	t.retrieve(l, retrieval)
	var questions []question
	switch retrieval {
	case config.RetrieveSyslog:
		return t.syslogDetails(ctx, l)
	case config.RetrieveSCP:
		questions = []question{{"host", "Hostname to deliver the logs:"}, {"port", "Port to connect to on the remote host:"},
			{"user", "Username on the remote host:"}, {"directory", "Directory on remote host to place logs:"}}
	}
	return t.fields(ctx, l, "log", append(questions, logFiles...))
}

// logFiles are asked for a log that has files.
var logFiles = []question{
	{"rollover_megabytes", "Please enter the maximum file size, in megabytes (0: as in SETUP):"},
	{"rollover_seconds", "Please enter the maximum time until a file is closed, in seconds (0: as in SETUP):"},
	{"keep", "Please enter the maximum number of files (0: as in SETUP):"},
}

// retrieve changes how a log is had. What was said about another way is forgotten.
func (t *turn) retrieve(l *config.Log, retrieval string) {
	if l.Retrieval == retrieval {
		return
	}
	host := l.Host
	fresh := config.NewLog(l.Name, l.Type)
	fresh.Level, fresh.Megabytes, fresh.Seconds, fresh.Keep = l.Level, l.Megabytes, l.Seconds, l.Keep
	*l = fresh
	if l.Retrieval = retrieval; retrieval != config.RetrieveFile {
		l.Host = host
	}
	l.Port = config.StandardPort(retrieval, l.Protocol)
}

func (t *turn) syslogDetails(ctx context.Context, l *config.Log) error {
	if err := t.fields(ctx, l, "log", []question{{"host", "Hostname to deliver the logs:"}}); err != nil {
		return err
	}
	port := unchosenPort(l)
	if err := t.choose(ctx, "PROTOCOL", "Which protocol do you want to use to transfer the log data?", &l.Protocol,
		[]Choice{{"udp", "UDP"}, {"tcp", "TCP"}, {"tls", "TCP with TLS"}}); err != nil {
		return err
	}
	if l.Port = port; port == 0 {
		l.Port = config.StandardPort(l.Retrieval, l.Protocol)
	}
	if l.Protocol != "tls" {
		l.Authority = ""
	}
	if err := t.fields(ctx, l, "log", []question{{"port", "Port to connect to on the remote host:"}}); err != nil {
		return err
	}
	var facilities []Choice
	for _, name := range config.Facilities() {
		facilities = append(facilities, Choice{name, name})
	}
	if err := t.choose(ctx, "FACILITY", "Which facility do you want the log data to be sent as?", &l.Facility, facilities); err != nil {
		return err
	}
	if err := t.choose(ctx, "FORMAT", "Which format shall the messages have?", &l.Format,
		[]Choice{{"rfc5424", "RFC 5424"}, {"rfc3164", "RFC 3164 (BSD syslog, as AsyncOS sends)"}}); err != nil || l.Protocol != "tls" {
		return err
	}
	return t.emptyable(ctx, "File of the certificates that vouch for the server, in PEM form. \"None\" stands for those that the system trusts.", l, "authority", "log.authority")
}

// unchosenPort is a log's port; 0 when it is the one that nobody has to name.
func unchosenPort(l *config.Log) uint16 {
	if l.Port == config.StandardPort(l.Retrieval, l.Protocol) {
		return 0
	}
	return l.Port
}

// choose asks for one of some words; what it is now is the default.
func (t *turn) choose(ctx context.Context, name, text string, into *string, choices []Choice) error {
	answer, err := t.ask(ctx, Param{Name: name, Question: text, Default: *into, Choices: choices})
	if err == nil {
		*into = answer
	}
	return err
}

// afterwards tells what else a log needs that is copied to another host: that the two know each other.
func (t *turn) afterwards(ctx context.Context, l *config.Log) string {
	if l.Retrieval != config.RetrieveSCP || t.Asker == nil {
		return ""
	}
	said := ""
	if l.Identity == "" {
		if key, err := t.Gateway.PushKey(ctx); err == nil {
			said += "\nPlease place the following SSH key into the authorized_keys file of " + l.User + " on " + l.Host + ",\nso that the log files can be uploaded:\n\n" + key + "\n"
		} else {
			said += "\n" + sentence(err.Error()) + "\n"
		}
	}
	keys, err := t.Gateway.HostKeys(ctx)
	known := slices.ContainsFunc(keys, func(k logpush.HostKey) bool { return k.Host == logpush.KnownHost(l.Host, l.Port) })
	if err == nil && !known && l.KnownHosts == "" {
		said += fmt.Sprintf("\nThe host key of %s is not known yet: nothing is copied there before HOSTKEYCONFIG has it.\n", l.Host)
	}
	return said
}

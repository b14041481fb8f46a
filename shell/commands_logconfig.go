package shell

import (
	"context"
	"fmt"
	"strings"

	"postern/engine/config"
)

// logSection is logconfig.
var logSection = &section{
	show:  showLogs,
	names: logNames,
	keys:  config.Keys(&config.Log{}),
	value: func(d *config.Document) any { return valuesOf(d.Subscriptions) },
	operations: []operation{
		{key: "NEW", title: "Create a new log.", words: "TYPE NAME [LEVEL RETRIEVAL ...]", run: newLog},
		{key: "EDIT", title: "Modify a log subscription.", words: "LOG [KEY VALUE | retrieval WAY ...]", run: editLog, when: hasLogs},
		{key: "DELETE", title: "Remove a log subscription.", words: "LOG", run: deleteLog, when: hasLogs},
		{key: "SETUP", title: "General settings.", words: "[KEY VALUE]", run: setupLogs},
		{key: "HOSTKEYCONFIG", title: "Configure SSH host keys.", words: "[print|scan HOST [PORT]|delete NUMBER|user]", reads: true, run: configureHostKeys},
	},
}

var _ = register(logCommand())

// logCommand is the section's, which without an operation lists the logs with their state where nobody is asked.
func logCommand() *Command {
	c := logSection.command("logconfig", "the logs that the gateway writes, and where they go",
		"A log is kept as files in DATA/logs, from where they are fetched (file), or each file is copied to another host when it is closed\n"+
			"(scp), or each line is sent to a syslog server (syslog: RFC 5424, or RFC 3164 as AsyncOS does). What reaches no server waits in\n"+
			"the journal.\n"+
			"What follows RETRIEVAL, and \"edit LOG retrieval\", is asked for in the shell; in batch it stands there in this order:\n"+
			"  file [MEGABYTES [SECONDS [FILES]]]                                         when a file is closed, how many are kept\n"+
			"  scp HOST PORT USER DIRECTORY [MEGABYTES [SECONDS [FILES]]]\n"+
			"  syslog HOST [udp|tcp|tls [PORT [FACILITY [rfc5424|rfc3164 [AUTHORITY]]]]]  AUTHORITY, a PEM file, with tls only\n"+
			"EDIT KEY VALUE sets one key as the configuration spells it ("+strings.Join(config.Keys(&config.Log{}), ", ")+");\n"+
			"SETUP says when a file is closed and how many are kept where a log says nothing else. Host keys take effect at once.")
	change := c.Run
	c.Run = func(ctx context.Context, c *Call) error {
		if len(c.Args) > 0 || c.Asker != nil && !c.JSON && !c.stopped() {
			return change(ctx, c)
		}
		logs, err := c.Gateway.TextLogs(ctx)
		if err != nil {
			return err
		}
		return c.Answer(logs, "\n"+listLogs(logs))
	}
	return c
}

func hasLogs(d *config.Document) bool { return len(d.Subscriptions) > 0 }

func logNames(d *config.Document) []string {
	return eachOf(d.Subscriptions, func(r *config.Log) string { return r.Name })
}

func showLogs(d *config.Document) string {
	return listLogs(textLogs(func() *config.Document { return d }, ""))
}

func listLogs(logs []TextLog) string {
	if len(logs) == 0 {
		return "There are no logs.\n"
	}
	return "Currently configured logs:\n" + logMenu(logs)
}

func newLog(ctx context.Context, t *turn) (string, error) {
	kind, err := t.ask(ctx, Param{Name: "TYPE", Question: "Choose the log file type for this subscription:", Default: config.LogTypeMail, Required: t.Asker == nil,
		Choices: []Choice{{config.LogTypeMail, logTypeTitle(config.LogTypeMail)}, {config.LogTypeStatus, logTypeTitle(config.LogTypeStatus)}}})
	if err != nil {
		return "", err
	}
	d := t.document
	d.Subscriptions = append(d.Subscriptions, config.NewLog("", kind))
	l := &d.Subscriptions[len(d.Subscriptions)-1]
	if err := t.logName(ctx, l); err != nil {
		return "", err
	}
	if err := t.logDetails(ctx, l); err != nil {
		return "", err
	}
	return "Log " + l.Name + " created.\n" + t.afterwards(ctx, l), nil
}

func (t *turn) logName(ctx context.Context, l *config.Log) error {
	_, err := t.ask(ctx, Param{Name: "NAME", Question: "Please enter the name for the log:", Default: l.Name, Required: l.Name == "",
		Check: func(word string) error {
			if other := t.document.SubscriptionNamed(word); other != nil && other != l {
				return &RefusedError{fmt.Sprintf("There is a log %.60q already.", other.Name)}
			}
			return t.set(l, "name", "log.name", word)
		}})
	return err
}

func editLog(ctx context.Context, t *turn) (string, error) {
	i, err := t.pick(ctx, "Enter the number of the log you wish to edit.", logNames(t.document))
	if err != nil {
		return "", err
	}
	l := &t.document.Subscriptions[i]
	if len(t.words) > 0 && strings.EqualFold(t.words[0], "retrieval") {
		t.words = t.words[1:]
		err := t.logWay(ctx, l)
		return "Log " + l.Name + " changed.\n", err
	}
	if len(t.words) > 0 {
		err := t.keyValue(ctx, l, func(key, word string) error { return t.setLog(l, key, word) })
		return "Log " + l.Name + " changed.\n", err
	}
	if t.Asker == nil {
		return "", &UsageError{t.Command, "say which key of log " + l.Name + " is to have which value"}
	}
	if err := t.logName(ctx, l); err != nil {
		return "", err
	}
	if err := t.logDetails(ctx, l); err != nil {
		return "", err
	}
	return "Log " + l.Name + " changed.\n" + t.afterwards(ctx, l), nil
}

// setLog sets one key; a port that nobody chose follows the protocol.
func (t *turn) setLog(l *config.Log, key, word string) error {
	before := *l
	if key == "protocol" {
		l.Port = unchosenPort(l)
	}
	err := t.set(l, key, "log."+key, word)
	if err != nil {
		*l = before
	}
	return err
}

func deleteLog(ctx context.Context, t *turn) (string, error) {
	i, err := t.pick(ctx, "Enter the number of the log you wish to delete.", logNames(t.document))
	if err != nil {
		return "", err
	}
	l := t.document.Subscriptions[i]
	if sure, err := t.confirm(ctx, fmt.Sprintf("Are you sure you want to delete the log %q? Its files stay.", l.Name)); err != nil || !sure {
		return "", err
	}
	t.document.Subscriptions = append(t.document.Subscriptions[:i], t.document.Subscriptions[i+1:]...)
	return "Log " + l.Name + " removed.\n", nil
}

// logSetup is asked for what holds where a log says nothing else.
var logSetup = []question{
	{"rollover_megabytes", "Enter the size at which a log file is closed, in megabytes."},
	{"rollover_age", "Enter the age at which a log file is closed (Ex: 90m, 24h)."},
	{"keep", "Enter the maximum number of closed files of a log that are kept."},
}

func setupLogs(ctx context.Context, t *turn) (string, error) {
	logs := &t.document.Logs
	if len(t.words) > 0 || t.Asker == nil {
		err := t.keyValue(ctx, logs, func(key, word string) error { return t.set(logs, key, "logs."+key, word) })
		return "", err
	}
	return "", t.fields(ctx, logs, "logs", logSetup)
}

package shell

import (
	"context"
	"fmt"
	"strings"

	"postern/engine/config"
)

// listenerOperations is the menu of a listener's parts.
var listenerOperations = []Choice{
	{"NAME", "Change the name of the listener."},
	{"TYPE", "Change what the listener is for."},
	{"INTERFACE", "Change the interface and the port."},
	{"HOSTACCESS", "Change who may relay."},
	{"RCPTACCESS", "Change the domains that mail is accepted for."},
	{"CERTIFICATE", "Change the certificate for TLS."},
	{"LIMITS", "Change the limits of messages and connections."},
	{"SETUP", "Change timeouts and how faults are dealt with."},
}

var listenerLimits = []question{
	{"max_message_size", "Enter the maximum message size, in bytes."},
	{"max_recipients", "Enter the maximum number of recipients per message."},
	{"max_messages", "Enter the maximum number of messages per connection."},
	{"max_connections", "Enter the maximum number of connections at the same time."},
	{"max_connections_per_client", "Enter the maximum number of connections at the same time from one address."},
}

// commonSetup is asked for one listener, and for all of them.
var commonSetup = []question{
	{"command_timeout", "Enter the time to wait for a command (Ex: 90s, 5m)."},
	{"data_timeout", "Enter the time to wait for the next part of a message's content."},
	{"connection_timeout", "Enter the time after which a connection without progress of a message is closed."},
	{"max_errors", "Enter the number of refused commands after which a connection is closed."},
	{"max_hops", "Enter the number of Received headers above which a message is taken for looping."},
	{"bare_newlines", "What shall be done with a message that has bare CR or LF characters (reject, normalise)?"},
}

func editListener(ctx context.Context, t *turn) (string, error) {
	i, err := t.pick(ctx, "Enter the name or number of the listener you wish to edit.", listenerNames(t.document))
	if err != nil {
		return "", err
	}
	l := &t.document.Listeners[i]
	if len(t.words) > 0 && strings.EqualFold(t.words[0], "certificate") { // its file, and that of its key: neither holds without the other
		t.words = t.words[1:]
		err := t.certificate(ctx, l)
		return "Listener " + l.Name + " changed.\n", err
	}
	if len(t.words) > 0 {
		err := t.keyValue(ctx, l, func(key, word string) error { return t.setListener(l, key, word) })
		return "Listener " + l.Name + " changed.\n", err
	}
	if t.Asker == nil {
		return "", &UsageError{t.Command, "say which key of listener " + l.Name + " is to have which value"}
	}
	for {
		t.Say("\n" + strings.TrimSuffix(showListener(t.document, l), "\n"))
		part, err := t.operation(ctx, listenerOperations)
		if err != nil || part == "" {
			return "", err
		}
		before := *l
		if err := t.editPart(ctx, l, part); err != nil {
			return "", err
		}
		if err := t.Change(ctx, t.document); err != nil { // what is complete stays, whatever becomes of the next part
			t.Say(sentence(err.Error()))
			*l = before
		}
	}
}

func (t *turn) editPart(ctx context.Context, l *config.Listener, part string) error {
	switch strings.ToUpper(part) {
	case "NAME":
		return t.field(ctx, `Please enter a name for this listener (Ex: "InboundMail"):`, l, "name", "listener.name")
	case "TYPE":
		return t.listenerKind(ctx, l)
	case "INTERFACE":
		return t.listenerAddress(ctx, l)
	case "HOSTACCESS":
		return t.relays(ctx, l)
	case "RCPTACCESS":
		return t.domains(ctx, l)
	case "CERTIFICATE":
		return t.certificate(ctx, l)
	case "LIMITS":
		return t.listenerFields(ctx, l, listenerLimits)
	}
	return t.listenerFields(ctx, l, commonSetup)
}

func (t *turn) listenerFields(ctx context.Context, l *config.Listener, questions []question) error {
	for _, q := range questions {
		if _, err := t.ask(ctx, Param{Name: q.key, Question: q.text, Default: config.Text(l, q.key),
			Check: func(word string) error { return t.setListener(l, q.key, word) }}); err != nil {
			return err
		}
	}
	return nil
}

// setListener gives a listener's key a value. More connections of one client than there may be at all are refused, where the
// document would just cut them.
func (t *turn) setListener(l *config.Listener, key, word string) error {
	trial := *l
	if err := config.Set(&trial, key, word); err != nil {
		return err
	}
	if key == "max_connections_per_client" && trial.MaxConnectionsPerClient > trial.MaxConnections {
		return fmt.Errorf("%d is more than max_connections, which is %d", trial.MaxConnectionsPerClient, trial.MaxConnections)
	}
	if key == "certificate" || key == "key" { // each needs the other: they are checked when both are given
		*l = trial
		return nil
	}
	return t.set(l, key, "listener."+key, word)
}

func (t *turn) listenerKind(ctx context.Context, l *config.Listener) error {
	kind, err := t.ask(ctx, Param{Name: "TYPE", Question: "Please select the type of the listener.", Default: string(l.Kind), Choices: kinds,
		Required: false})
	if err != nil {
		return err
	}
	if err := t.set(l, "kind", "listener.relay_from", kind); err != nil {
		t.Say(sentence(err.Error()))
	}
	return nil
}

// certificate asks for the files of a certificate and its key, both or none.
func (t *turn) certificate(ctx context.Context, l *config.Listener) error {
	before := *l
	if err := t.file(ctx, "Enter the PEM file of the certificate. \"None\" turns TLS off.", l, "certificate"); err != nil {
		return err
	}
	if l.Certificate == "" {
		l.Key = ""
		return nil
	}
	err := t.file(ctx, "Enter the PEM file of its key.", l, "key")
	if err == nil && l.Key == "" {
		t.Say("A certificate is of no use without its key: nothing was changed.")
		l.Certificate, l.Key = before.Certificate, before.Key
	}
	return err
}

func (t *turn) file(ctx context.Context, text string, l *config.Listener, key string) error {
	now := config.Text(l, key)
	if now == "" {
		now = "None"
	}
	_, err := t.ask(ctx, Param{Name: key, Question: text, Default: now, Check: func(word string) error { return t.setListener(l, key, emptied(word)) }})
	return err
}

// setupListeners asks for what all listeners have in common; where they differ, Enter leaves each as it is.
func setupListeners(ctx context.Context, t *turn) (string, error) {
	list := t.document.Listeners
	if len(list) == 0 {
		return "", &RefusedError{"There are no listeners."}
	}
	setAll := func(key, word string) error {
		for i := range list {
			if err := t.setListener(&list[i], key, word); err != nil {
				return fmt.Errorf("listener %s: %w", list[i].Name, err)
			}
		}
		return nil
	}
	if len(t.words) > 0 {
		return "All listeners changed.\n", t.keyValue(ctx, &list[0], func(key, word string) error {
			if key == "name" || key == "address" {
				return fmt.Errorf("each listener has a %s of its own", key)
			}
			return setAll(key, word)
		})
	}
	for _, q := range commonSetup {
		now := config.Text(&list[0], q.key)
		for i := range list {
			if config.Text(&list[i], q.key) != now {
				now = "unchanged, they differ"
			}
		}
		if _, err := t.ask(ctx, Param{Name: q.key, Question: q.text, Default: now, Check: func(word string) error { return setAll(q.key, word) }}); err != nil {
			return "", err
		}
	}
	return "All listeners changed.\n", nil
}

// showListener is all there is to say of a listener.
func showListener(d *config.Document, l *config.Listener) string {
	none := func(s string) string {
		if s == "" {
			return "None"
		}
		return s
	}
	tls := "No"
	if l.Certificate != "" {
		tls = "Offered (" + l.Certificate + ", " + l.Key + ")"
	}
	rows := [][]string{
		{"Name:", l.Name},
		{"Type:", kindTitle(l.Kind)},
		{"Interface:", fmt.Sprintf("%s TCP Port %d", place(d, l), l.Address.Port())},
		{"Protocol:", "SMTP"},
		{"Relays For:", none(config.Text(l, "relay_from"))},
		{"Accepts Mail For:", none(config.Text(l, "accept_domains"))},
		{"TLS:", tls},
		{"Max Message Size:", config.Text(l, "max_message_size")},
		{"Max Recipients Per Message:", config.Text(l, "max_recipients")},
		{"Max Messages Per Connection:", config.Text(l, "max_messages")},
		{"Max Concurrency:", config.Text(l, "max_connections")},
		{"Max Concurrency Per Address:", config.Text(l, "max_connections_per_client")},
		{"Command Timeout:", l.CommandTimeout.String()},
		{"Data Timeout:", l.DataTimeout.String()},
		{"Connection Timeout:", l.ConnectionTimeout.String()},
		{"Max Refused Commands:", config.Text(l, "max_errors")},
		{"Max Hops:", config.Text(l, "max_hops")},
		{"Bare CR and LF:", l.BareNewlines},
	}
	return aligned(rows...)
}

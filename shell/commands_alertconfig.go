package shell

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"postern/engine/config"
)

// alertSection is alertconfig.
var alertSection = &section{
	show:  showAlertConfig,
	names: func(d *config.Document) []string { return d.Alerts.To },
	keys:  []string{"interval", "host_recipients", "certificate_days"},
	value: func(d *config.Document) any { return config.Values(&d.Alerts) },
	operations: []operation{
		{key: "NEW", title: "Add a new email address to send alerts.", words: "ADDRESS", run: newAlerted},
		{key: "EDIT", title: "Modify an email address.", words: "ADDRESS ADDRESS", run: editAlerted, when: hasAlerted},
		{key: "DELETE", title: "Remove an email address.", words: "ADDRESS", run: deleteAlerted, when: hasAlerted},
		{key: "CLEAR", title: "Remove all email addresses (disable alerts).", run: clearAlerted, when: hasAlerted},
		{key: "SETUP", title: "Configure alert settings.", words: "[interval|host_recipients|certificate_days VALUE]", run: setupAlerts},
		{key: "FROM", title: "Configure the From Address of alert emails.", words: "ADDRESS|none", run: alertsFrom},
		{key: "PRINT", reads: true, run: printed(showAlertConfig)},
	},
}

var _ = register(alertSection.command("alertconfig", "who gets mail about what is wrong with the gateway",
	"displayalerts shows the alerts, whoever gets mail about them."))

func hasAlerted(d *config.Document) bool { return len(d.Alerts.To) > 0 }

func showAlertConfig(d *config.Document) string {
	a := &d.Alerts
	var b strings.Builder
	if len(a.To) == 0 {
		b.WriteString("Alerts are not sent to anybody.\n")
	} else {
		b.WriteString("Sending alerts to:\n" + menuLines(a.To))
	}
	from := "the null sender, to which nothing comes back"
	if a.From != "" {
		from = a.From
	}
	fmt.Fprintf(&b, "\nTime to wait before sending a duplicate alert: %s\nRecipients waiting for a host that is down, from which on it is an alert: %s\n"+
		"Days before a certificate ends, from which on it is an alert: %d\n\nAlerts are sent from %s.\n", a.Interval, Thousands(uint64(a.HostRecipients)), a.CertificateDays, from)
	return b.String()
}

// alerted asks for an address; now is the one whose place it takes.
func (t *turn) alerted(ctx context.Context, question string, i int) error {
	a := &t.document.Alerts
	now := a.To[i]
	_, err := t.ask(ctx, Param{Name: "ADDRESS", Question: question, Default: now, Required: now == "",
		Check: func(word string) error {
			return t.try("alerts.to", func() error { a.To[i] = word; return nil }, func() { a.To[i] = now })
		}})
	return err
}

func newAlerted(ctx context.Context, t *turn) (string, error) {
	a := &t.document.Alerts
	a.To = append(a.To, "")
	if err := t.alerted(ctx, "Please enter a new email address to send alerts.\n(Ex: \"administrator@example.com\")", len(a.To)-1); err != nil {
		return "", err
	}
	return "Alerts are sent to " + a.To[len(a.To)-1] + ".\n", nil
}

func editAlerted(ctx context.Context, t *turn) (string, error) {
	a := &t.document.Alerts
	i, err := t.pick(ctx, "Please select an email address to modify, by its number.", a.To)
	if err != nil {
		return "", err
	}
	return "Email address changed.\n", t.alerted(ctx, "Please enter the email address.", i)
}

func deleteAlerted(ctx context.Context, t *turn) (string, error) {
	a := &t.document.Alerts
	i, err := t.pick(ctx, "Please select an email address to remove, by its number.", a.To)
	if err != nil {
		return "", err
	}
	address := a.To[i]
	a.To = slices.Delete(a.To, i, i+1)
	return "Alerts are not sent to " + address + " any more.\n", nil
}

func clearAlerted(ctx context.Context, t *turn) (string, error) {
	yes, err := t.confirm(ctx, "Are you sure you want to remove all email addresses?")
	if err != nil || !yes {
		return unchanged, err
	}
	t.document.Alerts.To = nil
	return "Alerts are not sent to anybody.\n", nil
}

func alertsFrom(ctx context.Context, t *turn) (string, error) {
	err := t.emptyable(ctx, "Please enter the From Address of alert emails. \"None\" is the null sender.", &t.document.Alerts, "from", "alerts.from")
	return "From Address changed.\n", err
}

func setupAlerts(ctx context.Context, t *turn) (string, error) {
	a := &t.document.Alerts
	if len(t.words) > 0 {
		return "Alert settings changed.\n", t.keyValue(ctx, a, func(key, word string) error {
			if key == "to" || key == "from" {
				return errors.New("addresses come and go by NEW, EDIT, DELETE and FROM")
			}
			return t.set(a, key, "alerts."+key, word)
		})
	}
	return "Alert settings changed.\n", t.fields(ctx, a, "alerts", []question{
		{"interval", "Enter the time to wait before sending a duplicate alert (Ex: 1h)."},
		{"host_recipients", "Enter the number of recipients waiting for a host that is down, from which on it is an alert."},
		{"certificate_days", "Enter the number of days before a certificate ends, from which on it is an alert."},
	})
}

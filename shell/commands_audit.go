package shell

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

var _ = register(&Command{Name: "audit", Summary: "what operators did, and when", Offline: true, OwnFlags: true,
	Synopsis: "[--since TIME] [--until TIME] [--by USER] [--skip-damaged]",
	Params:   []Param{{Name: "OPTION", Optional: true, Rest: true}},
	Help: `Every order about the queue with what came of it, every suspension, pause, removal, forced delivery, reset, rollover and login, every
stop and restart, and every commit of the configuration, as the journal has them, the newest last. An order's number is the ID that undo takes.
  --since TIME    from then on: 2026-11-23, "2026-11-23 03:10", 90m, 4h, 2d (ago)
  --until TIME    before then
  --by USER       what this user did
  --skip-damaged  look beyond damage in the journal, which is named; without it damage ends the search
From is the terminal and the process that an order came from, as the system says, and the address of the shell's user, as the shell
says; or the signal. An older history has only where the shells came from that the user had open, and "-" for a user without one.`,
	Run: runAudit})

func runAudit(ctx context.Context, c *Call) error {
	s, err := c.auditWords()
	if err != nil {
		return &UsageError{c.Command, err.Error()}
	}
	found, err := c.Gateway.Audit(ctx, s)
	if err != nil {
		return err
	}
	return c.Answer(found, renderDeeds(found, c.Zone))
}

// auditWords reads the words of the command line.
func (c *Call) auditWords() (s AuditSearch, err error) {
	zone := c.Zone
	if zone == nil {
		zone = time.Local
	}
	for words := c.Args; len(words) > 0; {
		name, value, given := strings.Cut(words[0], "=")
		words = words[1:]
		if name == "--skip-damaged" && !given {
			s.SkipDamaged = true
			continue
		}
		if !given {
			if len(words) == 0 || !strings.HasPrefix(name, "--") {
				return s, fmt.Errorf("audit does not take %.60q", name)
			}
			value, words = words[0], words[1:]
		}
		switch name {
		case "--since":
			s.Since, err = parseMoment(value, c.time(), zone)
		case "--until":
			s.Until, err = parseMoment(value, c.time(), zone)
		case "--by":
			if s.By = value; value == "" {
				err = errors.New("a user's name is wanted")
			}
		default:
			return s, fmt.Errorf("audit does not take %.60q", name)
		}
		if err != nil {
			return s, fmt.Errorf("%s: %w", name, err)
		}
	}
	if !s.Until.IsZero() && s.Until.Before(s.Since) {
		return s, errors.New("--until is before --since")
	}
	return s, nil
}

// renderDeeds writes a deed a line.
func renderDeeds(found Audited, zone *time.Location) string {
	skipped := ""
	for _, damage := range found.Skipped {
		skipped += skippedLine(damage)
	}
	if len(found.Deeds) == 0 {
		return "\nNo operator did anything.\n" + skipped
	}
	rows := [][]string{{"When", "By", "From", "What"}}
	for _, d := range found.Deeds {
		rows = append(rows, []string{Date(d.Time.In(zone), false), orDash(d.By), orDash(strings.Join(d.From, " ")), d.What})
	}
	text := "\n" + aligned(rows...)
	if found.Older > 0 {
		text += fmt.Sprintf("%s not shown: --until names a time before these.\n", plural(found.Older, "older one")+either(found.Older, " is", " are"))
	}
	return text + skipped
}

func orDash(word string) string {
	if word == "" {
		return "-"
	}
	return word
}

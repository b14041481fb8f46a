package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"postern/engine/config"
)

var _ = register(&Command{Name: "findevent", Summary: "what happened to a message", Offline: true, OwnFlags: true,
	Synopsis: "[--from REGEX] [--to REGEX] [--subject REGEX] [--message-id REGEX] [--mid N] [--host DOMAIN] [--ip ADDRESS] [-i] [--since TIME] [--until TIME] [--skip-damaged]",
	Params:   []Param{{Name: "OPTION", Optional: true, Rest: true}},
	Help: `The journal is searched, of which the mail log is printed: also what its files do not hold any more. With --mid, or when one
message matches, all lines about it are shown; else the messages are listed, the newest first.
  --from REGEX        whose Envelope From matches the regular expression (RE2)
  --to REGEX          with a recipient that matches
  --subject REGEX     whose subject matches
  --message-id REGEX  whose Message-ID header matches
  --mid N             with this Message ID (MID); after a rollover of the ids there may be several
  --host DOMAIN       with a recipient in the domain
  --ip ADDRESS        that came from this address
  -i                  upper and lower case are the same
  --since TIME        that came then or later: 2026-11-23, "2026-11-23 03:10", 90m, 4h, 2d (ago)
  --until TIME        that came before
  --skip-damaged      look beyond damage in the journal, which is named; without it damage ends the search
With --json a list is one value, and of one message the facts are printed, one a line.`,
	Run: runFindEvent})

func runFindEvent(ctx context.Context, c *Call) error {
	s, err := c.findWords()
	if err != nil {
		return err
	}
	if s == (MessageSearch{SkipDamaged: s.SkipDamaged}) {
		if c.Asker == nil {
			return &UsageError{c.Command, "say what to search for"}
		}
		skip := s.SkipDamaged
		if s, err = c.askSearch(ctx); err != nil {
			return err
		}
		s.SkipDamaged = skip
	}
	if _, err := s.query(); err != nil {
		return err
	}
	found, err := c.Gateway.FindMessages(ctx, s)
	if err != nil {
		return err
	}
	return c.showFound(ctx, s, found)
}

// showFound shows the one message that was found, or lets the person choose among several.
func (c *Call) showFound(ctx context.Context, s MessageSearch, found FoundMessages) error {
	list := found.Messages
	switch {
	case len(list) == 0 && c.JSON:
		return c.Answer(found, "")
	case len(list) == 0 && len(found.Skipped) > 0:
		return fmt.Errorf("no matching message IDs were found, but not all could be read: %s", strings.Join(found.Skipped, "; "))
	case len(list) == 0:
		return errors.New("no matching message IDs were found")
	case c.Asker == nil && s.MID != 0:
		for _, m := range list {
			if err := c.showTrace(ctx, m.Seq, found.Skipped, s.SkipDamaged); err != nil {
				return err
			}
			found.Skipped = nil
		}
		return nil
	case c.Asker == nil && len(list) == 1:
		return c.showTrace(ctx, list[0].Seq, found.Skipped, s.SkipDamaged)
	case c.Asker == nil:
		return c.Answer(found, foundLines(found, c.Zone))
	}
	number, err := c.Question(ctx, Param{Default: "1", Question: "The following matching message IDs were found. Please choose one to show additional log information:\n" +
		strings.TrimSuffix(foundLines(found, c.Zone), "\n"), Check: func(word string) error { return checkNumber(word, "messages", len(list)) }})
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(number)
	if err != nil {
		return err
	}
	return c.showTrace(ctx, list[n-1].Seq, nil, s.SkipDamaged)
}

// foundLines numbers the messages of a list.
func foundLines(found FoundMessages, zone *time.Location) string {
	var b strings.Builder
	for i, m := range found.Messages {
		fmt.Fprintf(&b, "%d. MID %d (%s) %s\n", i+1, m.MID, Date(m.Time.In(zone), false), Printable(m.Subject))
	}
	if n := found.Total - len(found.Messages); n > 0 {
		fmt.Fprintf(&b, "%s too and %s not shown.\n", plural(n, "older message")+either(n, " matches", " match"), either(n, "is", "are"))
	}
	for _, damage := range found.Skipped {
		b.WriteString(skippedLine(damage))
	}
	return b.String()
}

// skippedLine names damage that a search has passed over.
func skippedLine(damage string) string { return "Not searched: " + Printable(damage) + "\n" }

// showTrace prints the lines about a message, for programs its facts, and before them what the search that found it, or this
// one, has passed over.
func (c *Call) showTrace(ctx context.Context, seq uint64, skipped []string, skip bool) error {
	show := func(f TracedFact) error {
		if c.JSON {
			return encoder(c.Out).Encode(f)
		}
		if f.Skipped != "" {
			_, err := io.WriteString(c.Out, skippedLine(f.Skipped))
			return err
		}
		for _, line := range f.Lines {
			if _, err := io.WriteString(c.Out, Printable(line)+"\n"); err != nil {
				return err
			}
		}
		return nil
	}
	for _, damage := range skipped {
		if err := show(TracedFact{Skipped: damage}); err != nil {
			return err
		}
	}
	return c.Gateway.TraceMessage(ctx, seq, skip, func(f TracedFact) error {
		if f.Skipped != "" && slices.Contains(skipped, f.Skipped) {
			return nil
		}
		return show(f)
	})
}

// findWords reads the words of the command line.
func (c *Call) findWords() (s MessageSearch, err error) {
	for words := c.Args; len(words) > 0; {
		word := words[0]
		words = words[1:]
		switch word {
		case "-i":
			s.IgnoreCase = true
			continue
		case "--skip-damaged":
			s.SkipDamaged = true
			continue
		}
		name, value, given := strings.Cut(word, "=")
		if !given {
			if len(words) == 0 || !strings.HasPrefix(name, "--") {
				return s, &UsageError{c.Command, fmt.Sprintf("findevent does not take %.60q", word)}
			}
			value, words = words[0], words[1:]
		}
		if err := s.set(name, value, c.time(), c.Zone); err != nil {
			return s, &UsageError{c.Command, err.Error()}
		}
	}
	return s, nil
}

// set takes one option.
func (s *MessageSearch) set(name, value string, now time.Time, zone *time.Location) (err error) {
	switch name {
	case "--from":
		s.From = value
	case "--to":
		s.To = value
	case "--subject":
		s.Subject = value
	case "--message-id":
		s.MessageID = value
	case "--mid":
		s.MID, err = parseMID(value)
	case "--host":
		s.Host = value
	case "--ip":
		s.IP = value
	case "--since":
		s.Since, err = parseMoment(value, now, zone)
	case "--until":
		s.Until, err = parseMoment(value, now, zone)
	default:
		return fmt.Errorf("findevent does not take %.60q", name)
	}
	if err == nil && value == "" {
		return fmt.Errorf("%s wants a value", name)
	}
	return err
}

// parseMoment reads a date, a date and time, a time of today, or how long ago.
func parseMoment(word string, now time.Time, zone *time.Location) (time.Time, error) {
	if day, ok := namedDay(word, now, zone); ok {
		return day, nil
	}
	if at, err := parsePast(word, now, zone); err == nil {
		return at, nil
	}
	for _, layout := range []string{"2006-01-02", "2006-01-02 15:04", "2006-01-02 15:04:05", time.RFC3339, "01/02/2006"} {
		if t, err := time.ParseInLocation(layout, word, zone); err == nil {
			return t, nil
		}
	}
	if days, ok := strings.CutSuffix(word, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n <= 36500 {
			return now.AddDate(0, 0, -n), nil
		}
	}
	if d, err := time.ParseDuration(word); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	return time.Time{}, fmt.Errorf("%.60q is no time: give 2026-11-23, \"2026-11-23 03:10\", 03:10, today, yesterday, or how long ago: 90m, 4h, 2d", word)
}

// The kinds of search of the dialogue.
const (
	searchFrom    = "from"
	searchMID     = "mid"
	searchSubject = "subject"
	searchTo      = "to"
)

// askSearch is the dialogue of AsyncOS. Whichever log is chosen, it is the journal that is searched; the log tells where its
// current file begins.
func (c *Call) askSearch(ctx context.Context) (s MessageSearch, err error) {
	kind, err := c.Question(ctx, Param{Question: "Please choose which type of search you want to perform:", Default: searchFrom,
		Choices: []Choice{{searchFrom, "Search by envelope FROM"}, {searchMID, "Search by Message ID"},
			{searchSubject, "Search by Subject"}, {searchTo, "Search by envelope TO"}}})
	if err != nil {
		return s, err
	}
	what := Param{Question: "Enter the regular expression to search for.", Required: true, Check: CheckPattern}
	if kind == searchMID {
		what = Param{Question: "Enter the Message ID (MID) to search for.", Required: true, Check: func(word string) error { _, err := parseMID(word); return err }}
	}
	value, err := c.Question(ctx, what)
	if err != nil {
		return s, err
	}
	if err := s.set("--"+kind, value, c.time(), c.Zone); err != nil {
		return s, err
	}
	return s, c.askPeriod(ctx, &s)
}

func (c *Call) askPeriod(ctx context.Context, s *MessageSearch) error {
	logs, err := c.Gateway.TextLogs(ctx)
	if err != nil {
		return err
	}
	logs = slices.DeleteFunc(logs, func(l TextLog) bool { return l.Type != logTypeTitle(config.LogTypeMail) })
	if len(logs) > 0 {
		word, err := c.Question(ctx, Param{Required: true, Question: "Currently configured logs:\n" + logMenu(logs) +
			"Enter the number of the log you wish to use for message tracking.", Check: func(word string) error { _, err := logNamed(logs, word); return err }})
		if err != nil {
			return err
		}
		if s.Log, err = logNamed(logs, word); err != nil {
			return err
		}
	}
	period, err := c.Question(ctx, Param{Question: "Please choose which set of logs to search:", Default: "current",
		Choices: []Choice{{"all", "All available log files"}, {"dates", "Select log files by date list"}, {"current", "Current log file"}}})
	if err != nil || period == "all" {
		return err
	}
	if s.Current = period == "current"; s.Current {
		return nil
	}
	dates, err := c.Question(ctx, Param{Question: "Enter a date, or a range of dates (2026-11-22 - 2026-11-23).", Required: true,
		Check: func(word string) error { _, _, err := parseDates(word, c.Zone); return err }})
	if err != nil {
		return err
	}
	s.Since, s.Until, err = parseDates(dates, c.Zone)
	return err
}

// parseDates reads a day or a range of days.
func parseDates(word string, zone *time.Location) (since, until time.Time, err error) {
	first, last, ranged := strings.Cut(word, " - ")
	if !ranged {
		last = first
	}
	if since, err = parseDay(first, zone); err != nil {
		return since, until, err
	}
	if until, err = parseDay(last, zone); err != nil {
		return since, until, err
	}
	if until.Before(since) {
		return since, until, errors.New("the range ends before it begins")
	}
	return since, until.AddDate(0, 0, 1), nil
}

func parseDay(word string, zone *time.Location) (time.Time, error) {
	word = strings.TrimSpace(word)
	for _, layout := range []string{"2006-01-02", "01/02/2006"} {
		if t, err := time.ParseInLocation(layout, word, zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%.60q is not a date: give 2026-11-23 or 11/23/2026", word)
}

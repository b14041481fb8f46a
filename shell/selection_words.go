package shell

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"postern/engine"
	"postern/engine/config"
	"postern/journal"
)

// selectionSynopsis is how a selection is written on a command line.
const selectionSynopsis = "host DOMAIN | from ADDRESS | all [OPTION ...]"

// selectionHelp explains the words of a selection.
const selectionHelp = `  host DOMAIN      to recipients in the domain; exactly it, no wildcards
  from ADDRESS     with this Envelope From address; <> is the null sender
  all              all of them
Only those to which all of these apply:
  --older SPAN     in the queue for at least so long: 90s, 30m, 4h, 2d
  --attempts N     tried at least so often
  --subject REGEX  whose subject matches the regular expression (RE2)
  --min-size SIZE  of at least so many bytes: 500, 10k, 2M, 1G
  --max-size SIZE  of at most so many
  --mid N          of this message
  --held           held by an operator`

// selectionWords are the words of a command line that select mail, read.
type selectionWords struct {
	engine.Selection
	chosen bool   // something was said
	all    bool   // "all" was
	target string // of a redirect: the first word
	reason string // of a hold
}

// The limits of a selection.
const (
	maxOlder    = 10 * 365 * 24 * time.Hour
	maxAttempts = 1_000_000
	maxReason   = 500 // bytes
	maxSender   = 320 // bytes: a local part of 64, the @ and a domain of 255
)

// parseSelection reads a command's words: a redirect's target first, if it takes one, then what is selected.
func parseSelection(c *Command, words []string, target bool) (w selectionWords, err error) {
	if target && len(words) > 0 && w.setter(strings.ToLower(words[0])) == nil && !strings.HasPrefix(words[0], "-") {
		w.target, words = words[0], words[1:]
	}
	given := make(map[string]bool)
	for len(words) > 0 {
		var name string
		if name, words, err = w.take(c, words); err != nil {
			return w, &UsageError{c, err.Error()}
		}
		if given[name] {
			return w, &UsageError{c, name + " is given twice"}
		}
		given[name] = true
	}
	switch {
	case w.all && (given["host"] || given["from"]):
		return w, &UsageError{c, "all and a part of it exclude each other"}
	case w.MaxSize > 0 && w.MaxSize < w.MinSize:
		return w, &UsageError{c, "--max-size is less than --min-size: no message is both"}
	case given["--reason"] && c.Name != "hold":
		return w, &UsageError{c, c.Name + " does not take --reason"}
	}
	delete(given, "--reason")
	w.chosen = len(given) > 0
	return w, nil
}

// take reads the first word with its value, which may stand behind a "=" in an option, and leaves the others.
func (w *selectionWords) take(c *Command, words []string) (name string, rest []string, err error) {
	name, value, joined := strings.Cut(words[0], "=")
	if !strings.HasPrefix(name, "--") {
		name, joined = words[0], false
	}
	name, rest = strings.ToLower(name), words[1:]
	set := w.setter(name)
	switch {
	case set == nil:
		return name, rest, fmt.Errorf("%s does not take %.60q", c.Name, words[0])
	case set.alone && joined:
		return name, rest, errors.New(name + " takes no value")
	case set.alone || joined:
	case len(rest) == 0:
		return name, rest, errors.New(name + " wants a value")
	default:
		value, rest = rest[0], rest[1:]
	}
	return name, rest, set.to(value)
}

// setter is what a word of a selection sets; nil: it is no such word.
type setter struct {
	alone bool // takes no value
	to    func(value string) error
}

func (w *selectionWords) setter(name string) *setter {
	switch name {
	case "all":
		return &setter{true, func(string) error { w.all = true; return nil }}
	case "--held":
		return &setter{true, func(string) error { w.Held = true; return nil }}
	case "host":
		return &setter{to: func(v string) (err error) { w.Host, err = parseDomain(v); return err }}
	case "from":
		return &setter{to: func(v string) (err error) { w.From, err = parseSender(v); return err }}
	case "--older":
		return &setter{to: func(v string) (err error) { w.Older, err = parseSpan(v); return err }}
	case "--attempts":
		return &setter{to: func(v string) error { return parseCount(v, "attempts", maxAttempts, &w.Attempts) }}
	case "--mid":
		return &setter{to: func(v string) error { return parseCount(v, "a MID,", journal.IDLimit-1, &w.MID) }}
	case "--subject":
		return &setter{to: func(v string) error { w.Subject = v; return checkSubject(v) }}
	case "--min-size":
		return &setter{to: func(v string) (err error) { w.MinSize, err = parseSize(v); return err }}
	case "--max-size":
		return &setter{to: func(v string) (err error) { w.MaxSize, err = parseSize(v); return err }}
	case "--reason":
		return &setter{to: func(v string) error { w.reason = v; return checkReason(v) }}
	}
	return nil
}

// parseDomain reads a recipients' domain or address literal.
func parseDomain(word string) (string, error) {
	domain := strings.TrimSuffix(strings.TrimSpace(word), ".")
	if strings.ContainsAny(domain, "*?") {
		return "", fmt.Errorf("%.60q has a wildcard: matching is exact, give the whole domain", word)
	}
	if err := checkHost(domain); err != nil {
		return "", err
	}
	if inside, ok := strings.CutPrefix(domain, "["); ok {
		inside, closed := strings.CutSuffix(inside, "]")
		if len(inside) > 5 && strings.EqualFold(inside[:5], "IPv6:") {
			inside = inside[5:]
		}
		if _, err := netip.ParseAddr(inside); err == nil && closed {
			return domain, nil
		}
		return "", fmt.Errorf("%.60q is not an address literal such as [192.0.2.1]", word)
	}
	t, err := config.ParseTarget(domain)
	switch {
	case err == nil && t.Kind == config.TargetAddress && t.Port == 0:
		return "", fmt.Errorf("%q is an address: the recipients' domain is written as [%s] then", word, t.Address)
	case err != nil || t.Kind != config.TargetMX || t.Port != 0:
		return "", fmt.Errorf("%.60q is not a domain name", word)
	}
	return domain, nil
}

// parseDestination reads what mail is queued for: a recipients' domain, or a machine with its port to which it was redirected.
func parseDestination(word string) (string, error) {
	if t, err := config.ParseTarget(strings.TrimSpace(word)); err == nil && t.Port != 0 {
		return strings.ToLower(t.String()), nil
	}
	return parseDomain(word)
}

// checkDestination is parseDestination for questions.
func checkDestination(word string) error { _, err := parseDestination(word); return err }

// checkDomain is parseDomain for questions.
func checkDomain(word string) error { _, err := parseDomain(word); return err }

// parseSender reads an Envelope From address, with or without its angle brackets; <> is the null sender.
func parseSender(word string) (*string, error) {
	address := strings.TrimSpace(word)
	if strings.HasPrefix(address, "<") && strings.HasSuffix(address, ">") {
		if address = address[1 : len(address)-1]; address == "" {
			return &address, nil
		}
	}
	at := strings.LastIndexByte(address, '@')
	switch {
	case address == "":
		return nil, errors.New("give an address; <> is the null sender")
	case strings.ContainsAny(address, "*?"):
		return nil, fmt.Errorf("%.60q has a wildcard: matching is exact, give the whole address", word)
	case len(address) > maxSender, !utf8.ValidString(address), strings.ContainsFunc(address, func(r rune) bool { return r < ' ' || steers(r) }), at < 1,
		address[0] != '"' && strings.ContainsAny(address, " <>,;"), checkDomain(address[at+1:]) != nil:
		return nil, fmt.Errorf("%.80q is not an address such as user@example.com; <> is the null sender", word)
	}
	return &address, nil
}

// checkSender is parseSender for questions.
func checkSender(word string) error { _, err := parseSender(word); return err }

// parseSpan reads how long something has lasted: what time.ParseDuration takes, or days.
func parseSpan(word string) (time.Duration, error) {
	d, err := time.ParseDuration(word)
	if days, ok := strings.CutSuffix(word, "d"); ok {
		var n float64
		n, err = strconv.ParseFloat(days, 64)
		if d = 0; err == nil && n > 0 && n <= maxOlder.Hours()/24 {
			d = time.Duration(n * 24 * float64(time.Hour))
		}
	}
	if err != nil || d <= 0 || d > maxOlder {
		return 0, fmt.Errorf("--older wants a span such as 90s, 30m, 4h or 2d, at most 3650d, not %.60q", word)
	}
	return d, nil
}

// parseSize reads a number of bytes, with k, M or G behind it those of 1024.
func parseSize(word string) (int64, error) {
	digits, unit := strings.TrimRight(word, "kKmMgG"), int64(1)
	switch strings.ToLower(word[len(digits):]) {
	case "k":
		unit = 1 << 10
	case "m":
		unit = 1 << 20
	case "g":
		unit = 1 << 30
	case "":
	default:
		digits = ""
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/unit || digits[0] == '+' {
		return 0, fmt.Errorf("%.60q is not a size such as 500, 10k, 2M or 1G", word)
	}
	return n * unit, nil
}

// checkSubject tells why a regular expression cannot be used.
func checkSubject(pattern string) error {
	if pattern == "" || len(pattern) > maxPattern {
		return fmt.Errorf("--subject wants a regular expression of at most %d bytes", maxPattern)
	}
	return CheckPattern(pattern)
}

func parseCount(word, of string, most int, into *uint32) error {
	if err := checkNumber(word, of, most); err != nil {
		return err
	}
	n, _ := strconv.Atoi(word)
	*into = uint32(n)
	return nil
}

// checkReason tells why a text cannot be a reason.
func checkReason(word string) error {
	switch {
	case len(word) > maxReason:
		return fmt.Errorf("a reason has at most %d bytes", maxReason)
	case !utf8.ValidString(word) || strings.ContainsFunc(word, func(r rune) bool { return r < ' ' || steers(r) }):
		return errors.New("a reason is one line of plain text")
	}
	return nil
}

// completeSelection completes the words of a selection; more are words of the command.
func completeSelection(more ...string) func(ctx context.Context, g Gateway, word string) []Suggestion {
	return func(ctx context.Context, g Gateway, word string) []Suggestion {
		list := []Suggestion{{"host", "by recipient host"}, {"from", "by Envelope From address"}, {"all", "all of them"}}
		for _, option := range append([]string{"--older", "--attempts", "--subject", "--min-size", "--max-size", "--mid", "--held"}, more...) {
			list = append(list, Suggestion{Text: option})
		}
		if strings.HasPrefix(word, "-") {
			return list
		}
		return append(list, completeHost(ctx, g, word)...)
	}
}

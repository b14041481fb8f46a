package shell

import (
	"context"
	"fmt"
	"strconv"

	"postern/projections"
)

var _ = register(&Command{Name: "grep", Summary: "the lines of a log that match a regular expression", Offline: true, Live: true, OwnFlags: true,
	Synopsis: "[-C N] [-e REGEX] [-i] [-p] [-t] [-v] [REGEX] LOG",
	Params:   []Param{{Name: "ARGUMENT", Optional: true, Rest: true, Complete: completeLog}},
	Help: `All files of the log are searched, the oldest first.
  -C N       N lines before and after each match, too
  -e REGEX   a regular expression (RE2); with several, a line need match only one
  -i         upper and lower case are the same
  -p         stop at each full screen
  -t         go on with what is written to the log, until Ctrl-C
  -v         the lines that do not match`,
	Run: runGrep})

// grepWords are grep's arguments.
type grepWords struct {
	query LogQuery
	page  bool
}

func runGrep(ctx context.Context, c *Call) error {
	var g grepWords
	var err error
	if len(c.Args) == 0 {
		g, err = c.askGrep(ctx)
	} else if g, err = parseGrep(c.Command, c.Args); err == nil {
		err = c.completeGrep(ctx, &g.query)
	}
	if err != nil {
		return err
	}
	logs, err := c.Gateway.TextLogs(ctx)
	if err != nil {
		return err
	}
	if _, err := g.query.reading(logs, ""); err != nil {
		return err
	}
	if g.page && c.Page != nil {
		c.Page()
	}
	return c.showLog(ctx, g.query)
}

// parseGrep reads the words of the command line.
func parseGrep(command *Command, words []string) (g grepWords, err error) {
	var rest []string
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		switch {
		case word == "--":
			rest, words = append(rest, words...), nil
		case len(word) < 2 || word[0] != '-':
			rest = append(rest, word)
		default:
			if words, err = g.flags(word[1:], words); err != nil {
				return g, &UsageError{command, err.Error()}
			}
		}
	}
	if len(g.query.Patterns) == 0 && len(rest) > 1 {
		g.query.Patterns, rest = rest[:1], rest[1:]
	}
	if len(rest) > 1 {
		return g, &UsageError{command, fmt.Sprintf("grep does not take %q; a regular expression with spaces stands in quotes", rest[1])}
	}
	if len(rest) == 1 {
		g.query.Log = rest[0]
	}
	return g, nil
}

// flags reads the letters of one word, and from the words after it the value of the last of them.
func (g *grepWords) flags(letters string, words []string) ([]string, error) {
	for i, letter := range letters {
		switch letter {
		case 'i':
			g.query.IgnoreCase = true
		case 'p':
			g.page = true
		case 't':
			g.query.Follow = true
		case 'v':
			g.query.Invert = true
		case 'C', 'e':
			value := letters[i+1:]
			if value == "" && len(words) > 0 {
				value, words = words[0], words[1:]
			}
			return words, g.value(letter, value)
		default:
			return nil, fmt.Errorf("grep does not know -%c", letter)
		}
	}
	return words, nil
}

func (g *grepWords) value(letter rune, value string) error {
	if letter == 'e' {
		if value == "" {
			return fmt.Errorf("-e wants a regular expression")
		}
		g.query.Patterns = append(g.query.Patterns, value)
		return nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 || n > projections.MaxLogContext {
		return fmt.Errorf("-C wants a number of lines from 0 to %d, not %q", projections.MaxLogContext, value)
	}
	g.query.Context = n
	return nil
}

// completeGrep asks for what the command line left out: the log, the regular expression, or the one that the only word is
// not.
func (c *Call) completeGrep(ctx context.Context, q *LogQuery) error {
	logs, err := c.Gateway.TextLogs(ctx)
	if err != nil {
		return err
	}
	name, bad := logNamed(logs, q.Log)
	switch {
	case q.Log != "" && bad == nil:
		q.Log = name
	case q.Log != "" && (len(q.Patterns) > 0 || c.Asker == nil):
		return bad
	case q.Log != "":
		q.Patterns = []string{q.Log}
		fallthrough
	default:
		if q.Log, err = c.chooseLog(ctx, logs, "grep"); err != nil {
			return err
		}
	}
	if len(q.Patterns) > 0 {
		return nil
	}
	if c.Asker == nil {
		return &UsageError{c.Command, "the regular expression is missing"}
	}
	pattern, err := c.Question(ctx, patternParam)
	q.Patterns = []string{pattern}
	return err
}

var patternParam = Param{Question: "Enter the regular expression to grep.", Required: true, Check: CheckPattern}

// askGrep is the dialogue of AsyncOS.
func (c *Call) askGrep(ctx context.Context) (g grepWords, err error) {
	if g.query.Log, err = c.log(ctx, "", "grep"); err != nil {
		return g, err
	}
	pattern, err := c.Question(ctx, patternParam)
	if err != nil {
		return g, err
	}
	g.query.Patterns = []string{pattern}
	for _, q := range []struct {
		question string
		enter    bool
		into     *bool
	}{
		{"Do you want this search to be case insensitive?", true, &g.query.IgnoreCase},
		{"Do you want to search for non-matching lines?", false, &g.query.Invert},
		{"Do you want to tail the logs?", false, &g.query.Follow},
		{"Do you want to paginate the output?", false, &g.page},
	} {
		if *q.into, err = c.Confirm(ctx, "\n"+q.question, q.enter); err != nil {
			return g, err
		}
	}
	return g, c.Say("")
}

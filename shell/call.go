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
	"unicode/utf8"
)

// Call is one call of a command: whom it asks, what it was given, and where its answer goes. One goroutine uses it.
type Call struct {
	Gateway Gateway
	Command *Command
	Options map[string]string // those of its options that were given
	Args    []string          // once the command runs: one for each of its parameters that has a value
	JSON    bool
	Yes     bool // --yes: a batch command may change or remove mail
	Count   int  // --count: rows of a live display; 0: until Ctrl-C
	Out     io.Writer
	Asker   Asker            // nil: nobody is there to ask (batch)
	Zone    *time.Location   // of the times that people read
	Now     func() time.Time // nil: time.Now
	Height  func() int       // lines of the screen; nil or 0: endless paper
	Screen  io.Writer        // the terminal that Out ends at, where a line can be drawn over; nil: it ends at none
	Width   func() int       // its columns; nil or 0: no line is too long
	Page    func()           // lets Out stop at each full screen; nil: it cannot, or does
	Changes *Pending         // the shell's uncommitted changes; nil: none yet, see Pending
	rows    int              // lines of the screen printed since the heading
	shown   int              // rows of a live display
	begun   bool             // what comes before a listing is printed
	given   int              // arguments that were given, not asked for
	said    string           // what a change comes to, when its commit stands
}

// Parse takes a command's words apart: flags that all commands have, and arguments.
func (c *Call) Parse(words []string) error {
	for i := 0; i < len(words); i++ {
		word, value, given := strings.Cut(words[i], "=")
		if taken, err := c.option(words[i:]); err != nil {
			return err
		} else if taken > 0 {
			i += taken - 1
			continue
		}
		switch {
		case word == "--json" && !given:
			c.JSON = true
		case word == "--yes" && !given:
			c.Yes = true
		case word == "--count" && c.Command.Live:
			if !given {
				i++
				if i < len(words) {
					value = words[i]
				}
			}
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 {
				return &UsageError{c.Command, fmt.Sprintf("--count wants a number of rows, not %q", value)}
			}
			c.Count = n
		case strings.HasPrefix(words[i], "-") && len(words[i]) > 1 && !c.Command.OwnFlags:
			return &UsageError{c.Command, fmt.Sprintf("%s does not take %s", c.Command.Name, words[i])}
		default:
			c.Args = append(c.Args, words[i])
		}
	}
	c.given = len(c.Args)
	return nil
}

// option reads one of the command's options, if that is what comes first, and says how many words it took. A date and a
// time that stand apart belong together.
func (c *Call) option(words []string) (taken int, err error) {
	name, value, given := strings.Cut(words[0], "=")
	if !slices.ContainsFunc(c.Command.options(), func(o Option) bool { return o.Name == name }) {
		return 0, nil
	}
	if _, twice := c.Options[name]; twice {
		return 0, &UsageError{c.Command, name + " is given twice"}
	}
	taken = 1
	if !given && len(words) > 1 {
		value, taken = words[1], 2
	}
	if value == "" {
		return 0, &UsageError{c.Command, name + " wants a value"}
	}
	if _, err := time.Parse(time.DateOnly, value); err == nil && len(words) > taken && strings.Contains(words[taken], ":") {
		value += " " + words[taken]
		taken++
	}
	if c.Options == nil {
		c.Options = make(map[string]string)
	}
	c.Options[name] = value
	return taken, nil
}

// Do runs the command: what is missing is asked for, or takes its default. Words that it cannot read are misused, also where
// the gateway finds that out.
func (c *Call) Do(ctx context.Context) error {
	if err := c.fill(ctx); err != nil {
		return err
	}
	err := c.Command.Run(ctx, c)
	if misread := (*MisreadError)(nil); errors.As(err, &misread) {
		return c.misuse(err)
	}
	if err != nil || !c.Command.Configures || c.Asker != nil {
		return err
	}
	return c.commitInBatch(ctx)
}

func (c *Call) fill(ctx context.Context) error {
	params := c.Command.Params
	if n := len(params); len(c.Args) > n && (n == 0 || !params[n-1].Rest) {
		return &UsageError{c.Command, fmt.Sprintf("%s does not take %q", c.Command.Name, c.Args[n])}
	}
	for i, p := range params {
		switch {
		case i < len(c.Args):
			value, err := p.accept(c.Args[i])
			if err != nil {
				return c.misuse(err)
			}
			c.Args[i] = value
		case p.Optional:
			return nil
		case c.Asker != nil && (p.Required || len(c.Options) == 0): // whoever knows the options knows what stands for what is left out
			value, err := c.askFor(ctx, p)
			if err != nil {
				return err
			}
			c.Args = append(c.Args, value)
		case p.Required:
			return &UsageError{Command: c.Command}
		default:
			c.Args = append(c.Args, p.Default)
		}
	}
	return nil
}

// Arg is the i-th argument; "" when it was left out.
func (c *Call) Arg(i int) string {
	if i < len(c.Args) {
		return c.Args[i]
	}
	return ""
}

// accept turns what was given into the parameter's value: a choice by its key, its title or its number.
func (p *Param) accept(given string) (string, error) {
	given = strings.TrimSpace(given)
	if len(p.Choices) > 0 {
		if key, ok := p.Also[strings.ToLower(given)]; ok {
			return key, nil
		}
		for i, choice := range p.Choices {
			if strings.EqualFold(given, choice.Key) || strings.EqualFold(given, choice.Title) || given == strconv.Itoa(i+1) {
				return choice.Key, nil
			}
		}
		return "", fmt.Errorf("%.60q is not one of: %s", given, strings.Join(p.keys(), ", "))
	}
	if p.Check != nil {
		if err := p.Check(given); err != nil {
			return "", err
		}
	}
	return given, nil
}

// keys are the words of a menu's choices.
func (p *Param) keys() (words []string) {
	for _, choice := range p.Choices {
		words = append(words, choice.Key)
	}
	return words
}

// time is the present.
func (c *Call) time() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

// Answer prints the one answer of a command: for programs the value, for people the text. A blank line before it sets it
// apart from the prompt; in batch there is none, and the answer begins at once.
func (c *Call) Answer(value any, text string) error {
	if !c.JSON {
		if c.Asker == nil {
			text = strings.TrimPrefix(text, "\n")
		}
		_, err := io.WriteString(c.Out, text)
		return err
	}
	e := encoder(c.Out)
	e.SetIndent("", "  ")
	if err := e.Encode(value); err != nil {
		return fmt.Errorf("%s as JSON: %w", c.Command.Name, err)
	}
	return nil
}

// Row prints a row of a live display: for programs a value on a line of its own. The heading comes before the first row
// and again whenever it is about to leave the screen.
func (c *Call) Row(heading string, value any, text string) error {
	if c.JSON {
		return encoder(c.Out).Encode(value)
	}
	above, below := c.linesOf(heading), c.linesOf(text)
	if c.rows > 0 && c.Height != nil && c.rows+above+below >= c.Height() && c.Height() > above+below+1 {
		c.rows = 0
	}
	if c.rows == 0 {
		if _, err := io.WriteString(c.Out, heading); err != nil {
			return err
		}
	}
	c.rows += below
	_, err := io.WriteString(c.Out, text)
	return err
}

// linesOf counts the lines that text takes on the screen.
func (c *Call) linesOf(text string) int {
	width := 0
	if c.Width != nil {
		width = c.Width()
	}
	n := 0
	for line := range strings.Lines(text) {
		n++
		if long := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); width > 0 && long > 0 {
			n += (long - 1) / width
		}
	}
	return n
}

// Say prints a line for people; programs are spared it.
func (c *Call) Say(text string) error {
	if c.JSON {
		return nil
	}
	_, err := fmt.Fprintln(c.Out, text)
	return err
}

// errStoppedMeanwhile ends a live display whose gateway was there when it began.
var errStoppedMeanwhile = errors.New("the gateway has stopped")

// Over tells whether a live display has shown all the rows that it was to show.
func (c *Call) Over() bool { return c.Count > 0 && c.shown >= c.Count }

// every calls row at once and then after each interval, --count times or until ctx ends, which is how a live display is
// meant to end. Called again it goes on counting.
func (c *Call) every(ctx context.Context, interval time.Duration, row func() error) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for first := true; ; first = false {
		if err := row(); err != nil {
			switch {
			case ctx.Err() != nil:
				return nil
			case !first && errors.Is(err, ErrNotRunning):
				return errStoppedMeanwhile
			}
			return err
		}
		if c.shown++; c.shown == c.Count {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

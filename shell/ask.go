package shell

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Asker puts questions to a person. Its answers are bounded lines without their line end. ErrInterrupted says that the
// person wants back to the main prompt, io.EOF that there is nobody left.
type Asker interface {
	// Ask prints what comes before the last line of text, then asks with the last line; complete may be nil.
	Ask(ctx context.Context, text string, complete func(word string) []Suggestion) (string, error)
	// Secret does the same without an echo, a completion or a trace in the history.
	Secret(ctx context.Context, text string) (string, error)
}

// ErrInterrupted says that a question was left with Ctrl-C.
var ErrInterrupted = errors.New("interrupted")

// ErrNobody says that a question came up where nobody can answer it.
var ErrNobody = errors.New("this needs an answer: run it in \"postern shell\"")

// askFor asks for a parameter until the answer is one that it takes.
func (c *Call) askFor(ctx context.Context, p Param) (string, error) {
	var complete func(string) []Suggestion
	if p.Complete != nil {
		complete = func(word string) []Suggestion { return p.Complete(ctx, c.Gateway, word) }
	}
	for {
		answer, err := c.put(ctx, p.text(), complete)
		if err != nil {
			return "", err
		}
		if answer = strings.TrimSpace(answer); answer == "" {
			if !p.Required {
				return p.Default, nil
			}
			c.Say("An answer is needed; Ctrl-C goes back.")
			continue
		}
		value, err := p.accept(answer)
		if err == nil {
			return value, nil
		}
		if n := len(p.Choices); n > 0 {
			err = fmt.Errorf("%.60q is not one of the choices: give a number from 1 to %d", answer, n)
		}
		c.Say(sentence(err.Error()))
	}
}

// text is the question as AsyncOS asks it: the question, the menu, and the default in brackets on a line of its own.
func (p *Param) text() string {
	var b strings.Builder
	b.WriteString("\n" + p.Question + "\n")
	shown := p.Default
	for i, choice := range p.Choices {
		fmt.Fprintf(&b, "%d. %s\n", i+1, choice.Title)
		if choice.Key == p.Default {
			shown = fmt.Sprint(i + 1)
		}
	}
	return b.String() + "[" + shown + "]> "
}

// put puts a question. Whoever answers it has seen what stands above: the pager begins a new screen.
func (c *Call) put(ctx context.Context, text string, complete func(string) []Suggestion) (string, error) {
	answer, err := c.Asker.Ask(ctx, text, complete)
	c.newScreen()
	return answer, err
}

func (c *Call) newScreen() {
	if c.Page != nil && !c.Command.Live {
		c.Page()
	}
}

// Confirm asks a yes or no question, with what Enter means. In batch --yes answers it.
func (c *Call) Confirm(ctx context.Context, question string, enter bool) (bool, error) {
	if c.Asker == nil {
		return c.Yes, nil
	}
	prompt := question + " [N]> "
	if enter {
		prompt = question + " [Y]> "
	}
	for {
		answer, err := c.put(ctx, prompt, nil)
		if err != nil {
			return false, err
		}
		switch strings.ToLower(strings.TrimSpace(answer)) {
		case "":
			return enter, nil
		case "y", "yes":
			return true, nil
		case "n", "no":
			return false, nil
		}
		c.Say("Please answer Y or N.")
	}
}

// Question asks for a line, with a default in brackets on a line of its own; in batch there is nobody to ask.
func (c *Call) Question(ctx context.Context, p Param) (string, error) {
	if c.Asker == nil {
		return "", ErrNobody
	}
	return c.askFor(ctx, p)
}

// sentence begins with a capital, unless with a key or a name that has none, and ends with a point.
func sentence(text string) string {
	if text == "" {
		return text
	}
	if first, _, _ := strings.Cut(text, " "); !strings.ContainsAny(first, "._") {
		text = strings.ToUpper(text[:1]) + text[1:]
	}
	if !strings.HasSuffix(text, ".") && !strings.HasSuffix(text, "?") {
		text += "."
	}
	return text
}

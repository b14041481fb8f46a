package shell

import (
	"context"
	"strings"
	"time"
)

// completer suggests commands and their arguments for the line that is being typed. One goroutine uses it.
type completer struct {
	gateway Gateway
	asked   string // what the gateway was asked for last, when, and what it said
	at      time.Time
	answer  []Suggestion
}

const (
	completionLimit = 200 * time.Millisecond // a gateway that takes longer gives no suggestions
	completionAge   = 2 * time.Second        // its answers are good for that long
)

// complete suggests how the last word before the cursor may go on.
func (c *completer) complete(ctx context.Context, line string) []Suggestion {
	if strings.TrimSpace(line) == "" {
		return nil
	}
	words := strings.Fields(line)
	word := ""
	if !strings.HasSuffix(line, " ") {
		word, words = words[len(words)-1], words[:len(words)-1]
	}
	if len(words) == 0 {
		return commandsLike(word)
	}
	command := Find(words[0])
	if command == nil || len(command.Params) == 0 {
		return nil
	}
	i := len(words) - 1
	if last := len(command.Params) - 1; i > last {
		if !command.Params[last].Rest {
			return nil
		}
		i = last
	}
	return c.argument(ctx, command, &command.Params[i], word)
}

func commandsLike(word string) []Suggestion {
	var list []Suggestion
	for _, c := range Commands {
		if strings.HasPrefix(c.Name, strings.ToLower(word)) {
			list = append(list, Suggestion{c.Name, c.Summary})
		}
	}
	return list
}

func (c *completer) argument(ctx context.Context, command *Command, p *Param, word string) []Suggestion {
	var list []Suggestion
	for _, choice := range p.Choices {
		list = append(list, Suggestion{choice.Key, choice.Title})
	}
	if p.Complete != nil {
		if asked := command.Name + " " + p.Name + " " + word; asked != c.asked || time.Since(c.at) > completionAge {
			ctx, cancel := context.WithTimeout(ctx, completionLimit)
			c.answer = p.Complete(ctx, c.gateway, word)
			cancel()
			c.asked, c.at = asked, time.Now()
		}
		list = append(list, c.answer...)
	}
	var fitting []Suggestion
	for _, s := range list {
		if strings.HasPrefix(strings.ToLower(s.Text), strings.ToLower(word)) {
			fitting = append(fitting, Suggestion{Printable(s.Text), Printable(s.Summary)})
		}
	}
	return fitting
}

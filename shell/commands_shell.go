package shell

import (
	"context"
	"fmt"
	"strings"
)

var _ = register(
	&Command{Name: "exit", Aliases: []string{"quit"}, Summary: "leave the shell", Local: true,
		Run: func(ctx context.Context, c *Call) error {
			if c.Asker == nil {
				return nil // in batch there is no shell to leave
			}
			return c.leave(ctx)
		}},
	&Command{Name: "help", Aliases: []string{"?"}, Summary: "what commands there are, or how one of them is used", Local: true,
		Params: []Param{{Name: "COMMAND", Optional: true, Complete: func(_ context.Context, _ Gateway, word string) []Suggestion { return commandsLike(word) }}},
		Run: func(_ context.Context, c *Call) error {
			if len(c.Args) == 0 {
				return c.Answer(Commands, CommandList())
			}
			about := Find(c.Args[0])
			if about == nil {
				return &UnknownCommandError{Word: c.Args[0]}
			}
			return c.Answer(about, about.manual())
		}})

// CommandList is a line for each command.
func CommandList() string {
	var b strings.Builder
	for _, c := range Commands {
		fmt.Fprintf(&b, "%-18s %s\n", c.Name, c.Summary)
	}
	return b.String()
}

// manual is all there is to say of a command.
func (c *Command) manual() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\n  %s\n", c.Name, c.Summary, c.Usage())
	if len(c.Aliases) > 0 {
		fmt.Fprintf(&b, "  also called %s\n", strings.Join(c.Aliases, ", "))
	}
	for _, p := range c.Params {
		for _, choice := range p.Choices {
			if !strings.EqualFold(choice.Key, choice.Title) {
				fmt.Fprintf(&b, "    %-14s %s\n", choice.Key, choice.Title)
			}
		}
	}
	if c.Help != "" {
		fmt.Fprintf(&b, "\n%s\n", strings.TrimSpace(c.Help))
	}
	return b.String()
}

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
			return c.Answer(about, folded(about.manual(), c.helpWidth()))
		}})

// helpWidth is how long lines of help may be.
func (c *Call) helpWidth() int {
	if c.Width != nil && c.Width() > 0 {
		return min(c.Width(), longestHelp)
	}
	return longestHelp
}

const longestHelp = 130

// flowing makes one line of the lines of a paragraph: of those that are not set in and have no blank line between them.
func flowing(text string) string {
	var b strings.Builder
	flows := false
	for line := range strings.SplitSeq(text, "\n") {
		plain := line != "" && line[0] != ' '
		switch {
		case b.Len() == 0:
		case plain && flows:
			b.WriteByte(' ')
		default:
			b.WriteByte('\n')
		}
		b.WriteString(line)
		flows = plain
	}
	return b.String()
}

// folded breaks lines that are longer than width at their spaces; what goes on is set in as its line is.
func folded(text string, width int) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
		for len(line) > width+1 { // the line end does not count
			at := strings.LastIndexByte(line[:width+1], ' ')
			if at <= len(indent) {
				break // one long word
			}
			b.WriteString(line[:at] + "\n")
			line = indent + line[at+1:]
		}
		b.WriteString(line)
	}
	return b.String()
}

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
		var rows [][]string
		for _, choice := range p.Choices {
			if !strings.EqualFold(choice.Key, choice.Title) {
				rows = append(rows, []string{"    " + choice.Key, choice.Title})
			}
		}
		b.WriteString(aligned(rows...))
	}
	if c.Help != "" {
		fmt.Fprintf(&b, "\n%s\n", flowing(strings.TrimSpace(c.Help)))
	}
	return b.String()
}

package shell

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Command is one command, as data: the shell, batch mode, --json, help and completion all come from the table of them.
type Command struct {
	Name    string   `json:"name"`
	Aliases []string `json:"aliases,omitempty"`
	Summary string   `json:"summary"`          // half a line, for help and completion
	Params  []Param  `json:"params,omitempty"` // its arguments, and the questions that ask for them
	Help    string   `json:"help,omitempty"`   // more, for "help COMMAND"

	Synopsis string   `json:"synopsis,omitempty"` // its arguments in the usage line, where Params do not say them
	Options  []Option `json:"options,omitempty"`

	Offline  bool `json:"offline,omitempty"`   // what only reads of it can be answered from a stopped store
	Live     bool `json:"live,omitempty"`      // goes on until Ctrl-C or --count
	Local    bool `json:"local,omitempty"`     // is about the shell itself: needs no gateway
	Anywhere bool `json:"anywhere,omitempty"`  // needs no data directory either: without one the answer is Offline's
	OwnFlags bool `json:"own_flags,omitempty"` // words that begin with a dash are the command's own

	// It uses Call.Pending. In batch what it changed is committed as it ends, with --yes and the words of --comment; without
	// --yes the changes are printed, and nothing is done.
	Configures bool `json:"configures,omitempty"`

	Run func(ctx context.Context, c *Call) error `json:"-"`
}

// Option is a word that begins with two dashes and takes a value.
type Option struct {
	Name  string `json:"name"`  // with its dashes
	Value string `json:"value"` // what the usage line calls its value
}

// Param is an argument of a command. In the shell a missing one is asked for; in batch its default stands for it.
type Param struct {
	Name     string                                                         `json:"name"`               // in the usage line: HOST
	Question string                                                         `json:"question,omitempty"` // what is asked; may have several lines
	Default  string                                                         `json:"default,omitempty"`  // what Enter means
	Required bool                                                           `json:"required,omitempty"` // has no default: in batch it must be given
	Optional bool                                                           `json:"optional,omitempty"` // is never asked for: an argument only
	Rest     bool                                                           `json:"rest,omitempty"`     // takes all words that are left
	Choices  []Choice                                                       `json:"choices,omitempty"`  // a menu
	Also     map[string]string                                              `json:"-"`                  // other words for the choices, in lower case, to their keys
	Check    func(string) error                                             `json:"-"`
	Complete func(ctx context.Context, g Gateway, word string) []Suggestion `json:"-"`
}

// Choice is a line of a menu. Its key is what a batch argument says and what the command is given.
type Choice struct {
	Key   string `json:"key"`
	Title string `json:"title"`
}

// Suggestion completes a word.
type Suggestion struct{ Text, Summary string }

// UsageError says that a command was called with arguments that it does not take.
type UsageError struct {
	Command *Command
	Reason  string // "" : none but the usage line
}

func (e *UsageError) Error() string {
	usage := "usage: " + e.Command.Usage()
	if e.Reason == "" {
		return usage
	}
	return e.Reason + "\n" + usage
}

// Usage is the command's line for people: hostrate HOST [SECONDS] [--count N] [--json].
func (c *Command) Usage() string {
	words := []string{c.Name}
	if c.Synopsis != "" {
		words = append(words, c.Synopsis)
	}
	for _, p := range c.Params {
		if c.Synopsis != "" {
			break
		}
		name := p.Name
		if len(p.Choices) > 0 {
			name = strings.Join(p.keys(), "|")
		}
		if p.Rest {
			name += " ..."
		}
		if !p.Required {
			name = "[" + name + "]"
		}
		words = append(words, name)
	}
	if c.Configures {
		words = append(words, "[--yes]")
	}
	for _, o := range c.options() {
		words = append(words, "["+o.Name+" "+o.Value+"]")
	}
	if c.Live {
		words = append(words, "[--count N]")
	}
	if !c.Local {
		words = append(words, "[--json]")
	}
	return strings.Join(words, " ")
}

// options are the command's own, and those that others like it have.
func (c *Command) options() []Option {
	if !c.Configures {
		return c.Options
	}
	return append(c.Options[:len(c.Options):len(c.Options)], Option{"--comment", "TEXT"})
}

// Commands is the table, by name. It is complete before main begins and never changes.
var Commands []*Command

// register puts commands into the table; the files that define them call it as the package is initialised.
func register(commands ...*Command) struct{} {
	Commands = append(Commands, commands...)
	slices.SortFunc(Commands, func(a, b *Command) int { return strings.Compare(a.Name, b.Name) })
	return struct{}{}
}

// Find returns the command of that name, in any case of letters; nil when there is none.
func Find(name string) *Command {
	name = strings.ToLower(name)
	if i := slices.IndexFunc(Commands, func(c *Command) bool { return c.Name == name || slices.Contains(c.Aliases, name) }); i >= 0 {
		return Commands[i]
	}
	return nil
}

// UnknownCommandError says that there is no such command, and which there are that look like it.
type UnknownCommandError struct{ Word string }

func (e *UnknownCommandError) Error() string {
	text := "Unknown command or missing feature key: " + e.Word
	if near := nearest(e.Word); len(near) > 0 {
		text += fmt.Sprintf("\nDid you mean %s?", strings.Join(near, ", "))
	}
	return text
}

// nearest gives up to three commands that begin like the word or differ from it by a slip or two, the nearest first.
func nearest(word string) []string {
	type near struct {
		name     string
		distance int
	}
	word = strings.ToLower(word)
	if len(word) > 40 {
		return nil
	}
	var found []near
	for _, c := range Commands {
		d := slips(word, c.Name)
		if len(word) >= 3 && strings.HasPrefix(c.Name, word) {
			d = min(d, 1)
		}
		if d <= 1+len(word)/4 {
			found = append(found, near{c.Name, d})
		}
	}
	slices.SortStableFunc(found, func(a, b near) int { return a.distance - b.distance })
	var names []string
	for _, f := range found[:min(3, len(found))] {
		names = append(names, f.name)
	}
	return names
}

// slips counts the letters to put in, take out or change that make a of b (Levenshtein).
func slips(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

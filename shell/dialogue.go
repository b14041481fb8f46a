package shell

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"postern/engine/config"
)

// section is a command about a part of the configuration, as AsyncOS has them: it shows what there is and asks for an
// operation, again and again until Enter alone. In batch its first argument is the operation, and what is missing is no
// question but an error.
type section struct {
	show       func(d *config.Document) string   // for people; ends with a line end
	value      func(d *config.Document) any      // for programs
	names      func(d *config.Document) []string // what an operation may be about
	keys       []string                          // that an operation may set
	operations []operation
}

// operation is a line of a section's menu.
type operation struct {
	key, title string // NEW, "Create a new listener."; a title of "" is for batch only, and displays
	words      string // its arguments in the usage line
	reads      bool   // changes nothing
	when       func(d *config.Document) bool
	run        func(ctx context.Context, t *turn) (said string, err error)
}

// turn is one operation under way. It changes a document of its own, which takes the place of the pending one when the
// operation has come to its end: whoever leaves a question leaves everything as it was before the operation.
type turn struct {
	*Call
	document *config.Document
	words    []string // arguments that are left; what they do not say is asked for
}

// command puts the section into the table.
func (s *section) command(name, summary, help string) *Command {
	var usage []string
	choices := make([]Choice, 0, len(s.operations)+1)
	for _, o := range s.operations {
		usage = append(usage, strings.TrimSpace(strings.ToLower(o.key)+" "+o.words))
		title := strings.TrimSuffix(o.title, ".")
		if title == "" {
			title = "Display the settings"
		}
		choices = append(choices, Choice{strings.ToLower(o.key), title})
	}
	return &Command{Name: name, Summary: summary, Synopsis: "[" + strings.Join(usage, " | ") + "]", Run: s.run, Configures: true, Offline: true,
		Params: []Param{{Name: "OPERATION", Optional: true, Choices: choices}, {Name: "ARGUMENT", Optional: true, Rest: true, Complete: s.complete}},
		Help: help + "\nWithout an operation it shows what there is and asks. Changes are pending until commit. Ctrl-C in a question leaves the\n" +
			"operation that asks, with nothing of it changed; operations that were completed before it stay."}
}

// maxCompleted bounds the configurations that are looked into at each key, in bytes.
const maxCompleted = 256 << 10

// complete suggests what an operation may be about, and the keys that it may set.
func (s *section) complete(ctx context.Context, g Gateway, word string) (list []Suggestion) {
	now, err := g.Configuration(ctx)
	if err != nil || len(now.Text) > maxCompleted {
		return nil
	}
	d, err := config.Parse([]byte(now.Text), "configuration in force")
	if err != nil {
		return nil
	}
	return completeWords(append(s.names(d), s.keys...))(ctx, g, word)
}

func (s *section) run(ctx context.Context, c *Call) error {
	if len(c.Args) > 0 {
		return s.once(ctx, c, c.Args[0], c.Args[1:])
	}
	d, err := c.Pending(ctx)
	if err != nil {
		return err
	}
	if c.Asker == nil || c.JSON || c.stopped() {
		return c.Answer(s.value(d), s.show(d))
	}
	for {
		c.Say("\n" + strings.TrimSuffix(s.show(d), "\n"))
		key, err := c.operation(ctx, s.menu(d))
		if err != nil || key == "" {
			return err
		}
		if err := s.once(ctx, c, key, nil); err != nil && !errors.Is(err, errEnough) { // of a long list
			if refused := (*RefusedError)(nil); !errors.As(err, &refused) {
				return err
			}
			c.Say(sentence(err.Error()))
		}
		if d, err = c.Pending(ctx); err != nil {
			return err
		}
	}
}

// menu is the operations that make sense now.
func (s *section) menu(d *config.Document) (menu []Choice) {
	for _, o := range s.operations {
		if o.title != "" && (o.when == nil || o.when(d)) {
			menu = append(menu, Choice{o.key, o.title})
		}
	}
	return menu
}

// once does one operation and keeps what it has changed.
func (s *section) once(ctx context.Context, c *Call, key string, words []string) error {
	for _, o := range s.operations {
		if !strings.EqualFold(o.key, key) {
			continue
		}
		if c.stopped() && !o.reads {
			return ErrNotRunning
		}
		d, err := c.Pending(ctx)
		if err != nil {
			return err
		}
		before := string(c.Changes.text)
		t := &turn{Call: c, document: d, words: words}
		said, err := o.run(ctx, t)
		if err == nil && len(t.words) > 0 {
			err = &UsageError{c.Command, fmt.Sprintf("%s %s does not take %.60q", c.Command.Name, strings.ToLower(key), t.words[0])}
		}
		if err == nil && !o.reads {
			err = c.Change(ctx, t.document)
		}
		if err != nil {
			return err
		}
		if !o.reads && said != "" && string(c.Changes.text) == before {
			said = unchanged
		}
		if said != "" {
			said = "\n" + said
		}
		if o.reads {
			return c.Answer(s.value(t.document), said)
		}
		return c.answerChange(s.value(t.document), said)
	}
	return &UsageError{Command: c.Command}
}

const unchanged = "Nothing was changed.\n"

// ask takes the next argument, or asks for it.
func (t *turn) ask(ctx context.Context, p Param) (string, error) {
	if len(t.words) == 0 {
		if t.Asker == nil && !p.Required {
			return p.Default, nil
		}
		if t.Asker == nil {
			return "", &UsageError{t.Command, strings.ToLower(p.Name) + " is missing"}
		}
		return t.askFor(ctx, p)
	}
	word := t.words[0]
	t.words = t.words[1:]
	if p.Rest {
		word = strings.Join(append([]string{word}, t.words...), ",")
		t.words = nil
	}
	value, err := p.accept(word)
	if err != nil {
		return "", t.misuse(err)
	}
	return value, nil
}

// misuse is a fault of the words that a command was given. What those say well enough, but how things stand does not allow,
// is a *RefusedError and stays one.
func (c *Call) misuse(err error) error {
	if refused := (*RefusedError)(nil); errors.As(err, &refused) {
		return err
	}
	return &UsageError{c.Command, err.Error()}
}

// pick asks which of those in a list is meant, by its name or its number in the list.
func (t *turn) pick(ctx context.Context, question string, names []string) (int, error) {
	find := func(word string) (int, error) {
		for i, name := range names {
			if strings.EqualFold(word, name) {
				return i, nil
			}
		}
		if n, err := strconv.Atoi(word); err == nil && n >= 1 && n <= len(names) {
			return n - 1, nil
		}
		if len(names) == 0 {
			return 0, &RefusedError{fmt.Sprintf("There is no %.60q: the list is empty.", word)}
		}
		return 0, &RefusedError{fmt.Sprintf("There is no %.60q: give a name, or a number from 1 to %d.", word, len(names))}
	}
	answer, err := t.ask(ctx, Param{Name: "NAME", Question: question, Required: true, Complete: completeWords(names),
		Check: func(word string) error { _, err := find(word); return err }})
	if err != nil {
		return 0, err
	}
	return find(answer)
}

func completeWords(words []string) func(context.Context, Gateway, string) []Suggestion {
	return func(_ context.Context, _ Gateway, begun string) (list []Suggestion) {
		for _, w := range words {
			if strings.HasPrefix(strings.ToLower(w), strings.ToLower(begun)) && len(list) < maxSuggestions {
				list = append(list, Suggestion{Text: w})
			}
		}
		return list
	}
}

// confirm asks before something is lost. In batch nothing is: what is not meant is not committed.
func (t *turn) confirm(ctx context.Context, question string) (bool, error) {
	if t.Asker == nil {
		return true, nil
	}
	return t.Confirm(ctx, "\n"+question, false)
}

// question asks for a key of a table.
type question struct{ key, text string }

// fields asks for some keys of a table, as field does; path is how the document's faults call the table.
func (t *turn) fields(ctx context.Context, table any, path string, questions []question) error {
	for _, q := range questions {
		if err := t.field(ctx, q.text, table, q.key, path+"."+q.key); err != nil {
			return err
		}
	}
	return nil
}

// field asks for a key of a table of the turn's document until the document takes the answer; what it is now is the default.
// path is how the document's faults call the key.
func (t *turn) field(ctx context.Context, question string, table any, key, path string) error {
	now := config.Text(table, key)
	_, err := t.ask(ctx, Param{Name: strings.ToUpper(key), Question: question, Default: now, Required: now == "",
		Check: func(word string) error { return t.set(table, key, path, word) }})
	return err
}

// emptyable is field for what may be nothing too: "None" says so.
func (t *turn) emptyable(ctx context.Context, question string, table any, key, path string) error {
	now := config.Text(table, key)
	shown := now
	if shown == "" {
		shown = "None"
	}
	_, err := t.ask(ctx, Param{Name: strings.ToUpper(key), Question: question, Default: shown,
		Check: func(word string) error { return t.set(table, key, path, emptied(word)) }})
	return err
}

// emptied is what "None" stands for.
func emptied(word string) string {
	if strings.EqualFold(strings.TrimSpace(word), "none") {
		return ""
	}
	return word
}

// set gives a key a value; one that the document does not take leaves it as it was.
func (t *turn) set(table any, key, path, word string) error {
	before := config.Text(table, key)
	err := t.try(path, func() error { return config.Set(table, key, word) }, func() { config.Set(table, key, before) })
	if err != nil && (strings.HasPrefix(err.Error(), "is ") || strings.HasPrefix(err.Error(), "has ")) {
		return fmt.Errorf("%.60q %v", word, err) // of the word itself
	}
	return err
}

// keyValue takes a key of a table and its value from the arguments, and gives them to set.
func (t *turn) keyValue(ctx context.Context, table any, set func(key, word string) error) error {
	keys := config.Keys(table)
	key, err := t.ask(ctx, Param{Name: "KEY", Required: true, Check: func(word string) error {
		if !slices.Contains(keys, strings.ToLower(word)) {
			return fmt.Errorf("there is no %.60q; there are %s", word, strings.Join(keys, ", "))
		}
		return nil
	}})
	if err != nil {
		return err
	}
	key = strings.ToLower(key)
	if n := len(t.Args) - len(t.words); n >= 0 && len(t.words) > 0 && config.Secret(table, key) {
		defer func() { t.Args = append(t.Args[:n:n], config.Mask) }() // the comment of a commit repeats them
	}
	_, err = t.ask(ctx, Param{Name: "VALUE", Question: key + ":", Default: config.Text(table, key), Rest: true, Required: len(t.words) == 0,
		Check: func(word string) error { return set(key, emptied(word)) }})
	return err
}

// try changes the turn's document, and takes that back when the change brings a fault into it: one of the key at path, or
// else any that was not there before.
func (t *turn) try(path string, change func() error, undo func()) error {
	before := t.faults()
	if err := change(); err != nil {
		return err
	}
	other := error(nil)
	for _, fault := range t.faults() {
		if text, ours := strings.CutPrefix(fault, path+": "); ours {
			undo()
			return &RefusedError{text}
		}
		if other == nil && !slices.Contains(before, fault) {
			other = &RefusedError{"that does not go with " + fault}
		}
	}
	if other != nil {
		undo()
	}
	return other
}

// faults are what is wrong with the turn's document. SMTP routes are checked by who changes them: there may be 40,000.
func (t *turn) faults() (list []string) {
	routes := t.document.Routes
	t.document.Routes = nil
	err := config.Check(t.document)
	t.document.Routes = routes
	if faults := (*config.Errors)(nil); errors.As(err, &faults) {
		for _, f := range faults.List {
			list = append(list, f.Message)
		}
	}
	return list
}

// menuLines lists lines with their numbers.
func menuLines(lines []string) string {
	var b strings.Builder
	for i, l := range lines {
		fmt.Fprintf(&b, "%d. %s\n", i+1, l)
	}
	return b.String()
}

// eachOf is what fn says of each row of a table.
func eachOf[R, V any](rows []R, fn func(*R) V) []V {
	out := make([]V, len(rows))
	for i := range rows {
		out[i] = fn(&rows[i])
	}
	return out
}

// valuesOf are the rows of a table for programs: each key as the configuration spells it.
func valuesOf[R any](rows []R) []map[string]any {
	return eachOf(rows, func(r *R) map[string]any { return config.Values(r) })
}

package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/c-bata/go-prompt"
	"golang.org/x/term"
)

// terminal is a person at a terminal: an Asker whose questions have completion, and the loop of the main prompt.
type terminal struct {
	console *console
	out     io.Writer
	query   *prompt.Prompt // of questions: its history is not the commands'

	prefix  string // of the open question: its last line
	suggest func(word string) []Suggestion
}

// newTerminal takes the terminal on standard input. false: there is none that a person could type at.
func newTerminal(in *os.File, out io.Writer) (*terminal, bool) {
	if !term.IsTerminal(int(in.Fd())) {
		return nil, false
	}
	// go-prompt opens the controlling terminal itself and panics when there is none.
	tty, err := os.OpenFile("/dev/tty", os.O_RDONLY, 0)
	if err != nil {
		return nil, false
	}
	tty.Close()
	t := &terminal{console: &console{f: in}, out: out}
	t.query = prompt.New(func(string) {}, t.completeAnswer, append(t.look(),
		prompt.OptionLivePrefix(func() (string, bool) { return t.prefix, true }))...)
	return t, true
}

// look is what both prompts have in common.
func (t *terminal) look() []prompt.Option {
	return []prompt.Option{prompt.OptionParser(t.console), prompt.OptionMaxSuggestion(8),
		prompt.OptionPrefixTextColor(prompt.DefaultColor),
		prompt.OptionSuggestionBGColor(prompt.DarkGray), prompt.OptionSuggestionTextColor(prompt.White),
		prompt.OptionDescriptionBGColor(prompt.DarkGray), prompt.OptionDescriptionTextColor(prompt.LightGray),
		prompt.OptionSelectedSuggestionBGColor(prompt.White), prompt.OptionSelectedSuggestionTextColor(prompt.Black),
		prompt.OptionSelectedDescriptionBGColor(prompt.White), prompt.OptionSelectedDescriptionTextColor(prompt.Black),
		prompt.OptionPreviewSuggestionTextColor(prompt.DefaultColor)}
}

// loop reads lines at the main prompt and has each executed, until one says that it was the last, or Ctrl-D.
func (t *terminal) loop(prefix func() string, history []string, complete func(line string) []Suggestion, execute func(line string) (last bool)) {
	over := false
	defer t.console.TearDown()
	prompt.New(func(line string) { over = execute(line) },
		func(d prompt.Document) []prompt.Suggest { return suggests(complete(d.TextBeforeCursor())) },
		append(t.look(), prompt.OptionHistory(history),
			prompt.OptionLivePrefix(func() (string, bool) { return prefix(), true }),
			prompt.OptionSetExitCheckerOnInput(func(_ string, ended bool) bool { return ended && over }))...).Run()
}

func (t *terminal) completeAnswer(d prompt.Document) []prompt.Suggest {
	if t.suggest == nil || d.TextBeforeCursor() == "" {
		return nil
	}
	return suggests(t.suggest(d.TextBeforeCursor()))
}

func suggests(list []Suggestion) []prompt.Suggest {
	out := make([]prompt.Suggest, len(list))
	for i, s := range list {
		out[i] = prompt.Suggest{Text: s.Text, Description: s.Summary}
	}
	return out
}

// Ask implements Asker.
func (t *terminal) Ask(_ context.Context, text string, complete func(word string) []Suggestion) (string, error) {
	t.prefix, t.suggest = t.lead(text), complete
	t.console.ask()
	answer := t.query.Input()
	if t.console.answered() {
		return "", ErrInterrupted
	}
	return answer, nil
}

// lead prints the lines of a question before its last and gives that one.
func (t *terminal) lead(text string) string {
	i := strings.LastIndexByte(text, '\n') + 1
	fmt.Fprint(t.out, text[:i])
	return text[i:]
}

// maxSecret is the longest passphrase, in bytes; what is typed beyond it is ignored.
const maxSecret = 1024

// Secret implements Asker.
func (t *terminal) Secret(_ context.Context, text string) (string, error) {
	fmt.Fprint(t.out, t.lead(text))
	defer fmt.Fprintln(t.out)
	if err := t.console.Setup(); err != nil {
		return "", err
	}
	defer t.console.TearDown()
	var secret []byte
	for {
		key, err := t.console.Read()
		if errors.Is(err, errNoKey) {
			continue
		}
		if err != nil {
			return "", err
		}
		switch {
		case key[0] == keyEnter || key[0] == keyNewline:
			return string(secret), nil
		case key[0] == keyCtrlC || key[0] == keyCtrlD:
			t.console.forget()
			return "", ErrInterrupted
		case key[0] == keyCut:
			secret = nil
		case (key[0] == keyBackspace || key[0] == keyDelete) && len(secret) > 0:
			_, n := utf8.DecodeLastRune(secret)
			secret = secret[:len(secret)-n]
		case key[0] >= 0x20 && key[0] != keyDelete && len(secret)+len(key) <= maxSecret:
			secret = append(secret, key...)
		}
	}
}

// key waits for any key and tells which; what Ctrl-C and q mean is the caller's business. It takes nothing away from
// what was typed or pasted ahead: then it gives 0 at once.
func (t *terminal) key() byte {
	if t.console.ahead() {
		return 0
	}
	if err := t.console.Setup(); err != nil {
		return keyCtrlC
	}
	defer t.console.TearDown()
	for {
		key, err := t.console.Read()
		if err == nil {
			return key[0]
		}
		if !errors.Is(err, errNoKey) {
			return keyCtrlC
		}
	}
}

// height is the number of lines on the screen.
func (t *terminal) height() int { return int(t.console.GetWinSize().Row) }

// width is the number of columns on the screen.
func (t *terminal) width() int { return int(t.console.GetWinSize().Col) }

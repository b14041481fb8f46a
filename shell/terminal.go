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
	screen  *screen
	query   *prompt.Prompt // of questions: its history is not the commands'

	// Of the line that is being typed:
	prefix  string // what stands before it: the prompt, or the last line of a question
	suggest func(text string) []Suggestion
	cursor  int  // how many cells of it stand before the cursor
	resized bool // it is to be drawn anew
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
	t := &terminal{console: &console{f: in}, out: out, screen: &screen{prompt.NewStdoutWriter()}}
	t.query = t.newPrompt()
	return t, true
}

// maxSuggestions is how many are shown at a time.
const maxSuggestions = 8

// newPrompt makes a prompt of this terminal; more is what others do not have.
func (t *terminal) newPrompt(more ...prompt.Option) *prompt.Prompt {
	return prompt.New(func(string) {}, t.suggestions, append([]prompt.Option{prompt.OptionParser(t.console), prompt.OptionWriter(t.screen),
		prompt.OptionLivePrefix(func() (string, bool) { return t.prefix, true }), prompt.OptionSetExitCheckerOnInput(t.redraw),
		prompt.OptionMaxSuggestion(maxSuggestions), prompt.OptionPrefixTextColor(prompt.DefaultColor),
		prompt.OptionSuggestionBGColor(prompt.DarkGray), prompt.OptionSuggestionTextColor(prompt.White),
		prompt.OptionDescriptionBGColor(prompt.DarkGray), prompt.OptionDescriptionTextColor(prompt.LightGray),
		prompt.OptionSelectedSuggestionBGColor(prompt.White), prompt.OptionSelectedSuggestionTextColor(prompt.Black),
		prompt.OptionSelectedDescriptionBGColor(prompt.White), prompt.OptionSelectedDescriptionTextColor(prompt.Black),
		prompt.OptionPreviewSuggestionTextColor(prompt.DefaultColor)}, more...)...)
}

// loop reads lines at the main prompt and has each executed, until one says that it was the last, or Ctrl-D.
func (t *terminal) loop(prefix func() string, history []string, complete func(line string) []Suggestion, execute func(line string) (last bool)) {
	main := t.newPrompt(prompt.OptionHistory(history))
	for {
		line, ended := t.input(main, prefix(), complete)
		if !ended || execute(line) {
			return
		}
	}
}

// suggestions is asked at each key, and with an empty line before the one that ends a line.
func (t *terminal) suggestions(d prompt.Document) []prompt.Suggest {
	if !t.console.wantsRedraw() {
		t.cursor = d.DisplayCursorPosition()
	}
	if t.suggest == nil || d.TextBeforeCursor() == "" {
		return nil
	}
	list := t.suggest(d.TextBeforeCursor())
	if room := t.height() - 3; room < maxSuggestions {
		list = list[:min(len(list), max(room, 0))]
	}
	out := make([]prompt.Suggest, len(list))
	for i, s := range list {
		out[i] = prompt.Suggest{Text: s.Text, Description: s.Summary}
	}
	return out
}

// Ask implements Asker.
func (t *terminal) Ask(_ context.Context, text string, complete func(word string) []Suggestion) (string, error) {
	t.console.ask()
	answer, _ := t.input(t.query, t.lead(text), complete)
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
		if err == nil && !t.console.hungUp() {
			return key[0]
		}
		if err == nil {
			return keyCtrlC
		}
		if !errors.Is(err, errNoKey) {
			return keyCtrlC
		}
	}
}

// height is the number of lines on the screen.
func (t *terminal) height() int { return int(t.console.size().Row) }

// width is the number of columns on the screen.
func (t *terminal) width() int { return int(t.console.size().Col) }

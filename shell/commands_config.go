package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"postern/engine/config"
)

// secretsChoice asks what is to become of secrets in a text.
func secretsChoice(plain string) Param {
	return Param{Name: "SECRETS", Question: "Choose the passphrase option:", Default: "mask", Choices: []Choice{
		{"mask", "Mask passphrases (Files with masked passphrases cannot be loaded using loadconfig command)"}, {"plain", plain}}}
}

var _ = register(
	&Command{Name: "showconfig", Summary: "the configuration as text", Offline: true, Run: runShowConfig, Params: []Param{secretsChoice("Plain passphrases")},
		Help: "It is what is in force, not what waits for commit: showchanges shows that. Secrets are hashed passwords, keys and communities.\n" +
			"Every value is written, also those that postern.toml leaves to their defaults."},
	&Command{Name: "saveconfig", Summary: "save the configuration to a file", Run: runSaveConfig, Params: []Param{secretsChoice("Plain passphrases")},
		Help: "The file lies in the directory configuration of the data directory; the gateway's user alone can read it. loadconfig loads it."},
	&Command{Name: "loadconfig", Summary: "load a configuration from a file or the terminal", Configures: true, Run: runLoadConfig,
		Params: []Param{{Name: "FILE", Optional: true, Complete: completeSaved}},
		Help: "In the shell FILE is one that saveconfig has written; it waits for commit. In batch it is any file that you may read, or -, standard\n" +
			"input, and is committed with --yes; what a saved one is called is looked up where there is no such file."})

// inForce gives the configuration's text with all its values, secrets masked or not, under the stamp of the file: by that it
// is known as the same.
func (c *Call) inForce(ctx context.Context, secrets string) (Configuration, error) {
	now, err := c.Gateway.Configuration(ctx)
	if err != nil {
		return now, err
	}
	d, err := config.Parse([]byte(now.Text), "configuration in force")
	if err != nil {
		return now, err
	}
	if secrets != "plain" {
		d = config.Masked(d)
	}
	now.Text = string(config.Stamp{Revision: now.Revision, Hash: now.Hash}.On(config.Encode(d)))
	return now, nil
}

func runShowConfig(ctx context.Context, c *Call) error {
	now, err := c.inForce(ctx, c.Arg(0))
	if err != nil {
		return err
	}
	return c.Answer(now, "\n"+now.Text)
}

func runSaveConfig(ctx context.Context, c *Call) error {
	now, err := c.inForce(ctx, c.Arg(0))
	if err != nil {
		return err
	}
	saved, err := c.Gateway.SaveConfiguration(ctx, now.Text)
	if err != nil {
		return err
	}
	return c.Answer(saved, fmt.Sprintf("\nFile written to the location \"%s\".\nConfiguration saved.\n", Printable(saved.Path)))
}

func completeSaved(ctx context.Context, g Gateway, word string) (list []Suggestion) {
	saved, err := g.SavedConfigurations(ctx)
	if err != nil {
		return nil
	}
	for _, s := range saved {
		if strings.HasPrefix(s.File, word) && len(list) < suggested {
			list = append(list, Suggestion{s.File, fmt.Sprintf("%d bytes", s.Bytes)})
		}
	}
	return list
}

func runLoadConfig(ctx context.Context, c *Call) error {
	if c.Asker == nil {
		return c.loadInBatch(ctx)
	}
	if c.Uncommitted() {
		c.Say("\nThe changes that were not committed are replaced by what is loaded.")
	}
	name, text, err := c.chooseSource(ctx)
	if err != nil {
		return err
	}
	return c.load(ctx, name, text)
}

// chooseSource asks whether a text is pasted or stands in a file, and reads it.
func (c *Call) chooseSource(ctx context.Context) (name, text string, err error) {
	name = c.Arg(0)
	if name == "" {
		from, err := c.Question(ctx, Param{Question: "Choose where the configuration is loaded from:", Default: "paste",
			Choices: []Choice{{"paste", "Paste via CLI"}, {"file", "Load from file"}}})
		if err != nil {
			return "", "", err
		}
		if from == "paste" {
			text, err = c.pasted(ctx)
			return "pasted text", text, err
		}
		if name, err = c.chooseSaved(ctx); err != nil {
			return "", "", err
		}
	}
	text, err = c.Gateway.ReadConfiguration(ctx, name)
	return name, text, err
}

// listedSaved is how many saved configurations are offered by their numbers; the others have their names.
const listedSaved = 20

// chooseSaved lists what was saved, the newest first, and asks for a number or a name.
func (c *Call) chooseSaved(ctx context.Context) (string, error) {
	saved, err := c.Gateway.SavedConfigurations(ctx)
	if err != nil {
		return "", err
	}
	if len(saved) == 0 {
		return "", &RefusedError{"No configuration was saved here: \"saveconfig\" saves the one in force"}
	}
	listed := saved[:min(len(saved), listedSaved)]
	menu := menuLines(eachOf(listed, func(s *SavedConfiguration) string {
		return fmt.Sprintf("%s (%s, %s bytes)", Printable(s.File), Date(s.Time.In(c.Zone), false), Thousands(uint64(s.Bytes)))
	}))
	if n := len(saved) - len(listed); n > 0 {
		menu += fmt.Sprintf("%s not listed.\n", plural(n, "older file")+either(n, " is", " are"))
	}
	word, err := c.Question(ctx, Param{Question: "Currently saved configurations:\n" + menu + "\nEnter the number or the name of the file to import:", Required: true, Complete: completeSaved})
	if n, bad := strconv.Atoi(word); bad == nil && n >= 1 && n <= len(listed) {
		word = listed[n-1].File
	}
	return word, err
}

// pasteEnd ends a pasted text: no document has such a line.
const pasteEnd = "."

// pasted reads lines up to one that is a single dot.
func (c *Call) pasted(ctx context.Context) (string, error) {
	c.Say("\nPaste the configuration file now. A line with a single dot ends it.")
	var b strings.Builder
	for {
		line, err := c.pastedLine(ctx)
		switch {
		case err != nil:
			return "", err
		case strings.TrimSpace(line) == pasteEnd:
			return b.String(), nil
		case b.Len()+len(line) >= maxConfiguration:
			return "", fmt.Errorf("the configuration is too long: more than %d bytes", maxConfiguration)
		}
		b.WriteString(line + "\n")
	}
}

// pastedLine is one that is not repeated where it comes from a pipe: it may hold a secret.
func (c *Call) pastedLine(ctx context.Context) (string, error) {
	if script, ok := c.Asker.(*lines); ok {
		return script.read()
	}
	return c.Asker.Ask(ctx, "", nil)
}

// load makes a text what waits for commit. Whoever loads a text can see its lines, so that its faults are told with theirs.
func (c *Call) load(ctx context.Context, name, text string) error {
	if _, err := config.Parse([]byte(text), name); err != nil {
		return fmt.Errorf("nothing was loaded: %w", err)
	}
	if err := c.anew(ctx); err != nil {
		return err
	}
	if err := c.replace(ctx, []byte(text)); err != nil {
		return err
	}
	switch {
	case c.Asker == nil && !c.Uncommitted():
		return c.Answer(changeList{Changes: []config.Change{}}, "The configuration in force is the same: there is nothing to commit.\n")
	case c.Asker == nil:
		return nil
	case !c.Uncommitted():
		return c.Say("\nThe configuration in force is the same.")
	}
	return c.Say("\nValues have been loaded.\nBe sure to run \"commit\" to make these settings active.")
}

func (c *Call) loadInBatch(ctx context.Context) error {
	name := c.Arg(0)
	var text []byte
	var err error
	switch name {
	case "":
		return &UsageError{c.Command, "say which file is to be loaded; - is standard input"}
	case "-":
		name = "standard input"
		text, err = readConfiguration(os.Stdin)
	default:
		if text, err = readConfigurationFile(name); errors.Is(err, os.ErrNotExist) && !strings.Contains(name, "/") {
			var saved string
			saved, err = c.Gateway.ReadConfiguration(ctx, name)
			text = []byte(saved)
		}
	}
	if err != nil {
		return err
	}
	return c.load(ctx, name, string(text))
}

func readConfigurationFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readConfiguration(f)
}

func readConfiguration(in io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(in, maxConfiguration+1))
	if err == nil && len(text) > maxConfiguration {
		err = fmt.Errorf("the configuration is too long: more than %d bytes", maxConfiguration)
	}
	return text, err
}

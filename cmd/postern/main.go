// Command postern is the mail gateway and the tools that belong to it. It reads flags, builds the parts in order, stops
// them in reverse, and fills the fields that connect them; it decides nothing.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"postern/shell"
)

// Version is what "postern version" and the log heads say; the build sets it.
var Version = "0.1.0-001"

// The exit statuses.
const (
	exitDone    = 0
	exitRefused = 1 // refused or failed; the reason is on standard error
	exitUsage   = 2
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// flags are what every command takes.
type flags struct {
	config string
	data   string
	json   bool
	yes    bool
	args   []string // what is left: the command and its arguments
}

func run(argv []string, stdin *os.File, stdout, stderr io.Writer) int {
	f, err := parseFlags(argv)
	if err != nil {
		fmt.Fprintf(stderr, "postern: %v\nTry: postern help\n", err)
		return exitUsage
	}
	if len(f.args) == 0 {
		fmt.Fprint(stderr, usage)
		return exitUsage
	}
	f.args = shell.OrHelp(f.args)
	switch name := f.args[0]; name {
	case "serve":
		if len(f.args) > 1 {
			fmt.Fprintf(stderr, "postern: serve takes no argument %q\nTry: postern help\n", f.args[1])
			return exitUsage
		}
		return failing(stderr, serve(f, stderr))
	case "journal":
		return journalTool(f, stdout, stderr)
	case "config":
		return configTool(f, stdout, stderr)
	case "shell":
		return interactive(f, stdin, stdout, stderr)
	case "--help", "-h":
		fmt.Fprint(stdout, usage, "\n", shell.CommandList())
		return exitDone
	case "help":
		if len(f.args) == 2 && toolUsage(f.args[1]) != "" {
			return failing(stderr, helpTool(f, stdout))
		}
		if len(f.args) == 1 && !f.json {
			fmt.Fprint(stdout, usage, "\n", shell.CommandList())
			return exitDone
		}
		return command(f, stdout, stderr)
	default:
		return command(f, stdout, stderr)
	}
}

const usage = `postern serve  [--config FILE] [--data DIR]        run the gateway in the foreground
postern shell  [--data DIR]                        the operator's shell; line by line from a pipe
postern COMMAND [ARGUMENTS] [--json] [--data DIR]  one command without questions, see below
postern config check [--bind] [--config FILE]      tell what is wrong with a configuration; --bind: tries its ports too
postern config reload [--comment TEXT]             commit what somebody wrote into the file of a running gateway
postern config password                            make of a password what [http] holds of it
postern config snmpkey                             make of an SNMPv3 passphrase what auth_key or priv_key of [snmp] holds of it
postern journal dump [FROM [TO]] [--json]          print the facts of a stopped store
postern journal stat [--json]                      count them
postern journal init --next-mid N                  make a new store that goes on with these ids
postern journal backup DIR                         copy a store (stopped)
postern help [COMMAND]

` + usageOfData

const usageOfData = "--data defaults to $POSTERN_DATA, then ./postern-data, then /var/lib/postern; only serve and init make one.\n"

// toolUsage is what the usage says of one of the program's own tools; "": it has none of that name.
func toolUsage(name string) string {
	var b strings.Builder
	for line := range strings.Lines(usage) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == "postern" && words[1] == name && name != "help" && name != "COMMAND" {
			b.WriteString(line)
		}
	}
	return b.String()
}

// helpTool is "postern help" of a tool.
func helpTool(f flags, stdout io.Writer) error {
	text := toolUsage(f.args[1])
	if f.json {
		return json.NewEncoder(stdout).Encode(map[string]any{"name": f.args[1], "usage": strings.Split(strings.TrimSpace(text), "\n")})
	}
	_, err := fmt.Fprintf(stdout, "%s\n%s", text, usageOfData)
	return err
}

// parseFlags takes the flags out of the arguments, wherever they stand.
func parseFlags(argv []string) (flags, error) {
	f := flags{}
	for i := 0; i < len(argv); i++ {
		name, value, given := strings.Cut(argv[i], "=")
		text := map[string]*string{"--config": &f.config, "--data": &f.data}[name]
		mark := map[string]*bool{"--json": &f.json, "--yes": &f.yes}[name]
		switch {
		case text != nil && given:
			*text = value
		case text != nil && i+1 < len(argv):
			i++
			*text = argv[i]
		case text != nil:
			return f, fmt.Errorf("%s wants a value", name)
		case mark != nil && !given:
			*mark = true
		case len(f.args) == 0 && strings.HasPrefix(name, "-") && name != "--help" && name != "-h":
			return f, fmt.Errorf("unknown flag %s", name)
		default:
			f.args = append(f.args, argv[i])
		}
	}
	return f, nil
}

// dataDirectory finds the data directory; with create, it is made when there is none.
func (f *flags) dataDirectory(create bool) (string, error) {
	tried := []string{f.data}
	if f.data == "" {
		tried = nil
		if env := os.Getenv("POSTERN_DATA"); env != "" {
			tried = append(tried, env)
		} else {
			tried = append(tried, "./postern-data", "/var/lib/postern")
		}
	}
	first := tried[0]
	for i, dir := range tried {
		info, err := os.Stat(dir)
		switch {
		case err == nil && info.IsDir():
			return filepath.Abs(dir)
		case err == nil:
			tried[i] += " (not a directory)"
		case errors.Is(err, fs.ErrPermission):
			tried[i] += " (you may not look there)"
		}
	}
	if !create {
		return "", fmt.Errorf("no data directory: tried %s; --data names another, \"postern serve\" makes one", strings.Join(tried, ", "))
	}
	if err := os.MkdirAll(first, 0o750); err != nil {
		return "", fmt.Errorf("data directory: %w", err)
	}
	return filepath.Abs(first)
}

func failing(stderr io.Writer, err error) int {
	if err != nil {
		fmt.Fprintf(stderr, "postern: %v\n", err)
		return exitRefused
	}
	return exitDone
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"postern/journal"
)

// configTool is "postern config check".
func configTool(f flags, stdout, stderr io.Writer) int {
	if len(f.args) != 2 || f.args[1] != "check" {
		fmt.Fprint(stderr, "usage: postern config check [--config FILE]\n")
		return exitUsage
	}
	path := f.config
	if path == "" {
		data, err := f.dataDirectory(false)
		if err != nil {
			return failing(stderr, err)
		}
		path = filepath.Join(data, "postern.toml")
	}
	if _, err := loadFile(path); err != nil {
		return failing(stderr, err)
	}
	fmt.Fprintf(stdout, "%s is good.\n", path)
	return exitDone
}

// journalTool is "postern journal ...".
func journalTool(f flags, stdout, stderr io.Writer) int {
	args := f.args[1:]
	switch {
	case len(args) >= 1 && len(args) <= 3 && args[0] == "dump":
		return failing(stderr, dumpJournal(f, args[1:], stdout))
	case len(args) == 1 && args[0] == "stat":
		return failing(stderr, statJournal(f, stdout))
	case len(args) >= 1 && args[0] == "init":
		return failing(stderr, initJournal(f, args[1:], stdout))
	case len(args) == 2 && args[0] == "backup":
		return failing(stderr, backupJournal(f, args[1], stdout))
	}
	fmt.Fprint(stderr, "usage: postern journal dump [FROM [TO]] | stat | init --next-mid N | backup DIR\n")
	return exitUsage
}

// reading opens the store of a stopped gateway.
func reading(f flags) (*journal.Journal, error) {
	data, err := f.dataDirectory(false)
	if err != nil {
		return nil, err
	}
	j, err := journal.Open(filepath.Join(data, "journal"), journal.Options{ReadOnly: true})
	if locked := (*journal.LockedError)(nil); errors.As(err, &locked) {
		return nil, fmt.Errorf("the gateway of %s is running: stop it first", data)
	}
	if err != nil {
		return nil, err
	}
	// What is printed may wait for its reader for hours; the end of the process lets go of the store whatever it is doing.
	whenServed(context.Background(), data, func() {
		fmt.Fprintf(os.Stderr, "postern: the gateway of %s starts and needs its store: not all was read\n", data)
		os.Exit(exitRefused)
	})
	return j, nil
}

func dumpJournal(f flags, args []string, w io.Writer) error {
	bounds := [2]uint64{}
	for i, a := range args {
		n, err := strconv.ParseUint(a, 10, 64)
		if err != nil {
			return fmt.Errorf("%q is no Seq", a)
		}
		bounds[i] = n
	}
	j, err := reading(f)
	if err != nil {
		return err
	}
	defer j.Close()
	return j.Dump(w, bounds[0], bounds[1], f.json)
}

func statJournal(f flags, w io.Writer) error {
	j, err := reading(f)
	if err != nil {
		return err
	}
	defer j.Close()
	s, err := j.Stat()
	if err != nil {
		return err
	}
	if f.json {
		return json.NewEncoder(w).Encode(s)
	}
	fmt.Fprintf(w, "%-20s %14d\n%-20s %14d\n%-20s %14d\n", "Records", s.Records, "Blocks", s.Blocks, "Bodies", s.Bodies)
	for _, k := range s.Kinds {
		fmt.Fprintf(w, "  %-28s %8d\n", k.Kind, k.Records)
	}
	return nil
}

// initJournal makes a store that goes on where another gateway's ids ended.
func initJournal(f flags, args []string, w io.Writer) error {
	next := uint64(1)
	for i, a := range args {
		text, ok := strings.CutPrefix(a, "--next-mid=")
		if a == "--next-mid" && i+1 < len(args) {
			text, ok = args[i+1], true
		}
		if ok {
			n, err := strconv.ParseUint(text, 10, 32)
			if err != nil || n < 1 || n >= journal.IDLimit {
				return fmt.Errorf("--next-mid %q: a number from 1 to %d is wanted", text, journal.IDLimit-1)
			}
			next = n
		}
	}
	data, err := f.dataDirectory(true)
	if err != nil {
		return err
	}
	j, err := journal.Open(filepath.Join(data, "journal"), journal.Options{})
	if err != nil {
		return err
	}
	defer j.Close()
	if j.Durable() > 0 {
		return fmt.Errorf("%s holds a journal of %d records already; nothing was changed", data, j.Durable())
	}
	if _, err := j.AppendEvents(0, &journal.Stopped{NextMID: uint32(next), NextICID: 1, NextDCID: 1}); err != nil {
		return err
	}
	fmt.Fprintf(w, "A new journal in %s; the first MID will be %d.\n", data, next)
	return nil
}

func backupJournal(f flags, to string, w io.Writer) error {
	data, err := f.dataDirectory(false)
	if err != nil {
		return err
	}
	lock, err := takeServeLock(data) // a copy has to be whole: the gateway waits for it
	if err != nil {
		return err
	}
	defer lock.Close()
	j, err := journal.Open(filepath.Join(data, "journal"), journal.Options{})
	if err != nil {
		return err
	}
	defer j.Close()
	copied := filepath.Join(to, "journal")
	if err := j.Backup(copied); err != nil {
		return err
	}
	// It holds people's mail: nobody but its owner reads it.
	for _, dir := range []string{copied, to} {
		if err := os.Chmod(dir, 0o700); err != nil {
			return err
		}
	}
	text, err := os.ReadFile(filepath.Join(data, "postern.toml"))
	if err == nil {
		err = os.WriteFile(filepath.Join(to, "postern.toml"), text, 0o600)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	fmt.Fprintf(w, "Backup written to %s; a gateway started on it holds delivery until it is resumed.\n", to)
	return nil
}

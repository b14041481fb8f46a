package main

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"postern/engine/config"
)

// makePassword is "postern config password": it asks for a password, twice on a terminal, else for one line, and writes
// what the configuration holds of it.
func makePassword(in *os.File, stdout, stderr io.Writer) error {
	ask := func(prompt string) (string, error) {
		fmt.Fprint(stderr, prompt)
		text, err := term.ReadPassword(int(in.Fd()))
		fmt.Fprintln(stderr)
		return string(text), err
	}
	var password string
	var err error
	if term.IsTerminal(int(in.Fd())) {
		var again string
		if password, err = ask("Password: "); err == nil {
			again, err = ask("Again: ")
		}
		if err == nil && password != again {
			err = errors.New("the two are not the same; nothing was made")
		}
	} else {
		password, err = oneLine(in)
	}
	if err != nil {
		return fmt.Errorf("password: %w", err)
	}
	hash, err := config.HashPassword(password, rand.Reader)
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, hash)
	return nil
}

// oneLine reads a line, without its end.
func oneLine(in io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(in, 4096)).ReadString('\n')
	if errors.Is(err, io.EOF) && line != "" {
		err = nil
	}
	return strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"), err
}

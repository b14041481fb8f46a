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

// secretMaker is what makes of a secret what the configuration holds of it.
type secretMaker struct {
	name string // "password": what is asked for
	make func(secret string) (string, error)
}

// secretMakers are the makers by what follows "postern config".
var secretMakers = map[string]secretMaker{
	"password": {"password", func(secret string) (string, error) { return config.HashPassword(secret, rand.Reader) }},
	"snmpkey":  {"passphrase", config.SNMPKey},
}

// run asks for the secret, twice on a terminal, else for one line, and writes what is made of it. It is no argument, since
// others see those and shells keep them.
func (m secretMaker) run(in *os.File, stdout, stderr io.Writer) error {
	ask := func(prompt string) (string, error) {
		fmt.Fprint(stderr, prompt)
		text, err := term.ReadPassword(int(in.Fd()))
		fmt.Fprintln(stderr)
		return string(text), err
	}
	var secret string
	var err error
	if term.IsTerminal(int(in.Fd())) {
		var again string
		if secret, err = ask(strings.ToUpper(m.name[:1]) + m.name[1:] + ": "); err == nil {
			again, err = ask("Again: ")
		}
		if err == nil && secret != again {
			err = errors.New("the two are not the same; nothing was made")
		}
	} else {
		secret, err = oneLine(in)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", m.name, err)
	}
	made, err := m.make(secret)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, made)
	return err
}

// oneLine reads a line, without its end.
func oneLine(in io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(in, 4096)).ReadString('\n')
	if errors.Is(err, io.EOF) && line != "" {
		err = nil
	}
	return strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"), err
}

package shell

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// lines is a script instead of a person: commands and answers come line by line. What is read is printed behind its
// prompt, so that the output reads like a session; secrets are not.
type lines struct {
	in  *bufio.Reader
	out io.Writer
}

func newLines(in io.Reader, out io.Writer) *lines {
	return &lines{in: bufio.NewReaderSize(in, maxLine), out: out}
}

// read takes a line; one that is too long is an error, and gone.
func (l *lines) read() (string, error) {
	line, err := l.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = l.in.ReadSlice('\n')
		}
		return "", fmt.Errorf("a line is longer than %d bytes", maxLine)
	}
	if len(line) == 0 && err != nil {
		return "", err
	}
	return strings.TrimRight(string(line), "\r\n"), nil
}

// Ask implements Asker.
func (l *lines) Ask(_ context.Context, text string, _ func(string) []Suggestion) (string, error) {
	fmt.Fprint(l.out, text)
	answer, err := l.read()
	fmt.Fprintln(l.out, Printable(answer))
	return answer, err
}

// Secret implements Asker.
func (l *lines) Secret(_ context.Context, text string) (string, error) {
	fmt.Fprint(l.out, text)
	answer, err := l.read()
	fmt.Fprintln(l.out)
	return answer, err
}

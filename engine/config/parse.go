package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
)

// maxBytes bounds a document; 40,000 routes take some 3 MB.
const maxBytes = 16 << 20

// Load reads and parses a file. Where there is none the error wraps fs.ErrNotExist.
func Load(path string) (*Document, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	return Parse(text, path)
}

// Parse makes a document of text: TOML, with defaults for what it does not say, and checked. name is what errors call it.
// The error is an *Errors with all faults, as far as they can be told apart: of text that is not TOML only the first.
func Parse(text []byte, name string) (*Document, error) { return parse(text, name, machineName()) }

func parse(text []byte, name, hostname string) (*Document, error) {
	if len(text) > maxBytes {
		return nil, newErrors([]*Error{{name, 1, 1, fmt.Sprintf("the document is too long; at most %d bytes are allowed", maxBytes)}})
	}
	tree := map[string]any{}
	if err := toml.Unmarshal(text, &tree); err != nil {
		return nil, newErrors([]*Error{syntaxError(err, name)})
	}
	r := &reader{name: name, source: text, failed: map[string]bool{}}
	d := sections(hostname)
	if _, given := tree["interface"]; !given {
		d.Interfaces = defaults(hostname).Interfaces
		d.Interfaces[0].Hostname = "" // filled below, from the document's
	}
	if _, given := tree["listener"]; !given {
		d.Listeners = defaults(hostname).Listeners
	}
	if _, given := tree["log"]; !given {
		d.Subscriptions = defaultLogs()
	}
	r.document(tree, d)
	r.check(d)
	if err := newErrors(r.errors); err != nil {
		return nil, err
	}
	if stamp, ok := ReadStamp(text); ok {
		d.Revision = stamp.Revision
	}
	d.index()
	return d, nil
}

// index builds what lookups use.
func (d *Document) index() {
	d.routes = newDomainIndex(d.Routes, func(r *SMTPRoute) string { return r.Domain })
	d.doubts = newDomainIndex(d.Delivery.Doubts, func(b *Doubt) string { return b.Domain })
	for i := range d.Listeners {
		l := &d.Listeners[i]
		l.accepts = newDomainIndex(l.AcceptDomains, func(s *string) string { return *s })
	}
}

func syntaxError(err error, name string) *Error {
	e := &Error{Name: name, Line: 1, Column: 1, Message: printable(strings.TrimPrefix(err.Error(), "toml: "))}
	var decode *toml.DecodeError
	if errors.As(err, &decode) {
		e.Line, e.Column = decode.Position()
	}
	e.Line, e.Column = max(e.Line, 1), max(e.Column, 1)
	return e
}

// printable makes text from a document fit for a terminal.
func printable(s string) string {
	const limit = 200
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == utf8.RuneError {
			return '?'
		}
		return r
	}, s)
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + "..."
	}
	return s
}

// reader collects the faults of one document.
type reader struct {
	name   string
	source []byte
	at     *positions // of the text; see places
	errors []*Error
	failed map[string]bool // paths with a fault: each has one at most
}

// places is where keys and values stand. A text without a fault is not gone through for them.
func (r *reader) places() *positions {
	if r.at == nil {
		r.at = locate(r.source)
	}
	return r.at
}

// fail notes that the value at path is wrong. Of what is wrong as a whole the parts are not told too.
func (r *reader) fail(path, format string, args ...any) {
	for at := path; at != ""; at = parent(at) {
		if r.failed[at] {
			return
		}
	}
	r.failed[path] = true
	message := fmt.Sprintf(format, args...)
	if shown := withoutIndices(path); shown != "" {
		message = shown + ": " + message
	}
	p := r.places().of(path)
	r.errors = append(r.errors, &Error{r.name, p.line, p.column, message})
}

// failKey notes that the key itself is wrong.
func (r *reader) failKey(path, message string) {
	p := r.places().ofKey(path)
	r.errors = append(r.errors, &Error{r.name, p.line, p.column, message})
}

// withoutIndices turns listener[0].name into listener.name: the place says which one.
func withoutIndices(path string) string {
	var b strings.Builder
	for len(path) > 0 {
		open := strings.IndexByte(path, '[')
		if open < 0 {
			break
		}
		b.WriteString(path[:open])
		_, path, _ = strings.Cut(path[open:], "]")
	}
	b.WriteString(path)
	return b.String()
}

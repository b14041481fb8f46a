package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Error is one fault of a document.
type Error struct {
	Name    string // of the document, usually its file
	Line    int    // from 1
	Column  int    // from 1, in bytes
	Message string // the key, what is wrong with it, and what is allowed
}

// Error is NAME:LINE:COLUMN: MESSAGE.
func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.Name, e.Line, e.Column, e.Message)
}

// Errors are all faults of a document, in the order of its lines. Beyond maxErrors the rest is only counted.
type Errors struct {
	List    []*Error
	Omitted int
}

const maxErrors = 50

// Error has a line for each fault.
func (e *Errors) Error() string {
	var b strings.Builder
	for i, fault := range e.List {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(fault.Error())
	}
	if e.Omitted > 0 {
		fmt.Fprintf(&b, "\n%s: and %d more errors", e.List[0].Name, e.Omitted)
	}
	return b.String()
}

// Unwrap gives the faults to errors.As.
func (e *Errors) Unwrap() []error {
	out := make([]error, len(e.List))
	for i, fault := range e.List {
		out[i] = fault
	}
	return out
}

// newErrors sorts and bounds the faults; it is nil when there are none.
func newErrors(list []*Error) error {
	if len(list) == 0 {
		return nil
	}
	slices.SortStableFunc(list, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Message, b.Message))
	})
	e := &Errors{List: list}
	if len(list) > maxErrors {
		e.List, e.Omitted = list[:maxErrors], len(list)-maxErrors
	}
	return e
}

package shell

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"time"

	"postern/projections"
)

// LogQuery is what tail and grep ask of a log.
type LogQuery struct {
	Log        string
	Patterns   []string // RE2; lines are wanted that match any of them; none: all lines
	IgnoreCase bool
	Invert     bool // lines are wanted that match none
	Context    int  // lines before and after each, up to projections.MaxLogContext
	Last       int  // begin with the last so many lines of the newest file; 0: with the oldest file
	Follow     bool // go on with what is written
}

// The limits of a query; beyond them it is refused.
const (
	maxPatterns = 20
	maxPattern  = 1000 // bytes
	maxLast     = 10000
)

// read has the query answered from a directory of logs.
func (q LogQuery) read(ctx context.Context, logs []TextLog, dir string, rest func(time.Duration), page func([]projections.LogLine) error) error {
	reading, err := q.reading(logs, dir)
	if err != nil {
		return err
	}
	reading.Rest = rest
	return reading.Read(ctx, page)
}

// reading checks the query against the logs that there are. The error is a *RefusedError, of the query's own words a
// *MisreadError.
func (q LogQuery) reading(logs []TextLog, dir string) (r projections.LogReading, err error) {
	if !slices.ContainsFunc(logs, func(l TextLog) bool { return l.Name == q.Log && l.Directory != "" }) {
		return r, withoutFile(logs, q.Log)
	}
	if q.Context < 0 || q.Context > projections.MaxLogContext {
		return r, &MisreadError{fmt.Sprintf("the lines around a match are a number from 0 to %d", projections.MaxLogContext)}
	}
	if q.Last < 0 || q.Last > maxLast {
		return r, &MisreadError{fmt.Sprintf("the last lines are a number up to %d", maxLast)}
	}
	match, err := q.matcher()
	return projections.LogReading{Dir: dir, Log: q.Log, Last: q.Last, Match: match, Context: q.Context, Follow: q.Follow}, err
}

func noSuchLog(logs []TextLog, name string) error {
	if len(logs) == 0 {
		return &RefusedError{fmt.Sprintf("there is no log %q; no logs are configured", name)}
	}
	var names []string
	for _, l := range logs {
		names = append(names, l.Name)
	}
	return &RefusedError{fmt.Sprintf("there is no log %q; there are %s", name, strings.Join(names, ", "))}
}

// withoutFile tells why a log of that name has no file to read or to close.
func withoutFile(logs []TextLog, name string) error {
	for _, l := range logs {
		if l.Name == name && l.Directory == "" {
			return &RefusedError{fmt.Sprintf("the log %s has no files here: %s", name, l.Retrieval)}
		}
	}
	if name == allLogs {
		return &RefusedError{"there is no log with files"}
	}
	return noSuchLog(logs, name)
}

// matcher tells whether a line is wanted; nil: every line is.
func (q LogQuery) matcher() (func([]byte) bool, error) {
	if len(q.Patterns) == 0 {
		return nil, nil
	}
	if len(q.Patterns) > maxPatterns {
		return nil, &MisreadError{fmt.Sprintf("there are more than %d regular expressions", maxPatterns)}
	}
	var any []func([]byte) bool
	for _, pattern := range q.Patterns {
		one, err := matcherOf(pattern, q.IgnoreCase)
		if err != nil {
			return nil, err
		}
		any = append(any, one)
	}
	return func(line []byte) bool {
		for _, one := range any {
			if one(line) {
				return !q.Invert
			}
		}
		return q.Invert
	}, nil
}

// matcherOf compiles a regular expression; one that is a plain text is looked for as such, which is quicker.
func matcherOf(pattern string, ignoreCase bool) (func([]byte) bool, error) {
	if len(pattern) > maxPattern {
		return nil, &MisreadError{fmt.Sprintf("the regular expression is longer than %d bytes", maxPattern)}
	}
	if err := CheckPattern(pattern); err != nil {
		return nil, err
	}
	re := regexp.MustCompile(pattern)
	text, isPlain := re.LiteralPrefix()
	switch {
	case isPlain && !ignoreCase:
		plain := []byte(text)
		return func(line []byte) bool { return bytes.Contains(line, plain) }, nil
	case ignoreCase:
		any, err := regexp.Compile("(?i:" + pattern + ")")
		if err != nil {
			return nil, patternError(pattern, err)
		}
		if re = any; isPlain && isASCII([]byte(text)) {
			return foldedMatcher(text, re), nil
		}
	}
	return re.Match, nil
}

// foldedMatcher looks for an ASCII text in any case of letters, a tenth of the time that the regular expression would take.
// That one is asked about lines in other scripts: some of their letters count as ours. One goroutine uses it.
func foldedMatcher(text string, re *regexp.Regexp) func([]byte) bool {
	plain := []byte(strings.ToLower(text))
	var folded []byte
	return func(line []byte) bool {
		if !isASCII(line) {
			return re.Match(line)
		}
		folded = append(folded[:0], line...)
		for i, c := range folded {
			if 'A' <= c && c <= 'Z' {
				folded[i] = c + 'a' - 'A'
			}
		}
		return bytes.Contains(folded, plain)
	}
}

func isASCII(text []byte) bool {
	for _, c := range text {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// CheckPattern tells what is wrong with a regular expression (RE2); the error is a *MisreadError.
func CheckPattern(pattern string) error {
	if _, err := regexp.Compile(pattern); err != nil {
		return patternError(pattern, err)
	}
	return nil
}

func patternError(pattern string, err error) error {
	reason, hint := err.Error(), ""
	if s := (*syntax.Error)(nil); errors.As(err, &s) {
		reason = fmt.Sprintf("%s in %q", s.Code, s.Expr)
		switch s.Code {
		case syntax.ErrInvalidPerlOp, syntax.ErrInvalidEscape:
			hint = " (RE2 knows neither look-around nor back references)"
		case syntax.ErrMissingRepeatArgument:
			hint = ` (a backslash takes it as a plain character)`
		}
	}
	return &MisreadError{fmt.Sprintf("the regular expression %q cannot be used: %s%s", pattern, reason, hint)}
}

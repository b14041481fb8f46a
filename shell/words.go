package shell

import (
	"errors"
	"strings"
	"unicode"
)

// maxLine is the longest line that the shell takes, in bytes; longer ones are refused.
const maxLine = 8192

// splitWords takes a line apart at its spaces. Quotes of either kind hold words together; a backslash outside single
// quotes takes the next character as it is.
func splitWords(line string) ([]string, error) {
	if len(line) > maxLine {
		return nil, errors.New("the line is too long")
	}
	var words []string
	var word strings.Builder
	var quote rune
	begun, escaped := false, false
	for _, r := range line {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, begun = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '"' || r == '\'':
			quote, begun = r, true
		case unicode.IsSpace(r):
			if begun {
				words = append(words, word.String())
				word.Reset()
				begun = false
			}
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	switch {
	case quote != 0:
		return nil, errors.New("a quotation mark is not closed")
	case escaped:
		return nil, errors.New("nothing follows the backslash")
	case begun:
		words = append(words, word.String())
	}
	return words, nil
}

package shell

import (
	"strings"
	"unicode/utf8"
)

// aligned writes rows in columns as wide as their longest words, two spaces apart; the words are made printable first.
func aligned(rows ...[]string) string {
	var widths []int
	for _, row := range rows {
		for i := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			row[i] = Printable(row[i])
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i, word := range row {
			line.WriteString(word)
			line.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(word)+2))
		}
		b.WriteString(strings.TrimRight(line.String(), " "))
		b.WriteByte('\n')
	}
	return b.String()
}

// underlined writes a table whose heads are underlined with "=" as wide as their columns.
func underlined(heads []string, rows [][]string) string {
	rules := make([]string, len(heads))
	for i, head := range heads {
		width := utf8.RuneCountInString(head)
		for _, row := range rows {
			width = max(width, utf8.RuneCountInString(Printable(row[i])))
		}
		rules[i] = strings.Repeat("=", width)
	}
	return aligned(append([][]string{heads, rules}, rows...)...)
}

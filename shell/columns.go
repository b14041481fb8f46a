package shell

import (
	"fmt"
	"strings"
)

// The columns of status (spec section 1.1): header values begin at the 30th; numbers end at these.
const (
	valueColumn = 29 // characters before a header's value
	firstEdge   = 41
	secondEdge  = 57
	thirdEdge   = 73
)

// table writes the rows of status, column by column.
type table struct{ b strings.Builder }

// value writes a header row: "System status:               Online".
func (t *table) value(label, value string) { fmt.Fprintf(&t.b, "%-*s%s\n", valueColumn, label, value) }

// head writes the title of a block and the heads of its columns.
func (t *table) head(title string, columns ...string) { t.row(0, title, columns...) }

// category writes a title without figures.
func (t *table) category(title string) { fmt.Fprintf(&t.b, "  %s\n", title) }

// row writes a label and up to three figures, each ending at its column's edge.
func (t *table) row(indent int, label string, figures ...string) {
	line := strings.Repeat(" ", indent) + label
	for i, f := range figures {
		edge := []int{firstEdge, secondEdge, thirdEdge}[i]
		line += fmt.Sprintf("%*s", max(edge-len(line), len(f)+1), f)
	}
	t.b.WriteString(line)
	t.b.WriteByte('\n')
}

// last writes a figure at the third edge alone, as the ids stand.
func (t *table) last(indent int, label, figure string) {
	line := strings.Repeat(" ", indent) + label
	fmt.Fprintf(&t.b, "%s%*s\n", line, max(thirdEdge-len(line), len(figure)+1), figure)
}

func (t *table) String() string { return t.b.String() }

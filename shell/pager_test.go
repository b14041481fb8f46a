package shell

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestPagerStops(t *testing.T) {
	text := ""
	for i := range 25 {
		text += fmt.Sprintf("line %d\n", i)
	}
	for name, c := range map[string]struct {
		keys    string // pressed one after the other, the last again and again
		stops   int
		last    string
		enough  bool
		columns int
	}{
		"a page at a time": {keys: " ", stops: 2, last: "line 24"},
		"a line more":      {keys: "\r", stops: 16, last: "line 24"},
		"enough":           {keys: " q", stops: 2, last: "line 17", enough: true},
		"typed ahead":      {keys: "\x00", stops: 2, last: "line 24"},
		"wrapped lines":    {keys: " ", stops: 6, last: "line 24", columns: 3},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			stops := 0
			columns := 80
			if c.columns > 0 {
				columns = c.columns
			}
			p := &pager{out: &out, height: func() int { return 10 }, width: func() int { return columns }, key: func() byte {
				stops++
				return c.keys[min(stops, len(c.keys))-1]
			}}
			_, err := p.Write([]byte(text))
			if errors.Is(err, errEnough) != c.enough || stops != c.stops {
				t.Errorf("%v after %d stops, want %d", err, stops, c.stops)
			}
			if lines := strings.Split(strings.TrimSpace(out.String()), "\n"); !strings.Contains(lines[len(lines)-1], c.last) && !strings.Contains(lines[len(lines)-2], c.last) {
				t.Errorf("it ended with %q", lines[len(lines)-1])
			}
		})
	}
}

package config

import (
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// position is a place in the text, counted from 1; columns are bytes.
type position struct{ line, column int }

// positions knows where the text names each key and where it gives its value. Keys are paths such as
// listener[0].max_recipients. What lies deeper than any document needs is left out; its faults are reported at the
// nearest key above it.
type positions struct {
	keys   map[string]position
	values map[string]position
	counts map[string]int // of the elements of arrays of tables so far
	lines  []int          // where each line begins; the parser's own Shape counts from the start of the text each time
}

const maxDepth = 8

// locate reads text, which is known to be proper TOML.
func locate(text []byte) *positions {
	p := &positions{keys: map[string]position{}, values: map[string]position{}, counts: map[string]int{}}
	p.lines = append(p.lines, 0)
	for i, c := range text {
		if c == '\n' {
			p.lines = append(p.lines, i+1)
		}
	}
	parser := unstable.Parser{}
	parser.Reset(text)
	table, known := "", true
	for parser.NextExpression() {
		e := parser.Expression()
		switch e.Kind {
		case unstable.Table, unstable.ArrayTable:
			table, known = p.header(e)
		case unstable.KeyValue:
			if known {
				p.keyValue(e, table, 0)
			}
		}
	}
	return p
}

// header notes the key of a table and returns its path.
func (p *positions) header(e *unstable.Node) (path string, known bool) {
	depth := 0
	for it := e.Key(); it.Next(); depth++ {
		if depth == maxDepth {
			return "", false
		}
		path = join(path, string(it.Node().Data))
		p.note(p.keys, path, it.Node())
		if n := p.counts[path]; n > 0 && !it.IsLast() {
			path = element(path, n-1)
		}
	}
	switch {
	case e.Kind == unstable.ArrayTable:
		n := p.counts[path]
		p.counts[path]++
		p.keys[element(path, n)] = p.lastKey(e)
		path = element(path, n)
	case p.counts[path] > 0:
		path = element(path, p.counts[path]-1)
	}
	return path, true
}

// keyValue notes one key and what stands under its value.
func (p *positions) keyValue(e *unstable.Node, table string, depth int) {
	path, key := table, position{}
	for it := e.Key(); it.Next(); depth++ {
		if depth == maxDepth {
			return
		}
		path = join(path, string(it.Node().Data))
		p.note(p.keys, path, it.Node())
		key = p.keys[path]
	}
	p.value(e.Value(), path, key, depth)
}

func (p *positions) value(v *unstable.Node, path string, at position, depth int) {
	if depth == maxDepth {
		return
	}
	switch v.Kind {
	case unstable.Array: // it has no place of its own
		p.values[path] = at
		i := 0
		for it := v.Children(); it.Next(); i++ {
			p.keys[element(path, i)] = at
			p.value(it.Node(), element(path, i), at, depth+1)
		}
	case unstable.InlineTable:
		p.note(p.values, path, v)
		for it := v.Children(); it.Next(); {
			p.keyValue(it.Node(), path, depth+1)
		}
	default:
		p.note(p.values, path, v)
	}
}

// note keeps the first place of a path.
func (p *positions) note(in map[string]position, path string, n *unstable.Node) {
	if _, ok := in[path]; ok {
		return
	}
	in[path] = p.at(n)
}

func (p *positions) lastKey(e *unstable.Node) position {
	var last *unstable.Node
	for it := e.Key(); it.Next(); {
		last = it.Node()
	}
	return p.at(last)
}

func (p *positions) at(n *unstable.Node) position {
	offset := int(n.Raw.Offset)
	line, found := slices.BinarySearch(p.lines, offset)
	if !found {
		line--
	}
	return position{line + 1, offset - p.lines[line] + 1}
}

// of is where the value of path stands, else its key, else what stands above it.
func (p *positions) of(path string) position {
	for path != "" {
		if at, ok := p.values[path]; ok {
			return at
		}
		if at, ok := p.keys[path]; ok {
			return at
		}
		path = parent(path)
	}
	return position{1, 1}
}

// ofKey is where the key of path stands.
func (p *positions) ofKey(path string) position {
	if at, ok := p.keys[path]; ok {
		return at
	}
	return p.of(path)
}

func join(path, key string) string {
	if !isBareKey(key) {
		key = strconv.Quote(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

func element(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// parent cuts the last part of a path off; keys that hold a dot or a bracket only cost a less exact place.
func parent(path string) string {
	return path[:max(strings.LastIndexAny(path, ".["), 0)]
}

func isBareKey(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-') {
			return false
		}
	}
	return s != ""
}

package config

import (
	"reflect"
	"slices"
)

// Merge brings the changes that two made of the same base together: what one of them changed is as that one has it. What
// both changed, each in another way, is told by its paths, as Diff names them; mine says whose value it then has. The merged
// document is to be parsed anew: together the changes may be what neither is alone.
func Merge(base, a, b *Document, mine bool) (merged *Document, both []string) {
	m := merger{first: mine}
	merged = new(Document)
	out, x, y, z := reflect.ValueOf(merged).Elem(), reflect.ValueOf(base).Elem(), reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem()
	for _, f := range fieldsOf(x.Type()) {
		i := f.index
		if isTables(x.Field(i)) {
			out.Field(i).Set(m.tables(f.key, x.Field(i), y.Field(i), z.Field(i)))
			continue
		}
		out.Field(i).Set(m.value(f.key, x.Field(i), y.Field(i), z.Field(i)))
	}
	return merged, m.both
}

// merger goes through three documents at once.
type merger struct {
	first bool     // where both changed something, the first one's value is taken
	both  []string // what both changed
}

// value merges a value, or a table value by value.
func (m *merger) value(path string, base, a, b reflect.Value) reflect.Value {
	if isTable(base) {
		out := reflect.New(base.Type()).Elem()
		for _, f := range fieldsOf(base.Type()) {
			out.Field(f.index).Set(m.value(path+"."+f.key, base.Field(f.index), a.Field(f.index), b.Field(f.index)))
		}
		return out
	}
	return m.choose(path, literal(base), literal(a), literal(b), a, b)
}

func (m *merger) choose(path, base, first, second string, a, b reflect.Value) reflect.Value {
	switch {
	case first == base:
		return b
	case second == base, first == second:
		return a
	}
	m.both = append(m.both, path)
	if m.first {
		return a
	}
	return b
}

// tables merges a list of tables by their names: those of b in their order, and behind them what a added. Where a alone
// changed which is the first, that one comes first.
func (m *merger) tables(path string, base, a, b reflect.Value) reflect.Value {
	out := reflect.MakeSlice(base.Type(), 0, b.Len())
	were, first, second := byName(base), byName(a), byName(b)
	for _, name := range namesIn(b, a, base) {
		x, y, z := tableOf(base, were, name), tableOf(a, first, name), tableOf(b, second, name)
		if x.IsValid() && y.IsValid() && z.IsValid() {
			out = reflect.Append(out, m.value(join(path, name), x, y, z))
			continue
		}
		if v := m.choose(join(path, name), literalOrNone(x), literalOrNone(y), literalOrNone(z), y, z); v.IsValid() {
			out = reflect.Append(out, v)
		}
	}
	if leader := firstName(a); leader != firstName(base) && firstName(b) == firstName(base) {
		lead(out, leader)
	}
	return out
}

// namesIn lists the names of several lists, each once.
func namesIn(lists ...reflect.Value) (names []string) {
	seen := map[string]bool{}
	for _, list := range lists {
		for i := range list.Len() {
			if name := nameOf(list.Index(i)); !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	return names
}

// tableOf is the table of a name, the zero Value when there is none.
func tableOf(list reflect.Value, names map[string]int, name string) reflect.Value {
	if i, ok := names[name]; ok {
		return list.Index(i)
	}
	return reflect.Value{}
}

func literalOrNone(v reflect.Value) string {
	if !v.IsValid() {
		return ""
	}
	return literal(v)
}

func firstName(list reflect.Value) string {
	if list.Len() == 0 {
		return ""
	}
	return nameOf(list.Index(0))
}

// lead moves the table of a name to the front.
func lead(list reflect.Value, name string) {
	i, ok := byName(list)[name]
	if !ok {
		return
	}
	v := reflect.New(list.Type().Elem()).Elem()
	v.Set(list.Index(i))
	reflect.Copy(list.Slice(1, i+1), list.Slice(0, i))
	list.Index(0).Set(v)
}

// Overlap lists what two changed, each in another way, of the same base.
func Overlap(base, a, b *Document) []string {
	_, both := Merge(base, a, b, false)
	return slices.Compact(both)
}

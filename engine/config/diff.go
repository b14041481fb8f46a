package config

import (
	"reflect"
	"strings"
)

// Change is one difference of two documents. Paths are dotted: retry.max_seconds, listener.InboundMail.address,
// smtp_route."example.com".to. What is new or gone as a whole is one change, with an empty Before or After. Secrets are
// masked: they may look the same before and after.
type Change struct {
	Path   string `json:"path"`
	Before string `json:"before"` // as TOML writes it
	After  string `json:"after"`
}

// Diff tells what a commit of b over a changes, in the order of the document. Interfaces, listeners and routes are the
// same when they have the same name; of interfaces it counts too which is the first, for that stands in where no other fits.
func Diff(a, b *Document) []Change {
	var changes []Change
	x, y := reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem()
	for _, f := range fieldsOf(x.Type()) {
		if isTables(x.Field(f.index)) {
			changes = diffTables(changes, f.key, x.Field(f.index), y.Field(f.index))
			continue
		}
		changes = diffValue(changes, f.key, x.Field(f.index), y.Field(f.index), f.secret)
	}
	return changes
}

func diffValue(changes []Change, path string, x, y reflect.Value, secret bool) []Change {
	if isTable(x) {
		for _, f := range fieldsOf(x.Type()) {
			changes = diffValue(changes, path+"."+f.key, x.Field(f.index), y.Field(f.index), f.secret)
		}
		return changes
	}
	if literal(x) != literal(y) {
		changes = append(changes, Change{path, shown(x, secret), shown(y, secret)})
	}
	return changes
}

func diffTables(changes []Change, path string, x, y reflect.Value) []Change {
	before, after := byName(x), byName(y)
	for i := range x.Len() {
		name := nameOf(x.Index(i))
		if j, ok := after[name]; ok {
			changes = diffValue(changes, join(path, name), x.Index(i), y.Index(j), false)
		} else {
			changes = append(changes, Change{join(path, name), shown(x.Index(i), false), ""})
		}
	}
	for i := range y.Len() {
		if name := nameOf(y.Index(i)); !has(before, name) {
			changes = append(changes, Change{join(path, name), "", shown(y.Index(i), false)})
		}
	}
	if path == "interface" && x.Len() > 0 && y.Len() > 0 && nameOf(x.Index(0)) != nameOf(y.Index(0)) {
		changes = append(changes, Change{path, namesOf(x), namesOf(y)})
	}
	return changes
}

func has(names map[string]int, name string) bool {
	_, ok := names[name]
	return ok
}

func byName(v reflect.Value) map[string]int {
	m := make(map[string]int, v.Len())
	for i := range v.Len() {
		m[nameOf(v.Index(i))] = i
	}
	return m
}

// nameOf is the first field of a table in a list: its name or its domain.
func nameOf(v reflect.Value) string { return v.Field(0).String() }

func namesOf(v reflect.Value) string {
	names := make([]string, v.Len())
	for i := range names {
		names[i] = nameOf(v.Index(i))
	}
	return strings.Join(names, ", ")
}

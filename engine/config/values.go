package config

import (
	"encoding"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// field is one key of a table, from the tags of its struct.
type field struct {
	key    string
	index  int
	limits string // "1 1000": lowest and highest
	choice string // "a b c": one of these
	secret bool   // is not for lists and logs
}

func fieldsOf(t reflect.Type) []field {
	var out []field
	for i := range t.NumField() {
		tag := t.Field(i).Tag
		if key := tag.Get("toml"); key != "" && key != "-" {
			out = append(out, field{key, i, tag.Get("limits"), tag.Get("choice"), tag.Get("secret") != ""})
		}
	}
	return out
}

// document fills d from the tree that the TOML decoder made.
func (r *reader) document(tree map[string]any, d *Document) {
	r.table(tree, reflect.ValueOf(d).Elem(), "")
}

// table fills a struct; what the table does not say keeps its default.
func (r *reader) table(tree map[string]any, into reflect.Value, path string) {
	fields := fieldsOf(into.Type())
	for key := range tree {
		if !slices.ContainsFunc(fields, func(f field) bool { return f.key == key }) {
			r.unknownKey(path, key, fields)
		}
	}
	for _, f := range fields {
		if v, ok := tree[f.key]; ok {
			r.value(v, into.Field(f.index), join(path, f.key), f)
		}
	}
}

func (r *reader) unknownKey(path, key string, fields []field) {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.key
	}
	shown := printable(withoutIndices(join(path, key)))
	r.failKey(join(path, key), fmt.Sprintf("unknown key %s; allowed here are %s", shown, strings.Join(names, ", ")))
}

// value fills one field of any type that the document has.
func (r *reader) value(v any, into reflect.Value, path string, f field) {
	switch {
	case into.Kind() == reflect.Slice:
		r.list(v, into, path, f)
	case textual(into) != nil:
		r.text(v, into, path, f)
	case into.Kind() == reflect.Struct:
		table, ok := v.(map[string]any)
		if !ok {
			r.fail(path, "%s; a table is allowed", describe(v))
			return
		}
		r.table(table, into, path)
	case into.Kind() == reflect.String:
		r.string(v, into, path, f)
	case into.Kind() == reflect.Bool:
		r.truth(v, into, path, f)
	default:
		r.number(v, into, path, f)
	}
}

const maxElements = 100_000

func (r *reader) list(v any, into reflect.Value, path string, f field) {
	values, ok := v.([]any)
	if !ok {
		r.fail(path, "%s; a list is allowed: [%s]", describe(v), allowed(into.Type().Elem(), f))
		return
	}
	if len(values) > maxElements {
		r.fail(path, "has %d elements; at most %d are allowed", len(values), maxElements)
		return
	}
	out := reflect.MakeSlice(into.Type(), len(values), len(values))
	for i, v := range values {
		if l, ok := out.Index(i).Addr().Interface().(*Listener); ok {
			*l = defaultListener(kindOf(v))
		}
		if l, ok := out.Index(i).Addr().Interface().(*Log); ok {
			*l = defaultLog()
		}
		r.value(v, out.Index(i), element(path, i), f)
	}
	into.Set(out)
}

// kindOf looks ahead: the other defaults of a listener depend on its kind.
func kindOf(v any) Kind {
	table, _ := v.(map[string]any)
	kind, _ := table["kind"].(string)
	return Kind(kind)
}

func (r *reader) string(v any, into reflect.Value, path string, f field) {
	s, ok := r.plainString(v, into, path, f)
	if !ok {
		return
	}
	if f.secret && s == Mask {
		r.fail(path, "is masked: a configuration whose secrets were masked when it was saved or shown cannot be loaded")
		return
	}
	if f.choice != "" && !slices.Contains(strings.Fields(f.choice), s) {
		r.fail(path, "%s is not allowed; allowed is %s", quoted(s), allowed(into.Type(), f))
		return
	}
	into.SetString(s)
}

func (r *reader) plainString(v any, into reflect.Value, path string, f field) (string, bool) {
	const limit = 4096
	s, ok := v.(string)
	switch {
	case !ok:
		r.fail(path, "%s; allowed is %s", describe(v), allowed(into.Type(), f))
	case len(s) > limit:
		r.fail(path, "a text of %d bytes; at most %d are allowed", len(s), limit)
	case strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c >= 0x7f && c < 0xa0 }):
		r.fail(path, "%s has control characters, which are not allowed", quoted(s))
	default:
		return s, true
	}
	return "", false
}

// text fills what has a form of its own: addresses, networks, durations.
func (r *reader) text(v any, into reflect.Value, path string, f field) {
	s, ok := r.plainString(v, into, path, f)
	if !ok {
		return
	}
	if err := textual(into).UnmarshalText([]byte(completed(s, into, path))); err != nil {
		r.fail(path, "%s is not allowed; allowed is %s", quoted(s), allowed(into.Type(), f))
		return
	}
	if d, ok := into.Interface().(Duration); ok && f.limits != "" {
		lowest, highest := durationLimits(f)
		if d.Duration < lowest.Duration || d.Duration > highest.Duration {
			r.fail(path, "%s is out of range; allowed is %s", quoted(s), allowed(into.Type(), f))
		}
	}
}

// completed adds what may be left out: a single address is a network of its own, a name server answers on port 53.
func completed(s string, into reflect.Value, path string) string {
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return s
	}
	switch into.Interface().(type) {
	case netip.Prefix:
		return s + "/" + strconv.Itoa(addr.BitLen())
	case netip.AddrPort:
		if strings.HasPrefix(path, "dns.servers[") {
			return netip.AddrPortFrom(addr, 53).String()
		}
	}
	return s
}

func (r *reader) truth(v any, into reflect.Value, path string, f field) {
	b, ok := v.(bool)
	if !ok {
		r.fail(path, "%s; allowed is %s", describe(v), allowed(into.Type(), f))
		return
	}
	into.SetBool(b)
}

func (r *reader) number(v any, into reflect.Value, path string, f field) {
	n, ok := v.(int64)
	if !ok {
		r.fail(path, "%s; allowed is %s", describe(v), allowed(into.Type(), f))
		return
	}
	lowest, highest := numberLimits(f)
	if n < lowest || n > highest {
		r.fail(path, "%d is out of range; allowed is %s", n, allowed(into.Type(), f))
		return
	}
	if into.CanUint() {
		into.SetUint(uint64(n))
		return
	}
	into.SetInt(n)
}

func textual(v reflect.Value) encoding.TextUnmarshaler {
	u, _ := v.Addr().Interface().(encoding.TextUnmarshaler)
	return u
}

func numberLimits(f field) (lowest, highest int64) {
	a, b, ok := strings.Cut(f.limits, " ")
	if !ok {
		return math.MinInt64, math.MaxInt64
	}
	lowest, _ = strconv.ParseInt(a, 10, 64) // a test reads every tag
	highest, _ = strconv.ParseInt(b, 10, 64)
	return lowest, highest
}

func durationLimits(f field) (lowest, highest Duration) {
	a, b, _ := strings.Cut(f.limits, " ")
	x, _ := time.ParseDuration(a) // a test reads every tag
	y, _ := time.ParseDuration(b)
	return Duration{x}, Duration{y}
}

// allowed tells what may stand there.
func allowed(t reflect.Type, f field) string {
	switch {
	case f.choice != "":
		return strings.Join(strings.Fields(f.choice), ", ")
	case t == reflect.TypeFor[Duration]():
		lowest, highest := durationLimits(f)
		return fmt.Sprintf(`a time from %s to %s, such as "90s", "5m", "24h"`, lowest, highest)
	case t == reflect.TypeFor[netip.Prefix]():
		return `an address with its network, such as "192.0.2.1/24"`
	case t == reflect.TypeFor[netip.AddrPort]():
		return `an address with a port, such as "192.0.2.1:25" or "[2001:db8::1]:25"`
	case t.Kind() == reflect.String:
		return "a text in quotes"
	case t.Kind() == reflect.Struct:
		return "a table"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case f.limits != "":
		lowest, highest := numberLimits(f)
		return fmt.Sprintf("a whole number from %d to %d", lowest, highest)
	}
	return "a whole number"
}

// describe tells what stands there instead.
func describe(v any) string {
	switch v := v.(type) {
	case string:
		return quoted(v) + " is a text"
	case int64:
		return fmt.Sprintf("%d is a number", v)
	case float64:
		return fmt.Sprintf("%v is a number with a fraction", v)
	case bool:
		return fmt.Sprintf("%t is a truth value", v)
	case []any:
		return "is a list"
	case map[string]any:
		return "is a table"
	}
	return "is a date or time"
}

func quoted(s string) string { return `"` + printable(s) + `"` }

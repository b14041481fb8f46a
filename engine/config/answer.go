package config

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Set gives a key of one of the document's tables the value that a person typed: a number, a time, an address, a word of a
// choice, yes or no, or several of them with commas between; nothing typed is an empty list. table points to the struct. Form
// and limits of the value are checked; how it goes with the rest of the document is Check's business. The error is half a
// sentence about the value, and the table is then as it was.
func Set(table any, key, typed string) error {
	v := reflect.ValueOf(table).Elem()
	fields := fieldsOf(v.Type())
	i := slices.IndexFunc(fields, func(f field) bool { return f.key == key })
	if i < 0 {
		return fmt.Errorf("there is no %s; there are %s", quoted(key), strings.Join(Keys(table), ", "))
	}
	f := fields[i]
	into := reflect.New(v.Field(f.index).Type()).Elem()
	r := &reader{failed: map[string]bool{}}
	r.value(fromText(typed, into), into, "", f)
	if len(r.errors) > 0 {
		return errors.New(r.errors[0].Message)
	}
	v.Field(f.index).Set(into)
	return nil
}

// fromText is what was typed as the TOML decoder would give it; what is of the wrong form stays a text.
func fromText(typed string, into reflect.Value) any {
	typed = strings.TrimSpace(typed)
	switch {
	case into.Kind() == reflect.Slice:
		list := []any{}
		element := reflect.New(into.Type().Elem()).Elem()
		for part := range strings.SplitSeq(typed, ",") {
			if part = strings.TrimSpace(part); part != "" {
				list = append(list, fromText(part, element))
			}
		}
		return list
	case textual(into) != nil, into.Kind() == reflect.String:
		return typed
	case into.Kind() == reflect.Bool:
		switch strings.ToLower(typed) {
		case "y", "yes", "true", "on":
			return true
		case "n", "no", "false", "off":
			return false
		}
	default:
		if n, err := strconv.ParseInt(typed, 10, 64); err == nil {
			return n
		}
	}
	return typed
}

// Text is the value of a key as Set takes it; "" is an empty list, no address, or no such key.
func Text(table any, key string) string {
	v := reflect.ValueOf(table).Elem()
	for _, f := range fieldsOf(v.Type()) {
		if f.key == key {
			return toText(v.Field(f.index))
		}
	}
	return ""
}

func toText(v reflect.Value) string {
	switch {
	case v.Kind() == reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = toText(v.Index(i))
		}
		return strings.Join(parts, ", ")
	case isText(v):
		text, err := v.Interface().(encoding.TextMarshaler).MarshalText()
		if err != nil {
			return ""
		}
		return string(text)
	}
	return fmt.Sprint(v.Interface())
}

// Keys are the keys of one of the document's tables, in its order.
func Keys(table any) []string {
	var keys []string
	for _, f := range fieldsOf(reflect.ValueOf(table).Elem().Type()) {
		keys = append(keys, f.key)
	}
	return keys
}

// Secret tells whether the value of a key is not to be shown.
func Secret(table any, key string) bool {
	return slices.ContainsFunc(fieldsOf(reflect.ValueOf(table).Elem().Type()), func(f field) bool { return f.key == key && f.secret })
}

// Check finds what is wrong with a document that was changed by hand: names that stand twice, addresses that are taken, words
// that are no domains. It brings names and patterns into their normal form, in place, so the document must be the caller's
// own. The error is an *Errors without places.
func Check(d *Document) error {
	r := &reader{failed: map[string]bool{}}
	r.check(d)
	return newErrors(r.errors)
}

// Values are the values of a table for programs, by key: numbers, truth values, texts and lists of texts.
func Values(table any) map[string]any {
	v := reflect.ValueOf(table).Elem()
	values := make(map[string]any)
	for _, f := range fieldsOf(v.Type()) {
		values[f.key] = plainValue(v.Field(f.index))
	}
	return values
}

func plainValue(v reflect.Value) any {
	switch {
	case v.Kind() == reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = plainValue(v.Index(i))
		}
		return list
	case isText(v):
		return toText(v)
	}
	return v.Interface()
}

// NewListener has what a listener of a kind is when nothing more is said; it lacks a name and an address.
func NewListener(kind Kind) Listener { return defaultListener(kind) }

// CheckName tells why a word cannot be the name of an interface or a listener.
func CheckName(name string) error {
	if !isObjectName(name) {
		return errName
	}
	return nil
}

// CheckPattern gives the normal form of what names domains: ALL, example.com, .example.com, [192.0.2.1].
func CheckPattern(s string) (string, error) {
	normal, err := normalPattern(s)
	if err != nil {
		return "", fmt.Errorf("%s %w; .example.com stands for its sub-domains, ALL for every domain", quoted(s), err)
	}
	return normal, nil
}

// CheckRoute finds what is wrong with the targets of an SMTP route, and brings them into their normal form, in place.
func CheckRoute(route *SMTPRoute) error {
	r := &reader{failed: map[string]bool{}}
	r.targets(route.To, "")
	if len(r.errors) > 0 {
		return errors.New(r.errors[0].Message)
	}
	return nil
}

// Clone is a copy of a document that shares nothing with it, for whoever changes it.
func Clone(d *Document) *Document {
	c := new(Document)
	*c = *d
	v := reflect.ValueOf(c).Elem()
	for _, f := range fieldsOf(v.Type()) {
		v.Field(f.index).Set(cloned(v.Field(f.index)))
	}
	c.index()
	return c
}

func cloned(v reflect.Value) reflect.Value {
	switch {
	case v.Kind() == reflect.Slice && !v.IsNil():
		out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(out, v)
		if holdsSlices(v.Type().Elem()) {
			for i := range out.Len() {
				out.Index(i).Set(cloned(out.Index(i)))
			}
		}
		return out
	case v.Kind() == reflect.Struct && holdsSlices(v.Type()):
		out := reflect.New(v.Type()).Elem()
		out.Set(v)
		for _, f := range fieldsOf(v.Type()) {
			out.Field(f.index).Set(cloned(v.Field(f.index)))
		}
		return out
	}
	return v
}

// holdsSlices tells whether values of a type have parts that a copy would share.
func holdsSlices(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return t.Kind() == reflect.Slice
	}
	for _, f := range fieldsOf(t) {
		if holdsSlices(t.Field(f.index).Type) {
			return true
		}
	}
	return false
}

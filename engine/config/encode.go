package config

import (
	"bytes"
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Encode writes a document as TOML, every key with its value, under a stamp with its revision. Parse reads the same
// document back.
func Encode(d *Document) []byte {
	var b bytes.Buffer
	v := reflect.ValueOf(d).Elem()
	fields := fieldsOf(v.Type())
	for _, f := range fields {
		if x := v.Field(f.index); !isTable(x) && (!isTables(x) || x.Len() == 0) {
			fmt.Fprintf(&b, "%s = %s\n", f.key, literal(x)) // an empty list of tables must be said too: it is not the default
		}
	}
	for _, f := range fields {
		switch x := v.Field(f.index); {
		case isTables(x):
			for i := range x.Len() {
				fmt.Fprintf(&b, "\n[[%s]]\n", f.key)
				writeTable(&b, x.Index(i))
			}
		case isTable(x):
			fmt.Fprintf(&b, "\n[%s]\n", f.key)
			writeTable(&b, x)
		}
	}
	return WithStamp(b.Bytes(), d.Revision)
}

func writeTable(b *bytes.Buffer, v reflect.Value) {
	for _, f := range fieldsOf(v.Type()) {
		fmt.Fprintf(b, "%s = %s\n", f.key, literal(v.Field(f.index)))
	}
}

func isTable(v reflect.Value) bool {
	return v.Kind() == reflect.Struct && !isText(v)
}

func isTables(v reflect.Value) bool {
	return v.Kind() == reflect.Slice && isTable(reflect.New(v.Type().Elem()).Elem())
}

func isText(v reflect.Value) bool {
	_, ok := v.Interface().(encoding.TextMarshaler)
	return ok
}

// literal is a value as TOML writes it.
func literal(v reflect.Value) string {
	switch {
	case isText(v):
		text, err := v.Interface().(encoding.TextMarshaler).MarshalText()
		if err != nil {
			return `""`
		}
		return basicString(string(text))
	case v.Kind() == reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = literal(v.Index(i))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case v.Kind() == reflect.Struct:
		var parts []string
		for _, f := range fieldsOf(v.Type()) {
			parts = append(parts, f.key+" = "+literal(v.Field(f.index)))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case v.Kind() == reflect.String:
		return basicString(v.String())
	case v.Kind() == reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case v.CanUint():
		return strconv.FormatUint(v.Uint(), 10)
	}
	return strconv.FormatInt(v.Int(), 10)
}

// basicString quotes as TOML does, which knows fewer escapes than Go.
func basicString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, c)
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

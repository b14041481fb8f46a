package config

import "reflect"

// Mask stands for a secret where it is not to be shown. No document may have it for one.
const Mask = "*****"

// Masked is a copy of a document with its secrets masked, to be shown. Parse refuses what Encode makes of it, unless it has
// none.
func Masked(d *Document) *Document {
	masked := *d
	v := reflect.ValueOf(&masked).Elem()
	v.Set(maskedValue(v, false))
	return &masked
}

// maskedValue shares nothing that it changes with v.
func maskedValue(v reflect.Value, secret bool) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	switch {
	case secret && v.Kind() == reflect.String:
		if v.Len() > 0 {
			out.SetString(Mask)
		}
	case isTable(v):
		for _, f := range fieldsOf(v.Type()) {
			out.Field(f.index).Set(maskedValue(v.Field(f.index), f.secret))
		}
	case v.Kind() == reflect.Slice && !v.IsNil() && (secret || isTables(v)):
		out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		for i := range v.Len() {
			out.Index(i).Set(maskedValue(v.Index(i), secret))
		}
	}
	return out
}

// shown is a value as a list of changes shows it.
func shown(v reflect.Value, secret bool) string { return literal(maskedValue(v, secret)) }

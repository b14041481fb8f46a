package journal

import (
	"fmt"
	"net/netip"
	"reflect"
)

// filler puts a distinct value, the same in each run, into every field that it is shown.
type filler struct{ n uint64 }

func (f *filler) fill(v reflect.Value, name string) {
	f.n++
	if _, ok := v.Interface().(netip.Addr); ok {
		a := netip.AddrFrom4([4]byte{192, 0, 2, byte(f.n)})
		if f.n%2 == 0 {
			a = netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 15: byte(f.n)})
		}
		v.Set(reflect.ValueOf(a))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			f.fill(v.Field(i), v.Type().Field(i).Name)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		f.fill(v.Index(0), name)
		f.fill(v.Index(1), name)
	case reflect.String:
		v.SetString(fmt.Sprintf("%s-%d-\u00fc\x01", name, f.n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int64:
		x := int64(f.n) * 1_000_000_007
		if f.n%2 == 0 && v.Type() != reflect.TypeFor[Instant]() {
			x = -x
		}
		v.SetInt(x)
	case reflect.Uint64:
		v.SetUint(f.n << 33)
	case reflect.Uint32:
		v.SetUint(f.n << 20)
	case reflect.Uint16:
		v.SetUint(f.n << 8 & 0xffff)
	case reflect.Uint8:
		v.SetUint(f.n&0x7f + 1)
	default:
		panic("no value for a " + v.Type().String())
	}
}

func filled(k Kind) Event {
	e := k.info().make()
	(&filler{n: uint64(k)}).fill(reflect.ValueOf(e).Elem(), k.String())
	return e
}

// leaves calls fn with a fresh event for every single field of the kind, also those of its lists' elements, set alone.
func leaves(k Kind, fn func(path string, e Event)) {
	t := reflect.TypeOf(k.info().make()).Elem()
	for i := range t.NumField() {
		field := t.Field(i)
		fresh := func() (Event, reflect.Value) {
			e := k.info().make()
			return e, reflect.ValueOf(e).Elem().Field(i)
		}
		if field.Type.Kind() == reflect.Slice && field.Type.Elem().Kind() == reflect.Struct {
			for n := range field.Type.Elem().NumField() {
				e, v := fresh()
				v.Set(reflect.MakeSlice(v.Type(), 3, 3))
				(&filler{n: 40}).fill(v.Index(1).Field(n), "x")
				fn(field.Name+"."+field.Type.Elem().Field(n).Name, e)
			}
			continue
		}
		e, v := fresh()
		(&filler{n: 40}).fill(v, field.Name)
		fn(field.Name, e)
	}
}

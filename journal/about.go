package journal

import "reflect"

// subjects says for a kind which of its fields name messages; -1: none does.
type subjects struct{ message, set int }

var subjectsOf = func() (out [len(kinds)]subjects) {
	for k := range kinds {
		out[k] = subjects{-1, -1}
		if kinds[k].make == nil {
			continue
		}
		t := reflect.TypeOf(kinds[k].make()).Elem()
		if f, ok := t.FieldByName("Message"); ok && f.Type == reflect.TypeFor[uint64]() {
			out[k].message = f.Index[0]
		}
		if f, ok := t.FieldByName("Set"); ok && f.Type == reflect.TypeFor[[]MessageRecipients]() {
			out[k].set = f.Index[0]
		}
	}
	return out
}()

// About tells whether a record is about one of some messages, its own injection included.
func About(r Record, one func(seq uint64) bool) bool {
	k := int(r.Event.Kind())
	if r.Event.Kind() == KindMessageInjected {
		return one(r.Seq)
	}
	if k >= len(subjectsOf) || kinds[k].make == nil {
		return false
	}
	s := subjectsOf[k]
	if s.message < 0 && s.set < 0 {
		return false
	}
	v := reflect.ValueOf(r.Event).Elem()
	if s.message >= 0 && one(v.Field(s.message).Uint()) {
		return true
	}
	if s.set < 0 {
		return false
	}
	set, _ := v.Field(s.set).Interface().([]MessageRecipients)
	for i := range set {
		if one(set[i].Message) {
			return true
		}
	}
	return false
}

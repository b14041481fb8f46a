package journal

import (
	"reflect"
	"slices"
)

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

// MessageOf gives the message that a fact is about; 0: none, or several.
func MessageOf(e Event) uint64 {
	k := int(e.Kind())
	if k >= len(subjectsOf) || subjectsOf[k].message < 0 {
		return 0
	}
	return reflect.ValueOf(e).Elem().Field(subjectsOf[k].message).Uint()
}

// SetOf gives the messages that a fact about several names.
func SetOf(e Event) []MessageRecipients {
	k := int(e.Kind())
	if k >= len(subjectsOf) || subjectsOf[k].set < 0 {
		return nil
	}
	return *reflect.ValueOf(e).Elem().Field(subjectsOf[k].set).Addr().Interface().(*[]MessageRecipients)
}

// About tells whether a record is about one of some messages, its own injection included.
func About(r Record, one func(seq uint64) bool) bool {
	if r.Event.Kind() == KindMessageInjected {
		return one(r.Seq)
	}
	if m := MessageOf(r.Event); m != 0 && one(m) {
		return true
	}
	return slices.ContainsFunc(SetOf(r.Event), func(s MessageRecipients) bool { return one(s.Message) })
}

package config

import (
	"errors"
	"strings"
	"testing"
)

// Whatever the text: no panic, faults with a place and without control characters; and what is taken is read back the same.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", pinned, listener("private", "relay_from = []"), route(`["[a.test]:25", "USEDNS"]`), string(Encode(defaults("a.test"))),
		"a.b.c.d.e.f.g.h.i.j = 1", "listener = [[[[[[[[[[1]]]]]]]]]]", "[[listener]]\n[listener.x]\n[[listener.x.y]]\nz = 1",
		"[[a]]\n[[a.b]]\n[[a.b]]\nc = {d = [{e = 1}]}", "\xef\xbb\xbfhostname = 'a'\r\n", "\"\" = 1", "hostname = '''\na'''",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := parse(text, "c.toml", "host.test")
		if err != nil {
			checkErrors(t, err, text)
			return
		}
		again, err := parse(Encode(d), "c.toml", "other.test")
		if err != nil {
			t.Fatalf("%v in\n%s", err, Encode(d))
		}
		if changes := Diff(d, again); len(changes) > 0 {
			t.Fatalf("read back it differs: %v", changes)
		}
		d.Route("a.example.com")
	})
}

func checkErrors(t *testing.T, err error, text []byte) {
	var all *Errors
	if !errors.As(err, &all) || len(all.List) == 0 || len(all.List) > maxErrors {
		t.Fatalf("got %#v", err)
	}
	lines := strings.Split(string(text), "\n")
	for _, e := range all.List {
		if e.Line < 1 || e.Line > len(lines) || e.Column < 1 || e.Column > len(lines[e.Line-1])+1 {
			t.Fatalf("%v lies outside of the text", e)
		}
		if strings.ContainsFunc(e.Message, func(r rune) bool { return r < ' ' || r == 0x7f }) || len(e.Message) > 1000 {
			t.Fatalf("%q is not fit for a terminal", e.Message)
		}
	}
}

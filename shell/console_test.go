package shell

import (
	"bytes"
	"slices"
	"testing"
)

// keysOf gives the keys that a console makes of what was typed, opening it again after each line.
func keysOf(k *console, typed string) (keys []string) {
	k.typed = []byte(typed)
	for {
		key := k.next()
		if key == nil {
			return keys
		}
		keys = append(keys, string(key))
		k.shut = false
	}
}

func TestConsoleKeys(t *testing.T) {
	for typed, want := range map[string][]string{
		"status\r":                 {"status", "\r"},
		"one\r\ntwo\n":             {"one", "\n", "two", "\n"},
		"a\x7fb":                   {"a", "\x7f", "b"},
		"\x1b[A\x1b[B":             {"\x1b[A", "\x1b[B"},
		"\x1b[1;99;5Znext":         {"\x1b[1;99;5Z", "next"},
		"grüße\x03":                {"grüße", "\x03"},
		"half\xc3":                 {"half"},
		"\x1b":                     {"\x1b"},
		"\x1b[200~pasted\x1b[201~": {"\x1b[200~", "pasted", "\x1b[201~"},
	} {
		if got := keysOf(new(console), typed); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
	}
}

// TestConsoleShutsAfterALine holds what is typed ahead for whoever reads next.
func TestConsoleShutsAfterALine(t *testing.T) {
	k := &console{typed: []byte("first\rsecond\r")}
	for _, want := range []string{"first", "\r"} {
		if key, err := k.Read(); err != nil || string(key) != want {
			t.Fatalf("%q, %v", key, err)
		}
	}
	if key, err := k.Read(); err == nil {
		t.Fatalf("after the line it gave %q", key)
	}
	k.shut = false
	if key, err := k.Read(); err != nil || string(key) != "second" {
		t.Errorf("then %q, %v", key, err)
	}
}

// TestConsoleLeavesQuestions empties the line, ends it, and remembers why; the rest of a paste is gone.
func TestConsoleLeavesQuestions(t *testing.T) {
	for _, key := range []byte{keyCtrlC, keyCtrlD} {
		k := &console{}
		k.ask()
		if got := keysOf(k, "half"+string(key)+"rest\r"); !slices.Equal(got, []string{"half", "\x05", "\x15", "\r"}) {
			t.Errorf("%q", got)
		}
		if !k.answered() {
			t.Error("it was not remembered")
		}
	}
}

// TestConsoleWantsAnotherSize: once go-prompt draws for a size that is not the terminal's, the line in hand is ended, and
// what was typed waits for the next one. Who reads otherwise is not disturbed.
func TestConsoleWantsAnotherSize(t *testing.T) {
	k := &console{typed: []byte("half")}
	size := *k.GetWinSize()
	if size.Col != 80 || size.Row < 1000 {
		t.Errorf("go-prompt is told %+v", size)
	}
	k.drawn.Col = 100
	if key, err := k.Read(); err != nil || string(key) != keyNothing || !k.wantsRedraw() {
		t.Errorf("%q, %v", key, err)
	}
	if key, err := k.Read(); err == nil {
		t.Errorf("then %q", key)
	}
	k.shut, k.redraw, k.drawn = false, false, nil
	if key, err := k.Read(); err != nil || string(key) != "half" {
		t.Errorf("in the end %q, %v", key, err)
	}
}

// FuzzConsole loses and adds nothing, whatever is typed, but half a character at the end.
func FuzzConsole(f *testing.F) {
	f.Add([]byte("status\r\x1b[A\xff\xfe"))
	f.Fuzz(func(t *testing.T, typed []byte) {
		k := &console{}
		keys := keysOf(k, string(typed))
		rest := append([]byte(nil), k.typed...)
		var all []byte
		for _, key := range keys {
			all = append(all, key...)
		}
		want := bytes.ReplaceAll(typed, []byte("\r\n"), []byte("\n"))
		if got := append(all, rest...); !bytes.Equal(got, want) {
			t.Errorf("%q: %q and %q", typed, keys, rest)
		}
	})
}

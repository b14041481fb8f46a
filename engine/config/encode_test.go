package config

import (
	"bytes"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// The defaults are what operators rely on without having written them down.
func TestDefaultsGolden(t *testing.T) {
	got := Encode(defaults("mail.example.com"))
	const golden = "testdata/default.toml"
	if *rewrite {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the defaults have changed; go test -rewrite accepts them:\n%s", got)
	}
}

func TestDefaultIsValid(t *testing.T) {
	d := Default()
	again, err := Parse(Encode(d), "c.toml")
	if err != nil {
		t.Fatal(err)
	}
	if changes := Diff(d, again); len(changes) > 0 {
		t.Errorf("read back, the default has changed: %v", changes)
	}
	if l := d.Listeners[0]; len(d.Listeners) != 1 || l.Kind != Private || l.Address.String() != "127.0.0.1:2525" || l.Name != "Mail" {
		t.Errorf("the default listener is %+v", d.Listeners)
	}
}

func TestEncodeIsReadBack(t *testing.T) {
	for _, text := range []string{pinned, "listener = []", listener("private", "relay_from = []"), listener("public", `certificate = 'C:\x "y".pem'`+"\nkey = 'é'")} {
		d, err := parse([]byte(text), "c.toml", "host.test")
		if err != nil {
			t.Fatal(err)
		}
		d.Revision = 7
		again, err := parse(Encode(d), "c.toml", "other.test")
		if err != nil {
			t.Fatalf("%v in\n%s", err, Encode(d))
		}
		if changes := Diff(d, again); len(changes) > 0 || again.Revision != 7 || string(Encode(again)) != string(Encode(d)) {
			t.Errorf("%s\nis read back with %v, revision %d", text, changes, again.Revision)
		}
	}
}

func TestStamp(t *testing.T) {
	text := []byte("# mine\nhostname = \"a.test\"\n")
	stamped := WithStamp(text, 12)
	stamp, ok := ReadStamp(stamped)
	if !ok || stamp.Revision != 12 || stamp.Hash != Hash(text) || stamp.Hash != Hash(stamped) {
		t.Errorf("the stamp of\n%s is %+v", stamped, stamp)
	}
	line, rest, _ := strings.Cut(string(stamped), "\n")
	if !strings.HasPrefix(line, "# Postern configuration, revision 12, sha256 ") || rest != string(text) {
		t.Errorf("got\n%s", stamped)
	}
	again := WithStamp(stamped, 13)
	if stamp, _ := ReadStamp(again); stamp.Revision != 13 || bytes.Count(again, []byte("sha256")) != 1 || Hash(again) != Hash(text) {
		t.Errorf("stamped again it is\n%s", again)
	}
	if edited := append(bytes.Clone(stamped), "# and more\n"...); Hash(edited) == stamp.Hash {
		t.Error("an edit does not show")
	}
	for _, none := range []string{"", "hostname = 1", "\n" + string(stamped), "# Postern configuration, revision 9999999999999999999999, sha256 " + stamp.Hash + "\n"} {
		if stamp, ok := ReadStamp([]byte(none)); ok {
			t.Errorf("%q bears a stamp %+v", none, stamp)
		}
	}
	d, err := Parse(stamped, "c.toml")
	if err != nil || d.Revision != 12 {
		t.Errorf("the revision is %v, %v", d, err)
	}
}

// Every number and every time has limits that can be read, and every default lies within its own.
func TestTags(t *testing.T) {
	var walk func(reflect.Type)
	walk = func(t2 reflect.Type) {
		for _, f := range fieldsOf(t2) {
			ft := t2.Field(f.index).Type
			for ft.Kind() == reflect.Slice {
				ft = ft.Elem()
			}
			name := t2.Name() + "." + f.key
			switch zero := reflect.New(ft).Elem(); {
			case ft == reflect.TypeFor[Duration]():
				if lowest, highest := durationLimits(f); lowest.Duration <= 0 || highest.Duration <= lowest.Duration {
					t.Errorf("%s has the limits %q", name, f.limits)
				}
			case isTable(zero):
				walk(ft)
			case zero.CanInt() || zero.CanUint():
				if lowest, highest := numberLimits(f); f.limits == "" || lowest < 0 || highest <= lowest || ft.Kind() == reflect.Uint16 && highest > 65535 {
					t.Errorf("%s has the limits %q", name, f.limits)
				}
			}
		}
	}
	walk(reflect.TypeFor[Document]())
	for _, kind := range []Kind{Public, Private, Blackhole} {
		d := defaults("a.test")
		name, address := d.Listeners[0].Name, d.Listeners[0].Address
		d.Listeners[0] = defaultListener(kind)
		d.Listeners[0].Name, d.Listeners[0].Address = name, address
		if _, err := Parse(Encode(d), string(kind)); err != nil {
			t.Error(err)
		}
	}
}

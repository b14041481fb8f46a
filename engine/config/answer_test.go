package config

import (
	"reflect"
	"strings"
	"testing"
)

func TestSetTakesWhatTextGives(t *testing.T) {
	d, err := parse([]byte(pinned), "c.toml", "host.test")
	if err != nil {
		t.Fatal(err)
	}
	for name, table := range map[string]any{"listener": &d.Listeners[0], "interface": &d.Interfaces[0], "route": &d.Routes[0], "dns": &d.DNS, "snmp": &d.SNMP, "delivery": &d.Delivery, "alerts": &d.Alerts} {
		for _, key := range Keys(table) {
			if name == "delivery" && key == "doubt" {
				continue // tables have no text
			}
			text := Text(table, key)
			before := Values(table)[key]
			if text == "" && reflect.ValueOf(before).Kind() == reflect.String && strings.Contains("address hostname", key) {
				continue
			}
			choice := key == "kind" || key == "bare_newlines"
			if err := Set(table, key, text); err != nil && !choice {
				t.Errorf("%s.%s = %q: %v", name, key, text, err)
			}
			if after := Values(table)[key]; !reflect.DeepEqual(before, after) {
				t.Errorf("%s.%s was %v, is %v", name, key, before, after)
			}
		}
	}
}

func TestSetRefuses(t *testing.T) {
	l := defaultListener(Public)
	for _, c := range []struct{ key, typed, want string }{
		{"max_recipients", "0", "0 is out of range; allowed is a whole number from 1 to 100000"},
		{"max_recipients", "many", `"many" is a text; allowed is a whole number from 1 to 100000`},
		{"max_recipients", "1.5", `"1.5" is a text; allowed is`},
		{"command_timeout", "5", `"5" is not allowed; allowed is a time from 1s to 1h`},
		{"address", "192.0.2.1", `"192.0.2.1" is not allowed; allowed is an address with a port`},
		{"relay_from", "10.0.0.0/8, 10.0.0.0/99", `"10.0.0.0/99" is not allowed; allowed is an address with its network`},
		{"bare_newlines", "keep", `"keep" is not allowed; allowed is reject, normalise`},
		{"certificate", "a\x00b", "control characters"},
		{"colour", "red", `there is no "colour"; there are name, kind, address,`},
	} {
		before := Values(&l)
		if err := Set(&l, c.key, c.typed); err == nil || !strings.Contains(err.Error(), c.want) || !reflect.DeepEqual(before, Values(&l)) {
			t.Errorf("%s = %q: %v", c.key, c.typed, err)
		}
	}
	s := defaultSNMP()
	if err := Set(&s, "enabled", "maybe"); err == nil || Set(&s, "enabled", "Yes") != nil || !s.Enabled || Text(&s, "enabled") != "true" {
		t.Errorf("%v, %v", err, s.Enabled)
	}
}

// TestCloneSharesNothing: a copy that is changed in every list leaves the document as it was.
func TestCloneSharesNothing(t *testing.T) {
	d, err := parse([]byte(pinned+"[alerts]\nto = [\"a@b.example\"]\n[[delivery.doubt]]\ndomain = \"ALL\"\naction = \"hold\"\n"), "c.toml", "host.test")
	if err != nil {
		t.Fatal(err)
	}
	c, text := Clone(d), string(Encode(d))
	if string(Encode(c)) != text || len(Diff(d, c)) > 0 || c.Route("x.example") != &c.Routes[0] {
		t.Error("the copy is another document")
	}
	c.Interfaces[0].Name, c.Listeners[0].AcceptDomains[0], c.Listeners[0].RelayFrom = "X", "x.example", nil
	c.Routes[0].To[0], c.DNS.Servers[0], c.Alerts.To[0], c.Delivery.Doubts[0].Action, c.SNMP.Traps[0], c.SNMP.Networks = "x.example", c.Listeners[0].Address, "x@b.example", "ask", "x", nil
	if string(Encode(d)) != text {
		t.Error("the document has changed with its copy")
	}
}

func TestCheckFindsWhatParseWould(t *testing.T) {
	d, err := parse([]byte(pinned), "c.toml", "host.test")
	if err != nil || Check(d) != nil {
		t.Fatal(err)
	}
	d.Listeners = append(d.Listeners, d.Listeners[0])
	d.Interfaces[0].Hostname = "UPPER.example"
	if err := Check(d); err == nil || !strings.Contains(err.Error(), "stands here twice") || d.Interfaces[0].Hostname != "upper.example" {
		t.Errorf("%v, %s", err, d.Interfaces[0].Hostname)
	}
	r := SMTPRoute{Domain: "a.example", To: []string{"/dev/null", "b.example"}}
	if err := CheckRoute(&r); err == nil || !strings.HasPrefix(err.Error(), "/dev/null takes everything") {
		t.Error(err)
	}
}

// FuzzSet types anything: what is taken is the same when it is typed again.
func FuzzSet(f *testing.F) {
	for _, typed := range []string{"", "5", "90s", "yes", "10.0.0.0/8, ::1", "192.0.2.1:25", "[fe80::1%\"]:53", "a@b.example", "none", "authPriv", "\x00", "é,ü"} {
		f.Add(typed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		l, s := defaultListener(Public), defaultSNMP()
		for _, table := range []any{&l, &s, new(DNS), new(Alerts), new(Interface), new(SMTPRoute)} {
			for _, key := range Keys(table) {
				before := Values(table)[key]
				if err := Set(table, key, typed); err != nil {
					if after := Values(table)[key]; !reflect.DeepEqual(before, after) {
						t.Fatalf("%s = %q is refused (%v) and has changed %v to %v", key, typed, err, before, after)
					}
					continue
				}
				taken := Values(table)[key]
				if text := Text(table, key); text != "" {
					if err := Set(table, key, text); err != nil || !reflect.DeepEqual(taken, Values(table)[key]) {
						t.Fatalf("%s = %q was taken as %v, and again as %v, %v", key, typed, taken, Values(table)[key], err)
					}
				}
			}
		}
	})
}

package config

import (
	"reflect"
	"testing"
)

func TestDiff(t *testing.T) {
	read := func(text string) *Document {
		t.Helper()
		d, err := parse([]byte(text), "c.toml", "host.test")
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	a := read(pinned)
	if changes := Diff(a, read("# another comment\n"+pinned)); changes != nil {
		t.Errorf("the same differs in %v", changes)
	}
	b := read(`hostname = "mail4.example.com"
[[interface]]
name = "Data1"
address = "192.0.2.1/24"
[[interface]]
name = "Management"
address = "127.0.0.1/8"
[[listener]]
name = "OutboundMail"
kind = "private"
address = "127.0.0.1:2526"
[[listener]]
name = "InboundMail"
kind = "public"
address = "127.0.0.1:2525"
relay_from = ["127.0.0.0/8"]
accept_domains = ["example.com", "example.org"]
[[smtp_route]]
domain = ".example.com"
to = ["USEDNS"]
[dns]
servers = ["127.0.0.1:5353"]
timeout = "1s"
[retry]
initial_seconds = 61
max_seconds = 3601
max_attempts = 101
max_queue_seconds = 259201
[queue]
kilobytes = 5
undo_seconds = 3602
[journal]
keep_days = 31
`)
	outbound := literal(reflect.ValueOf(b.Listeners[0]))
	want := []Change{
		{"hostname", `"mail3.example.com"`, `"mail4.example.com"`},
		{"interface.Management.hostname", `"mail3.example.com"`, `"mail4.example.com"`},
		{"interface.Data1", "", `{name = "Data1", address = "192.0.2.1/24", hostname = "mail4.example.com"}`},
		{"interface", "Management", "Data1, Management"},
		{"listener.InboundMail.accept_domains", `["example.com"]`, `["example.com", "example.org"]`},
		{"listener.OutboundMail", "", outbound},
		{"smtp_route.ALL", `{domain = "ALL", to = ["127.0.0.1:2526"]}`, ""},
		{`smtp_route.".example.com"`, "", `{domain = ".example.com", to = ["USEDNS"]}`},
		{"dns.timeout", `"2s"`, `"1s"`},
	}
	if got := Diff(a, b); !reflect.DeepEqual(got, want) {
		t.Errorf("got")
		for _, c := range got {
			t.Errorf("  %q %q %q", c.Path, c.Before, c.After)
		}
	}
}

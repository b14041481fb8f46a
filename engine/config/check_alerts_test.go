package config

import (
	"strings"
	"testing"
)

func TestAlertAddresses(t *testing.T) {
	d, err := parse([]byte("[alerts]\nto = ['Ops@EXAMPLE.com', 'x+y=z@[192.0.2.1]', 'a@bücher.example']\nfrom = 'gw@Example.com'\n"), "c.toml", "h.test")
	if err != nil {
		t.Fatal(err)
	}
	want := "Ops@example.com x+y=z@[192.0.2.1] a@xn--bcher-kva.example"
	if got := strings.Join(d.Alerts.To, " "); got != want || d.Alerts.From != "gw@example.com" {
		t.Errorf("to %s from %s", got, d.Alerts.From)
	}
	for _, bad := range []string{"", "ops", "@example.com", "a..b@example.com", "a b@example.com", "a@", "a@b@c", "<a@b.example>", "a\r\nb@c.example",
		strings.Repeat("a", 65) + "@b.example", "a@[300.1.1.1]", `"a b"@c.example`} {
		for _, key := range []string{"to = [%]", "from = %"} {
			if key == "from = %" && bad == "" {
				continue // the null sender
			}
			_, err := parse([]byte("[alerts]\n"+strings.ReplaceAll(key, "%", basicString(bad))), "c.toml", "h.test")
			if err == nil || !strings.Contains(err.Error(), "c.toml:2:") || !strings.Contains(err.Error(), "is not a mail address") && !strings.Contains(err.Error(), "control characters") {
				t.Errorf("%s with %q: %v", key, bad, err)
			}
		}
	}
	if _, err := parse([]byte("[alerts]\nto = ['a@b.example', 'a@B.example']"), "c.toml", "h.test"); err == nil || !strings.Contains(err.Error(), "stands here twice") {
		t.Errorf("the same address twice: %v", err)
	}
}

func TestConservationMemory(t *testing.T) {
	for text, want := range map[string]string{"0": "", "128": "", "4096": "",
		"64": "c.toml:2:20: conservation.memory_megabytes: 64 is less than the gateway needs with an empty queue; allowed are 0 and 128 or more"} {
		_, err := parse([]byte("[conservation]\nmemory_megabytes = "+text), "c.toml", "h.test")
		if got := ""; err != nil {
			if got = err.Error(); got != want {
				t.Errorf("%s: %s", text, got)
			}
		} else if want != "" {
			t.Errorf("%s is allowed", text)
		}
	}
}

package config

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// from changes a copy of a document.
func from(t *testing.T, d *Document, change func(*Document)) *Document {
	t.Helper()
	c, err := parse(Encode(d), "c.toml", "host.test")
	if err != nil {
		t.Fatal(err)
	}
	change(c)
	return c
}

func mergeBase(t *testing.T) *Document {
	t.Helper()
	d, err := parse([]byte(pinned), "c.toml", "host.test")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// What two change of different values is all there, whoever is called the first.
func TestMergeOfDifferentChanges(t *testing.T) {
	base := mergeBase(t)
	second := Interface{Name: "Data", Address: base.Interfaces[0].Address, Hostname: "data.example.com"}
	a := from(t, base, func(d *Document) {
		d.Retry.MaxSeconds = 7200
		d.Interfaces = append([]Interface{second}, d.Interfaces...)
		d.Routes = append(d.Routes, SMTPRoute{Domain: "a.example", To: []string{"USEDNS"}})
		d.Listeners[0].MaxHops = 5
	})
	b := from(t, base, func(d *Document) {
		d.Retry.MaxAttempts = 7
		d.Routes = []SMTPRoute{{Domain: "b.example", To: []string{"/dev/null"}}} // ALL is gone
		d.Listeners[0].AcceptDomains = []string{"example.net"}
		d.Hostname = "mail9.example.com"
	})
	for i, pair := range [][2]*Document{{a, b}, {b, a}} {
		m, both := Merge(base, pair[0], pair[1], false)
		if len(both) > 0 {
			t.Fatalf("%d: both changed %q", i, both)
		}
		var domains []string
		for _, r := range m.Routes {
			domains = append(domains, r.Domain)
		}
		slices.Sort(domains)
		l := m.Listeners[0]
		if m.Retry.MaxSeconds != 7200 || m.Retry.MaxAttempts != 7 || m.Hostname != "mail9.example.com" || l.MaxHops != 5 ||
			!slices.Equal(l.AcceptDomains, []string{"example.net"}) || !slices.Equal(domains, []string{"a.example", "b.example"}) ||
			len(m.Interfaces) != 2 || m.Interfaces[0].Name != "Data" {
			t.Errorf("%d: merged is\n%s", i, Encode(m))
		}
	}
	if a.Interfaces[0].Name != "Data" || len(base.Routes) != 1 || base.Routes[0].Domain != "ALL" {
		t.Error("merging has changed what was merged")
	}
}

func TestMergeOfTheSameValues(t *testing.T) {
	base := mergeBase(t)
	a := from(t, base, func(d *Document) {
		d.Retry.MaxSeconds, d.Retry.MaxAttempts = 7200, 9
		d.Routes[0].To = []string{"USEDNS"}
		d.Listeners = nil
		d.Routes = append(d.Routes, SMTPRoute{Domain: "new.example", To: []string{"USEDNS"}})
	})
	b := from(t, base, func(d *Document) {
		d.Retry.MaxSeconds, d.Retry.MaxAttempts = 3700, 9
		d.Routes = []SMTPRoute{{Domain: "new.example", To: []string{"/dev/null"}}}
		d.Listeners[0].MaxHops = 5
	})
	want := []string{"listener.InboundMail", "retry.max_seconds", `smtp_route."new.example"`, "smtp_route.ALL"}
	for _, mine := range []bool{true, false} {
		m, both := Merge(base, a, b, mine)
		slices.Sort(both)
		if !slices.Equal(both, want) {
			t.Errorf("both changed %q, want %q", both, want)
		}
		theirs := b
		if mine {
			theirs = a
		}
		if m.Retry.MaxSeconds != theirs.Retry.MaxSeconds || m.Retry.MaxAttempts != 9 || len(m.Listeners) != len(theirs.Listeners) || len(m.Routes) != len(theirs.Routes) {
			t.Errorf("mine %v: merged is\n%s", mine, Encode(m))
		}
	}
}

// Whatever two change, what one of them has not touched is as the other has it; found by changing each value on its own.
func TestMergeOfEachValue(t *testing.T) {
	base := mergeBase(t)
	b := from(t, base, func(d *Document) { d.Retry.InitialSeconds = 61 })
	for _, change := range Diff(base, everyChange(t, base)) {
		a := from(t, base, func(d *Document) {})
		setPath(reflect.ValueOf(a).Elem(), change.Path)
		if len(Diff(base, a)) == 0 || change.Path == "retry.initial_seconds" {
			continue
		}
		m, both := Merge(base, a, b, false)
		if len(both) > 0 || !reflect.DeepEqual(Diff(a, m), Diff(base, b)) || !reflect.DeepEqual(Diff(b, m), Diff(base, a)) {
			t.Errorf("%s: both %q, against mine %v, against theirs %v", change.Path, both, Diff(a, m), Diff(b, m))
		}
	}
}

// everyChange adds one to every number there is.
func everyChange(t *testing.T, d *Document) *Document {
	return from(t, d, func(d *Document) {
		v := reflect.ValueOf(d).Elem()
		for _, f := range fieldsOf(v.Type()) {
			if isTable(v.Field(f.index)) {
				for _, inner := range fieldsOf(v.Field(f.index).Type()) {
					if n := v.Field(f.index).Field(inner.index); n.CanInt() {
						n.SetInt(n.Int() + 1)
					}
				}
			}
		}
	})
}

func setPath(v reflect.Value, path string) {
	table, key, _ := strings.Cut(path, ".")
	for _, f := range fieldsOf(v.Type()) {
		if f.key == table && isTable(v.Field(f.index)) {
			for _, inner := range fieldsOf(v.Field(f.index).Type()) {
				if n := v.Field(f.index).Field(inner.index); inner.key == key && n.CanInt() {
					n.SetInt(n.Int() + 1)
				}
			}
		}
	}
}

// Secrets stand neither in what is shown nor in lists of changes, and what is masked is not taken for a document.
func TestMaskedSecrets(t *testing.T) {
	const secret = "pbkdf2-sha256$1000$c2FsdHNhbHRzYWx0c2FsdA$a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2U"
	base := mergeBase(t)
	d := from(t, base, func(d *Document) { d.HTTP.User, d.HTTP.Password = "monitor", secret })
	if got := string(Encode(Masked(d))); strings.Contains(got, "pbkdf2") || !strings.Contains(got, `password = "*****"`) {
		t.Errorf("masked it is\n%s", got)
	}
	if d.HTTP.Password != secret {
		t.Error("masking has changed the document")
	}
	if got := Diff(base, d); len(got) != 2 || got[1] != (Change{"http.password", `""`, `"*****"`}) {
		t.Errorf("the change is shown as %v", got)
	}
	other := from(t, d, func(d *Document) { d.HTTP.Password = strings.Replace(secret, "1000", "1001", 1) })
	if got := Diff(d, other); len(got) != 1 || got[0] != (Change{"http.password", `"*****"`, `"*****"`}) {
		t.Errorf("the change of a secret is shown as %v", got)
	}
	_, err := parse(Encode(Masked(d)), "c.toml", "host.test")
	if err == nil || !strings.Contains(err.Error(), "http.password: is masked") {
		t.Errorf("what is masked is read as a document: %v", err)
	}
	if _, err := parse(Encode(Masked(base)), "c.toml", "host.test"); err != nil {
		t.Errorf("without secrets: %v", err)
	}
}

package shell

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	"postern/engine/config"
	"postern/hardware"
)

// oneConfiguration is a Committer that keeps a text, and takes whatever is proposed.
type oneConfiguration struct {
	now     Configuration
	commits []Proposal
	refuse  error // the answer to every commit
}

func (o *oneConfiguration) InForce() Configuration { return o.now }

func (o *oneConfiguration) Commit(_ context.Context, p Proposal, by string) (Committed, error) {
	if o.refuse != nil {
		return Committed{}, o.refuse
	}
	if p.Hash != o.now.Hash {
		return Committed{Conflict: &Conflict{InForce: o.now}}, nil
	}
	o.commits = append(o.commits, p)
	o.now = Configuration{Revision: p.Revision + 1, Hash: config.Hash([]byte(p.Text)), Text: p.Text}
	return Committed{Commit: Commit{Revision: o.now.Revision, By: by, Comment: p.Comment, Time: time.Date(2026, 3, 1, 10, 30, 0, 0, time.UTC)}}, nil
}

// dialogued is a gateway with that configuration.
func dialogued(t *testing.T, text string) (*Local, *oneConfiguration) {
	t.Helper()
	d, err := config.Parse([]byte(text), "test.toml")
	if err != nil {
		t.Fatal(err)
	}
	text = string(config.Encode(d))
	o := &oneConfiguration{now: Configuration{Hash: config.Hash([]byte(text)), Text: text}}
	l := &Local{Committer: o}
	l.Messages.Dir = t.TempDir()
	l.Program.Sensors = func(context.Context) *hardware.Sensors { return new(hardware.Sensors) }
	return l, o
}

// typed has a shell read lines and gives what it said, and what the configuration has become: after each commit in the
// lines, and by now.
func typed(t *testing.T, l *Local, o *oneConfiguration, lines ...string) (said string, changes []config.Change) {
	t.Helper()
	before := o.now.Text
	said = play(t, l, time.UTC, strings.Join(lines, "\n")+"\n", nil)
	return said, changesOf(t, before, o.now.Text)
}

func changesOf(t *testing.T, before, after string) []config.Change {
	t.Helper()
	a, err := config.Parse([]byte(before), "before")
	if err != nil {
		t.Fatal(err)
	}
	b, err := config.Parse([]byte(after), "after")
	if err != nil {
		t.Fatal(err)
	}
	return config.Diff(a, b)
}

// changed compares what a dialogue was to change with what it has changed.
func changed(t *testing.T, said string, have []config.Change, want ...config.Change) {
	t.Helper()
	if len(have) != len(want) || len(want) > 0 && !reflect.DeepEqual(have, want) {
		t.Errorf("changed:\n%+v\nwant:\n%+v\nin\n%s", have, want, said)
	}
}

// contains looks for lines in what was said, in their order; blank lines are left out.
func contains(t *testing.T, said string, lines ...string) {
	t.Helper()
	blank := strings.NewReplacer("\n\n\n", "\n", "\n\n", "\n")
	rest := blank.Replace(said)
	for _, line := range lines {
		line = blank.Replace(line)
		_, after, found := strings.Cut(rest, line)
		if !found {
			t.Fatalf("%q is not there, or not in its place, in\n%s", line, said)
		}
		rest = after
	}
}

const twoInterfaces = `hostname = "mail3.example.com"
[[interface]]
name = "Management"
address = "192.168.42.42/24"
[[interface]]
name = "PublicNet"
address = "192.0.2.1/24"
hostname = "mx.example.com"
[[listener]]
name = "InboundMail"
kind = "public"
address = "192.0.2.1:25"
accept_domains = ["example.com"]
`

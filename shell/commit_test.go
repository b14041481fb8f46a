package shell

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"postern/engine/config"
)

// committing is a gateway whose configuration can be changed, in memory.
type committing struct {
	notRunning
	texts   []string // of the revisions from 1 on
	commits []Commit
	refuse  error // what the next commit is refused with
	saved   map[string]string
	between func() // is called once before the next commit: somebody else's
}

const committedText = "hostname = \"mail3.example.com\"\n[http]\nuser = \"monitor\"\npassword = \"pbkdf2-sha256$1000$c2FsdHNhbHRzYWx0c2FsdA$a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2U\"\n"

func newCommitting() *committing {
	g := &committing{saved: map[string]string{}}
	g.add(committedText, "file", "the first one")
	return g
}

func (g *committing) add(text, by, comment string) Commit {
	g.texts = append(g.texts, text)
	n := len(g.texts)
	g.commits = append(g.commits, Commit{Revision: uint64(n), Time: time.Date(2005, 4, 18, 13, 46, n, 0, time.UTC), By: by, Comment: comment, Hash: config.Hash([]byte(text))})
	return g.commits[n-1]
}

func (g *committing) Configuration(context.Context) (Configuration, error) {
	n := len(g.texts)
	return Configuration{Revision: uint64(n), Hash: g.commits[n-1].Hash, Text: g.texts[n-1]}, nil
}

func (g *committing) CommittedConfiguration(_ context.Context, revision uint64) (Configuration, error) {
	return Configuration{Revision: revision, Text: g.texts[revision-1]}, nil
}

func (g *committing) Commit(ctx context.Context, p Proposal) (Committed, error) {
	if do := g.between; do != nil {
		g.between = nil
		do()
	}
	now, _ := g.Configuration(ctx)
	switch {
	case g.refuse != nil:
		return Committed{}, g.refuse
	case p.Revision != now.Revision || p.Hash != now.Hash:
		return Committed{Conflict: &Conflict{Commit: g.commits[len(g.commits)-1], InForce: now}}, nil
	}
	done := Committed{Commit: g.add(p.Text, "admin", p.Comment)}
	if strings.Contains(p.Text, `group = "wheel"`) {
		done.Restart = []string{"admin.group"}
	}
	return done, nil
}

func (g *committing) Commits(context.Context, int) (list []Commit, err error) {
	for i := range g.commits {
		list = append(list, g.commits[len(g.commits)-1-i])
	}
	return list, nil
}

func (g *committing) CommitDetail(_ context.Context, revision uint64) (CommitDetail, error) {
	if revision == 0 {
		revision = uint64(len(g.texts))
	}
	d := CommitDetail{Commit: g.commits[revision-1], First: revision == 1}
	if !d.First {
		a, _ := config.Parse([]byte(g.texts[revision-2]), "a")
		b, _ := config.Parse([]byte(g.texts[revision-1]), "b")
		d.Changes = config.Diff(a, b)
	}
	return d, nil
}

func (g *committing) SaveConfiguration(_ context.Context, text string) (SavedConfiguration, error) {
	name := fmt.Sprintf("mail3.example.com-20050418T1346%02d.toml", len(g.saved))
	g.saved[name] = text
	return SavedConfiguration{File: name, Path: "/var/lib/postern/configuration/" + name, Bytes: int64(len(text))}, nil
}

func (g *committing) SavedConfigurations(context.Context) (list []SavedConfiguration, err error) {
	for name, text := range g.saved {
		list = append(list, SavedConfiguration{File: name, Time: g.commits[0].Time, Bytes: int64(len(text))})
	}
	return list, nil
}

func (g *committing) ReadConfiguration(_ context.Context, file string) (string, error) {
	text, ok := g.saved[file]
	if !ok {
		return "", &RefusedError{"There is no such file"}
	}
	return text, nil
}

var _ = register(testChange)

// testChange sets a value: KEY VALUE, as a dialogue does.
var testChange = &Command{Name: "testchange", Summary: "of tests", Configures: true, Params: []Param{{Name: "KEY"}, {Name: "VALUE"}}, Run: func(ctx context.Context, c *Call) error {
	d, err := c.Pending(ctx)
	if err != nil {
		return err
	}
	n := 0
	fmt.Sscan(c.Arg(1), &n)
	switch c.Arg(0) {
	case "tries":
		d.Retry.MaxAttempts = n
	case "max":
		d.Retry.MaxSeconds = n
	case "undo":
		d.Queue.UndoSeconds = n
	case "group":
		d.Admin.Group = c.Arg(1)
	case "password":
		d.HTTP.Password = strings.Replace(d.HTTP.Password, "1000", "2000", 1)
	}
	return c.Change(ctx, d)
}}

// The seed's way: changes wait, are shown, cleared, committed with a comment, looked at, and rolled back.
func TestCommitTranscript(t *testing.T) {
	got := play(t, newCommitting(), time.UTC, `showchanges
commit
clearchanges
testchange tries 7
testchange password x
showchanges
testchange max 1
clear

commitdetail
testchange group wheel
commit
Enabled loopback
commitdetail
rollbackconfig
1
2
y
n
showchanges
commit
back again
commitdetail
saveconfig
1
loadconfig
2
1
loadconfig nosuch.toml
testchange undo 5
exit
n
quit
y
`, nil)
	compareTranscript(t, "commit.txt", got)
	if strings.Contains(got, "pbkdf2") {
		t.Error("a secret is shown")
	}
}

// Leaving without an answer, by the end of the script, loses the changes and says so.
func TestLeavingWithChanges(t *testing.T) {
	for script, want := range map[string]string{
		"testchange tries 7\n":                              "Configuration changes entered but not committed: they are lost.",
		"testchange tries 7\nexit\n":                        "Are you sure you wish to exit? [N]>",
		"testchange tries 7\nexit\nn\nclearchanges\n\nexit": "Changes cleared: ",
	} {
		if got := play(t, newCommitting(), time.UTC, script, nil); !strings.Contains(got, want) {
			t.Errorf("%q:\n%s", script, got)
		}
	}
	if got := play(t, newCommitting(), time.UTC, "testchange tries 7\ntestchange tries 100\nexit\n", nil); strings.Contains(got, "lose") {
		t.Errorf("what is as it was is no change:\n%s", got)
	}
}

// Another's commit in between: other values are brought together, the same ones are asked about.
func TestConflictTranscript(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		check  func(d *config.Document) bool
		says   []string
		n      int
	}{
		"merged": {"testchange max 7200\ncommit\nmine\n\n", func(d *config.Document) bool { return d.Retry.MaxAttempts == 9 && d.Retry.MaxSeconds == 7200 },
			[]string{"Since you began, bob has committed revision 2", "retry.max_attempts\n  - 100\n  + 9", "on top of that? [Y]> \n\nChanges committed: "}, 3},
		"not merged":   {"testchange max 7200\ncommit\nmine\nn\nshowchanges\n", func(d *config.Document) bool { return d.Retry.MaxSeconds == 3600 }, []string{"[Y]> n\n\nNothing was committed. Your changes wait as before: ", "retry.max_seconds\n  - 3600\n  + 7200"}, 2},
		"theirs alone": {"testchange tries 8\ncommit\nmine\n2\n", func(d *config.Document) bool { return d.Retry.MaxAttempts == 9 }, []string{"changed these as well, in another way:\n  retry.max_attempts", "Nothing was committed: nothing of your changes is left, and they are dropped."}, 2},
		"mine":         {"testchange tries 8\ncommit\nmine\n3\n", func(d *config.Document) bool { return d.Retry.MaxAttempts == 8 }, []string{"Changes committed: "}, 3},
		"neither":      {"testchange tries 8\ncommit\nmine\n\nshowchanges\n", func(d *config.Document) bool { return d.Retry.MaxAttempts == 9 }, []string{"[1]> \n\nNothing was committed. Your changes wait as before: ", "retry.max_attempts\n  - 100\n  + 8"}, 2},
		"of no use together": {"testchange max 70\ncommit\nmine\n\n", func(d *config.Document) bool { return d.Retry.MaxSeconds == 3600 },
			[]string{"Nothing was committed, and your changes wait as before: together with theirs they make a configuration that is not allowed: retry.max_seconds: 70 is less"}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			g := newCommitting()
			g.between = func() {
				more := "\n[retry]\nmax_attempts = 9\n"
				if name == "of no use together" {
					more = "\n[retry]\ninitial_seconds = 80\n"
				}
				g.add(committedText+more, "bob", "more patience")
			}
			got := play(t, g, time.UTC, c.script, nil)
			d, err := config.Parse([]byte(g.texts[len(g.texts)-1]), "now")
			if err != nil || !c.check(d) || len(g.texts) != c.n {
				t.Errorf("%d revisions, %v\n%s", len(g.texts), err, got)
			}
			for _, want := range c.says {
				if !strings.Contains(got, want) {
					t.Errorf("it does not say %q:\n%s", want, got)
				}
			}
		})
	}
}

// A change that is not allowed is refused at once and leaves what waits; a commit that is refused too.
func TestRefusedChanges(t *testing.T) {
	g := newCommitting()
	g.refuse = &RefusedError{`Nothing was committed: listener "In" cannot listen on 192.0.2.1:25: address already in use`}
	got := play(t, g, time.UTC, "testchange undo 5\ntestchange tries 0\nshowchanges\ncommit\nx\nshowchanges\n", nil)
	for _, want := range []string{"retry.max_attempts: 0 is out of range; allowed is a whole number from 1 to 10000", "address already in use."} {
		if !strings.Contains(got, want) {
			t.Errorf("it does not say %q:\n%s", want, got)
		}
	}
	if n := strings.Count(got, "queue.undo_seconds\n  - 3600\n  + 5\n"); n != 2 || len(g.texts) != 1 {
		t.Errorf("what waits is shown %d times:\n%s", n, got)
	}
}

// In batch a command that configures commits by itself, with --yes only.
func TestConfiguringInBatch(t *testing.T) {
	g := newCommitting()
	run := func(words ...string) (string, error) {
		t.Helper()
		var out bytes.Buffer
		c := &Call{Gateway: g, Command: Find(words[0]), Out: &out, Zone: time.UTC}
		err := c.Parse(words[1:])
		if err == nil {
			err = c.Do(t.Context())
		}
		return out.String(), err
	}
	if got, err := run("testchange", "tries", "7"); err == nil || got != "retry.max_attempts\n  - 100\n  + 7\n" || len(g.texts) != 1 {
		t.Errorf("without --yes: %v\n%s", err, got)
	}
	if got, err := run("testchange", "tries", "7", "--yes"); err != nil || !strings.HasPrefix(got, "Changes committed: ") || g.commits[1].Comment != "testchange tries 7" {
		t.Errorf("with --yes: %v\n%s", err, got)
	}
	if got, err := run("testchange", "tries", "8", "--yes", "--json", "--comment", "eight"); err != nil || !strings.Contains(got, `"revision": 3`) || g.commits[2].Comment != "eight" {
		t.Errorf("with --json: %v\n%s", err, got)
	}
	g.between = func() { g.add(committedText, "bob", "") }
	if _, err := run("testchange", "tries", "9", "--yes"); err == nil || !strings.Contains(err.Error(), "repeat it") {
		t.Errorf("a conflict: %v", err)
	}
	if got, err := run("testchange", "tries", "100", "--yes"); err != nil || got != "" {
		t.Errorf("no change: %v\n%s", err, got)
	}
	refused := (*RefusedError)(nil)
	if _, err := run("commit"); !errors.As(err, &refused) {
		t.Errorf("commit: %v", err)
	}
}

// What serves the gateway's state to whoever may see it does not give the configuration away.
func TestConfigurationIsNotForReaders(t *testing.T) {
	h := ReadOnly(newCommitting())
	for _, path := range []string{"", "/committed?revision=1", "/commit", "/commits?max=9", "/detail?revision=1", "/save", "/saved", "/read?file=x.toml"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(method, "/v1/configuration"+path, nil))
			if w.Code < 400 || strings.Contains(w.Body.String(), "pbkdf2") {
				t.Errorf("%s %s: %d %s", method, path, w.Code, w.Body)
			}
		}
	}
}

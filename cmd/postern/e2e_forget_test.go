package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"postern/bench/load"
	"postern/journal"
	"postern/projections"
	"postern/shell"
)

// TestAPersonIsForgotten by the running gateway: nothing that it keeps speaks of the address any more, what is kept of
// others stays, the counts too, and the journal proves true, also after a start.
func TestAPersonIsForgotten(t *testing.T) {
	g, s := mailHosts(t)
	from := func(sender, to string) {
		t.Helper()
		if r := load.Run(t.Context(), load.Config{Address: g.Address, Messages: 1, Prefix: "forget", Sender: sender, Recipient: func(int) string { return to }}); len(r.Acked) != 1 {
			t.Fatalf("not accepted: %+v", r)
		}
	}
	const jane = "bounce-jane.doe@plain.test"
	from("john@plain.test", jane)
	from(jane, "john@plain.test")
	from("mary@plain.test", "john@plain.test")
	eventually(t, "two arrive, and the notification of the bounce", func() bool { return s.Total() == 3 })
	from("mary@plain.test", "bounce-jane.doe@down.test")
	from("john@plain.test", "jack@down.test")

	wantAll(t, "before", ask(t, g, "findevent", "--mid", "1"), "From: <john@plain.test>", "To: <"+jane+">", "Subject 'forget")
	count := func() string {
		t.Helper()
		_, counters, _ := strings.Cut(ask(t, g, "status"), "Counters:")
		counters, _, _ = strings.Cut(counters, "Gauges:")
		return counters
	}
	if code, said := refusal(t, "forget", jane, "--data", g.Data); code != exitRefused || !strings.Contains(said, "repeat it with --yes") {
		t.Errorf("without --yes: %d %s", code, said)
	}
	if code, said := refusal(t, "forget", "bounce-jane.doe@down.test", "--yes", "--data", g.Data); code != exitRefused || !strings.Contains(said, "is in the queue (MID ") {
		t.Errorf("of one with mail in the queue: %d %s", code, said)
	}
	ask(t, g, "deleterecipients", "all", "--yes")
	if code, said := refusal(t, "forget", "bounce-jane.doe@down.test", "--yes", "--data", g.Data); code != exitRefused || !strings.Contains(said, "can be undone") {
		t.Errorf("of one whose mail may come back: %d %s", code, said)
	}
	before := count()
	for _, address := range []string{"<" + strings.ToUpper(jane) + ">", "bounce-jane.doe@down.test"} {
		if f := asJSON[shell.Forgotten](t, g, "forget", address, "--end-undo", "--yes"); !f.Done || f.Facts == 0 || f.LogLines == 0 {
			t.Errorf("%s: %+v", address, f)
		}
	}
	check := func(when string) {
		t.Helper()
		for _, what := range [][]string{{"findevent", "--to", "."}, {"findevent", "--from", "."}, {"findevent", "--subject", "."}, {"hoststatus", "plain.test"}, {"undo", "--all"}} {
			if out := ask(t, g, what...); strings.Contains(strings.ToLower(out), "jane.doe") {
				t.Errorf("%s: %s says %s", when, what, out)
			}
		}
		if code, said := refusal(t, "findevent", "--to", "jane.doe", "--data", g.Data); code != exitRefused || !strings.Contains(said, "no matching message") {
			t.Errorf("%s: %d %s", when, code, said)
		}
		wantAll(t, when, ask(t, g, "findevent", "--mid", "1"), "From: <john@plain.test>", "To: <(forgotten)@plain.test>", "Subject '(forgotten)'")
		ask(t, g, "verify")
	}
	check("at once")
	if after := count(); after != before {
		t.Errorf("the counts were\n%s\nthey are\n%s", before, after)
	}
	out := ask(t, g, "forget", jane, "--yes")
	wantAll(t, "again", out, "Nothing is kept of ", "Not reached: what was sent to other machines", "Not reached: backups", "with a tag (jane+news@example.com)")
	wantAll(t, "audit", ask(t, g, "audit"), "erased the private data of")
	noTrace(t, filepath.Join(g.Data, "logs"), "jane.doe")
	g.Kill()
	cutShort := cutShortKeyframe(t, g.Data, true)
	start(t, g)
	eventually(t, "the store is scrubbed", func() bool { return strings.Contains(g.Said(), "what was erased is scrubbed from the store") })
	check("after a start")
	stop(t, g)
	noTrace(t, filepath.Join(g.Data, "index"), "jane.doe")
	ask(t, g, "verify")
	if cutShortKeyframe(t, g.Data, false) == cutShort {
		t.Error("the start has left parts of a keyframe that was cut short")
	}
}

// cutShortKeyframe is the part of a keyframe that has no other: what a kill leaves that comes upon its writing. It is put
// there first if that is asked for.
func cutShortKeyframe(t *testing.T, data string, put bool) string {
	t.Helper()
	j, err := journal.Open(filepath.Join(data, "journal"), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	rows, key := j.Rows(projections.KeyframeRows), append([]byte{'d'}, make([]byte, 12)...)
	if put {
		mark, err := rows.Mark()
		if err != nil {
			t.Fatal(err)
		}
		if err := rows.Write(mark, func(b *journal.RowBatch) error { b.Set(key, []byte("jane.doe")); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	part, _, err := rows.Get(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(part)
}

// noTrace looks into the files of a folder.
func noTrace(t *testing.T, dir, text string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err == nil && strings.Contains(strings.ToLower(string(content)), text) {
			t.Errorf("%s still names %s", path, text)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

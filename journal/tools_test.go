package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"strings"
	"testing"
)

func TestBackupOfAnOpenJournal(t *testing.T) {
	for _, where := range []string{"memory", "files"} {
		t.Run(where, func(t *testing.T) {
			checkLeaks(t)
			dir, o := "queue", Options{Disk: NewMemoryDisk()}
			if where == "files" {
				dir, o.Disk = t.TempDir()+"/queue", nil
			}
			j, err := Open(dir, o)
			if err != nil {
				t.Fatal(err)
			}
			defer j.Close()
			body, err := j.PutBody(make([]byte, 5000))
			if err != nil {
				t.Fatal(err)
			}
			mustAppend(t, j, &MessageInjected{MID: 1, Body: body})
			copied := dir + ".backup"
			if err := j.Backup(copied); err != nil {
				t.Fatal(err)
			}
			if err := j.Backup(copied); !errors.Is(err, fs.ErrExist) {
				t.Errorf("over another backup: %v", err)
			}
			mustAppend(t, j, &Queued{Message: 1})
			if restored, err := j.Restored(); restored || err != nil {
				t.Errorf("the original says that it is a backup (%v)", err)
			}
			checkBackup(t, copied, o, body)
		})
	}
}

func checkBackup(t *testing.T, dir string, o Options, body BodyID) {
	t.Helper()
	for _, want := range []bool{true, true, false} { // until it is cleared, not only once
		k, err := Open(dir, o)
		if err != nil {
			t.Fatal(err)
		}
		restored, err := k.Restored()
		if restored != want || err != nil {
			t.Errorf("restored %v, want %v (%v)", restored, want, err)
		}
		if k.Durable() != 1 || len(readBody(t, k, body)) != 5000 {
			t.Errorf("the copy holds %d records", k.Durable())
		}
		if k.Boot() > 2 || !want {
			if err := k.ClearRestored(); err != nil {
				t.Error(err)
			}
		}
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestDump(t *testing.T) {
	checkLeaks(t)
	j := open(t, NewMemoryDisk(), Options{})
	const t0 = Instant(1_700_000_000_000_000_000)
	if _, err := j.AppendEvents(t0, &Queued{Message: 1, MID: 2}, &MessageInjected{MID: 3, Sender: "a\x1b[31m", Recipients: []InjectedRecipient{{RID: 1, Domain: "d"}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := j.AppendEvents(t0, &Unknown{K: 999, Public: []byte{1, 2}}); err != nil {
		t.Fatal(err)
	}
	damage(t, j, 1, func(v []byte) []byte {
		v, err := Forget(v, 1, func(seq uint64) ([]byte, bool) { return nil, false })
		if err != nil {
			t.Fatal(err)
		}
		return v
	})
	var out bytes.Buffer
	if err := j.Dump(&out, 0, 0, false); err != nil {
		t.Fatal(err)
	}
	want := `1 2023-11-14T22:13:20.000000000Z Queued Message=1 MID=2
2 2023-11-14T22:13:20.000000000Z MessageInjected MID=3 Sender="a\x1b[31m" Recipients=[{RID=1 Domain="d"}]
3 2023-11-14T22:13:20.000000000Z Kind(999) K=999 Public=0102
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
	damage(t, j, 1, func(v []byte) []byte {
		v, _ = Forget(v, 1, func(seq uint64) ([]byte, bool) { return nil, true })
		return v
	})
	out.Reset()
	if err := j.Dump(&out, 2, 2, true); err != nil {
		t.Fatal(err)
	}
	var line struct {
		Seq       uint64
		Kind      string
		Forgotten bool
		Event     MessageInjected
	}
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	if line.Seq != 2 || line.Kind != "MessageInjected" || line.Event.MID != 3 || !line.Forgotten || strings.Contains(out.String(), "31m") {
		t.Errorf("got %s", out.String())
	}
	if err := j.VerifyChain(1, nil); err != nil {
		t.Errorf("after forgetting: %v", err)
	}
}

// Instants of facts are dates for programs too, and null where there is none; what was written is read.
func TestInstantsAsJSON(t *testing.T) {
	text, err := json.Marshal(&SoftBounced{MID: 1, Next: 1_700_000_000_000_000_001})
	if err != nil || !strings.Contains(string(text), `"Next":"2023-11-14T22:13:20.000000001Z"`) {
		t.Errorf("%s %v", text, err)
	}
	text, err = json.Marshal([]Instant{1_700_000_000_000_000_001, 0, -1})
	if want := `["2023-11-14T22:13:20.000000001Z",null,"1969-12-31T23:59:59.999999999Z"]`; err != nil || string(text) != want {
		t.Errorf("%s %v", text, err)
	}
	var back []Instant
	if err := json.Unmarshal(text, &back); err != nil || len(back) != 3 || back[0] != 1_700_000_000_000_000_001 || back[1] != 0 || back[2] != -1 {
		t.Errorf("read are %v: %v", back, err)
	}
	if err := json.Unmarshal([]byte(`["soon"]`), &back); err == nil {
		t.Error("what is no date is read")
	}
}

func TestStat(t *testing.T) {
	checkLeaks(t)
	j := open(t, NewMemoryDisk(), Options{})
	body, err := j.PutBody(make([]byte, 300))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if _, err := j.AppendEvents(Instant(100+i), &MessageInjected{Body: body}, &Queued{}); err != nil {
			t.Fatal(err)
		}
	}
	s, err := j.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if s.Records != 6 || s.Blocks != 3 || s.FirstSeq != 1 || s.LastSeq != 6 || s.FirstTime != 100 || s.LastTime != 102 ||
		s.Bodies != 1 || s.BodyBytes != 300 || s.Boot != 1 || s.Restored {
		t.Errorf("%+v", s)
	}
	if len(s.Kinds) != 2 || s.Kinds[0].Kind != KindMessageInjected || s.Kinds[0].Records != 3 || s.Kinds[1].Records != 3 {
		t.Errorf("%+v", s.Kinds)
	}
}

func TestUsageTellsOfTheDisk(t *testing.T) {
	checkLeaks(t)
	d := NewMemoryDisk()
	d.SetSpace(5, 10)
	j := open(t, d, Options{})
	if _, err := j.PutBody(make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, j, &Queued{})
	u := j.Usage()
	if u.FreeBytes != 5 || u.TotalBytes != 10 || u.BodyBytes != 1000 || u.WALBytes < 1000 || u.Stalled {
		t.Errorf("%+v", u)
	}
}

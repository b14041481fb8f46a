package shell

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"postern/journal"
)

// queueKeeper is a Local in front of a store with messages in it.
type queueKeeper struct {
	*Local
	j       *journal.Journal
	remover *remover
}

// remover takes messages out as an engine would: with a fact.
type remover struct {
	j    *journal.Journal
	mu   sync.Mutex
	gone []string // who removed what, and where it was saved
	fail error
}

// RemoveMessage implements MessageRemover.
func (k *remover) RemoveMessage(_ context.Context, by string, seq uint64, mid uint32, archive string) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fail != nil {
		return 0, k.fail
	}
	k.gone = append(k.gone, fmt.Sprintf("%s %d %s", by, mid, archive))
	r, err := k.j.At(seq)
	if err != nil {
		return 0, err
	}
	e := &journal.MessageRemoved{Message: seq, MID: mid, By: by, Archive: archive}
	for _, c := range r.Event.(*journal.MessageInjected).Recipients {
		e.RIDs = append(e.RIDs, c.RID)
	}
	_, err = k.j.AppendEvents(0, e)
	return len(e.RIDs), err
}

var keptSince = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// keeping opens a store on a disk of the machine, so that it can be read when it is stopped, or in memory.
func keeping(t *testing.T, data string) *queueKeeper {
	t.Helper()
	k := &queueKeeper{}
	o := journal.Options{}
	if data == "" {
		o.Disk = journal.NewMemoryDisk()
	}
	var err error
	if k.j, err = journal.Open(filepath.Join(data, "journal"), o); err != nil {
		t.Fatal(err)
	}
	k.remover = &remover{j: k.j}
	rows, err := journal.OpenLiveRows(k.j)
	if err != nil {
		t.Fatal(err)
	}
	if data == "" {
		data = t.TempDir()
		t.Cleanup(func() { k.j.Close() })
	}
	k.Local = &Local{Now: func() time.Time { return keptSince.Add(time.Hour + 5*time.Minute + 35*time.Second) },
		Messages: MessageKeeper{Journal: k.j, Rows: rows, Remover: k.remover, Dir: filepath.Join(data, "configuration")}}
	return k
}

// put injects a message with so many recipients and returns its Seq.
func (k *queueKeeper) put(t *testing.T, mid uint32, sender, text string, recipients int) uint64 {
	t.Helper()
	body, err := k.j.PutBody([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	m := &journal.MessageInjected{MID: mid, Size: int64(len(text)), Body: body, Queued: true, Sender: sender}
	for rid := range uint32(recipients) {
		m.Recipients = append(m.Recipients, journal.InjectedRecipient{RID: rid, Domain: "b.example", Local: fmt.Sprint("r", rid)})
	}
	return k.fact(t, m)
}

func (k *queueKeeper) fact(t *testing.T, e journal.Event) uint64 {
	t.Helper()
	seq, err := k.j.AppendEvents(journal.InstantOf(keptSince), e)
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

// messagesToSee is a queue with a message of each kind.
func messagesToSee(t *testing.T) *queueKeeper {
	t.Helper()
	k := keeping(t, "")
	k.fact(t, &journal.IDsReserved{ID: journal.MID, From: 1, To: 1025})
	quarantined := k.put(t, 1, "", "Subject: one\r\n\r\nin quarantine\r\n", 1)
	k.fact(t, &journal.Quarantined{Message: quarantined, Quarantine: "Policy"})
	k.put(t, 2, "ann@a.example", "Subject: two\x1b[2J\r\n\r\nbell\x07 caf\xe9\r\n", 2)
	left := k.put(t, 3, "", "Subject: three\r\n\r\n", 1)
	k.fact(t, &journal.Delivered{Message: left, RIDs: []uint32{0}})
	k.put(t, 4, "", "Subject: old four\r\n\r\n", 1)
	k.put(t, 4, "", "Subject: new four\r\n\r\n", 1)
	k.put(t, 5, "ann@a.example", "Subject: five\r\n\r\n", 120)
	k.put(t, 6, "", "Subject: six\r\n\r\n"+strings.Repeat("z", maxContent+424), 1)
	return k
}

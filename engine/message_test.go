package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"postern/journal"
)

// keptMessages is a queue to look into: each text is a message with a body, its MID its place.
func keptMessages(t *testing.T, texts ...string) (*journal.Journal, *journal.LiveRows) {
	t.Helper()
	j := openJournal(t, journal.Options{Disk: journal.NewMemoryDisk()})
	t.Cleanup(func() { j.Close() })
	for i, text := range texts {
		body, err := j.PutBody([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		factsInto(t, j, &journal.MessageInjected{MID: uint32(i + 1), Size: int64(len(text)), Body: body, Queued: true, Sender: fmt.Sprintf("s%d@example.com", i+1),
			Recipients: []journal.InjectedRecipient{{Domain: "a.example", Local: "r0"}, {RID: 1, Domain: "b.example", Local: "r1"}}})
	}
	rows, err := journal.OpenLiveRows(j)
	if err != nil {
		t.Fatal(err)
	}
	return j, rows
}

func factsInto(t *testing.T, j *journal.Journal, events ...journal.Event) {
	t.Helper()
	if _, err := j.AppendEvents(journal.InstantOf(listingStart), events...); err != nil {
		t.Fatal(err)
	}
}

// looked is what one look at the queue gives.
func looked(t *testing.T, rows *journal.LiveRows, look func(*journal.LiveSnapshot) (*QueuedMessage, error)) (*QueuedMessage, error) {
	t.Helper()
	snap, err := rows.Current(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	return look(snap)
}

func TestOldestMessage(t *testing.T) {
	j, rows := keptMessages(t, "a", "b", "c", "d")
	oldest := func(want uint32, after ...journal.Event) {
		t.Helper()
		factsInto(t, j, append(after, &journal.ConnectionClosed{})...)
		q, err := looked(t, rows, func(s *journal.LiveSnapshot) (*QueuedMessage, error) { return OldestOf(t.Context(), j, s) })
		if err != nil || (q == nil) != (want == 0) || q != nil && q.MID != want {
			t.Fatalf("the oldest is %+v, %v, want MID %d", q, err, want)
		}
	}
	oldest(1)
	oldest(1, &journal.Delivered{Message: 1, RIDs: []uint32{0}})
	oldest(2, &journal.HardBounced{Message: 1, RIDs: []uint32{1}, Notify: true}) // has a report due, but no recipients
	oldest(3, &journal.Quarantined{Message: 2})
	oldest(3, &journal.Held{Set: []journal.MessageRecipients{{Message: 3, RIDs: []uint32{0, 1}}}})
	oldest(4, &journal.Delivered{Message: 3, RIDs: []uint32{0, 1}})
	oldest(2, &journal.Released{Message: 2, Last: true})
	oldest(0, &journal.Delivered{Message: 2, RIDs: []uint32{0, 1}}, &journal.RecipientsDeleted{Set: []journal.MessageRecipients{{Message: 4, RIDs: []uint32{0, 1}}}})
}

func TestMessageByMID(t *testing.T) {
	j, rows := keptMessages(t, "a", "b", "c")
	factsInto(t, j, &journal.IDsReserved{ID: journal.MID, From: 1, To: 1025},
		&journal.MessageInjected{MID: 2, Sender: "new@example.com", Recipients: []journal.InjectedRecipient{{Domain: "a.example", Local: "r0"}}},
		&journal.MessageInjected{MID: 3, Sender: "newer@example.com", Recipients: []journal.InjectedRecipient{{Domain: "a.example", Local: "r0"}}},
		&journal.Quarantined{Message: 3}, &journal.Delivered{Message: 6, RIDs: []uint32{0}}, &journal.Delivered{Message: 1, RIDs: []uint32{0, 1}})
	by := func(mid uint32) (*QueuedMessage, error) {
		return looked(t, rows, func(s *journal.LiveSnapshot) (*QueuedMessage, error) { return MessageOf(t.Context(), j, s, mid) })
	}
	if q, err := by(2); err != nil || q.Seq != 5 || q.Namesakes != 1 || q.Sender != "new@example.com" || q.Quarantined {
		t.Errorf("of two the newest: %+v, %v", q, err)
	}
	if q, err := by(3); err != nil || q.Seq != 3 || q.Namesakes != 0 || !q.Quarantined || strings.Join(q.Recipients, " ") != "r0@a.example r1@b.example" {
		t.Errorf("of two the one that is still there: %+v, %v", q, err)
	}
	for mid, want := range map[uint32]string{1: "MID 1 is not in the queue: its message has left", 1024: "MID 1024 is not in the queue", 1025: "none has been given that number",
		0: "0 is not a MID: they go from 1 to 2147483647", 1 << 31: "2147483648 is not a MID"} {
		var refused *RefusedError
		if _, err := by(mid); !errors.As(err, &refused) || !strings.Contains(err.Error(), want) {
			t.Errorf("MID %d: %v", mid, err)
		}
	}
	factsInto(t, j, &journal.IDsReserved{ID: journal.MID, From: 1, To: 900}) // the ids began anew: any may have been given
	if _, err := by(2000); err == nil || !strings.Contains(err.Error(), "MID 2000 is not in the queue") {
		t.Errorf("after a rollover: %v", err)
	}
}

func TestMessageWithManyRecipients(t *testing.T) {
	j, rows := keptMessages(t)
	m := &journal.MessageInjected{MID: 1}
	for rid := range uint32(150) {
		m.Recipients = append(m.Recipients, journal.InjectedRecipient{RID: rid, Domain: "a.example", Local: fmt.Sprint("r", rid)})
	}
	factsInto(t, j, m, &journal.Delivered{Message: 1, RIDs: []uint32{0, 7}})
	q, err := looked(t, rows, func(s *journal.LiveSnapshot) (*QueuedMessage, error) { return MessageOf(t.Context(), j, s, 1) })
	if err != nil || len(q.Recipients) != 100 || q.More != 48 || q.Recipients[0] != "r1@a.example" {
		t.Errorf("%+v, %v", q, err)
	}
}

func TestBeginningOfAMessage(t *testing.T) {
	long := "Subject: x\r\n" + strings.Repeat("X-Long: "+strings.Repeat("y", 990)+"\r\n", 100)
	for name, c := range map[string]struct {
		text         string
		max          int64
		header, body string
		left         int64
	}{
		"whole":             {"Subject: x\r\n\r\nhello\r\n", 100, "Subject: x\r\n", "hello\r\n", 0},
		"cut":               {"Subject: x\r\n\r\nhello\r\n", 3, "Subject: x\r\n", "hel", 4},
		"exactly":           {"Subject: x\r\n\r\nhello\r\n", 7, "Subject: x\r\n", "hello\r\n", 0},
		"no body wanted":    {"Subject: x\r\n\r\nhello\r\n", 0, "Subject: x\r\n", "", 7},
		"no header":         {"\r\nhello\r\n", 100, "", "hello\r\n", 0},
		"header alone":      {"Subject: x\r\n", 100, "Subject: x\r\n", "", 0},
		"nothing":           {"", 100, "", "", 0},
		"monstrous header":  {long + "\r\nhello\r\n", 10, long[:maxHeader], "", int64(len(long)+9) - maxHeader},
		"monstrous, roomy":  {long + "\r\nhello\r\n", 1 << 20, long[:maxHeader], "", int64(len(long)+9) - maxHeader},
		"empty lines below": {"A: b\r\n\r\nx\r\n\r\ny", 100, "A: b\r\n", "x\r\n\r\ny", 0},
	} {
		j, rows := keptMessages(t, c.text)
		q, err := looked(t, rows, func(s *journal.LiveSnapshot) (*QueuedMessage, error) { return OldestOf(t.Context(), j, s) })
		if err != nil {
			t.Fatal(err)
		}
		header, body, left, err := q.Beginning(j, document(), c.max)
		if err != nil || string(header) != c.header || string(body) != c.body || left != c.left {
			t.Errorf("%s: %q, %q, %d left, %v", name, header, body, left, err)
		}
	}
}

// TestBeginningOfANotification is rendered as it would be sent; of a message that has left there is none.
func TestBeginningOfANotification(t *testing.T) {
	j, rows := keptMessages(t, "Subject: x\r\n\r\nhello\r\n")
	factsInto(t, j, &journal.HardBounced{Message: 1, RIDs: []uint32{0}, Status: "5.1.1", Reason: "no such user", Notify: true},
		&journal.MessageInjected{MID: 2, Why: journal.WhyBounce, Parent: 1, Reports: []uint64{2}, Body: 1, Recipients: []journal.InjectedRecipient{{Domain: "example.com", Local: "s1"}}})
	q, err := looked(t, rows, func(s *journal.LiveSnapshot) (*QueuedMessage, error) { return MessageOf(t.Context(), j, s, 2) })
	if err != nil {
		t.Fatal(err)
	}
	header, body, left, err := q.Beginning(j, document(), 1<<20)
	if err != nil || !strings.Contains(string(header), "Subject: Delivery Status Notification (Failure)") || !strings.Contains(string(body), "no such user") || left != 0 {
		t.Errorf("%q, %q, %d, %v", header, body, left, err)
	}
	first, err := looked(t, rows, func(s *journal.LiveSnapshot) (*QueuedMessage, error) { return MessageOf(t.Context(), j, s, 1) })
	if err != nil {
		t.Fatal(err)
	}
	if err := j.DeleteBody(first.envelope.Body); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := first.Beginning(j, document(), 1<<20); !errors.Is(err, journal.ErrNotFound) {
		t.Errorf("of a body that is gone: %v", err)
	}
}

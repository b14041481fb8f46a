package journal

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"reflect"
	"strings"
	"testing"
)

func testBlock(t testing.TB, prev link, first uint64, events ...Event) ([]byte, link) {
	t.Helper()
	prepared := make([]Prepared, len(events))
	for i, e := range events {
		prepared[i] = Prepare(e)
	}
	secret := [secretSize]byte{1, 2, 3}
	return new(blockWriter).write(prev, first, 1_700_000_000_000_000_000, &secret, prepared)
}

func decodeAll(value []byte, first uint64) ([]Record, error) {
	return decodeRecords(nil, value, first, 0, math.MaxUint64, math.MaxInt, new(coder))
}

func TestBlockOfEveryKind(t *testing.T) {
	var events []Event
	for _, k := range Kinds() {
		events = append(events, filled(k), k.info().make())
	}
	value, next := testBlock(t, link{7}, 100, events...)
	got, err := decodeAll(value, 100)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range got {
		if r.Seq != 100+uint64(i) || r.Time != 1_700_000_000_000_000_000 || !reflect.DeepEqual(r.Event, events[i]) {
			t.Fatalf("record %d: %d %d %s", i, r.Seq, r.Time, Describe(r.Event))
		}
	}
	var b block
	if err := b.parse(value); err != nil {
		t.Fatal(err)
	}
	if l, _, err := b.chain(nil, link{7}, 100); err != nil || l != next || b.link != next {
		t.Errorf("the chain does not prove what was written: %v", err)
	}
	if l, _, _ := b.chain(nil, link{8}, 100); l == next {
		t.Error("the link does not depend on the block before")
	}
	if l, _, _ := b.chain(nil, link{7}, 101); l == next {
		t.Error("the link does not depend on the place")
	}
}

func TestForgetKeepsTheChain(t *testing.T) {
	events := []Event{
		&Queued{Message: 9},
		&MessageInjected{MID: 1, Sender: "jane.doe", Subject: "lunch"},
		&MessageInjected{MID: 2, Sender: "john.roe"},
		&Delivered{MID: 1, Reply: "ok jane.doe"},
	}
	value, next := testBlock(t, link{1}, 10, events...)
	value, err := Forget(value, 10, func(seq uint64) ([]byte, bool) { return nil, seq == 11 || seq == 13 || seq == 10 })
	if err != nil {
		t.Fatal(err)
	}
	// A second time, when the salts stand in the block already.
	if value, err = Forget(value, 10, func(seq uint64) ([]byte, bool) { return nil, seq == 13 }); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(value), "jane.doe") || strings.Contains(string(value), "lunch") {
		t.Error("the private part is still there")
	}
	var b block
	if err := b.parse(value); err != nil {
		t.Fatal(err)
	}
	if b.secret != nil {
		t.Error("the secret is still there: the salts of what was forgotten follow from it")
	}
	if l, _, err := b.chain(nil, link{1}, 10); err != nil || l != next || b.link != next {
		t.Errorf("the chain is broken: %v", err)
	}
	got, err := decodeAll(value, 10)
	if err != nil {
		t.Fatal(err)
	}
	want := []Event{events[0], &MessageInjected{MID: 1}, events[2], &Delivered{MID: 1}}
	for i := range want {
		if !reflect.DeepEqual(got[i].Event, want[i]) {
			t.Errorf("record %d: %s, want %s", i, Describe(got[i].Event), Describe(want[i]))
		}
	}
}

func TestChangedRecordBreaksTheChain(t *testing.T) {
	value, next := testBlock(t, link{}, 1, &MessageInjected{MID: 1, Sender: "jane.doe"})
	for _, change := range []string{"jane.doe"} {
		changed := []byte(strings.Replace(string(value), change, "jane.foe", 1))
		binary.BigEndian.PutUint32(changed[1:], crc32.Checksum(changed[5:], castagnoli))
		var b block
		if err := b.parse(changed); err != nil {
			t.Fatal(err)
		}
		if l, _, err := b.chain(nil, link{}, 1); err != nil || l == next {
			t.Errorf("a changed record passes for the old one (%v)", err)
		}
	}
}

func TestEveryFlippedBitIsFound(t *testing.T) {
	value, _ := testBlock(t, link{}, 1, filled(KindMessageInjected), filled(KindDelivered))
	for i := range value {
		value[i] ^= 0x10
		var damaged *DamagedError
		var newer *NewerError
		if _, err := decodeAll(value, 1); !errors.As(err, &damaged) && !errors.As(err, &newer) {
			t.Fatalf("byte %d: %v", i, err)
		}
		value[i] ^= 0x10
	}
}

func TestUnknownKinds(t *testing.T) {
	value, _ := testBlock(t, link{}, 5, &Queued{Message: 1}, &Unknown{K: 999, Public: []byte("new"), Private: []byte("kept")}, &Queued{Message: 2})
	got, err := decodeAll(value, 5)
	if err != nil || len(got) != 3 {
		t.Fatalf("%d records, %v", len(got), err)
	}
	if u, ok := got[1].Event.(*Unknown); !ok || u.K != 999 || string(u.Public) != "new" || string(u.Private) != "kept" {
		t.Errorf("got %s", Describe(got[1].Event))
	}
	p := Prepare(&Unknown{K: 999, Public: []byte("new")})
	p.frame[2] |= frameMust // after two bytes of kind
	value, _ = new(blockWriter).write(link{}, 5, 1, new([16]byte), []Prepared{Prepare(&Queued{Message: 1}), p})
	got, err = decodeAll(value, 5)
	var newer *NewerError
	if !errors.As(err, &newer) || newer.Seq != 6 || newer.Kind != 999 || len(got) != 1 {
		t.Errorf("got %d records and %v, want to stop at 6", len(got), err)
	}
	if err != nil && !strings.Contains(err.Error(), "written by a newer version") {
		t.Errorf("message: %v", err)
	}
}

func FuzzDecodeBlock(f *testing.F) {
	for _, k := range Kinds() {
		value, _ := testBlock(f, link{}, 1, filled(k), &Queued{Message: 1})
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		if len(value) > 5 { // let the fuzzer past the checksum
			value[0] = blockVersion
			binary.BigEndian.PutUint32(value[1:], crc32.Checksum(value[5:], castagnoli))
		}
		records, err := decodeAll(value, 1)
		if len(records) > len(value) {
			t.Fatalf("%d records of %d bytes", len(records), len(value))
		}
		var b block
		if b.parse(value) != nil || err != nil {
			return
		}
		before, _, err := b.chain(nil, link{}, 1)
		if err != nil {
			return
		}
		rewritten, err := Forget(value, 1, func(seq uint64) ([]byte, bool) { return nil, seq%2 == 0 })
		if err != nil {
			t.Fatalf("can be read but not forgotten: %v", err)
		}
		if err := b.parse(rewritten); err != nil {
			t.Fatal(err)
		}
		if after, _, err := b.chain(nil, link{}, 1); err != nil || after != before {
			t.Fatalf("forgetting broke the chain (%v)", err)
		}
	})
}

func FuzzDecodeEvent(f *testing.F) {
	for _, k := range Kinds() {
		p := Prepare(filled(k))
		f.Add(uint16(k), p.public, p.private)
	}
	f.Fuzz(func(t *testing.T, kind uint16, public, private []byte) {
		fr := frame{kind: Kind(kind), public: public, private: private}
		e, err := fr.event(new(coder), 1)
		if err != nil {
			return
		}
		if _, unknown := e.(*Unknown); unknown {
			return
		}
		if n := reflectSize(reflect.ValueOf(e).Elem()); n > 4096+200*(len(public)+len(private)) {
			t.Fatalf("%d bytes in, %d held", len(public)+len(private), n)
		}
		if got := again(t, e); Describe(got) != Describe(e) {
			t.Fatalf("not stable:\n%s\n%s", Describe(e), Describe(got))
		}
	})
}

// reflectSize is what an event holds, its lists included.
func reflectSize(v reflect.Value) int {
	n := int(v.Type().Size())
	switch v.Kind() {
	case reflect.String:
		n += v.Len()
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanInterface() {
				n += reflectSize(v.Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			n += reflectSize(v.Index(i))
		}
	}
	return n
}

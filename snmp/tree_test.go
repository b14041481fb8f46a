package snmp

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"
)

// list makes a branch of integers, which reads itself as often as it is asked.
func list(root string, names ...string) Branch {
	return Branch{Root: MustOID(root), Read: func(time.Time) []Variable {
		var out []Variable
		for i, name := range names {
			out = append(out, Variable{MustOID(name), Integer(i)})
		}
		return out
	}}
}

func walk(t *Tree, from string, skip func(Variable) bool) (names []string) {
	for o := MustOID(from); ; {
		v, ok := t.Next(o, skip)
		if !ok {
			return names
		}
		names, o = append(names, v.OID.String()), v.OID
	}
}

func TestTreeWalk(t *testing.T) {
	tree := NewTree(list("1.3.9", "1.3.9.1", "1.3.9.20", "1.3.9.100"), list("1.3.5"), list("1.3.10", "1.3.10.1.0"), list("1.3.4", "1.3.4.5.6"))
	for from, want := range map[string]string{
		"1":          "1.3.4.5.6 1.3.9.1 1.3.9.20 1.3.9.100 1.3.10.1.0",
		"1.3.4.5.6":  "1.3.9.1 1.3.9.20 1.3.9.100 1.3.10.1.0",
		"1.3.9":      "1.3.9.1 1.3.9.20 1.3.9.100 1.3.10.1.0",
		"1.3.9.3":    "1.3.9.20 1.3.9.100 1.3.10.1.0",
		"1.3.9.20.7": "1.3.9.100 1.3.10.1.0",
		"1.3.9.100":  "1.3.10.1.0",
		"1.3.10.1.0": "",
		"2":          "",
	} {
		if got := strings.Join(walk(tree, from, nil), " "); got != want {
			t.Errorf("from %s: %s", from, got)
		}
	}
	odd := func(v Variable) bool { return v.Value.Data.(int)%2 == 1 }
	if got := strings.Join(walk(tree, "1.3.9", odd), " "); got != "1.3.9.1 1.3.9.100 1.3.10.1.0" {
		t.Errorf("with some left out: %s", got)
	}
	if v, ok := tree.Next(MustOID("1.4"), nil); ok || v.Value.Type != gosnmp.EndOfMibView || v.OID.String() != "1.4" {
		t.Errorf("behind the end: %v, %t", v, ok)
	}
}

func TestTreeGet(t *testing.T) {
	b := list("1.3.9", "1.3.9.1.0", "1.3.9.2.1.4.7")
	b.Objects = []OID{MustOID("1.3.9.1"), MustOID("1.3.9.2.1.4"), MustOID("1.3.9.3")}
	tree := NewTree(b, list("1.3.4", "1.3.4.1.0"))
	if v, ok := tree.Get(MustOID("1.3.9.2.1.4.7")); !ok || v.Value != Integer(1) {
		t.Errorf("got %v, %t", v, ok)
	}
	for name, want := range map[string]gosnmp.Asn1BER{
		"1.3.9.1": gosnmp.NoSuchObject, "1.3.9.1.1": gosnmp.NoSuchInstance, "1.3.9.2.1.4.8": gosnmp.NoSuchInstance, "1.3.9.2.1.5.7": gosnmp.NoSuchObject,
		"1.3.9.3.0": gosnmp.NoSuchInstance, "1.3.9.4.0": gosnmp.NoSuchObject, "1.3.4.1.1": gosnmp.NoSuchObject, "1": gosnmp.NoSuchObject, "2": gosnmp.NoSuchObject,
	} {
		if v, ok := tree.Get(MustOID(name)); ok || v.Value.Type != want || v.OID.String() != name {
			t.Errorf("%s is %v, %t", name, v, ok)
		}
	}
}

// A branch is read once a second, however many ask.
func TestTreeSharesReadings(t *testing.T) {
	now, reads := time.Unix(1000, 0), 0
	tree := NewTree(Branch{Root: MustOID("1.3"), Read: func(at time.Time) []Variable {
		reads++
		return []Variable{{MustOID("1.3.1"), Counter64(uint64(at.Unix()))}}
	}})
	tree.Now = func() time.Time { return now }
	at := func(seconds time.Duration, want int) {
		t.Helper()
		now = time.Unix(1000, 0).Add(seconds)
		walk(tree, "1", nil)
		if tree.Get(MustOID("1.3.1")); reads != want {
			t.Errorf("after %v it was read %d times, want %d", seconds, reads, want)
		}
	}
	at(0, 1)
	at(999*time.Millisecond, 1)
	at(time.Second, 2)
	at(-time.Hour, 3) // the clock was set back
	at(-time.Hour+time.Millisecond, 3)
}

// What a branch says in a wrong order, twice or of others would make walks go round for ever.
func TestTreeHoldsBranchesToTheirPromise(t *testing.T) {
	tree := NewTree(list("1.3.9", "1.3.9.2", "1.3.9.1", "1.3.8.1", "1.3.9.2", "1.3.9", "1.3.9.0"))
	if got := strings.Join(walk(tree, "1", nil), " "); got != "1.3.9.0 1.3.9.1 1.3.9.2" {
		t.Errorf("got %s", got)
	}
	for _, roots := range [][2]string{{"1.3", "1.3"}, {"1.3.1", "1.3"}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%v make a tree", roots)
				}
			}()
			NewTree(list(roots[0]), list(roots[1]))
		}()
	}
}

func TestOID(t *testing.T) {
	o := MustOID(".1.3.6.1.4294967295")
	if o.String() != "1.3.6.1.4294967295" || o.dotted() != ".1.3.6.1.4294967295" {
		t.Errorf("got %s, %s", o, o.dotted())
	}
	below := o.Append(1, 2)
	if !below.HasPrefix(o) || o.HasPrefix(below) || len(o) != 5 || below.Compare(o) <= 0 || MustOID("1.3.10").Compare(MustOID("1.3.9.9")) <= 0 {
		t.Errorf("%s and %s", o, below)
	}
	for _, bad := range []string{"", ".", "1..2", "1.4294967296", "1.-1", "1.x", "1.3.", strings.Repeat("1.", 128) + "1"} {
		if got, err := ParseOID(bad); err == nil {
			t.Errorf("%q is %v", bad, got)
		}
	}
}

func TestValues(t *testing.T) {
	for _, c := range []struct {
		got  Value
		want any
	}{
		{Integer(-7), -7}, {Integer(math.MaxInt), math.MaxInt32}, {Integer(math.MinInt), math.MinInt32},
		{Gauge32(1 << 40), uint32(math.MaxUint32)}, {Counter32(1<<32 + 5), uint32(5)}, {Counter64(1 << 40), uint64(1 << 40)},
		{TimeTicks(1500 * time.Millisecond), uint32(150)}, {TimeTicks(-time.Second), uint32(0)}, {TimeTicks(498 * 24 * time.Hour), uint32(7_752_704)},
		{OctetString("a\x00" + strings.Repeat("b", 300)), "a\x00" + strings.Repeat("b", 253)}, {DisplayString("a\x1b[2Jé~"), "a?[2J??~"},
		{ObjectID(MustOID("1.3.6")), ".1.3.6"}, {IPAddress(netip.MustParseAddr("::ffff:192.0.2.1")), "192.0.2.1"}, {IPAddress(netip.IPv6Loopback()), "0.0.0.0"},
	} {
		if fmt.Sprintf("%T %v", c.got.Data, c.got.Data) != fmt.Sprintf("%T %v", c.want, c.want) {
			t.Errorf("got %T %v, want %T %v", c.got.Data, c.got.Data, c.want, c.want)
		}
		// The codec must take every one of them: of a type that it does not expect it may make garbage.
		p := &gosnmp.SnmpPacket{Version: gosnmp.Version2c, Community: "x", PDUType: gosnmp.GetResponse, Variables: []gosnmp.SnmpPDU{{Name: ".1.3.6.1", Type: c.got.Type, Value: c.got.Data}}}
		b, err := p.MarshalMsg()
		if err != nil {
			t.Fatalf("%v: %v", c.got, err)
		}
		again, err := (&gosnmp.GoSNMP{}).SnmpDecodePacket(slices.Clone(b))
		if err != nil || len(again.Variables) != 1 || again.Variables[0].Type != c.got.Type {
			t.Errorf("%v is read back as %v, %v", c.got, again, err)
		}
	}
}

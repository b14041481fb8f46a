package snmp

import (
	"math"
	"net/netip"
	"time"

	"github.com/gosnmp/gosnmp"
)

// Variable is an instance of an object, and what it is.
type Variable struct {
	OID   OID
	Value Value
}

// Value is what an instance is, of a type that the wire knows (RFC 2578 section 7.1). The functions below make all of
// them: the codec takes only exactly the Go types that they choose.
type Value struct {
	Type gosnmp.Asn1BER
	Data any // int, uint32, uint64 or string
}

// maxText is as long as a text may be (RFC 2579, DisplayString).
const maxText = 255

// Integer is an Integer32 or one of an enumeration; what does not fit is the nearest that does.
func Integer(n int) Value {
	return Value{gosnmp.Integer, min(max(n, math.MinInt32), math.MaxInt32)}
}

// Gauge32 stays at its highest value while the figure is above it.
func Gauge32(n uint64) Value {
	return Value{gosnmp.Gauge32, uint32(min(n, math.MaxUint32))}
}

// Counter32 begins anew at 2^32.
func Counter32(n uint64) Value { return Value{gosnmp.Counter32, uint32(n)} }

// Counter64 is not shown to SNMPv1, which does not know it.
func Counter64(n uint64) Value { return Value{gosnmp.Counter64, n} }

// TimeTicks counts in hundredths of a second, and begins anew after 497 days.
func TimeTicks(d time.Duration) Value {
	return Value{gosnmp.TimeTicks, uint32(uint64(max(d, 0) / (10 * time.Millisecond)))}
}

// OctetString is any bytes, at most 255.
func OctetString(s string) Value {
	return Value{gosnmp.OctetString, s[:min(len(s), maxText)]}
}

// DisplayString is text for people: printable ASCII, at most 255; every other byte is shown as "?", since it would reach
// the terminals of those who ask.
func DisplayString(s string) Value {
	b := []byte(s[:min(len(s), maxText)])
	for i, c := range b {
		if c < ' ' || c > '~' {
			b[i] = '?'
		}
	}
	return Value{gosnmp.OctetString, string(b)}
}

// ObjectID is the name of something, such as the kind of a system.
func ObjectID(o OID) Value { return Value{gosnmp.ObjectIdentifier, o.dotted()} }

// IPAddress is an IPv4 address; 0.0.0.0 stands for any other.
func IPAddress(a netip.Addr) Value {
	if a = a.Unmap(); !a.Is4() {
		a = netip.IPv4Unspecified()
	}
	return Value{gosnmp.IPAddress, a.String()}
}

package snmp

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// OID is an object identifier: 1.3.6.1.2.1.1.3.0 is OID{1, 3, 6, 1, 2, 1, 1, 3, 0}. It is never changed once made; slices
// of it may be shared.
type OID []uint32

// maxArcs is as many sub-identifiers as a name may have (RFC 3416 section 4.1).
const maxArcs = 128

// ParseOID reads an object identifier in dotted decimal, with or without a dot before it.
func ParseOID(s string) (OID, error) {
	parts := strings.SplitN(strings.TrimPrefix(s, "."), ".", maxArcs+1)
	if len(parts) > maxArcs {
		return nil, fmt.Errorf("an object identifier of more than %d arcs", maxArcs)
	}
	o := make(OID, len(parts))
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%.40q is not an object identifier", s)
		}
		o[i] = uint32(n)
	}
	return o, nil
}

// MustOID is ParseOID for what stands in the source; it panics when that is wrong.
func MustOID(s string) OID {
	o, err := ParseOID(s)
	if err != nil {
		panic(err)
	}
	return o
}

// String is dotted decimal, without a dot before it.
func (o OID) String() string { return string(o.text(nil)) }

// dotted is dotted decimal with a dot before it, as the codec wants it.
func (o OID) dotted() string { return string(o.text([]byte{'.'})) }

func (o OID) text(b []byte) []byte {
	b = slices.Grow(b, 4*len(o))
	for i, n := range o {
		if i > 0 {
			b = append(b, '.')
		}
		b = strconv.AppendUint(b, uint64(n), 10)
	}
	return b
}

// Compare is the order of names: arc by arc, and a name stands before those below it.
func (o OID) Compare(p OID) int { return slices.Compare(o, p) }

// HasPrefix tells whether o is p or stands below it.
func (o OID) HasPrefix(p OID) bool { return len(o) >= len(p) && slices.Equal(o[:len(p)], p) }

// Append is the name of what stands below o; o is left as it is.
func (o OID) Append(arcs ...uint32) OID { return slices.Concat(o, OID(arcs)) }

package snmp

import (
	"github.com/gosnmp/gosnmp"
)

// fit writes a reply of at most size bytes. Of a GETBULK reply the end may be left out; any other that is too long says so
// instead, and if that is too long as well, nothing (RFC 3416 section 4.2). sign is called before each writing: what signs
// and encrypts one message must not do so for another.
func (a *Agent) fit(r, q *gosnmp.SnmpPacket, size int, sign func()) []byte {
	for {
		sign()
		b, err := r.MarshalMsg()
		switch {
		case err == nil && len(b) <= size:
			a.count.outResponses.Add(1)
			return b
		case r.Error == gosnmp.TooBig || err != nil && r.Error == gosnmp.GenErr:
			a.count.silentDrops.Add(1)
			return nil
		case err != nil: // a value that the codec cannot write
			a.count.outGenErrs.Add(1)
			r.Error, r.ErrorIndex, r.Variables = gosnmp.GenErr, 0, namesOnly(q)
		case q.PDUType == gosnmp.GetBulkRequest && len(r.Variables) > 1:
			r.Variables = r.Variables[:len(r.Variables)*size/len(b)]
			if len(r.Variables) == 0 {
				r.Variables = r.Variables[:1]
			}
		default:
			a.count.outTooBigs.Add(1)
			r.Error, r.ErrorIndex, r.Variables = gosnmp.TooBig, 0, nil
			if q.Version == gosnmp.Version1 {
				r.Variables = namesOnly(q)
			}
		}
	}
}

func namesOnly(q *gosnmp.SnmpPacket) []gosnmp.SnmpPDU {
	out := make([]gosnmp.SnmpPDU, len(q.Variables))
	for i, v := range q.Variables {
		out[i] = gosnmp.SnmpPDU{Name: v.Name, Type: gosnmp.Null}
	}
	return out
}

// sizeOf is how many bytes a variable takes in a message; a number may take fewer.
func sizeOf(v Variable) int {
	name := 0
	for i, arc := range v.OID {
		if i == 0 {
			continue // it shares a place with the second
		}
		for name++; arc >= 0x80; arc >>= 7 {
			name++
		}
	}
	value := 0
	switch data := v.Value.Data.(type) {
	case int, uint32:
		value = 5
	case uint64:
		value = 9
	case string:
		value = len(data)
	}
	return withHeader(withHeader(name) + withHeader(value))
}

// withHeader adds a tag and a length.
func withHeader(n int) int {
	switch {
	case n < 0x80:
		return n + 2
	case n < 0x100:
		return n + 3
	}
	return n + 4
}

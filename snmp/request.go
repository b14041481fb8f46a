package snmp

import (
	"github.com/gosnmp/gosnmp"
)

// The sizes of messages, in bytes.
const (
	maxMessage = 16_384 // of one that is taken or sent; a longer reply is an error "too big"
	frameSize  = 1_472  // of a GETBULK reply: it goes in one Ethernet frame, and who wants more asks again
	overhead   = 200    // of a reply, at most, around its variables
)

// respond makes the reply to a request; none is due to what asks for nothing. room bounds the variables of a GETBULK.
func (a *Agent) respond(q *gosnmp.SnmpPacket, room int) (*gosnmp.SnmpPacket, bool) {
	names := make([]OID, len(q.Variables))
	for i, v := range q.Variables {
		o, err := ParseOID(v.Name)
		if err != nil {
			a.count.parseErrors.Add(1)
			return nil, false
		}
		names[i] = o
	}
	c := &a.count
	switch q.PDUType {
	case gosnmp.GetRequest:
		c.getRequests.Add(1)
		return a.get(q, names), true
	case gosnmp.GetNextRequest:
		c.getNexts.Add(1)
		return a.getNext(q, names), true
	case gosnmp.GetBulkRequest:
		if q.Version == gosnmp.Version1 {
			c.parseErrors.Add(1) // it does not know that
			return nil, false
		}
		return a.getBulk(q, names, room), true
	case gosnmp.SetRequest:
		c.setRequests.Add(1)
		if q.Version == gosnmp.Version1 {
			return refuse(q, gosnmp.ReadOnly, 1), true
		}
		return refuse(q, gosnmp.NotWritable, 1), true
	case gosnmp.GetResponse:
		c.responses.Add(1)
	case gosnmp.Trap, gosnmp.SNMPv2Trap, gosnmp.InformRequest:
		c.inTraps.Add(1)
	default:
		c.parseErrors.Add(1)
	}
	return nil, false
}

func (a *Agent) get(q *gosnmp.SnmpPacket, names []OID) *gosnmp.SnmpPacket {
	r := reply(q)
	for i, o := range names {
		v, ok := a.tree.Get(o)
		if q.Version == gosnmp.Version1 && (!ok || unknownToV1(v)) {
			a.count.outNoSuchNames.Add(1)
			return refuse(q, gosnmp.NoSuchName, i+1)
		}
		r.Variables = append(r.Variables, pduOf(v))
	}
	a.count.totalReqVars.Add(uint64(len(names)))
	return r
}

func (a *Agent) getNext(q *gosnmp.SnmpPacket, names []OID) *gosnmp.SnmpPacket {
	r := reply(q)
	var skip func(Variable) bool
	if q.Version == gosnmp.Version1 {
		skip = unknownToV1 // RFC 3584 section 4.2.2.1
	}
	for i, o := range names {
		v, ok := a.tree.Next(o, skip)
		if q.Version == gosnmp.Version1 && !ok {
			a.count.outNoSuchNames.Add(1)
			return refuse(q, gosnmp.NoSuchName, i+1)
		}
		r.Variables = append(r.Variables, pduOf(v))
	}
	a.count.totalReqVars.Add(uint64(len(names)))
	return r
}

// getBulk goes on from each name behind the first ones, row by row, until the reply is full or all are at the end of the
// tree (RFC 3416 section 4.2.3).
func (a *Agent) getBulk(q *gosnmp.SnmpPacket, names []OID, room int) *gosnmp.SnmpPacket {
	r := reply(q)
	add := func(v Variable) bool {
		if room -= sizeOf(v); room < 0 && len(r.Variables) > 0 {
			return false
		}
		r.Variables = append(r.Variables, pduOf(v))
		return true
	}
	defer func() { a.count.totalReqVars.Add(uint64(len(r.Variables))) }()
	once := min(int(q.NonRepeaters), len(names))
	for _, o := range names[:once] {
		if v, _ := a.tree.Next(o, nil); !add(v) {
			return r
		}
	}
	at := names[once:]
	for range q.MaxRepetitions {
		ended := true
		for i := range at {
			v, ok := a.tree.Next(at[i], nil)
			if !add(v) {
				return r
			}
			at[i], ended = v.OID, ended && !ok
		}
		if ended {
			break
		}
	}
	return r
}

func unknownToV1(v Variable) bool { return v.Value.Type == gosnmp.Counter64 }

// reply is an empty response to a request.
func reply(q *gosnmp.SnmpPacket) *gosnmp.SnmpPacket {
	return &gosnmp.SnmpPacket{Version: q.Version, PDUType: gosnmp.GetResponse, RequestID: q.RequestID}
}

// refuse is a response that says what is wrong with which variable, counted from 1, and bears those of the request.
func refuse(q *gosnmp.SnmpPacket, why gosnmp.SNMPError, index int) *gosnmp.SnmpPacket {
	r := reply(q)
	r.Error, r.ErrorIndex = why, uint8(min(index, len(q.Variables), 255))
	for _, v := range q.Variables {
		r.Variables = append(r.Variables, echoed(v))
	}
	return r
}

// echoed is a variable of a request as the codec can write it; of a value that it cannot, only the name comes back.
func echoed(v gosnmp.SnmpPDU) gosnmp.SnmpPDU {
	switch v.Type {
	case gosnmp.Integer, gosnmp.OctetString, gosnmp.ObjectIdentifier, gosnmp.IPAddress, gosnmp.Counter32, gosnmp.Gauge32, gosnmp.TimeTicks, gosnmp.Counter64:
		if v.Value != nil {
			return gosnmp.SnmpPDU{Name: v.Name, Type: v.Type, Value: v.Value}
		}
	}
	return gosnmp.SnmpPDU{Name: v.Name, Type: gosnmp.Null}
}

func pduOf(v Variable) gosnmp.SnmpPDU {
	return gosnmp.SnmpPDU{Name: v.OID.dotted(), Type: v.Value.Type, Value: v.Value.Data}
}

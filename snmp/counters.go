package snmp

import (
	"sync/atomic"
	"time"
)

// counters are what the agent has counted since the start of the process. Many goroutines add; all are exact.
type counters struct {
	// The snmp group (RFC 1213, RFC 3418).
	inPkts, outPkts, badVersions, badCommunities, parseErrors            atomic.Uint64
	totalReqVars, getRequests, getNexts, setRequests, responses, inTraps atomic.Uint64
	outTooBigs, outNoSuchNames, outGenErrs                               atomic.Uint64
	outResponses, outTraps, silentDrops                                  atomic.Uint64

	unknownModels, invalidMessages, unknownHandlers atomic.Uint64 // RFC 3412 section 5, snmpMPDStats
	unknownContexts                                 atomic.Uint64 // RFC 3413 section 4.1.2
	security                                        [7]atomic.Uint64

	limited, panics atomic.Uint64 // no standard object has these
}

// The objects of usmStats (RFC 3414 section 5), which are the places in counters.security too.
const (
	unsupportedSecLevels = 1 + iota
	notInTimeWindows
	unknownUserNames
	unknownEngineIDs
	wrongDigests
	decryptionErrors
)

// The groups of what the agent counts, and of what it is.
var (
	snmpGroup   = MustOID("1.3.6.1.2.1.11")
	snmpEngine  = MustOID("1.3.6.1.6.3.10.2.1")
	mpdStats    = MustOID("1.3.6.1.6.3.11.2.1")
	targetGroup = MustOID("1.3.6.1.6.3.12.1")
	usmStats    = MustOID("1.3.6.1.6.3.15.1.1")
)

// scalar is an object with one instance below the root of its branch.
type scalar struct {
	arc  uint32
	read func() Value
}

// scalars makes a branch of objects, which stand in the order of their arcs.
func scalars(root OID, list []scalar) Branch {
	b := Branch{Root: root}
	names := make([]OID, len(list))
	for i, s := range list {
		b.Objects = append(b.Objects, root.Append(s.arc))
		names[i] = root.Append(s.arc, 0)
	}
	b.Read = func(time.Time) []Variable {
		out := make([]Variable, len(list))
		for i, s := range list {
			out[i] = Variable{names[i], s.read()}
		}
		return out
	}
	return b
}

func counted(c *atomic.Uint64) func() Value { return func() Value { return Counter32(c.Load()) } }

func never() Value { return Counter32(0) }

// snmpBranch is the snmp group. An agent sends no requests and gets no answers, so that some of it never counts.
func (c *counters) snmpBranch() Branch {
	return scalars(snmpGroup, []scalar{
		{1, counted(&c.inPkts)}, {2, counted(&c.outPkts)}, {3, counted(&c.badVersions)}, {4, counted(&c.badCommunities)},
		{5, never}, {6, counted(&c.parseErrors)}, {8, never}, {9, never}, {10, never}, {11, never}, {12, never},
		{13, counted(&c.totalReqVars)}, {14, never}, {15, counted(&c.getRequests)}, {16, counted(&c.getNexts)},
		{17, counted(&c.setRequests)}, {18, counted(&c.responses)}, {19, counted(&c.inTraps)}, {20, counted(&c.outTooBigs)},
		{21, counted(&c.outNoSuchNames)}, {22, never}, {24, counted(&c.outGenErrs)}, {25, never}, {26, never},
		{27, never}, {28, counted(&c.outResponses)}, {29, counted(&c.outTraps)},
		{30, func() Value { return Integer(2) }}, // snmpEnableAuthenTraps: disabled
		{31, counted(&c.silentDrops)}, {32, never},
	})
}

func (c *counters) branches() []Branch {
	usm := make([]scalar, 0, len(c.security))
	for i := range c.security[1:] {
		usm = append(usm, scalar{uint32(i + 1), counted(&c.security[i+1])})
	}
	return []Branch{
		c.snmpBranch(),
		scalars(mpdStats, []scalar{{1, counted(&c.unknownModels)}, {2, counted(&c.invalidMessages)}, {3, counted(&c.unknownHandlers)}}).
			of(Module{MustOID("1.3.6.1.6.3.11"), "SNMP-MPD-MIB: messages that are none (RFC 3412)"}),
		scalars(targetGroup, []scalar{{5, counted(&c.unknownContexts)}}).of(Module{MustOID("1.3.6.1.6.3.12"), "SNMP-TARGET-MIB: contexts that are none (RFC 3413)"}),
		scalars(usmStats, usm).of(Module{MustOID("1.3.6.1.6.3.15"), "SNMP-USER-BASED-SM-MIB: messages that are not secure (RFC 3414)"}),
	}
}

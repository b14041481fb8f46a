// Package projections holds what people look at: counters, rates, hosts, connections, the live queue and the text logs,
// each a fold over the records of the journal. A projection never decides anything: it can be thrown away and built again
// from the records, as of any past moment, and a Follower keeps it at the journal's durable end. What lives in no record
// (processor load, pending lookups) is a named function in Gauges. Status puts all figures of one moment, at one Seq,
// together for whoever shows them.
package projections

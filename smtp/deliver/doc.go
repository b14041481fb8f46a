// Package deliver is the gateway's delivery client: it tries one message to one destination, once, and says for every
// recipient what came of it.
//
// An attempt first asks the pool for a connection that an earlier message has left open to the same destination; only
// without one are the route and the DNS consulted and the destination's addresses dialled, in order, until one lets a
// transaction begin. A transaction with a peer that pipelines costs two round trips: the envelope with DATA, and the
// content with its final dot. Until that dot is written nothing can have been delivered, so whatever breaks is tried on
// another address or reported as temporary; from then on only the peer's answer counts, and when it does not come the
// outcome is Unknown, never a guess. The engine alone decides about retries and about how many attempts run at once:
// Deliver dials or reuses, and never queues. What peers say is hostile: replies are read within bounds and enter an
// outcome only with every control character escaped.
package deliver

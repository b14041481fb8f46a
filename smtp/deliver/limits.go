package deliver

import "time"

// The limits on what peers, routes and the DNS may ask of us, and what happens at them.
const (
	MaxAddresses  = 10               // addresses tried in one attempt; the rest waits for the next attempt
	MaxRecipients = 100              // recipients of one transaction (RFC 5321 4.5.3.1.8); more take several on one connection
	MaxReplyLine  = 4096             // octets of a reply's line, line end included; beyond: the peer is cut off
	MaxReplyLines = 100              // lines of a reply; beyond: the peer is cut off
	MaxReply      = 64 << 10         // octets of a reply; beyond: the peer is cut off
	MaxIdle       = 1000             // connections kept open without work; more are closed when their message is done
	MaxRetiring   = 256              // connections that wait for the answer to QUIT; more are closed at once
	MaxReplyTime  = 30 * time.Minute // the replies to one group of pipelined commands, together; beyond: timeout
	MaxQuitTime   = 2 * time.Second  // the answer to QUIT; beyond: closed without it
	MaxHandshake  = time.Minute      // a TLS handshake; beyond: the peer counts as one without TLS

	maxKeptReply = 4096 // octets of a reply that enter an outcome, all lines together
	maxKeptLine  = 512  // octets of one line
	maxKeptLines = 20

	lastWordsTime = time.Second     // for a reply that may have come before the peer hung up
	v6Pause       = 5 * time.Minute // IPv6 is left out after the system had no route for it
	contentChunk  = 64 << 10        // content up to this size goes out in one write with its final dot
)

const (
	defaultConnections    = 50
	defaultConnect        = 30 * time.Second
	defaultCommandTimeout = 5 * time.Minute
	defaultDataTimeout    = 3 * time.Minute
	defaultFinalTimeout   = 10 * time.Minute
	defaultIdleTimeout    = 5 * time.Second
	defaultPort           = 25
)

// or gives the configured duration, or the default of a document that does not say.
func or(d, standard time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return standard
}

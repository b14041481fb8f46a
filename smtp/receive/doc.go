// Package receive is the receiving wire: listeners, the conversation with each client, and the way of a message from its
// first command to the fact that stands for the 250.
//
// One goroutine serves a client from banner to close. It alone reads and writes the socket, parses every line, and keeps
// what go-smtp cannot do (timeouts, content, BDAT, STARTTLS, limits, fixed replies) to itself. go-smtp, the protocol's
// state machine, never sees a socket: it stands behind a machine, an in-memory connection which is lent to a conversation
// for one transaction, is fed one clean command at a time, and whose replies are captured. So an idle client costs a
// goroutine and a small struct, and nothing that a client sends can make go-smtp lose step. What was accepted is handed to
// the Queue, which answers when it is durable; only then does the client read its 250.
package receive

// Package dns is the gateway's view of the domain name system: a caching stub resolver that asks the recursive servers
// it is given and remembers what they said.
//
// A question first meets the cache. What is not there is asked once, however many want to know it (a flight), by a
// goroutine that belongs to the Resolver and not to the first asker, so that nobody's impatience fails the others. The
// flight tries the servers in order, those that failed lately last, and repeats over TCP what UDP had to truncate. Only
// what answers the question is believed: the additional section is ignored, and names with characters that no host
// name has never leave the package. Every answer ends as an answer or as an *Error, whose text is that of the mail log
// and which says whether trying again can help.
//
// Names are asked for and given in ASCII; an internationalised one is converted to A-labels (RFC 5891) first.
package dns

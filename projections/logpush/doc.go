// Package logpush brings text logs to other hosts: line by line to a syslog server, or file by file over SSH. Like the logs
// themselves it follows the journal, which is its buffer: a server that does not answer costs no memory, and hinders nobody.
package logpush

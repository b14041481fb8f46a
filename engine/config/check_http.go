package config

import (
	"strings"
)

// maxUser is as long as a user's name for HTTP may be.
const maxUser = 64

// http checks the status pages' table. They tell whom mail goes to: without a password only this machine may ask.
func (r *reader) http(d *Document) {
	h := &d.HTTP
	r.pair(h.Certificate, h.Key, "http")
	switch {
	case h.User == "" && h.Password != "":
		r.fail("http.password", "is a password without a user; both or neither are allowed")
	case h.User != "" && h.Password == "":
		r.fail("http.user", `is a user without a password; "postern config password" makes the text for it`)
	case len(h.User) > maxUser || strings.ContainsRune(h.User, ':'):
		r.fail("http.user", "%s is not allowed; allowed is a text of at most %d bytes without a colon", quoted(h.User), maxUser)
	}
	if h.Password != "" {
		if _, err := ParsePassword(h.Password); err != nil { // which is not shown: it may be the password itself
			r.fail("http.password", "%v", err)
		}
	}
	if h.Address.IsValid() {
		r.httpAddress(d)
	}
}

func (r *reader) httpAddress(d *Document) {
	const path = "http.address"
	h := &d.HTTP
	if h.Address.Addr().IsMulticast() {
		r.fail(path, "%s is a multicast address; nobody can listen there", h.Address.Addr())
		return
	}
	if h.Password == "" && !h.Address.Addr().Unmap().IsLoopback() {
		r.fail(path, `%s can be reached from other machines; without user and password only a loopback address is allowed, such as "127.0.0.1:8080"`, h.Address)
		return
	}
	for i := range d.Listeners {
		if Collide(d.Listeners[i].Address, h.Address) {
			r.fail(path, "%s is busy: listener %s is on %s", h.Address, printable(d.Listeners[i].Name), d.Listeners[i].Address)
			return
		}
	}
}

// pair checks that a certificate and its key stand together.
func (r *reader) pair(certificate, key, path string) {
	if certificate == "" && key != "" {
		r.fail(path+".key", "is a key without a certificate; both or neither are allowed")
	}
	if certificate != "" && key == "" {
		r.fail(path+".certificate", "is a certificate without a key; both or neither are allowed")
	}
}

package projections

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"postern/journal"
)

// maxLogins is how many visits of operators, ends of the daemon included, are remembered; the oldest are forgotten.
const maxLogins = 200

// LoginEnd is how a visit ended.
type LoginEnd uint8

// The ends of a visit. A row that is an end of the daemon itself has no user.
const (
	LoginOpen     LoginEnd = iota // it has not ended
	LoginClosed                   // the operator left
	LoginShutdown                 // the daemon ended in order
	LoginCrash                    // the daemon ended without an order, at a time that nobody wrote down
)

var loginEnds = [...]string{LoginOpen: "open", LoginClosed: "closed", LoginShutdown: "shutdown", LoginCrash: "crash"}

// String is the word for programs.
func (e LoginEnd) String() string { return loginEnds[min(int(e), len(loginEnds)-1)] }

// Login is a visit of an operator, or an end of the daemon.
type Login struct {
	User string     // "": the row is an end of the daemon
	From netip.Addr // invalid: the machine itself
	In   time.Time  // zero in an end of the daemon
	Out  time.Time  // zero while open; after a crash, when the daemon was started again
	End  LoginEnd
}

// logins are the last visits, the oldest first. Part of the figures.
type logins struct{ list []login }

type login struct {
	session uint64 // 0: it is closed, or an end of the daemon
	user    string
	from    netip.Addr
	in, out journal.Instant
	end     LoginEnd
}

func (s *logins) add(l login) {
	if len(s.list) >= maxLogins {
		s.list = slices.Delete(s.list, 0, len(s.list)-maxLogins+1)
	}
	s.list = append(s.list, l)
}

func (s *logins) entered(at journal.Instant, e *journal.OperatorLoggedIn) {
	s.add(login{session: e.Session, user: strings.Clone(e.By), from: e.From, in: at})
}

// left closes the visit of a session. Its number may have been used in earlier runs; those are closed.
func (s *logins) left(at journal.Instant, e *journal.OperatorLoggedOut) {
	for i := range s.list {
		if l := &s.list[i]; l.end == LoginOpen && l.session == e.Session {
			l.session, l.out, l.end = 0, at, LoginClosed
			return
		}
	}
}

// ended closes all visits with the daemon and remembers its end.
func (s *logins) ended(at journal.Instant, how LoginEnd) {
	for i := range s.list {
		if l := &s.list[i]; l.end == LoginOpen {
			l.session, l.out, l.end = 0, at, how
		}
	}
	s.add(login{out: at, end: how})
}

// Logins gives the last visits of operators and ends of the daemon, the newest first, at most max; 0 is all.
func (f *Figures) Logins(max int) []Login {
	list := f.logins.list
	if max > 0 && len(list) > max {
		list = list[len(list)-max:]
	}
	out := make([]Login, 0, len(list))
	for _, l := range slices.Backward(list) {
		out = append(out, Login{User: l.user, From: l.from, In: l.in.Time(), Out: l.out.Time(), End: l.end})
	}
	return out
}

// Installed is when the store's first run began; zero when the history does not reach back to it.
func (f *Figures) Installed() time.Time {
	if f.system.installed < 0 {
		return time.Time{}
	}
	return f.system.installed.Time()
}

func (s *logins) encode(e *encoder) {
	e.uint(uint64(len(s.list)))
	for i := range s.list {
		l := &s.list[i]
		e.string(l.user)
		e.addr(l.from)
		e.uints(l.session, uint64(l.end))
		e.int(int64(l.in))
		e.int(int64(l.out))
	}
}

func (s *logins) decode(d *decoder) {
	for range d.count() {
		s.add(login{user: d.string(), from: d.addr(), session: d.uint(), end: LoginEnd(d.below(uint64(len(loginEnds)))),
			in: journal.Instant(d.int()), out: journal.Instant(d.int())})
	}
}

package shell

import (
	"cmp"
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"postern/journal"
)

// Session is a shell that somebody has open.
type Session struct {
	ID    uint64    `json:"id"`
	User  string    `json:"username"`
	From  string    `json:"remote_host"` // an address, or "" for the machine's own terminals
	Began time.Time `json:"login_time"`
	Last  time.Time `json:"last_command_time"`
	What  string    `json:"what"` // the command that was asked for last
}

// Sessions is the register of open shells. Its zero value is empty; many goroutines may use it.
type Sessions struct {
	Now func() time.Time // nil: time.Now

	mu   sync.Mutex
	next uint64
	open map[uint64]*Session
}

// maxSessions is how many shells may be open at once; one more is refused.
const maxSessions = 1000

// Open registers a shell; false: there are too many.
func (s *Sessions) Open(user, from string) (Session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open) >= maxSessions {
		return Session{}, false
	}
	if s.open == nil {
		s.open = make(map[uint64]*Session)
	}
	s.next++
	now := s.now()
	opened := &Session{ID: s.next, User: user, From: from, Began: now, Last: now, What: "cli"}
	s.open[opened.ID] = opened
	return *opened, true
}

// Touch notes what a shell's user asked for, and tells where the shell came from.
func (s *Sessions) Touch(id uint64, user, what string) (from string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.open[id]; o != nil && o.User == user {
		o.Last, o.What = s.now(), what
		from = o.From
	}
	return from
}

// Close takes a shell out of the register.
func (s *Sessions) Close(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, id)
}

// List gives the open shells, the oldest first.
func (s *Sessions) List() []Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Session, 0, len(s.open))
	for _, o := range s.open {
		list = append(list, *o)
	}
	slices.SortFunc(list, func(a, b Session) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

func (s *Sessions) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

// The headers by which a shell's requests are known as its own.
const (
	sessionHeader = "Postern-Session"
	commandHeader = "Postern-Command"
)

// serveSession holds a request open for as long as a shell is; its first line of JSON is the session.
func serveSession(g Gateway, w http.ResponseWriter, r *http.Request) {
	from := ""
	if a, err := netip.ParseAddr(r.URL.Query().Get("from")); err == nil {
		from = a.String()
	}
	err := g.OpenSession(r.Context(), from, func(s Session) {
		encoder(w).Encode(s)
		http.NewResponseController(w).Flush()
	})
	if err != nil {
		refuse(w, err)
	}
}

// touching notes each request of a shell in the register.
func touching(s *Sessions, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		what := r.Header.Get(commandHeader)
		if id, err := strconv.ParseUint(r.Header.Get(sessionHeader), 10, 64); err == nil && Find(what) != nil {
			r = seated(r, s.Touch(id, By(r.Context()), what))
		}
		next.ServeHTTP(w, r)
	})
}

// seated says of whom a request is from where they sit, as their shell said.
func seated(r *http.Request, from string) *http.Request {
	at, err := netip.ParseAddr(from)
	o := OperatorOf(r.Context())
	if err != nil || o == nil {
		return r
	}
	sits := *o
	sits.at = at
	return r.WithContext(WithOperator(r.Context(), &sits))
}

// OpenSession implements Gateway.
func (l *Local) OpenSession(ctx context.Context, from string, opened func(Session)) error {
	s, ok := l.Shells.Open(By(ctx), from)
	if !ok {
		return &RefusedError{"There are too many shells open: close one first."}
	}
	at, _ := netip.ParseAddr(from)
	l.note(&journal.OperatorLoggedIn{Session: s.ID, By: s.User, From: at})
	defer l.note(&journal.OperatorLoggedOut{Session: s.ID, By: s.User, From: at})
	defer l.Shells.Close(s.ID) // before it is written down that the shell is gone
	opened(s)
	<-ctx.Done()
	return nil
}

// Sessions implements Gateway.
func (l *Local) Sessions(context.Context) ([]Session, error) { return l.Shells.List(), nil }

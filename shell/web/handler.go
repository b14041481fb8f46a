package web

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"postern/projections"
	"postern/shell"
)

// handler takes requests apart: what is no question for status is refused before anything is looked at.
func (s *Server) handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer s.recovered()
		s.requests.Add(1)
		header := w.Header()
		header.Set("Cache-Control", "no-store")
		header.Set("X-Content-Type-Options", "nosniff")
		switch known, ok := s.known(w, r); {
		case !ok:
		case !s.meant(r):
			refuse(w, http.StatusMisdirectedRequest, "this is not the host that you asked for; without a password only this machine's own addresses and names are answered")
		default:
			served(r)
			s.route(w, r, known)
		}
	})
}

// recovered reports a panic and drops the connection.
func (s *Server) recovered() {
	p := recover()
	if p == nil {
		return
	}
	if p != http.ErrAbortHandler {
		s.problem(fmt.Errorf("http: panic: %v\n%s", p, debug.Stack()))
	}
	panic(http.ErrAbortHandler)
}

// refuse answers with a sentence and closes the connection: who was refused starts anew.
func refuse(w http.ResponseWriter, status int, sentence string) {
	w.Header().Set("Connection", "close")
	http.Error(w, sentence, status)
}

// known judges the form of a request and who sent it; ok is false when it is answered already. Without a password
// everybody is known. Health may be asked by anybody, who is then not told reasons.
func (s *Server) known(w http.ResponseWriter, r *http.Request) (known, ok bool) {
	switch {
	case r.ContentLength != 0 || len(r.TransferEncoding) > 0:
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(time.Second)) // net/http reads on, to be polite
		refuse(w, http.StatusRequestEntityTooLarge, "a question has no content")
		return false, false
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		refuse(w, http.StatusMethodNotAllowed, "only GET and HEAD are answered: nothing can be changed here")
		return false, false
	}
	h := &s.Document().HTTP
	if h.Password == "" {
		return true, true
	}
	user, password, given := r.BasicAuth()
	if !given && r.Header.Get("Authorization") == "" && r.URL.Path == "/healthz" {
		return false, true
	}
	switch s.guard.admit(r.Context(), clientOf(r), h, user, password, given) {
	case admitted:
		return true, true
	case crowded:
		w.Header().Set("Retry-After", "30")
		refuse(w, http.StatusTooManyRequests, "too many wrong passwords at once; try again later")
	default:
		w.Header().Set("WWW-Authenticate", `Basic realm="postern", charset="UTF-8"`)
		refuse(w, http.StatusUnauthorized, "user and password are needed, as the configuration's [http] has them")
	}
	return false, false
}

// meant tells whether a request names us. Where no password is asked for, a page of the Web that gave its own name our
// loopback address must not read the answers with a visitor's browser.
func (s *Server) meant(r *http.Request) bool {
	d := s.Document()
	if d.HTTP.Password != "" {
		return true
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.Trim(host, "[]"), ".")
	if _, err := netip.ParseAddr(host); err == nil || host == "" {
		return true
	}
	return strings.EqualFold(host, "localhost") || strings.EqualFold(host, d.Hostname)
}

// clientOf is the address that a request came from.
func clientOf(r *http.Request) netip.Addr {
	a, _ := netip.ParseAddrPort(r.RemoteAddr)
	return a.Addr()
}

func (s *Server) route(w http.ResponseWriter, r *http.Request, known bool) {
	switch path := r.URL.Path; {
	case path == "/xml/status":
		s.serveXML(w, r)
	case path == "/metrics":
		s.serveMetrics(w, r)
	case path == "/healthz":
		s.serveHealth(w, known)
	case strings.HasPrefix(path, "/api/"):
		s.serveAPI(w, r)
	case path == "/":
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		io.WriteString(w, index)
	default:
		http.Error(w, "there is nothing here; / lists what there is", http.StatusNotFound)
	}
}

const index = `/xml/status     the status feed of AsyncOS, in XML
/metrics        the same and more, for Prometheus
/healthz        ok, or why not (503)
/api/v1/status  as postern status --json; what else the admin socket answers to GET stands beside it
`

// serveHealth says ok, or one reason a line.
func (s *Server) serveHealth(w http.ResponseWriter, known bool) {
	var reasons []string
	if s.Health != nil {
		reasons = s.Health(s.now())
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	switch {
	case len(reasons) == 0:
		io.WriteString(w, "ok\n")
	case known:
		w.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, strings.Join(reasons, "\n")+"\n")
	default:
		w.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, "not healthy\n")
	}
}

// serveAPI answers what the admin socket answers to questions. It tells of people's mail, so that a password is needed:
// whoever has an account on this machine could ask the loopback address.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	h := &s.Document().HTTP
	if h.Password == "" || s.Gateway == nil {
		refuse(w, http.StatusForbidden, "this needs a user and a password in the configuration's [http]; without them ask the admin socket")
		return
	}
	select {
	case s.asking <- struct{}{}:
		defer func() { <-s.asking }()
	default:
		w.Header().Set("Retry-After", "5")
		refuse(w, http.StatusServiceUnavailable, "too many questions at once; try again later")
		return
	}
	ctx, cancel := context.WithTimeout(projections.WithoutWaiting(r.Context()), askingTime)
	defer cancel()
	ctx = shell.WithOperator(ctx, &shell.Operator{Name: h.User})
	s.api.ServeHTTP(w, r.WithContext(ctx))
	if ctx.Err() != nil {
		panic(http.ErrAbortHandler) // the other end must see that the answer is not whole
	}
}

package web

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"postern/engine/config"
	"postern/journal"
	"postern/projections"
	"postern/shell"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// secretHash is of the password "secret", with few rounds.
const (
	secret     = "secret"
	secretHash = "pbkdf2-sha256$1000$AAAAAAAAAAAAAAAAAAAAAA$AkYsQLg1WVW2sQ8m+tSg6vMnKdmKRLxP8/X30HK/IPU"
)

var noon = journal.InstantOf(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))

// testServer is a server over figures that only the test changes; prepared, not listening.
func testServer(h config.HTTP) *Server {
	d := config.Default()
	d.Hostname, d.HTTP = "gateway.test", h
	figures := projections.NewFigures(0)
	looker := &projections.Follower{Figures: figures, Projections: []projections.Projection{figures}}
	s := &Server{Document: func() *config.Document { return d }, Follower: looker, Figures: figures, Gauges: new(projections.Gauges),
		Gateway: &shell.Local{Follower: looker, Figures: figures, Self: shell.Identity{Hostname: "gateway.test"}, Shells: new(shell.Sessions)}}
	s.prepare()
	s.door.Store(newDoor(nil, s.now))
	return s
}

// withPassword is a configuration that asks for user monitor and password secret.
func withPassword() config.HTTP {
	return config.HTTP{Address: netip.MustParseAddrPort("127.0.0.1:0"), User: "monitor", Password: secretHash}
}

// fold applies facts.
func fold(f *projections.Figures, events ...journal.Event) {
	for _, e := range events {
		f.Apply(journal.Record{Seq: f.Seq() + 1, Time: noon, Event: e})
	}
}

// ask is one request without a connection.
func ask(s *Server, path string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Host = "localhost"
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	s.server.Handler.ServeHTTP(w, r)
	return w
}

func as(user, password string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(user, password) }
}

func from(address string) func(*http.Request) {
	return func(r *http.Request) { r.RemoteAddr = net.JoinHostPort(address, "1") }
}

// pipes is a listener whose connections are pipes, which a synctest bubble can watch.
type pipes struct {
	waiting chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

func newPipes() *pipes { return &pipes{waiting: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) dial() net.Conn {
	ours, theirs := net.Pipe()
	p.waiting <- theirs
	return ours
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.waiting:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080} }

// serving runs s until the test ends, or until stop, which returns when nothing of it is left.
func serving(t *testing.T, s *Server) (stop func()) {
	t.Helper()
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	return serve(t, s)
}

// serve is serving after Listen.
func serve(t *testing.T, s *Server) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// onPipes is a server whose clients come through pipes.
func onPipes(t *testing.T, h config.HTTP) (*Server, *pipes, func()) {
	h.Address = netip.MustParseAddrPort("127.0.0.1:8080")
	s, p := testServer(h), newPipes()
	s.door.Store(nil)
	s.Announce = func(context.Context, string, string) (net.Listener, error) { return p, nil }
	return s, p, serving(t, s)
}

// rest reads until the other end closes; a deadline of the pipe's other end counts as that.
func rest(c net.Conn) string {
	text, err := io.ReadAll(c)
	if err != nil && !errors.Is(err, io.ErrClosedPipe) {
		return string(text) + " (" + err.Error() + ")"
	}
	return string(text)
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\r\n")
	return line
}

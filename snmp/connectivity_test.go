package snmp

import (
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// endless is a body without an end.
type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }

// What counts as reachable: a status of 200 to 299, be it after some redirects.
func TestReach(t *testing.T) {
	others := goleak.IgnoreCurrent()
	t.Cleanup(func() { // when the servers are closed
		if err := goleak.Find(others); err != nil {
			t.Error(err)
		}
	})
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/204":
			w.WriteHeader(http.StatusNoContent)
		case "/503":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/304":
			w.WriteHeader(http.StatusNotModified)
		case "/moved":
			http.Redirect(w, r, "/204", http.StatusFound)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		case "/away":
			http.Redirect(w, r, "ftp://127.0.0.1/", http.StatusFound)
		case "/endless":
			_, _ = io.Copy(w, endless{})
		case "/header":
			w.Header().Set("X-Long", strings.Repeat("x", 1<<20))
		}
	}))
	defer web.Close()
	unsigned := httptest.NewUnstartedServer(http.NotFoundHandler()) // nobody has signed its certificate
	unsigned.Config.ErrorLog = log.New(io.Discard, "", 0)
	unsigned.StartTLS()
	defer unsigned.Close()
	for path, want := range map[string]string{
		web.URL + "/204": "", web.URL + "/": "", web.URL + "/moved": "", web.URL + "/endless": "",
		web.URL + "/503": "it answers with the status 503", web.URL + "/304": "it answers with the status 304",
		web.URL + "/round":      "it redirects more than 5 times",
		web.URL + "/away":       `unsupported protocol scheme "ftp"`,
		web.URL + "/header":     "server response headers exceeded",
		unsigned.URL:            "certificate",
		"http://127.0.0.1:1/":   "connection refused",
		"http://host.invalid./": "lookup host.invalid.",
	} {
		err := (&Checker{}).Reach(t.Context(), path)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	if err := (&Checker{}).Reach(t.Context(), "http://127.0.0.1:1/"); strings.Contains(err.Error(), "http://") || errors.Unwrap(err) == nil {
		t.Errorf("it says the URL again: %v", err)
	}
}

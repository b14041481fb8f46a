package shell

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// Configuration implements Gateway.
func (r *Remote) Configuration(ctx context.Context) (c Configuration, err error) {
	return c, r.post(ctx, "/v1/configuration", nil, &c)
}

// CommittedConfiguration implements Gateway.
func (r *Remote) CommittedConfiguration(ctx context.Context, revision uint64) (c Configuration, err error) {
	return c, r.post(ctx, "/v1/configuration/committed", revisionValue(revision), &c)
}

// Commit implements Gateway.
func (r *Remote) Commit(ctx context.Context, p Proposal) (done Committed, err error) {
	return done, r.send(ctx, "/v1/configuration/commit", p, &done)
}

// Commits implements Gateway.
func (r *Remote) Commits(ctx context.Context, max int) (list []Commit, err error) {
	return list, r.post(ctx, "/v1/configuration/commits", url.Values{"max": {strconv.Itoa(max)}}, &list)
}

// CommitDetail implements Gateway.
func (r *Remote) CommitDetail(ctx context.Context, revision uint64) (d CommitDetail, err error) {
	return d, r.post(ctx, "/v1/configuration/detail", revisionValue(revision), &d)
}

// SaveConfiguration implements Gateway.
func (r *Remote) SaveConfiguration(ctx context.Context, text string) (s SavedConfiguration, err error) {
	return s, r.send(ctx, "/v1/configuration/save", textBody{text}, &s)
}

// SavedConfigurations implements Gateway.
func (r *Remote) SavedConfigurations(ctx context.Context) (list []SavedConfiguration, err error) {
	return list, r.post(ctx, "/v1/configuration/saved", nil, &list)
}

// ReadConfiguration implements Gateway.
func (r *Remote) ReadConfiguration(ctx context.Context, file string) (string, error) {
	var t textBody
	err := r.post(ctx, "/v1/configuration/read", url.Values{"file": {file}}, &t)
	return t.Text, err
}

// textBody carries a text.
type textBody struct {
	Text string `json:"text"`
}

func revisionValue(revision uint64) url.Values {
	return url.Values{"revision": {strconv.FormatUint(revision, 10)}}
}

// send gives an order that is too long for an address.
func (r *Remote) send(ctx context.Context, path string, order, into any) error {
	body, err := json.Marshal(order)
	if err != nil {
		return err
	}
	return r.exchange(ctx, http.MethodPost, path, nil, bytes.NewReader(body), into)
}

// maxOrder bounds the body of an order, in bytes: a configuration whose every character is escaped.
const maxOrder = 6*maxConfiguration + 64<<10

// sent takes an order out of a body.
func sent[T any](mux *http.ServeMux, path string, do func(ctx context.Context, order T) (any, error)) {
	mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
		var order T
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxOrder)).Decode(&order); err != nil {
			refuse(w, &RefusedError{fmt.Sprintf("The order is malformed: %v.", err)})
			return
		}
		answering(func(ctx context.Context, _ url.Values) (any, error) { return do(ctx, order) })(w, r)
	})
}

// configurationRoutes takes questions as orders too: the answers hold secrets, show how the gateway is set up, or name people;
// they are not for whoever may ask for its state.
func configurationRoutes(mux *http.ServeMux, g Gateway) {
	post(mux, "/v1/configuration", func(ctx context.Context, _ url.Values) (any, error) { return g.Configuration(ctx) })
	post(mux, "/v1/configuration/committed", func(ctx context.Context, q url.Values) (any, error) {
		revision, err := revisionOf(q)
		if err != nil {
			return nil, err
		}
		return g.CommittedConfiguration(ctx, revision)
	})
	sent(mux, "/v1/configuration/commit", func(ctx context.Context, p Proposal) (any, error) { return g.Commit(ctx, p) })
	post(mux, "/v1/configuration/commits", func(ctx context.Context, q url.Values) (any, error) {
		max, err := strconv.Atoi(q.Get("max"))
		if err != nil || max < 1 {
			return nil, &RefusedError{fmt.Sprintf("%q is not a number of commits", q.Get("max"))}
		}
		return g.Commits(ctx, max)
	})
	post(mux, "/v1/configuration/detail", func(ctx context.Context, q url.Values) (any, error) {
		revision, err := revisionOf(q)
		if err != nil {
			return nil, err
		}
		return g.CommitDetail(ctx, revision)
	})
	sent(mux, "/v1/configuration/save", func(ctx context.Context, t textBody) (any, error) { return g.SaveConfiguration(ctx, t.Text) })
	post(mux, "/v1/configuration/saved", func(ctx context.Context, _ url.Values) (any, error) { return g.SavedConfigurations(ctx) })
	post(mux, "/v1/configuration/read", func(ctx context.Context, q url.Values) (any, error) {
		text, err := g.ReadConfiguration(ctx, q.Get("file"))
		return textBody{text}, err
	})
}

func revisionOf(q url.Values) (uint64, error) {
	n, err := strconv.ParseUint(q.Get("revision"), 10, 64)
	if err != nil {
		return 0, &RefusedError{fmt.Sprintf("%q is not a revision", q.Get("revision"))}
	}
	return n, nil
}

func (notRunning) Configuration(context.Context) (c Configuration, err error) {
	return c, ErrNotRunning
}

func (notRunning) CommittedConfiguration(context.Context, uint64) (c Configuration, err error) {
	return c, ErrNotRunning
}

func (notRunning) Commit(context.Context, Proposal) (c Committed, err error) { return c, ErrNotRunning }

func (notRunning) Commits(context.Context, int) ([]Commit, error) { return nil, ErrNotRunning }

func (notRunning) CommitDetail(context.Context, uint64) (d CommitDetail, err error) {
	return d, ErrNotRunning
}

func (notRunning) SaveConfiguration(context.Context, string) (s SavedConfiguration, err error) {
	return s, ErrNotRunning
}

func (notRunning) SavedConfigurations(context.Context) ([]SavedConfiguration, error) {
	return nil, ErrNotRunning
}

func (notRunning) ReadConfiguration(context.Context, string) (string, error) {
	return "", ErrNotRunning
}

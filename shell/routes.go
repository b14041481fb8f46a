package shell

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"postern/engine"
)

// routes is the admin socket's side of Gateway: a path for each question. What only reads is GET, what changes is POST.
func routes(g Gateway) http.Handler {
	mux := http.NewServeMux()
	get(mux, "/v1/status", func(ctx context.Context, _ url.Values) (any, error) { return g.Status(ctx) })
	get(mux, "/v1/identity", func(ctx context.Context, _ url.Values) (any, error) { return g.Identity(ctx) })
	get(mux, "/v1/whoami", func(ctx context.Context, _ url.Values) (any, error) { return g.WhoAmI(ctx) })
	get(mux, "/v1/sessions", func(ctx context.Context, _ url.Values) (any, error) { return g.Sessions(ctx) })
	queueRoutes(mux, g)
	suspensionsRoutes(mux, g)
	hostsRoutes(mux, g)
	dnsRoutes(mux, g)
	countersRoutes(mux, g)
	alertsRoutes(mux, g)
	messagesRoutes(mux, g)
	logsRoutes(mux, g)
	hostKeysRoutes(mux, g)
	visitsRoutes(mux, g)
	machineRoutes(mux, g)
	sensingRoutes(mux, g)
	lookupRoutes(mux, g)
	trackingRoutes(mux, g)
	proofsRoutes(mux, g)
	auditRoutes(mux, g)
	explainingRoutes(mux, g)
	doubtingRoutes(mux, g)
	forgettingRoutes(mux, g)
	pastRoutes(mux, g)
	configurationRoutes(mux, g)
	filesRoutes(mux, g)
	mux.HandleFunc("POST /v1/session", func(w http.ResponseWriter, r *http.Request) {
		serveSession(g, w, r)
	})
	return mux
}

// get answers a question with JSON.
func get(mux *http.ServeMux, path string, answer func(ctx context.Context, q url.Values) (any, error)) {
	mux.HandleFunc("GET "+path, answering(answer))
}

// post carries an order out and answers with JSON.
func post(mux *http.ServeMux, path string, answer func(ctx context.Context, q url.Values) (any, error)) {
	mux.HandleFunc("POST "+path, answering(answer))
}

func answering(answer func(ctx context.Context, q url.Values) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := answer(r.Context(), r.URL.Query())
		if err != nil {
			refuse(w, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		encoder(w).Encode(v)
	}
}

// refuse answers with the error's sentence. What a person got wrong is told from what the gateway cannot do now.
func refuse(w http.ResponseWriter, err error) {
	status := http.StatusServiceUnavailable
	refused, ordered, misread := (*RefusedError)(nil), (*engine.RefusedError)(nil), (*MisreadError)(nil)
	switch {
	case errors.As(err, &misread):
		status = http.StatusBadRequest
	case errors.As(err, &refused), errors.As(err, &ordered):
		status = http.StatusUnprocessableEntity
	}
	http.Error(w, err.Error(), status)
}

// RefusedError is a question or an order that will never do as it stands; its text is a sentence for the person.
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string { return e.Reason }

// MisreadError is a word that is not what it should be, such as a broken regular expression: whoever wrote it made a mistake,
// however things stand. Its text is a sentence for the person.
type MisreadError struct{ Reason string }

func (e *MisreadError) Error() string { return e.Reason }

// streaming answers with one JSON value a line, each sent at once, until produce ends or the other end goes away.
func streaming(mux *http.ServeMux, path string, produce producer) {
	mux.HandleFunc("GET "+path, produce.answer)
}

// streamingOrder is streaming for what has an effect.
func streamingOrder(mux *http.ServeMux, path string, produce producer) {
	mux.HandleFunc("POST "+path, produce.answer)
}

// producer gives an answer in pieces.
type producer func(ctx context.Context, q url.Values, each func(any) error) error

func (produce producer) answer(w http.ResponseWriter, r *http.Request) {
	control, out := http.NewResponseController(w), encoder(w)
	begun := false
	err := produce(r.Context(), r.URL.Query(), func(v any) error {
		begun = true
		if err := out.Encode(v); err != nil {
			return err
		}
		return control.Flush()
	})
	if err != nil && !begun {
		refuse(w, err)
	}
	if err != nil && begun && r.Context().Err() == nil {
		panic(http.ErrAbortHandler) // the other end must see that the answer is not whole
	}
}

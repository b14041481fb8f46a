package shell

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"time"
)

// patient gives an answer that takes its time. It comes in lines of JSON: an empty one at once, so that the other end knows
// that somebody is there; one for each step; in the last one the result, or why there is none.
type patient func(ctx context.Context, q url.Values, step func(any) error) (result any, err error)

// patientLine is a line of a patient answer.
type patientLine struct {
	Step   any    `json:"step,omitempty"`
	Result any    `json:"result,omitempty"`
	Error  string `json:"error,omitempty"` // a sentence
}

// stepLimit is how long an order waits for somebody who does not read how far it is; then it goes on unheard.
const stepLimit = 30 * time.Second

// noResult is the result of an order that has none.
type noResult struct{}

func (p patient) answer(w http.ResponseWriter, r *http.Request) {
	control, out := http.NewResponseController(w), encoder(w)
	send := func(l patientLine) error {
		if r.Method == http.MethodPost {
			control.SetWriteDeadline(time.Now().Add(stepLimit))
		}
		if err := out.Encode(l); err != nil {
			return err
		}
		return control.Flush()
	}
	if send(patientLine{}) != nil {
		return
	}
	result, err := p(r.Context(), r.URL.Query(), func(v any) error { return send(patientLine{Step: v}) })
	switch {
	case r.Context().Err() != nil: // nobody is there
	case err != nil:
		send(patientLine{Error: err.Error()})
	default:
		send(patientLine{Result: result})
	}
}

// patiently asks for a patient answer; step is told of each step, and an error of it ends the asking.
func patiently[S any](ctx context.Context, r *Remote, method, path string, q url.Values, step func(S) error, result any) error {
	ended := false
	err := r.lines(ctx, method, path, q, func(d *json.Decoder) error {
		var l struct {
			Step   *S
			Result json.RawMessage
			Error  string
		}
		if err := d.Decode(&l); err != nil {
			return &lineError{err}
		}
		switch {
		case l.Error != "":
			return &RefusedError{l.Error}
		case l.Result != nil:
			ended = true
			return json.Unmarshal(l.Result, result)
		case l.Step != nil && step != nil:
			return step(*l.Step)
		}
		return nil
	})
	if err == nil && !ended {
		return r.broken(ctx, io.ErrUnexpectedEOF)
	}
	return err
}

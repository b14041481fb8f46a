package shell

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"time"

	"postern/journal"
	"postern/projections"
)

// Proofs is what a person may have proved.
type Proofs interface {
	// Verify proves the books from the journal; each hears of every proof as it is made.
	Verify(ctx context.Context, w Wanted, each func(projections.Proof) error) error
}

// Wanted says what is to be proved.
type Wanted struct {
	Begin       time.Time `json:"begin,omitzero"` // the day whose books are wanted; zero: each day's
	End         time.Time `json:"end,omitzero"`
	SkipDamaged bool      `json:"skip_damaged,omitempty"`
}

// scrutiny gives the days the zone that the person reads times in.
func (w Wanted) scrutiny(zone *time.Location) projections.Scrutiny {
	if !w.Begin.IsZero() {
		zone = w.Begin.Location()
	}
	return projections.Scrutiny{Begin: w.Begin, End: w.End, Zone: zone, SkipDamaged: w.SkipDamaged}
}

// errProving refuses a proof behind one that does not end.
var errProving = errors.New("the journal is being proved for somebody else: try again when that has ended")

// Verify implements Gateway. Mail and searches go on meanwhile: it works in slices.
func (l *Local) Verify(ctx context.Context, w Wanted, each func(projections.Proof) error) error {
	if l.Messages.Journal == nil {
		return errNoQueue
	}
	if err := takeTurn(ctx, &l.proving, errProving); err != nil {
		return err
	}
	defer l.proving.Unlock()
	release := func() {}
	if l.Whole != nil {
		l.Whole.Lock()
		release = sync.OnceFunc(l.Whole.Unlock)
		defer release()
	}
	proved := func(string) {}
	if l.Proving != nil {
		proved = l.Proving()
	}
	damaged, unreadable := (*journal.DamagedError)(nil), (*journal.LiveRowsError)(nil)
	err := l.queue(ctx, func(*journal.LiveSnapshot) error { return nil }) // it is up to date
	if err != nil && !errors.As(err, &damaged) && !errors.As(err, &unreadable) {
		return err // else that is for the proofs to name
	}
	s := w.scrutiny(nil)
	s.Rests = true
	wrong := ""
	err = projections.Verify(ctx, l.Messages.Journal, l.Messages.Rows, s, func(p projections.Proof) error {
		if wrong == "" && len(p.Wrong) > 0 {
			wrong = p.Wrong[0]
		}
		if p.What != projections.ProofChain { // all was read; who does not read what is told keeps nobody waiting
			release()
		}
		return each(p)
	})
	if wrong != "" || err == nil && w.Begin.IsZero() { // the books of one day say nothing of the others
		proved(wrong)
	}
	return err
}

// Verify implements Gateway.
func (o *Offline) Verify(ctx context.Context, w Wanted, each func(projections.Proof) error) error {
	j, err := o.open()
	if err != nil {
		return err
	}
	defer j.Close()
	rows, err := journal.OpenLiveRows(j)
	if err != nil {
		return err
	}
	return projections.Verify(ctx, j, rows, w.scrutiny(o.Zone), each)
}

func (notRunning) Verify(context.Context, Wanted, func(projections.Proof) error) error {
	return ErrNotRunning
}

// Verify implements Gateway.
func (r *Remote) Verify(ctx context.Context, w Wanted, each func(projections.Proof) error) error {
	text, err := json.Marshal(w)
	if err != nil {
		return err
	}
	patient := *r
	patient.Limit = searchLimit
	return patient.order(ctx, "/v1/verify", url.Values{"wanted": {string(text)}}, func(raw json.RawMessage) error {
		var p projections.Proof
		if err := json.Unmarshal(raw, &p); err != nil {
			return err
		}
		return each(p)
	})
}

// proofsRoutes are orders by their method: the books of a day say who mail goes to.
func proofsRoutes(mux *http.ServeMux, g Gateway) {
	streamingOrder(mux, "/v1/verify", func(ctx context.Context, q url.Values, each func(any) error) error {
		var w Wanted
		if err := json.Unmarshal([]byte(q.Get("wanted")), &w); err != nil {
			return &RefusedError{"what is wanted cannot be read"}
		}
		return g.Verify(ctx, w, func(p projections.Proof) error { return each(p) })
	})
}

package shell

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"postern/projections"
)

// Audits is what a person may ask about operators.
type Audits interface {
	// Audit lists what operators did, the newest last.
	Audit(ctx context.Context, q AuditSearch) (Audited, error)
}

// AuditSearch says which deeds are meant; what is left empty does not matter.
type AuditSearch struct {
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"`
	By    string    `json:"by,omitempty"`

	SkipDamaged bool `json:"skip_damaged,omitempty"` // look beyond damage; without it damage ends the search
}

// Audited is what operators did.
type Audited struct {
	Deeds []projections.Deed `json:"deeds"`
	Older int                `json:"older"` // that are too many to be named

	Skipped []string `json:"skipped,omitempty"` // damage that was passed over, the first maxSkipped of it
}

func (t tracker) audit(ctx context.Context, s AuditSearch) (a Audited, err error) {
	h := t.history(s.SkipDamaged, func(damage string) error {
		a.Skipped = append(a.Skipped, damage)
		return nil
	})
	a.Deeds, a.Older, err = projections.Audit(ctx, h, projections.AuditQuery{Since: s.Since, Until: s.Until, By: s.By})
	if a.Deeds == nil {
		a.Deeds = []projections.Deed{}
	}
	return a, skippable(err, "audit")
}

// Audit implements Gateway.
func (l *Local) Audit(ctx context.Context, s AuditSearch) (a Audited, err error) {
	return a, l.tracked(ctx, func(t tracker) error {
		a, err = t.audit(ctx, s)
		return err
	})
}

// Audit implements Gateway.
func (o *Offline) Audit(ctx context.Context, s AuditSearch) (a Audited, err error) {
	j, err := o.open()
	if err != nil {
		return a, err
	}
	defer j.Close()
	return tracker{journal: j}.audit(ctx, s)
}

func (notRunning) Audit(context.Context, AuditSearch) (a Audited, err error) { return a, ErrNotRunning }

// Audit implements Gateway.
func (r *Remote) Audit(ctx context.Context, s AuditSearch) (a Audited, err error) {
	text, err := json.Marshal(s)
	if err != nil {
		return a, err
	}
	patient := *r
	patient.Limit = searchLimit
	return a, patient.post(ctx, "/v1/audit", url.Values{"search": {string(text)}}, &a)
}

// auditRoutes are orders by their method: what operators asked for names people.
func auditRoutes(mux *http.ServeMux, g Gateway) {
	post(mux, "/v1/audit", func(ctx context.Context, q url.Values) (any, error) {
		var s AuditSearch
		if err := json.Unmarshal([]byte(q.Get("search")), &s); err != nil {
			return nil, &RefusedError{"the search cannot be read"}
		}
		return g.Audit(ctx, s)
	})
}

package shell

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"postern/journal"
)

// Forgetting is the erasure of a person's data.
type Forgetting interface {
	// Forget says what is kept of an address and, when it is ordered to, takes it out of everything that the gateway keeps.
	// The error is a *RefusedError when something stands against that.
	Forget(ctx context.Context, order ForgetOrder) (Forgotten, error)
}

// ForgetOrder is who is to be forgotten.
type ForgetOrder struct {
	Address string `json:"address"`
	Do      bool   `json:"do,omitempty"`       // false: only say what there is
	EndUndo bool   `json:"end_undo,omitempty"` // orders that hold mail of it can be undone no more
	By      string `json:"-"`
}

// Forgotten says what there was of a person and what became of it.
type Forgotten struct {
	Address  string `json:"address"`
	Sent     int    `json:"messages_sent"`
	Received int    `json:"messages_received"`
	Refused  uint64 `json:"transactions_refused"`
	Texts    uint64 `json:"facts_that_quote_it"` // others than those of its messages
	Facts    uint64 `json:"facts"`               // to be changed, in all

	Queued     []uint64 `json:"queued,omitempty"` // MIDs of its messages in the queue: they stand against it
	MoreQueued int      `json:"more_queued,omitempty"`
	Undoable   []uint64 `json:"undoable,omitempty"` // orders that hold messages of it

	Done      bool `json:"done"`
	LogLines  int  `json:"log_lines"`
	LogFiles  int  `json:"log_files"`
	Keyframes int  `json:"keyframes"`

	// What is not reached.
	Archives       []string `json:"archives,omitempty"`       // files of archived messages
	Configurations uint64   `json:"configurations,omitempty"` // documents of the configuration that name it
	Quoted         []uint64 `json:"quoted,omitempty"`         // facts with it in a public text
	Elsewhere      []string `json:"elsewhere"`                // places that nothing here reaches, in words
}

// elsewhere is what an erasure cannot reach, whoever is forgotten.
var elsewhere = []string{"what was sent to other machines: syslog, pushed logs, mail itself", "backups of the store and of the configuration",
	"other addresses of the person, such as aliases and those with a tag (jane+news@example.com): forget each of them"}

// Against tells what stands against erasing it, as an error; nil: nothing does. With endUndo orders may lose their undo.
func (f *Forgotten) Against(endUndo bool) error {
	switch {
	case len(f.Queued) > 0:
		return &RefusedError{fmt.Sprintf("Mail of %s, or a notification about it, is in the queue (MID %s): deliver or delete it first.",
			Printable(f.Address), numberList(f.Queued, f.MoreQueued))}
	case len(f.Undoable) > 0 && !endUndo:
		return &RefusedError{fmt.Sprintf("Order %s can be undone and would need mail of %s: wait until its time is over, or give that up with --end-undo.",
			numberList(f.Undoable, 0), Printable(f.Address))}
	}
	return nil
}

// numberList names numbers, and how many more there are.
func numberList(numbers []uint64, more int) string {
	words := make([]string, len(numbers))
	for i, n := range numbers {
		words[i] = strconv.FormatUint(n, 10)
	}
	text := strings.Join(words, ", ")
	if more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// Forget implements Gateway.
func (l *Local) Forget(ctx context.Context, order ForgetOrder) (f Forgotten, err error) {
	if l.Forgetter == nil {
		return f, &RefusedError{"this gateway forgets nobody"}
	}
	order.By = By(ctx)
	if order.Do {
		l.by(ctx)
	}
	f, err = l.Forgetter.Forget(ctx, order)
	f.Elsewhere = elsewhere
	return f, worded(err)
}

// Forget implements Gateway: it only looks.
func (o *Offline) Forget(ctx context.Context, order ForgetOrder) (f Forgotten, err error) {
	if order.Do || o.KeptOf == nil {
		return f, ErrNotRunning
	}
	err = o.queue(ctx, func(j *journal.Journal, queue *journal.LiveSnapshot) (err error) {
		f, err = o.KeptOf(ctx, j, queue, order.Address)
		return err
	})
	return f, err
}

func (notRunning) Forget(context.Context, ForgetOrder) (f Forgotten, err error) {
	return f, ErrNotRunning
}

// Forget implements Gateway.
func (r *Remote) Forget(ctx context.Context, order ForgetOrder) (f Forgotten, err error) {
	text, err := json.Marshal(order)
	if err != nil {
		return f, err
	}
	patient := *r
	patient.Limit = searchLimit
	return f, patient.post(ctx, "/v1/forget", url.Values{"order": {string(text)}}, &f)
}

func forgettingRoutes(mux *http.ServeMux, g Gateway) {
	post(mux, "/v1/forget", func(ctx context.Context, q url.Values) (any, error) {
		var order ForgetOrder
		if err := json.Unmarshal([]byte(q.Get("order")), &order); err != nil {
			return nil, &RefusedError{"who is to be forgotten cannot be read"}
		}
		return g.Forget(ctx, order)
	})
}

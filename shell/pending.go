package shell

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"postern/engine/config"
)

// Pending are the changes of one shell that were not committed yet: they live in it alone, and the daemon hears of them at
// commit. The zero value has none. One goroutine uses it.
type Pending struct {
	base     Configuration    // what was changed; of use while there are changes
	from     *config.Document // base, parsed
	document *config.Document // what it is to become; nil: there are no changes
	text     []byte           // as it would be committed
}

// Changed tells whether there is something to commit.
func (p *Pending) Changed() bool { return p != nil && p.document != nil }

// changes lists what a commit would change; secrets are hidden.
func (p *Pending) changes() []config.Change {
	if !p.Changed() {
		return nil
	}
	return config.Diff(p.from, p.document)
}

// Clear forgets the changes.
func (p *Pending) Clear() { *p = Pending{} }

// Pending gives a copy of the configuration as this shell has changed it, or of the one in force when it has not. The copy
// is the caller's to change; nothing comes of it before Change. A command that uses it has Configures set.
func (c *Call) Pending(ctx context.Context) (*config.Document, error) {
	p := c.pending()
	if !p.Changed() {
		base, err := c.Gateway.Configuration(ctx)
		if err != nil {
			return nil, err
		}
		from, err := config.Parse([]byte(base.Text), "configuration in force")
		if err != nil {
			return nil, err
		}
		p.base, p.from = base, from
		return config.Clone(from), nil
	}
	return config.Clone(p.document), nil
}

// Change makes a document, which Pending gave and the caller has changed, what waits for commit. What the configuration
// does not allow is refused, with a sentence that names the key and what is allowed there, and changes nothing: ask again.
// Values take their normal form on the way.
func (c *Call) Change(ctx context.Context, d *config.Document) error {
	return c.replace(ctx, config.Encode(d))
}

// anew compares with what is in force now when nothing waits: what was looked at before may be older.
func (c *Call) anew(ctx context.Context) error {
	if c.Uncommitted() {
		return nil
	}
	_, err := c.Pending(ctx)
	return err
}

// replace makes a text what waits for commit.
func (c *Call) replace(ctx context.Context, text []byte) error {
	if c.stopped() {
		return ErrNotRunning // it could not be committed
	}
	p := c.pending()
	if p.from == nil {
		if _, err := c.Pending(ctx); err != nil {
			return err
		}
	}
	d, err := config.Parse(text, "the changed configuration")
	if err != nil {
		return refusedChange(err)
	}
	p.document, p.text = d, text
	if len(config.Diff(p.from, d)) == 0 {
		p.document, p.text = nil, nil // as it was
	}
	return nil
}

// answerChange is Answer for what has changed the configuration. In batch it is true only once the commit that follows stands:
// that says it.
func (c *Call) answerChange(value any, said string) error {
	if c.Asker == nil && c.Uncommitted() {
		c.said = said
		return nil
	}
	return c.Answer(value, said)
}

// Uncommitted tells whether this shell has changes that wait for commit.
func (c *Call) Uncommitted() bool { return c.Changes.Changed() }

func (c *Call) pending() *Pending {
	if c.Changes == nil {
		c.Changes = new(Pending)
	}
	return c.Changes
}

// refusedChange words the faults of a text that nobody sees: keys say where they are, lines would not.
func refusedChange(err error) error {
	faults := (*config.Errors)(nil)
	if !errors.As(err, &faults) {
		return err
	}
	var b bytes.Buffer
	for i, f := range faults.List[:min(len(faults.List), maxRefusals)] {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(f.Message)
	}
	if more := len(faults.List) + faults.Omitted - maxRefusals; more > 0 {
		fmt.Fprintf(&b, "\nand %d more", more)
	}
	return &RefusedError{strings.TrimSpace(b.String())}
}

// maxRefusals is how many faults of a change are told at once.
const maxRefusals = 10

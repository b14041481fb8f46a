package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"

	"postern/engine"
	"postern/engine/config"
	"postern/journal"
	"postern/projections"
	"postern/shell"
)

const (
	// forgetLines is how many lines of the mail log are changed in one pass over its files: they are held in memory.
	forgetLines = 200_000
	// forgetLive is how many messages in the queue are named.
	forgetLive = 20
	// archiveBytes is how much of an archived message is searched.
	archiveBytes = 256 << 20
)

// forgetter takes a person out of all that the gateway keeps. One at a time.
type forgetter struct {
	g    *gateway
	busy sync.Mutex
}

// Forget implements shell.Forgetter.
func (f *forgetter) Forget(ctx context.Context, order shell.ForgetOrder) (told shell.Forgotten, err error) {
	if !f.busy.TryLock() {
		return told, &shell.RefusedError{Reason: "Somebody is being forgotten just now: try again when that is done."}
	}
	defer f.busy.Unlock()
	local, domain, ok := engine.NormalMailbox(order.Address)
	if !ok || domain == "" || local == journal.ForgottenText {
		return told, &shell.RefusedError{Reason: fmt.Sprintf("%.60q is no address of a person: it looks like jane@example.com.", order.Address)}
	}
	x := &journal.Erasure{Address: local + "@" + domain, Baseline: projections.RedactCut, Rest: func() { _ = sleep(ctx, retainRest) }}
	before, err := f.standing(ctx)
	if err != nil {
		return told, err
	}
	x.Orders, x.Down = before.orders, before.down
	if err := x.Find(ctx, f.g.journal); err != nil {
		return told, err
	}
	defer x.Close()
	after, err := f.standing(ctx)
	if err != nil {
		return told, err
	}
	if told, err = f.told(x, before, after); err != nil || !order.Do {
		return told, err
	}
	if err := against(&told, order, before, after); err != nil {
		return told, err
	}
	return told, f.erase(ctx, order, x, &told)
}

// standing is the queue as far as it matters whether somebody can be forgotten.
type standing struct {
	orders []uint64        // that can be undone, or are under way, ascending
	down   map[string]bool // destinations
	live   map[uint64]bool // messages
	parent map[uint64]bool // of which notifications are in the queue
}

func (f *forgetter) standing(ctx context.Context) (standing, error) {
	s := standing{down: make(map[string]bool), live: make(map[uint64]bool), parent: make(map[uint64]bool)}
	rows, err := f.g.rows.Current(ctx)
	if err != nil {
		return s, err
	}
	defer rows.Close()
	system := rows.System()
	s.orders = slices.Clone(system.BulkActions)
	for _, u := range system.Undoable {
		s.orders = append(s.orders, u.Order)
	}
	slices.Sort(s.orders)
	s.orders = slices.Compact(s.orders)
	err = rows.EachHost(ctx, func(h journal.LiveHost) error {
		s.down[h.Destination] = h.Down
		return nil
	})
	if err != nil {
		return s, err
	}
	return s, rows.Each(ctx, func(m *journal.LiveMessage) error {
		s.live[m.Seq] = true
		if m.Parent != 0 {
			s.parent[m.Parent] = true
		}
		return nil
	})
}

// told says what there is, and what stands against erasing it.
func (f *forgetter) told(x *journal.Erasure, before, after standing) (told shell.Forgotten, err error) {
	told = shell.Forgotten{Address: x.Address, Refused: x.Refused, Texts: x.Texts, Facts: x.Records(), Configurations: x.Configs, Quoted: x.Quoted}
	for order := range x.Undoable {
		told.Undoable = append(told.Undoable, order)
	}
	slices.Sort(told.Undoable)
	for _, m := range x.Messages {
		if m.Sent {
			told.Sent++
		}
		if len(m.Received) > 0 {
			told.Received++
		}
		// What left while the history was read has facts that were not seen.
		switch there := before.live[m.Seq] || after.live[m.Seq] || after.parent[m.Seq]; {
		case there && len(told.Queued) < forgetLive:
			told.Queued = append(told.Queued, uint64(m.MID))
		case there:
			told.MoreQueued++
		}
	}
	told.Archives, err = archivesOf(filepath.Join(f.g.data, "configuration"), x.Address)
	return told, err
}

// against says what stands against it; nil: nothing does.
func against(told *shell.Forgotten, order shell.ForgetOrder, before, after standing) error {
	switch {
	case len(told.Queued) > 0:
		return &shell.RefusedError{Reason: fmt.Sprintf("Mail of %s, or a notification about it, is in the queue (MID %s): deliver or delete it first.",
			told.Address, list(told.Queued, told.MoreQueued))}
	case slices.ContainsFunc(after.orders, func(order uint64) bool { return !slices.Contains(before.orders, order) }):
		return &shell.RefusedError{Reason: "An order about the queue was given just now: try again."}
	case len(told.Undoable) > 0 && !order.EndUndo:
		return &shell.RefusedError{Reason: fmt.Sprintf("Order %s can be undone and would need mail of %s: wait until its time is over, or give that up with --end-undo.",
			list(told.Undoable, 0), told.Address)}
	}
	return nil
}

// archivesOf names the archived messages that have the address in them.
func archivesOf(dir, address string) (found []string, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.mbox"))
	if err != nil {
		return nil, err
	}
	text, err := regexp.Compile("(?i)" + regexp.QuoteMeta(address))
	if err != nil {
		return nil, err
	}
	for _, path := range files {
		info, err := os.Stat(path)
		if err != nil || info.Size() > archiveBytes {
			continue
		}
		content, err := os.ReadFile(path)
		if err == nil && text.Match(content) {
			found = append(found, path)
		}
	}
	return found, nil
}

// erase takes the person out. What is made from the facts goes first, the facts last: whoever is stopped in between finds
// the rest by them. From then on nobody stops it.
func (f *forgetter) erase(ctx context.Context, order shell.ForgetOrder, x *journal.Erasure, told *shell.Forgotten) error {
	g := f.g
	if len(told.Undoable) > 0 {
		if err := g.engine.EndUndo(ctx, told.Undoable); err != nil {
			return err
		}
		after, err := f.standing(ctx)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(x.Messages, func(m journal.ErasedMessage) bool { return after.live[m.Seq] }) {
			return &shell.RefusedError{Reason: "Mail was brought back by an undo just now: deliver or delete it first."}
		}
	}
	d := &projections.Redaction{Text: x.Redacted}
	if err := f.lines(ctx, order.By, x, d, told); err != nil {
		return err
	}
	first := cmp.Or(x.First(), g.journal.Durable()+1)
	g.looker.Redact(d)
	var err error
	if told.Keyframes, err = g.frames.Redact(ctx, first, d); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	if x.Records() > 0 {
		if err := g.index.Forget(first, func() error { return x.Make(ctx) }); err != nil {
			return err
		}
		if err := g.engine.Forgotten(ctx, order.By, x.Records()); err != nil {
			return err
		}
	}
	told.Done = true
	// A time before may have been stopped after the facts: what they were may be anywhere.
	if err := errors.Join(x.Scrub(ctx, cmp.Or(x.First(), 1), projections.KeyframeRows), g.index.CatchUp(ctx)); err != nil {
		return fmt.Errorf("%s is forgotten, but: %w", x.Address, err)
	}
	return nil
}

// lines changes the mail logs that are in files, those of logs that are no more among them.
func (f *forgetter) lines(ctx context.Context, by string, x *journal.Erasure, d *projections.Redaction, told *shell.Forgotten) error {
	for _, one := range f.g.logs.all() {
		if one.file == nil || one.row.Type != config.LogTypeMail {
			continue
		}
		if err := one.file.CloseFile(); err != nil {
			return err
		}
		f.g.engine.Note(&journal.LogRolledOver{Log: one.file.Name(), By: by})
	}
	l := projections.NewLogLines(nil, x.Redacted)
	change := func() error {
		files, lines, err := l.Redact(f.g.logsDirectory())
		told.LogFiles, told.LogLines = max(told.LogFiles, files), told.LogLines+lines
		l.Reset()
		return err
	}
	err := x.Each(ctx, func(before, after journal.Record) error {
		d.Note(after)
		if l.Add(before, after); l.Len() < forgetLines {
			return nil
		}
		return change()
	})
	if err != nil {
		return err
	}
	return change()
}

// list names numbers.
func list(numbers []uint64, more int) string {
	var b bytes.Buffer
	for i, n := range numbers {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprint(&b, n)
	}
	if more > 0 {
		fmt.Fprintf(&b, " and %d more", more)
	}
	return b.String()
}

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
	g := f.g
	x := &journal.Erasure{Address: order.Address, Baseline: projections.RedactCut, Rest: func() { _ = sleep(ctx, retainRest) }}
	for _, u := range g.rows.System().Undoable {
		x.Orders = append(x.Orders, u.Order)
	}
	if x.Down, err = f.down(ctx); err != nil {
		return told, err
	}
	if err := x.Find(ctx, g.journal); err != nil {
		return told, err
	}
	defer x.Close()
	if told, err = f.told(ctx, x); err != nil || !order.Do {
		return told, err
	}
	if len(told.Queued) > 0 {
		return told, &shell.RefusedError{Reason: fmt.Sprintf("Mail of %s is in the queue (MID %s): deliver or delete it first.", order.Address, list(told.Queued, told.MoreQueued))}
	}
	if len(told.Undoable) > 0 && !order.EndUndo {
		return told, &shell.RefusedError{Reason: fmt.Sprintf("Order %s can be undone and would need mail of %s: wait until its time is over, or give that up with --end-undo.",
			list(told.Undoable, 0), order.Address)}
	}
	return told, f.erase(ctx, order, x, &told)
}

// down names the destinations that cannot be reached.
func (f *forgetter) down(ctx context.Context) (map[string]bool, error) {
	out := make(map[string]bool)
	live, err := f.g.rows.Current(ctx)
	if err != nil {
		return nil, err
	}
	defer live.Close()
	return out, live.EachHost(ctx, func(h journal.LiveHost) error {
		out[h.Destination] = h.Down
		return nil
	})
}

// told says what there is, and what stands against erasing it.
func (f *forgetter) told(ctx context.Context, x *journal.Erasure) (told shell.Forgotten, err error) {
	told = shell.Forgotten{Address: x.Address, Refused: x.Refused, Texts: x.Texts, Facts: x.Records(), Configurations: x.Configs, Quoted: x.Quoted}
	for order := range x.Undoable {
		told.Undoable = append(told.Undoable, order)
	}
	slices.Sort(told.Undoable)
	live, err := f.g.rows.Current(ctx)
	if err != nil {
		return told, err
	}
	defer live.Close()
	for _, m := range x.Messages {
		if m.Sent {
			told.Sent++
		}
		if len(m.Received) > 0 {
			told.Received++
		}
		switch _, there, err := live.Message(m.Seq); {
		case err != nil:
			return told, err
		case there && len(told.Queued) < forgetLive:
			told.Queued = append(told.Queued, uint64(m.MID))
		case there:
			told.MoreQueued++
		}
	}
	told.Archives, err = archivesOf(filepath.Join(f.g.data, "configuration"), x.Address)
	return told, err
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
// the rest by them.
func (f *forgetter) erase(ctx context.Context, order shell.ForgetOrder, x *journal.Erasure, told *shell.Forgotten) error {
	g := f.g
	if len(told.Undoable) > 0 {
		if err := g.engine.EndUndo(ctx, told.Undoable); err != nil {
			return err
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
	if err := g.index.Forget(first, func() error { return x.Make(ctx) }); err != nil {
		return err
	}
	if err := g.engine.Forgotten(ctx, order.By, x.Records()); err != nil {
		return err
	}
	told.Done = true
	if err := errors.Join(x.Scrub(ctx), g.index.CatchUp(ctx)); err != nil {
		return fmt.Errorf("%s is forgotten, but: %w", x.Address, err)
	}
	return nil
}

// lines changes the mail logs that are in files.
func (f *forgetter) lines(ctx context.Context, by string, x *journal.Erasure, d *projections.Redaction, told *shell.Forgotten) error {
	var logs []*projections.LogLines
	for _, one := range f.g.logs.all() {
		if one.file != nil && one.row.Type == config.LogTypeMail {
			logs = append(logs, one.file.Lines())
		}
	}
	flush := func(least int) error {
		for _, l := range logs {
			if l.Len() <= least {
				continue
			}
			lines := l.Len()
			files, err := l.Redact()
			if err != nil {
				return err
			}
			f.g.engine.Note(&journal.LogRolledOver{Log: l.Name(), By: by})
			told.LogLines += lines
			told.LogFiles += files
		}
		return nil
	}
	err := x.Each(ctx, func(before, after journal.Record) error {
		d.Note(after)
		for _, l := range logs {
			l.Add(before, after)
		}
		return flush(forgetLines)
	})
	if err != nil {
		return err
	}
	return flush(0)
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

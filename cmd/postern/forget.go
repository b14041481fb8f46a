package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
	x, err := erasureOf(order.Address)
	if err != nil {
		return told, err
	}
	x.Rest = func() { _ = sleep(ctx, retainRest) }
	before, err := f.g.rows.Current(ctx)
	if err != nil {
		return told, err
	}
	defer before.Close()
	x.Orders = ordersOf(before)
	if x.Down, err = downIn(ctx, before); err != nil {
		return told, err
	}
	if err := x.Find(ctx, f.g.journal); err != nil {
		return told, err
	}
	defer x.Close()
	after, err := f.g.rows.Current(ctx)
	if err != nil {
		return told, err
	}
	defer after.Close()
	if told, err = toldOf(ctx, x, f.g.keysDirectory(), before, after); err != nil || !order.Do {
		return told, err
	}
	if err := told.Against(order.EndUndo); err != nil {
		return told, err
	}
	if slices.ContainsFunc(ordersOf(after), func(order uint64) bool { return !slices.Contains(x.Orders, order) }) {
		return told, &shell.RefusedError{Reason: "An order about the queue was given just now: try again."}
	}
	return told, f.erase(ctx, order, x, &told)
}

// erasureOf is that of a person.
func erasureOf(address string) (*journal.Erasure, error) {
	local, domain, ok := engine.NormalMailbox(address)
	if !ok || domain == "" || local == journal.ForgottenText {
		return nil, &shell.RefusedError{Reason: fmt.Sprintf("%.60q is no address of a person: it looks like jane@example.com.", address)}
	}
	return &journal.Erasure{Address: local + "@" + domain, Baseline: projections.RedactCut}, nil
}

// keptOf says what a stopped store keeps of an address; archives is where messages are archived.
func keptOf(ctx context.Context, j *journal.Journal, rows *journal.LiveSnapshot, archives, address string) (told shell.Forgotten, err error) {
	x, err := erasureOf(address)
	if err != nil {
		return told, err
	}
	x.Orders = ordersOf(rows)
	if x.Down, err = downIn(ctx, rows); err != nil {
		return told, err
	}
	if err := x.Find(ctx, j); err != nil {
		return told, err
	}
	defer x.Close()
	return toldOf(ctx, x, archives, rows, rows)
}

// ordersOf are those that can be undone, or are under way.
func ordersOf(rows *journal.LiveSnapshot) []uint64 {
	system := rows.System()
	orders := slices.Clone(system.BulkActions)
	for _, u := range system.Undoable {
		orders = append(orders, u.Order)
	}
	return orders
}

// downIn names the destinations that cannot be reached.
func downIn(ctx context.Context, rows *journal.LiveSnapshot) (map[string]bool, error) {
	down := make(map[string]bool)
	return down, rows.EachHost(ctx, func(h journal.LiveHost) error {
		down[h.Destination] = h.Down
		return nil
	})
}

// toldOf says what there is, and what stands against erasing it; archives is where messages are archived.
func toldOf(ctx context.Context, x *journal.Erasure, archives string, before, after *journal.LiveSnapshot) (told shell.Forgotten, err error) {
	told = shell.Forgotten{Address: x.Address, Refused: x.Refused, Texts: x.Texts, Facts: x.Records(), Configurations: x.Configs, Quoted: x.Quoted}
	for order := range x.Undoable {
		told.Undoable = append(told.Undoable, order)
	}
	slices.Sort(told.Undoable)
	reported := make(map[uint64]bool) // messages of which notifications are in the queue
	err = after.Each(ctx, func(m *journal.LiveMessage) error {
		if m.Parent != 0 {
			reported[m.Parent] = true
		}
		return nil
	})
	if err != nil {
		return told, err
	}
	for _, m := range x.Messages {
		if m.Sent {
			told.Sent++
		}
		if len(m.Received) > 0 {
			told.Received++
		}
		there := reported[m.Seq]
		for _, rows := range [...]*journal.LiveSnapshot{before, after} { // what left meanwhile has facts that were not seen
			_, live, err := rows.Message(m.Seq)
			if err != nil {
				return told, err
			}
			there = there || live
		}
		switch {
		case there && len(told.Queued) < forgetLive:
			told.Queued = append(told.Queued, uint64(m.MID))
		case there:
			told.MoreQueued++
		}
	}
	told.Archives, err = archivesOf(archives, x)
	return told, err
}

// archivesOf names the archived messages that have the person's address in them.
func archivesOf(dir string, x *journal.Erasure) (found []string, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.mbox"))
	if err != nil {
		return nil, err
	}
	for _, path := range files {
		info, err := os.Stat(path)
		if err != nil || info.Size() > archiveBytes {
			continue
		}
		content, err := os.ReadFile(path)
		if err == nil && x.Quotes(content) {
			found = append(found, path)
		}
	}
	return found, nil
}

// erase takes the person out. What is made from the facts goes first, the facts last: whoever is stopped in between finds
// the rest by them. From then on nobody stops it but the end of the gateway; the next start goes on with scrub.
func (f *forgetter) erase(ctx context.Context, order shell.ForgetOrder, x *journal.Erasure, told *shell.Forgotten) error {
	g := f.g
	if len(told.Undoable) > 0 {
		if err := g.engine.EndUndo(ctx, told.Undoable); err != nil {
			return err
		}
		if err := f.stillGone(ctx, x); err != nil {
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
	if err := errors.Join(f.g.journal.Scrub(ctx, cmp.Or(x.First(), 1), projections.KeyframeRows), g.index.CatchUp(ctx)); err != nil {
		return fmt.Errorf("%s is forgotten, but: %w", x.Address, err)
	}
	return nil
}

// stillGone refuses when an undo has brought mail of the person back.
func (f *forgetter) stillGone(ctx context.Context, x *journal.Erasure) error {
	rows, err := f.g.rows.Current(ctx)
	if err != nil {
		return err
	}
	defer rows.Close()
	for _, m := range x.Messages {
		switch _, live, err := rows.Message(m.Seq); {
		case err != nil:
			return err
		case live:
			return &shell.RefusedError{Reason: "Mail was brought back by an undo just now: deliver or delete it first."}
		}
	}
	return nil
}

// scrub has the store give up what an erasure has replaced that the end of the gateway came upon.
func (g *gateway) scrub(ctx context.Context) error {
	from, err := g.journal.ScrubDue()
	if err != nil || from == 0 || !g.loaded(ctx, forever) {
		return err
	}
	g.log.Warn().Msg("the gateway ended soon after an order to forget somebody, or during it: what was erased is scrubbed from the store; if the order gave no answer, repeat it")
	return g.journal.Scrub(ctx, from, projections.KeyframeRows)
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

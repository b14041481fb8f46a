package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"

	"postern/engine"
	"postern/engine/config"
	"postern/journal"
	"postern/shell"
)

// byFile is who commits what somebody wrote into the file.
const byFile = "file"

// configuration is how the configuration in force becomes another one.
type configuration struct {
	file    configFile
	edit    *journal.ConfigurationCommitted // of before the start, which becomes a fact of it; nil: the file was not edited
	rewrite bool                            // the file is to be written after the start

	mu     sync.Mutex // held by the commit under way
	onDisk string     // hash of the file's text as it was last read or written, "" when there is none; under mu
	step   func(name string)

	forced sync.RWMutex
	now    shell.Configuration // under forced
}

func (c *configuration) set(revision uint64, text []byte) {
	c.forced.Lock()
	defer c.forced.Unlock()
	c.now = shell.Configuration{Revision: revision, Hash: config.Hash(text), Text: string(text)}
}

// InForce implements shell.Committer.
func (g *gateway) InForce() shell.Configuration {
	g.configuration.forced.RLock()
	defer g.configuration.forced.RUnlock()
	return g.configuration.now
}

// Commit implements shell.Committer: prepare, event, activate, rewrite. What can fail does so before the event; from there on
// the new configuration holds, also after a crash.
func (g *gateway) Commit(ctx context.Context, p shell.Proposal, by string) (shell.Committed, error) {
	c := &g.configuration
	c.mu.Lock()
	defer c.mu.Unlock()
	name := "the configuration"
	if p.Edited {
		name = c.file.path
		if p.Comment == "" {
			p.Comment = "the edited file"
		}
	}
	text, conflict, err := g.admit(ctx, p)
	if err != nil || conflict != nil {
		return shell.Committed{Conflict: conflict}, err
	}
	next, err := config.Parse(text, name)
	if err != nil {
		return shell.Committed{}, &shell.RefusedError{Reason: err.Error()}
	}
	next.Revision, text = g.InForce().Revision+1, config.Body(text)
	ready, err := g.prepare(next, text)
	if err != nil {
		return shell.Committed{}, refusedCommit(err)
	}
	// Once decided it may happen whatever becomes of whoever asked.
	record, err := g.engine.CommitConfiguration(context.WithoutCancel(ctx), &journal.ConfigurationCommitted{Revision: next.Revision,
		Hash: config.Hash(text), Comment: p.Comment, By: by, Document: string(text)})
	if err != nil {
		ready.undo()
		if errors.Is(err, engine.ErrStopping) {
			err = &shell.RefusedError{Reason: "The gateway is stopping: nothing was committed."}
		}
		return shell.Committed{}, err
	}
	c.reached("written")
	return g.takeUp(record, next, text, ready), nil
}

// admit tells whether a proposal is made of what holds now, and gives its text.
func (g *gateway) admit(ctx context.Context, p shell.Proposal) (text []byte, conflict *shell.Conflict, err error) {
	c, now := &g.configuration, g.InForce()
	hash, edited, err := c.file.hash()
	if err != nil {
		return nil, nil, fmt.Errorf("the configuration file cannot be read: %w", err)
	}
	if hash == now.Hash {
		c.onDisk = hash // only its folder could not be synced, or an edit was undone: it is none later either
	}
	switch {
	case p.Edited && (hash == c.onDisk || hash == now.Hash):
		return nil, nil, &shell.RefusedError{Reason: fmt.Sprintf("%s was not edited since revision %d: there is nothing to commit.", c.file.path, now.Revision)}
	case p.Edited && hash == "":
		return nil, nil, &shell.RefusedError{Reason: c.file.path + " is missing: there is nothing to commit."}
	case p.Edited:
		return edited, nil, nil
	case hash != c.onDisk:
		return nil, nil, &shell.RefusedError{Reason: fmt.Sprintf("%s was edited since revision %d came into force: commit that first, with \"postern config reload\", or undo it.",
			c.file.path, now.Revision)}
	case p.Revision != now.Revision || p.Hash != now.Hash:
		conflict, err := g.conflict(ctx, now)
		return nil, conflict, err
	}
	if config.Hash([]byte(p.Text)) == now.Hash {
		return nil, nil, &shell.RefusedError{Reason: "There are no changes to commit."}
	}
	return []byte(p.Text), nil, nil
}

// conflict names the commit that came between.
func (g *gateway) conflict(ctx context.Context, now shell.Configuration) (*shell.Conflict, error) {
	c := &shell.Conflict{InForce: now, Commit: shell.Commit{Revision: now.Revision, Hash: now.Hash}}
	if now.Revision == 0 {
		return c, nil
	}
	r, err := g.journal.Commits().Of(ctx, now.Revision)
	if err != nil {
		return nil, err
	}
	e := r.Event.(*journal.ConfigurationCommitted)
	c.Seq, c.Time, c.By, c.Comment = r.Seq, r.Time.Time(), e.By, e.Comment
	return c, nil
}

// prepare does all that can fail and lets nobody see it. An error has undone it.
func (g *gateway) prepare(next *config.Document, text []byte) (*ready, error) {
	if faults := findFaults(next, g.document()); len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	r := new(ready)
	for _, prepare := range g.parts() {
		one, err := prepare(g.document(), next)
		if err != nil {
			r.undo()
			return nil, err
		}
		r.parts = append(r.parts, one)
	}
	g.configuration.reached("prepared")
	var err error
	if r.file, err = g.configuration.file.stage(config.WithStamp(text, next.Revision)); err != nil {
		r.undo()
		return nil, fmt.Errorf("the configuration file cannot be written: %w", err)
	}
	g.configuration.reached("staged")
	return r, nil
}

// takeUp makes what is written down the configuration in force. Nothing of it fails as a whole: what is wrong is told.
func (g *gateway) takeUp(record journal.Record, next *config.Document, text []byte, r *ready) shell.Committed {
	e, c := record.Event.(*journal.ConfigurationCommitted), &g.configuration
	done := shell.Committed{Commit: shell.Commit{Revision: e.Revision, Time: record.Time.Time(), By: e.By, Comment: e.Comment, Hash: e.Hash, Seq: record.Seq}}
	done.Restart = atNextStart(config.Diff(g.document(), next))
	g.inForce.Store(next)
	c.set(next.Revision, text)
	for _, p := range r.parts {
		for _, err := range p.takeUp() {
			done.Warnings = append(done.Warnings, err.Error())
		}
	}
	c.reached("activated")
	switch put, err := c.file.put(r.file, c.onDisk, e.Hash); {
	case err != nil:
		done.Warnings = append(done.Warnings, fmt.Sprintf("The configuration file %s could not be written (%v); the commit holds all the same, also after a restart.", c.file.path, err))
	case put:
		c.onDisk = e.Hash
	default:
		done.Warnings = append(done.Warnings, fmt.Sprintf("The configuration file %s was edited meanwhile and is left as it is: \"postern config reload\" takes that up.", c.file.path))
	}
	c.reached("put")
	if err := g.journal.Commits().Add(e.Revision, record.Seq); err != nil {
		g.log.Warn().Err(err).Msg("commits of the configuration")
	}
	g.log.Info().Uint64("revision", e.Revision).Str("by", e.By).Strs("warnings", done.Warnings).Msg("configuration committed")
	return done
}

// reached tells tests how far a commit is.
func (c *configuration) reached(step string) {
	if c.step != nil {
		c.step(step)
	}
}

// refusedCommit words why a configuration cannot be taken up.
func refusedCommit(err error) error {
	reason := "Nothing was committed: " + err.Error()
	if errors.Is(err, syscall.EACCES) && strings.Contains(reason, "cannot listen") {
		reason += "; " + mayNotBind()
	}
	return &shell.RefusedError{Reason: reason}
}

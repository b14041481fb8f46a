package main

import (
	"context"
	"errors"
	"fmt"

	"postern/engine/config"
	"postern/journal"
)

// chooseConfiguration decides which configuration holds, once the store is open: the file's when it was edited since the last
// commit, which then becomes a commit of its own, by "file"; else that of the last commit. A file as an older revision has it
// is one that a crash, or a failure, kept from being written: it counts for nothing, unless its stamp says that it was
// something else before.
func (g *gateway) chooseConfiguration(ctx context.Context) error {
	c := &g.configuration
	c.file = newConfigFile(g.flags.configFile(g.data))
	hash, text, err := c.file.hash()
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	if hash != "" {
		switch d, err := config.Parse(text, c.file.path); {
		case err != nil:
			return err
		case len(config.Diff(g.document(), d)) > 0:
			return fmt.Errorf("%s was edited while the gateway was starting: start it again", c.file.path)
		}
	}
	c.onDisk = hash
	c.file.staged().drop() // what a crash has left
	system, commits := g.rows.System(), g.journal.Commits()
	if err := commits.Complete(ctx, system.Revision); err != nil {
		return err
	}
	revision := system.Revision
	switch {
	case hash == "" && revision == 0: // the defaults hold
		g.hold(0, config.Body(config.Encode(g.document())), g.document())
		return nil
	case hash != "" && hash == system.ConfigHash:
		if stamp, ok := config.ReadStamp(text); !ok || stamp.Revision != revision || stamp.Hash != hash {
			c.rewrite = true
		}
		g.hold(revision, config.Body(text), g.document())
		return nil
	case hash != "" && isEdited(text, hash): // to what an earlier revision had, too
		g.holdEdit(revision+1, config.Body(text))
		return nil
	case hash != "":
		older, err := commits.WithHash(ctx, hash)
		if damaged := (*journal.DamagedError)(nil); errors.As(err, &damaged) {
			g.log.Warn().Err(err).Msg("earlier revisions of the configuration cannot be read")
			older, err = 0, nil
		}
		if err != nil {
			return err
		}
		if older == 0 {
			g.holdEdit(revision+1, config.Body(text))
			return nil
		}
	}
	c.rewrite = true
	return g.holdCommitted(ctx, commits, revision)
}

// isEdited tells whether a file's stamp says that its text, which has a hash, was another one when the stamp was written.
func isEdited(text []byte, hash string) bool {
	stamp, stamped := config.ReadStamp(text)
	return stamped && stamp.Hash != hash
}

// hold takes a configuration for the one in force.
func (g *gateway) hold(revision uint64, text []byte, d *config.Document) {
	d.Revision = revision
	g.inForce.Store(d)
	g.configuration.set(revision, text)
}

// holdEdit takes the file's text, which becomes a commit with the start.
func (g *gateway) holdEdit(revision uint64, text []byte) {
	g.hold(revision, text, g.document())
	g.configuration.rewrite = true
	g.configuration.edit = &journal.ConfigurationCommitted{Revision: revision, Hash: config.Hash(text), By: byFile,
		Comment: "the file was edited before the start", Document: string(text)}
}

// holdCommitted takes the last commit's text, whatever the file says.
func (g *gateway) holdCommitted(ctx context.Context, commits *journal.Commits, revision uint64) error {
	r, err := commits.Of(ctx, revision)
	if err != nil {
		return err
	}
	e := r.Event.(*journal.ConfigurationCommitted)
	text := []byte(e.Document)
	if config.Hash(text) != e.Hash {
		return g.holdWithoutText(revision)
	}
	d, err := config.Parse(text, fmt.Sprintf("revision %d of the configuration", revision))
	if err != nil {
		return err
	}
	if file := g.configuration.file.path; g.configuration.onDisk == "" {
		g.log.Warn().Uint64("revision", revision).Str("file", file).Msg("the configuration file is missing: that of the last commit holds")
	} else {
		g.log.Warn().Uint64("revision", revision).Str("file", file).
			Msg("the configuration file is that of an earlier revision: the last commit holds (rollbackconfig goes back to an earlier one)")
	}
	g.hold(revision, text, d)
	return nil
}

// holdWithoutText decides where the text of the last commit was erased from the journal: the file is all that there is.
func (g *gateway) holdWithoutText(revision uint64) error {
	c := &g.configuration
	_, text, err := c.file.hash()
	if err != nil || c.onDisk == "" {
		return errors.Join(err, fmt.Errorf("the configuration file %s is missing, and the text of revision %d, which held, was erased: write the file anew", c.file.path, revision))
	}
	g.log.Warn().Uint64("revision", revision).Str("file", c.file.path).Msg("the text of the last commit was erased: the configuration file holds")
	g.holdEdit(revision+1, config.Body(text))
	return nil
}

// recordConfiguration names the commit that the start has made of an edit, and writes the file as a commit does.
func (g *gateway) recordConfiguration(ctx context.Context) {
	c := &g.configuration
	c.mu.Lock()
	g.run("configuration", func() error {
		defer c.mu.Unlock()
		now := g.InForce()
		if err := g.journal.Commits().Complete(ctx, now.Revision); err != nil {
			g.log.Warn().Err(err).Msg("commits of the configuration")
		}
		if !c.rewrite {
			return nil
		}
		written, err := c.file.replace(c.onDisk, config.WithStamp([]byte(now.Text), now.Revision))
		if err != nil {
			g.log.Warn().Err(err).Msg("what holds is in the journal")
		}
		if written {
			c.onDisk = now.Hash
		}
		return nil
	})
}

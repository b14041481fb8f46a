package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"postern/engine/config"
	"postern/journal"
)

// Committer has the configuration in force, and commits another one.
type Committer interface {
	// InForce is the configuration in force.
	InForce() Configuration
	// Commit is Configuring's, on behalf of a user. Once it has begun it comes to its end, whatever becomes of ctx.
	Commit(ctx context.Context, p Proposal, by string) (Committed, error)
}

var errNoCommitter = errors.New("this gateway does not take another configuration")

// Configuration implements Gateway.
func (l *Local) Configuration(context.Context) (Configuration, error) {
	if l.Committer == nil {
		return Configuration{}, errNoCommitter
	}
	return l.Committer.InForce(), nil
}

// Commit implements Gateway.
func (l *Local) Commit(ctx context.Context, p Proposal) (Committed, error) {
	if l.Committer == nil {
		return Committed{}, errNoCommitter
	}
	by := l.by(ctx)
	if p.Comment = strings.TrimSpace(p.Comment); len(p.Comment) > maxComment {
		return Committed{}, &RefusedError{fmt.Sprintf("The comment has %d bytes; at most %d are allowed.", len(p.Comment), maxComment)}
	}
	p.Comment = oneLine(p.Comment)
	return l.Committer.Commit(ctx, p, by)
}

// maxComment is the longest comment of a commit, in bytes.
const maxComment = 1000

// Commits implements Gateway.
func (l *Local) Commits(ctx context.Context, max int) ([]Commit, error) {
	return commits(ctx, l.Messages.Journal, max)
}

// CommitDetail implements Gateway.
func (l *Local) CommitDetail(ctx context.Context, revision uint64) (CommitDetail, error) {
	return commitDetail(ctx, l.Messages.Journal, revision)
}

// CommittedConfiguration implements Gateway.
func (l *Local) CommittedConfiguration(ctx context.Context, revision uint64) (Configuration, error) {
	return committed(ctx, l.Messages.Journal, revision)
}

// Configuration implements Gateway: without a gateway the last one that was in force, else that of the file.
func (o *Offline) Configuration(ctx context.Context) (c Configuration, err error) {
	if c, err = o.CommittedConfiguration(ctx, 0); !errors.Is(err, errNoCommit) {
		return c, err
	}
	doc := config.Default()
	if o.Document != nil {
		doc = o.Document()
	}
	text := config.Encode(doc)
	return Configuration{Hash: config.Hash(text), Text: string(text)}, nil
}

// Commits implements Gateway.
func (o *Offline) Commits(ctx context.Context, max int) (list []Commit, err error) {
	return list, o.reading(func(j *journal.Journal) error {
		list, err = commits(ctx, j, max)
		return err
	})
}

// CommitDetail implements Gateway.
func (o *Offline) CommitDetail(ctx context.Context, revision uint64) (d CommitDetail, err error) {
	return d, o.reading(func(j *journal.Journal) error {
		d, err = commitDetail(ctx, j, revision)
		return err
	})
}

// CommittedConfiguration implements Gateway.
func (o *Offline) CommittedConfiguration(ctx context.Context, revision uint64) (c Configuration, err error) {
	return c, o.reading(func(j *journal.Journal) error {
		c, err = committed(ctx, j, revision)
		return err
	})
}

// reading opens the stopped store for a look.
func (o *Offline) reading(look func(*journal.Journal) error) error {
	j, err := o.open()
	if err != nil {
		return err
	}
	defer j.Close()
	return look(j)
}

var errNoCommit = &RefusedError{"No configuration was ever committed here: the one of the start holds."}

func commits(ctx context.Context, j *journal.Journal, max int) ([]Commit, error) {
	records, err := j.Commits().Last(ctx, max)
	if err != nil {
		return nil, err
	}
	list := make([]Commit, len(records))
	for i, r := range records {
		list[i] = commitOf(r)
	}
	return list, nil
}

func commitOf(r journal.Record) Commit {
	e := r.Event.(*journal.ConfigurationCommitted)
	return Commit{Revision: e.Revision, Time: r.Time.Time(), By: e.By, Comment: e.Comment, Hash: e.Hash, Seq: r.Seq}
}

// commitAt finds a commit, 0 the last one, and the one before it, if there is one.
func commitAt(ctx context.Context, j *journal.Journal, revision uint64) (r journal.Record, before *journal.Record, err error) {
	if revision == 0 {
		last, err := j.Commits().Last(ctx, 1)
		if err != nil {
			return r, nil, err
		}
		if len(last) == 0 {
			return r, nil, errNoCommit
		}
		revision = last[0].Event.(*journal.ConfigurationCommitted).Revision
	}
	r, err = j.Commits().Of(ctx, revision)
	if errors.Is(err, journal.ErrNotFound) {
		return r, nil, &RefusedError{fmt.Sprintf("There is no revision %d of the configuration.", revision)}
	}
	if err != nil {
		return r, nil, err
	}
	b, err := j.Commits().Before(ctx, revision)
	switch {
	case errors.Is(err, journal.ErrNotFound):
		return r, nil, nil
	case err != nil:
		return r, nil, err
	}
	return r, &b, nil
}

func committed(ctx context.Context, j *journal.Journal, revision uint64) (Configuration, error) {
	r, _, err := commitAt(ctx, j, revision)
	if err != nil {
		return Configuration{}, err
	}
	e := r.Event.(*journal.ConfigurationCommitted)
	if e.Document == "" {
		return Configuration{}, &RefusedError{fmt.Sprintf("The text of revision %d was erased.", e.Revision)}
	}
	return Configuration{Revision: e.Revision, Hash: e.Hash, Text: e.Document}, nil
}

func commitDetail(ctx context.Context, j *journal.Journal, revision uint64) (d CommitDetail, err error) {
	r, before, err := commitAt(ctx, j, revision)
	if err != nil {
		return d, err
	}
	d = CommitDetail{Commit: commitOf(r), First: before == nil, Changes: []config.Change{}}
	if before == nil {
		return d, nil
	}
	a, err := config.Parse([]byte(before.Event.(*journal.ConfigurationCommitted).Document), "the revision before")
	if err != nil {
		return d, nil // another version's, or erased
	}
	b, err := config.Parse([]byte(r.Event.(*journal.ConfigurationCommitted).Document), "the revision")
	if err != nil {
		return d, nil
	}
	if list := config.Diff(a, b); list != nil {
		d.Changes = list
	}
	return d, nil
}

// configurationSuffix ends the names of saved configurations: the directory holds people's mail too.
const configurationSuffix = ".toml"

// maxConfiguration bounds a configuration's text, in bytes.
const maxConfiguration = 16 << 20

// SaveConfiguration implements Gateway.
func (l *Local) SaveConfiguration(_ context.Context, text string) (s SavedConfiguration, err error) {
	if len(text) > maxConfiguration {
		return s, &RefusedError{fmt.Sprintf("The configuration is too long to be saved: more than %d bytes.", maxConfiguration)}
	}
	if err := os.MkdirAll(l.Messages.Dir, 0o700); err != nil {
		return s, err
	}
	base := l.self().Hostname + "-" + l.now().UTC().Format("20060102T150405")
	for n := 1; n <= maxSameSecond; n++ {
		name := base
		if n > 1 {
			name = fmt.Sprintf("%s-%d", base, n)
		}
		s, err = saveNew(filepath.Join(l.Messages.Dir, name+configurationSuffix), text)
		if !errors.Is(err, fs.ErrExist) {
			return s, err
		}
	}
	return s, err
}

// maxSameSecond is how many configurations are saved within a second.
const maxSameSecond = 100

// saveNew makes a file that only its owner reads; a half one is removed.
func saveNew(path, text string) (s SavedConfiguration, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return s, err
	}
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		os.Remove(path)
		return s, fmt.Errorf("save the configuration: %w", err)
	}
	return SavedConfiguration{File: filepath.Base(path), Path: path, Time: time.Now(), Bytes: int64(len(text))}, nil
}

// SavedConfigurations implements Gateway.
func (l *Local) SavedConfigurations(context.Context) ([]SavedConfiguration, error) {
	entries, err := os.ReadDir(l.Messages.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	list := []SavedConfiguration{}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), configurationSuffix) || !e.Type().IsRegular() {
			continue
		}
		if info, err := e.Info(); err == nil {
			list = append(list, SavedConfiguration{File: e.Name(), Path: filepath.Join(l.Messages.Dir, e.Name()), Time: info.ModTime(), Bytes: info.Size()})
		}
	}
	slices.SortFunc(list, func(a, b SavedConfiguration) int { return b.Time.Compare(a.Time) })
	return list[:min(len(list), maxSaved)], nil
}

// maxSaved is how many saved configurations are listed.
const maxSaved = 1000

// ReadConfiguration implements Gateway.
func (l *Local) ReadConfiguration(_ context.Context, file string) (string, error) {
	if filepath.Dir(file) == l.Messages.Dir { // as saveconfig calls it
		file = filepath.Base(file)
	}
	file = strings.TrimPrefix(strings.TrimPrefix(file, "/"), "configuration/")
	if file != filepath.Base(file) || !filepath.IsLocal(file) || !strings.HasSuffix(file, configurationSuffix) {
		return "", &RefusedError{fmt.Sprintf("%q is not the name of a saved configuration: they end in %s and lie in the configuration directory.", Printable(file), configurationSuffix)}
	}
	root, err := os.OpenRoot(l.Messages.Dir)
	if err != nil {
		return "", noConfiguration(file, err)
	}
	defer root.Close()
	f, err := root.Open(file)
	if err != nil {
		return "", noConfiguration(file, err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", noConfiguration(file, fs.ErrNotExist)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxConfiguration+1))
	if err == nil && len(text) > maxConfiguration {
		err = &RefusedError{fmt.Sprintf("%s is too long: more than %d bytes.", Printable(file), maxConfiguration)}
	}
	return string(text), err
}

func noConfiguration(file string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &RefusedError{fmt.Sprintf("There is no saved configuration %q.", Printable(file))}
	}
	return err
}

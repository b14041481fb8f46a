package shell

import (
	"context"
	"time"

	"postern/engine/config"
)

// Configuring is what a person may see and change of the configuration.
type Configuring interface {
	// Configuration gives the one in force, with its secrets.
	Configuration(ctx context.Context) (Configuration, error)
	// CommittedConfiguration gives that of an earlier commit, with its secrets.
	CommittedConfiguration(ctx context.Context, revision uint64) (Configuration, error)
	// Commit makes another configuration the one in force: prepared, written down, taken up, and put into the file. It is
	// refused, and nothing is changed, when it cannot be taken up as it is, with a sentence that says what and where. When
	// another one than the proposal's base is in force by now nothing is changed either, and the answer has a Conflict.
	Commit(ctx context.Context, p Proposal) (Committed, error)
	// Commits lists the last commits, the newest first, at most max.
	Commits(ctx context.Context, max int) ([]Commit, error)
	// CommitDetail gives a commit and what it changed, secrets hidden; revision 0 is the last one.
	CommitDetail(ctx context.Context, revision uint64) (CommitDetail, error)
	// SaveConfiguration writes a text into a new file of the configuration directory, for the daemon's user alone to read.
	SaveConfiguration(ctx context.Context, text string) (SavedConfiguration, error)
	// SavedConfigurations lists the files of the configuration directory, the newest first.
	SavedConfigurations(ctx context.Context) ([]SavedConfiguration, error)
	// ReadConfiguration gives the text of one of them.
	ReadConfiguration(ctx context.Context, file string) (string, error)
}

// Configuration is a configuration as text, with its secrets: it is not for lists or logs.
type Configuration struct {
	Revision uint64 `json:"revision"` // 0: none was ever committed, and it is that of the start
	Hash     string `json:"hash"`     // of the text, as config.Hash makes it
	Text     string `json:"text"`     // TOML, without a stamp
}

// Proposal is a configuration that is to come into force.
type Proposal struct {
	Revision uint64 `json:"base_revision"` // of the one that was changed
	Hash     string `json:"base_hash"`
	Text     string `json:"text"` // of the new one, TOML
	Comment  string `json:"comment"`
	Edited   bool   `json:"edited,omitempty"` // the text is the file's, as somebody has edited it: Text and base do not count
}

// Committed is what became of a proposal.
type Committed struct {
	Commit
	Restart  []string  `json:"restart,omitempty"`  // keys whose new values take effect at the next start
	Warnings []string  `json:"warnings,omitempty"` // sentences: what could not be done after the configuration was in force
	Conflict *Conflict `json:"conflict,omitempty"` // set: nothing was committed
}

// Commit is a configuration that came into force.
type Commit struct {
	Revision uint64    `json:"revision"`
	Time     time.Time `json:"time,omitzero"`
	By       string    `json:"by"` // a user, or "file" for an edited file
	Comment  string    `json:"comment"`
	Hash     string    `json:"hash"`
	Seq      uint64    `json:"seq"`
}

// CommitDetail is a commit and what it changed.
type CommitDetail struct {
	Commit
	Changes []config.Change `json:"changes"`
	First   bool            `json:"first,omitempty"` // there is none before it to compare with
}

// Conflict says that another configuration than the proposal's base is in force.
type Conflict struct {
	Commit                // by which it came into force
	InForce Configuration `json:"in_force"`
}

// SavedConfiguration is a file of the configuration directory.
type SavedConfiguration struct {
	File  string    `json:"file"` // its name in the directory
	Path  string    `json:"path"` // of the gateway's machine
	Time  time.Time `json:"time"`
	Bytes int64     `json:"bytes"`
}

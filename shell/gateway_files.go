package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"postern/projections/logpush"
)

// Files are the tables that are exported to the configuration directory and imported from it.
type Files interface {
	// ExportFile writes a text into a new file, for the daemon's user alone to read. One that is there is never overwritten.
	ExportFile(ctx context.Context, name, text string) error
	// ImportFile gives the text of a file.
	ImportFile(ctx context.Context, name string) (string, error)
}

// checkFile tells why a name is not that of a table's file: the directory holds people's mail and configurations with their
// secrets too.
func checkFile(name string) error {
	switch {
	case name == "" || len(name) > 100 || name != filepath.Base(name) || name[0] == '.' || strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c > '~' }):
		return &RefusedError{fmt.Sprintf("%.60q is not the name of a file in the configuration directory.", Printable(name))}
	case strings.HasPrefix(name, logpush.IdentityName) || strings.HasPrefix(name, logpush.KnownHostsName):
		return &RefusedError{fmt.Sprintf("%.60q holds keys of the gateway: choose another name.", name)}
	case strings.HasSuffix(name, ".mbox") || strings.HasSuffix(name, configurationSuffix):
		return &RefusedError{fmt.Sprintf("%.60q is the name of a message or a configuration: choose another one.", name)}
	}
	return nil
}

// checkFile is checkFile, which knows too what logs that are copied to other hosts call their keys.
func (l *Local) checkFile(name string) error {
	if l.Document != nil {
		for _, log := range l.Document().Subscriptions {
			if name != "" && (name == filepath.Base(log.Identity) || name == filepath.Base(log.KnownHosts)) {
				return &RefusedError{fmt.Sprintf("%.60q holds keys of the log %s: choose another name.", Printable(name), log.Name)}
			}
		}
	}
	return checkFile(name)
}

// ExportFile implements Gateway.
func (l *Local) ExportFile(_ context.Context, name, text string) error {
	if err := l.checkFile(name); err != nil {
		return err
	}
	if err := os.MkdirAll(l.Messages.Dir, 0o700); err != nil {
		return err
	}
	_, err := saveNew(filepath.Join(l.Messages.Dir, name), text)
	if errors.Is(err, fs.ErrExist) {
		return &RefusedError{fmt.Sprintf("There is a file %s already: choose another name.", name)}
	}
	return err
}

// ImportFile implements Gateway.
func (l *Local) ImportFile(_ context.Context, name string) (string, error) {
	if err := l.checkFile(name); err != nil {
		return "", err
	}
	missing := &RefusedError{fmt.Sprintf("There is no file %s in the configuration directory.", name)}
	root, err := os.OpenRoot(l.Messages.Dir)
	if err != nil {
		return "", missing
	}
	defer root.Close()
	if info, err := root.Stat(name); err != nil || !info.Mode().IsRegular() { // a pipe would never end
		return "", missing
	}
	f, err := root.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfiguration+1))
	if err == nil && len(text) > maxConfiguration {
		err = &RefusedError{fmt.Sprintf("%s is too long: more than %d bytes.", name, maxConfiguration)}
	}
	return string(text), err
}

// ExportFile implements Gateway.
func (r *Remote) ExportFile(ctx context.Context, name, text string) error {
	return r.send(ctx, "/v1/file/export", namedText{name, text}, new(struct{}))
}

// ImportFile implements Gateway.
func (r *Remote) ImportFile(ctx context.Context, name string) (string, error) {
	var t textBody
	err := r.post(ctx, "/v1/file/import", url.Values{"name": {name}}, &t)
	return t.Text, err
}

// namedText carries a text that is to become a file.
type namedText struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

func filesRoutes(mux *http.ServeMux, g Gateway) {
	sent(mux, "/v1/file/export", func(ctx context.Context, t namedText) (any, error) {
		return struct{}{}, g.ExportFile(ctx, t.Name, t.Text)
	})
	post(mux, "/v1/file/import", func(ctx context.Context, q url.Values) (any, error) {
		text, err := g.ImportFile(ctx, q.Get("name"))
		return textBody{text}, err
	})
}

func (notRunning) ExportFile(context.Context, string, string) error { return ErrNotRunning }

func (notRunning) ImportFile(context.Context, string) (string, error) { return "", ErrNotRunning }

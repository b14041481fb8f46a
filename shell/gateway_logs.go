package shell

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"postern/engine/config"
	"postern/journal"
	"postern/projections"
	"postern/projections/logpush"
)

// Logs is what a person may see of the text logs, and order of them.
type Logs interface {
	// TextLogs lists the logs, always in the same order.
	TextLogs(ctx context.Context) ([]TextLog, error)
	// ReadLog hands out lines of a log, page by page, oldest first; page must not keep what it is given. A reading that
	// follows goes on until ctx ends.
	ReadLog(ctx context.Context, q LogQuery, page func([]projections.LogLine) error) error
	// RollOver closes the file of a log, or of all ("all"), begins a new one, and names the logs that it did so with.
	RollOver(ctx context.Context, log string) ([]string, error)
}

// TextLog is a log that the gateway writes for people and their scripts.
type TextLog struct {
	Name      string `json:"name"`
	Type      string `json:"type"`
	Retrieval string `json:"retrieval"`
	Directory string `json:"directory,omitempty"` // of its files; "": it has none
}

// textLogs are a document's logs in its order, with the directory of their files. Without a document they are those of one
// that names none.
func textLogs(document func() *config.Document, dir string) []TextLog {
	var d *config.Document
	if document != nil {
		d = document()
	}
	if d == nil {
		d = config.Default()
	}
	list := make([]TextLog, len(d.Subscriptions))
	for i := range d.Subscriptions {
		l := &d.Subscriptions[i]
		list[i] = TextLog{Name: l.Name, Type: logTypeTitle(l.Type), Retrieval: retrievalText(l)}
		if l.HasFiles() {
			list[i].Directory = dir
		}
	}
	return list
}

func logTypeTitle(kind string) string {
	if kind == config.LogTypeStatus {
		return "Status Logs"
	}
	return "IronPort Text Mail Logs"
}

// retrievalText is how a log is had, as a list of logs says it.
func retrievalText(l *config.Log) string {
	switch l.Retrieval {
	case config.RetrieveSyslog:
		return "Syslog Push - Host " + l.Host
	case config.RetrieveSCP:
		return "SCP Push - Host " + l.Host
	}
	return "Local File"
}

// allLogs stands for every log in an order to roll over.
const allLogs = "all"

// maxLogReaders is how many readings of logs the daemon has under way at once; one more is refused.
const maxLogReaders = 64

// LogKeeper is what Local needs of the logs. Its fields are set before use.
type LogKeeper struct {
	Dir     string
	Writers func() []LogWriter // of the logs that have files
	Keys    *logpush.HostKeys  // for copying logs to other hosts; nil: there are none
	readers atomic.Int32
}

// LogWriter writes a text log: a *projections.LogFollower is one.
type LogWriter interface {
	Name() string
	// RolloverNow closes the current file and begins a new one; all that was durable before stands in the old one.
	RolloverNow() error
}

// TextLogs implements Gateway.
func (l *Local) TextLogs(context.Context) ([]TextLog, error) { return l.textLogs(), nil }

func (l *Local) textLogs() []TextLog { return textLogs(l.Document, l.Logs.Dir) }

// ReadLog implements Gateway. Searching rests as long as it works, so that mail does not wait for it.
func (l *Local) ReadLog(ctx context.Context, q LogQuery, page func([]projections.LogLine) error) error {
	if l.Logs.readers.Add(1) > maxLogReaders {
		l.Logs.readers.Add(-1)
		return &RefusedError{fmt.Sprintf("There are %d readings of logs under way: end one first.", maxLogReaders)}
	}
	defer l.Logs.readers.Add(-1)
	return q.read(ctx, l.textLogs(), l.Logs.Dir, rest, page)
}

// maxRest is the longest rest: work that took longer waited for whoever reads.
const maxRest = 50 * time.Millisecond

func rest(worked time.Duration) { time.Sleep(min(worked, maxRest)) }

// RollOver implements Gateway.
func (l *Local) RollOver(ctx context.Context, log string) (done []string, err error) {
	for _, w := range l.Logs.Writers() {
		if log != allLogs && log != w.Name() {
			continue
		}
		if failed := w.RolloverNow(); failed != nil {
			err = errors.Join(err, failed)
			continue
		}
		l.note(&journal.LogRolledOver{Log: w.Name(), By: l.by(ctx)})
		done = append(done, w.Name())
	}
	if done == nil && err == nil {
		err = withoutFile(l.textLogs(), log)
	}
	return done, err
}

// TextLogs implements Gateway.
func (o *Offline) TextLogs(context.Context) ([]TextLog, error) {
	return o.textLogs(), nil
}

func (o *Offline) textLogs() []TextLog { return textLogs(o.Document, filepath.Join(o.Data, "logs")) }

// ReadLog implements Gateway. Nothing is written that could be followed.
func (o *Offline) ReadLog(ctx context.Context, q LogQuery, page func([]projections.LogLine) error) error {
	q.Follow = false
	dir := filepath.Join(o.Data, "logs")
	if _, err := os.ReadDir(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("the logs of the stopped gateway cannot be read: %w", err)
	}
	return q.read(ctx, o.textLogs(), dir, nil, page)
}

func (notRunning) TextLogs(context.Context) ([]TextLog, error) { return nil, ErrNotRunning }

func (notRunning) ReadLog(context.Context, LogQuery, func([]projections.LogLine) error) error {
	return ErrNotRunning
}

func (notRunning) RollOver(context.Context, string) ([]string, error) { return nil, ErrNotRunning }

// TextLogs implements Gateway.
func (r *Remote) TextLogs(ctx context.Context) (list []TextLog, err error) {
	return list, r.get(ctx, "/v1/logs", nil, &list)
}

// ReadLog implements Gateway.
func (r *Remote) ReadLog(ctx context.Context, q LogQuery, page func([]projections.LogLine) error) error {
	return r.stream(ctx, "/v1/logs/lines", q.values(), func(raw json.RawMessage) error {
		var lines []projections.LogLine
		if err := json.Unmarshal(raw, &lines); err != nil {
			return r.broken(ctx, err)
		}
		return page(lines)
	})
}

// RollOver implements Gateway.
func (r *Remote) RollOver(ctx context.Context, log string) (done []string, err error) {
	return done, r.post(ctx, "/v1/logs/rollover", url.Values{"log": {log}}, &done)
}

func logsRoutes(mux *http.ServeMux, g Gateway) {
	get(mux, "/v1/logs", func(ctx context.Context, _ url.Values) (any, error) { return g.TextLogs(ctx) })
	post(mux, "/v1/logs/rollover", func(ctx context.Context, q url.Values) (any, error) { return g.RollOver(ctx, q.Get("log")) })
	streaming(mux, "/v1/logs/lines", func(ctx context.Context, v url.Values, each func(any) error) error {
		q := queryOf(v)
		logs, err := g.TextLogs(ctx)
		if err != nil {
			return err
		}
		if _, err := q.reading(logs, ""); err != nil {
			return err
		}
		if err := each([]projections.LogLine{}); err != nil { // a quiet log must not look like a daemon that does not answer
			return err
		}
		return g.ReadLog(ctx, q, func(lines []projections.LogLine) error { return each(lines) })
	})
}

// values is the query as the admin socket carries it.
func (q LogQuery) values() url.Values {
	v := url.Values{"log": {q.Log}, "e": q.Patterns, "context": {strconv.Itoa(q.Context)}, "last": {strconv.Itoa(q.Last)}}
	for name, is := range map[string]bool{"i": q.IgnoreCase, "v": q.Invert, "follow": q.Follow} {
		if is {
			v.Set(name, "1")
		}
	}
	return v
}

func queryOf(v url.Values) LogQuery {
	number := func(name string) int {
		n, err := strconv.Atoi(v.Get(name))
		if err != nil && v.Get(name) != "" {
			return -1
		}
		return n
	}
	return LogQuery{Log: v.Get("log"), Patterns: v["e"], IgnoreCase: v.Has("i"), Invert: v.Has("v"), Follow: v.Has("follow"),
		Context: number("context"), Last: number("last")}
}

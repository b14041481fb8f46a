package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"postern/journal"
	"postern/projections"
)

// FindEventConfig is a gateway with a history of many messages that is searched.
type FindEventConfig struct {
	Binary   string // of the gateway
	Dir      string // for its data; not there or empty
	Messages int    // of the history; default a million
	Asked    int    // how often each question is asked; default 21
	Progress io.Writer
}

// FindEventFigures are medians over the questions.
type FindEventFigures struct {
	ByMID                    time.Duration // of a message at random: found, and all its lines
	Expression, WithLiteral  time.Duration // regular expressions over all subjects
	Rare, Ripgrep            time.Duration // a text that stands in one message, and the same in the mail log
	NoRipgrep                error         // why it was not measured
	LogBytes, IndexBytes     int64
	Indexed                  time.Duration // from the start until the whole history was in the index
	MatchesExpression, Total int
}

// FindEvent makes the history, lets a gateway index it and write its mail log, and asks.
func FindEvent(ctx context.Context, c FindEventConfig) (f FindEventFigures, err error) {
	c.defaults()
	f.Total = c.Messages
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return f, err
	}
	if err := MakeHistory(filepath.Join(c.Dir, "journal"), c.Messages); err != nil {
		return f, err
	}
	if f.LogBytes, err = writeMailLog(ctx, filepath.Join(c.Dir, "journal"), c.mailLog()); err != nil {
		return f, err
	}
	g := &Gateway{Binary: c.Binary, Data: c.Dir}
	if err := g.Configure("/dev/null", ""); err != nil {
		return f, err
	}
	began := time.Now()
	if _, err := g.Start(5 * time.Minute); err != nil {
		return f, err
	}
	defer func() { g.Kill() }()
	s := newSearcher(g.Data)
	if _, err := s.find(ctx, map[string]any{"mid": 1}); err != nil { // it waits for the index
		return f, err
	}
	f.Indexed = time.Since(began)
	f.IndexBytes = folderBytes(filepath.Join(c.Dir, "index"))
	fmt.Fprintf(c.Progress, "%d messages: indexed %.1f s after the start, index %d MiB, mail log %d MiB\n", c.Messages, f.Indexed.Seconds(), f.IndexBytes>>20, f.LogBytes>>20)
	err = c.ask(ctx, s, &f)
	return f, err
}

func (c *FindEventConfig) defaults() {
	if c.Messages == 0 {
		c.Messages = 1_000_000
	}
	if c.Asked == 0 {
		c.Asked = 21
	}
	if c.Progress == nil {
		c.Progress = io.Discard
	}
}

// mailLog is the file that the gateway would have written of the history.
func (c *FindEventConfig) mailLog() string { return filepath.Join(c.Dir, "mail_log") }

// writeMailLog renders the lines of a journal into a file, and returns its size.
func writeMailLog(ctx context.Context, dir, path string) (size int64, err error) {
	j, err := journal.Open(dir, journal.Options{ReadOnly: true})
	if err != nil {
		return 0, err
	}
	defer j.Close()
	file, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	w := bufio.NewWriterSize(file, 1<<20)
	var lines []projections.Line
	var framed []byte
	err = j.Pick(ctx, 1, 0, func(journal.Kind) bool { return true }, func(r journal.Record) error {
		lines, framed = projections.RenderMailLog(r, time.UTC, lines[:0]), framed[:0]
		for _, l := range lines {
			framed = projections.AppendFramed(framed, r.Time.Time(), time.UTC, l)
		}
		size += int64(len(framed))
		_, err := w.Write(framed)
		return err
	})
	return size, errors.Join(err, w.Flush())
}

func folderBytes(dir string) (n int64) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			n += info.Size()
		}
	}
	return n
}

func (c *FindEventConfig) ask(ctx context.Context, s *searcher, f *FindEventFigures) (err error) {
	some := func(i int) int { return 1 + (i*7919+c.Messages/3)%c.Messages }
	if f.ByMID, err = c.median(func(i int) error { return s.trace(ctx, some(i)) }); err != nil {
		return err
	}
	if f.Expression, err = c.median(func(int) error {
		f.MatchesExpression, err = s.find(ctx, map[string]any{"subject": "^[a-f].* [x-z][a-z]+$"})
		return err
	}); err != nil {
		return err
	}
	if f.WithLiteral, err = c.median(func(i int) error {
		_, err := s.find(ctx, map[string]any{"message_id": fmt.Sprintf(`<%d\.[0-9a-f]+@`, some(i)), "from": "@sender"})
		return err
	}); err != nil {
		return err
	}
	rare := make([]string, c.Asked)
	for i := range rare {
		rare[i] = fmt.Sprintf("<%d.", some(i))
	}
	if f.Rare, err = c.median(func(i int) error {
		n, err := s.find(ctx, map[string]any{"message_id": "<" + strconv.Itoa(some(i)) + `\.`})
		if err == nil && n != 1 {
			err = fmt.Errorf("%s stands in %d messages", rare[i], n)
		}
		return err
	}); err != nil {
		return err
	}
	if _, f.NoRipgrep = exec.LookPath("rg"); f.NoRipgrep != nil {
		return nil
	}
	f.Ripgrep, err = c.median(func(i int) error { return ripgrep(ctx, rare[i], c.mailLog()) })
	return err
}

// median asks again and again, once more at first, which warms what can be warm.
func (c *FindEventConfig) median(ask func(i int) error) (time.Duration, error) {
	var took []float64
	for i := range c.Asked {
		if i == 0 {
			if err := ask(i); err != nil {
				return 0, err
			}
		}
		began := time.Now()
		if err := ask(i); err != nil {
			return 0, err
		}
		took = append(took, float64(time.Since(began)))
	}
	return time.Duration(median(took)), nil
}

// ripgrep looks for a text in the mail log.
func ripgrep(ctx context.Context, text, log string) error {
	out, err := exec.CommandContext(ctx, "rg", "--fixed-strings", "--text", text, log).Output()
	if err == nil && bytes.Count(out, []byte("\n")) != 1 {
		err = fmt.Errorf("%s stands in the lines %.200q", text, out)
	}
	return err
}

// searcher asks the admin socket, over one connection.
type searcher struct{ client *http.Client }

func newSearcher(data string) *searcher {
	return &searcher{&http.Client{Timeout: 10 * time.Minute, Transport: &http.Transport{DisableCompression: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(data, "admin.sock"))
		}}}}
}

func (s *searcher) post(ctx context.Context, path string, q url.Values) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://postern"+path+"?"+q.Encode(), nil)
	if err != nil {
		return nil, err
	}
	answer, err := s.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %.200s", path, answer.Status, body)
	}
	return body, err
}

// find returns how many messages are meant.
func (s *searcher) find(ctx context.Context, search map[string]any) (int, error) {
	found, err := s.messages(ctx, search)
	return found.Total, err
}

type foundMessages struct {
	Total    int `json:"total"`
	Messages []struct {
		Seq uint64 `json:"seq"`
	} `json:"messages"`
}

func (s *searcher) messages(ctx context.Context, search map[string]any) (found foundMessages, err error) {
	text, err := json.Marshal(search)
	if err != nil {
		return found, err
	}
	body, err := s.post(ctx, "/v1/messages/find", url.Values{"search": {string(text)}})
	if err != nil {
		return found, err
	}
	return found, json.Unmarshal(body, &found)
}

// trace finds a message by its MID, and reads all its lines.
func (s *searcher) trace(ctx context.Context, mid int) error {
	found, err := s.messages(ctx, map[string]any{"mid": mid})
	if err != nil {
		return err
	}
	if len(found.Messages) == 0 {
		return fmt.Errorf("there is no MID %d", mid)
	}
	body, err := s.post(ctx, "/v1/messages/trace", url.Values{"seq": {strconv.FormatUint(found.Messages[0].Seq, 10)}})
	if err == nil && bytes.Count(body, []byte("\n")) < 5 {
		err = fmt.Errorf("MID %d has few lines: %.300s", mid, body)
	}
	return err
}

func measureFindEvent(ctx context.Context, s Settings, rows []Row) error {
	f, err := FindEvent(ctx, FindEventConfig{Binary: s.Binary, Dir: s.Dir + "/data", Messages: s.Queue, Progress: s.Progress})
	if err != nil {
		return err
	}
	rows[0].Value = milliseconds(f.ByMID)
	rows[0].Note = fmt.Sprintf("%d messages, index %d MiB, all of it made in %.1f s", f.Total, f.IndexBytes>>20, f.Indexed.Seconds())
	rows[1].Value, rows[1].Note = f.Expression.Seconds(), fmt.Sprintf("%d messages match", f.MatchesExpression)
	rows[2].Value = f.WithLiteral.Seconds()
	rows[3].Value, rows[3].Note = float64(f.Ripgrep)/float64(f.Rare), fmt.Sprintf("%.1f ms, ripgrep over %d MiB of mail log %.1f ms", milliseconds(f.Rare), f.LogBytes>>20, milliseconds(f.Ripgrep))
	if f.NoRipgrep != nil {
		rows[3].Missing = f.NoRipgrep.Error()
	}
	return nil
}

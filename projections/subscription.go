package projections

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"postern/journal"
)

// LogType is what a text log tells.
type LogType string

// The types of text logs.
const (
	MailLogType   LogType = "mail_logs" // of every message and connection
	StatusLogType LogType = "status"    // of the gateway, once a minute
)

// LogSubscription is a text log under a name of its own.
type LogSubscription struct {
	Name  string // of its files, before ".@"; letters, digits, hyphens, dots and underscores
	Type  LogType
	Least LineLevel // lines that matter less are left out
}

// table is the name of the rows in which the log's follower keeps its place. Other rows have no colon in their names.
func (s *LogSubscription) table() string {
	if s.Name == mailLogName || s.Name == statusLogName {
		return s.Name
	}
	return "log:" + s.Name
}

// Lines appends the lines of a record that the log has, without frames, to dst; times within a line are in the zone.
func (s *LogSubscription) Lines(r journal.Record, zone *time.Location, dst []Line) []Line {
	from := len(dst)
	if s.Type == StatusLogType {
		dst = RenderStatusLog(r, dst)
	} else {
		dst = RenderMailLog(r, zone, dst)
	}
	kept := dst[:from]
	for _, l := range dst[from:] {
		if l.Level >= s.Least {
			kept = append(kept, l)
		}
	}
	return kept
}

// appender renders records as they stand in the log's file.
func (s *LogSubscription) appender(zone *time.Location) func([]byte, *journal.Record) []byte {
	render := (&MailLog{Zone: zone}).Append
	if s.Type == StatusLogType {
		render = (&StatusLog{Zone: zone}).Append
	}
	if s.Least == LineInfo {
		return render
	}
	least := s.Least
	return func(dst []byte, r *journal.Record) []byte {
		from := len(dst)
		dst = render(dst, r)
		kept := dst[:from]
		for line := range bytes.Lines(dst[from:]) {
			if framedLevel(line) >= least {
				kept = append(kept, line...)
			}
		}
		return kept
	}
}

// framedLevel is the level that stands in the frame of a line.
func framedLevel(line []byte) LineLevel {
	for l := LineCritical; l > LineInfo; l-- {
		if len(line) > len(frameTime) && bytes.HasPrefix(line[len(frameTime):], []byte(" "+l.String()+":")) {
			return l
		}
	}
	return LineInfo
}

// ClosedLogFiles names the files of a log that nothing is added to any more, the oldest first.
func ClosedLogFiles(dir, log string) ([]string, error) {
	stems, err := listLog(dir, log)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, stem := range stems {
		if _, err := os.Stat(filepath.Join(dir, stem+extClosed)); err == nil {
			names = append(names, stem+extClosed)
		}
	}
	return names, nil
}

// CurrentLogs names the logs of which a file is being written, or would be if the daemon ran.
func CurrentLogs(dir string) ([]string, error) {
	links, err := filepath.Glob(filepath.Join(dir, "*.current"))
	for i, link := range links {
		links[i] = strings.TrimSuffix(filepath.Base(link), ".current")
	}
	return links, err
}

// CloseLog closes the files of a log that nobody writes any more, as they are, and forgets the place in them.
func CloseLog(name string, j *journal.Journal, o LogOptions) error {
	f := NewLogFollower(LogSubscription{Name: name}, j, o)
	if err := f.closeOthers(); err != nil {
		return err
	}
	return errors.Join(os.Remove(f.file.link()), f.rows.Clear())
}

package projections

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The ends of log files' names. What a start had to cut off a file is kept beside it.
const (
	extCurrent = ".c"
	extClosed  = ".s"
	extCut     = ".cut"
)

const stemLayout = "20060102T150405"

// nextStem names a file begun now. Names ascend in the order of their files, also when the clock was set back or summer
// time ends: then the name is a second after the last.
func nextStem(log string, now time.Time, stems []string) string {
	stamp := now.Format(stemLayout)
	if n := len(stems); n > 0 {
		last := stems[n-1][len(log)+2:]
		if stamp <= last {
			if t, err := time.Parse(stemLayout, last); err == nil {
				stamp = t.Add(time.Second).Format(stemLayout)
			}
		}
	}
	return log + ".@" + stamp
}

// stemTime is when a file was begun, by its name.
func stemTime(log, stem string, zone *time.Location) time.Time {
	t, err := time.ParseInLocation(stemLayout, strings.TrimPrefix(stem, log+".@"), zone)
	if err != nil {
		return time.Time{}
	}
	return t
}

// splitName takes a file's name apart; ok is false when it is no file of the log.
func splitName(log, name string) (stem, ext string, ok bool) {
	ext = filepath.Ext(name)
	stem = strings.TrimSuffix(name, ext)
	stamp, found := strings.CutPrefix(stem, log+".@")
	if !found || ext != extCurrent && ext != extClosed && ext != extCut {
		return "", "", false
	}
	if _, err := time.Parse(stemLayout, stamp); err != nil {
		return "", "", false
	}
	return stem, ext, true
}

// listLog returns the stems of a log's files, ascending. A directory that is not there has none.
func listLog(dir, log string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("log %s: %w", log, err)
	}
	var stems []string
	for _, e := range entries {
		if stem, _, ok := splitName(log, e.Name()); ok {
			stems = append(stems, stem)
		}
	}
	slices.Sort(stems)
	return slices.Compact(stems), nil
}

// findLog returns the path of a file, closed or not; ok is false when there is none.
func findLog(dir, stem string) (path string, ok bool) {
	for _, ext := range []string{extCurrent, extClosed} {
		path = filepath.Join(dir, stem+ext)
		if _, err := os.Stat(path); err == nil {
			return path, true
		}
	}
	return "", false
}

// pruneLog removes the oldest files beyond keep that are not current.
func pruneLog(dir, log string, keep int) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("log %s: %w", log, err)
	}
	var old []string // ReadDir sorts by name, and names ascend with age
	for _, e := range entries {
		if _, ext, ok := splitName(log, e.Name()); ok && ext != extCurrent {
			old = append(old, e.Name())
		}
	}
	var failed error
	for len(old) > keep {
		failed = errors.Join(failed, os.Remove(filepath.Join(dir, old[0])))
		old = old[1:]
	}
	return failed
}

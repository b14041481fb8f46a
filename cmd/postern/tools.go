package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"postern/journal"
	"postern/shell"
)

// journalTool is "postern journal ...".
func journalTool(f flags, stdout, stderr io.Writer) int {
	args := f.args[1:]
	switch {
	case len(args) >= 1 && len(args) <= 3 && args[0] == "dump":
		return outcome(stderr, dumpJournal(f, args[1:], stdout))
	case len(args) == 1 && args[0] == "stat":
		return failing(stderr, statJournal(f, stdout))
	case len(args) >= 1 && args[0] == "init":
		next, ok, err := nextMID(args[1:])
		if err != nil {
			return outcome(stderr, err)
		}
		if ok {
			return failing(stderr, initJournal(f, next, stdout))
		}
	case len(args) == 2 && args[0] == "backup":
		return failing(stderr, backupJournal(f, args[1], stdout))
	}
	fmt.Fprint(stderr, "usage: postern journal dump [FROM [TO]] | stat | init --next-mid N | backup DIR\n")
	return exitUsage
}

// reading opens the store of a stopped gateway.
func reading(f flags) (*journal.Journal, error) {
	data, err := f.dataDirectory(false)
	if err != nil {
		return nil, err
	}
	dir, err := shell.FindStore(data)
	if err != nil {
		return nil, err
	}
	j, err := journal.Open(dir, journal.Options{ReadOnly: true})
	if locked := (*journal.LockedError)(nil); errors.As(err, &locked) {
		return nil, fmt.Errorf("the gateway of %s is running: stop it first", data)
	}
	if err != nil {
		return nil, err
	}
	// What is printed may wait for its reader for hours; the end of the process lets go of the store whatever it is doing.
	whenServed(context.Background(), data, func() {
		fmt.Fprintf(os.Stderr, "postern: the gateway of %s starts and needs its store: not all was read\n", data)
		os.Exit(exitRefused)
	})
	return j, nil
}

func dumpJournal(f flags, args []string, w io.Writer) error {
	bounds := [2]uint64{}
	for i, a := range args {
		n, err := strconv.ParseUint(a, 10, 64)
		if err != nil {
			return &shell.MisreadError{Reason: fmt.Sprintf("%q is no number of a record", a)}
		}
		bounds[i] = n
	}
	from, to := bounds[0], bounds[1]
	if len(args) == 2 && from > to {
		return &shell.MisreadError{Reason: fmt.Sprintf("there is nothing from record %d to record %d: the lower number comes first", from, to)}
	}
	j, err := reading(f)
	if err != nil {
		return err
	}
	defer j.Close()
	if end := j.Durable(); from > end {
		return fmt.Errorf("there is no record %d: the journal ends at %d", from, end)
	}
	return j.Dump(w, from, to, f.json)
}

// journalStat is what "journal stat --json" says.
type journalStat struct {
	Records      uint64             `json:"records"`
	Blocks       uint64             `json:"blocks"`
	BlockBytes   uint64             `json:"block_bytes"` // uncompressed
	FirstSeq     uint64             `json:"first_seq"`
	LastSeq      uint64             `json:"last_seq"`
	FirstTime    time.Time          `json:"first_time,omitzero"`
	LastTime     time.Time          `json:"last_time,omitzero"`
	Forgotten    uint64             `json:"forgotten"`
	Bodies       uint64             `json:"bodies"`
	BodyBytes    int64              `json:"body_bytes"`
	Boots        uint64             `json:"boots"`    // times the store was opened for writing
	Restored     bool               `json:"restored"` // a backup that no gateway was started on
	LargestBlock uint64             `json:"largest_block_bytes"`
	LargestAt    uint64             `json:"largest_block_first_seq"`
	Begins       uint64             `json:"history_begins_seq"` // from there on no record is missing
	BeginsTime   time.Time          `json:"history_begins_time,omitzero"`
	HistoryDays  float64            `json:"history_days"`
	HistoryBytes uint64             `json:"history_disk_bytes"` // roughly
	LastCut      time.Time          `json:"last_cut,omitzero"`
	Kept         uint64             `json:"kept_records"` // older ones, of messages that were in the queue at the last cut
	Kinds        []journalKindCount `json:"kinds"`
}

type journalKindCount struct {
	Kind    string `json:"kind"`
	Records uint64 `json:"records"`
	Bytes   uint64 `json:"bytes"`
}

func statJournal(f flags, w io.Writer) error {
	j, err := reading(f)
	if err != nil {
		return err
	}
	defer j.Close()
	s, err := j.Stat()
	if err != nil {
		return err
	}
	if f.json {
		return json.NewEncoder(w).Encode(newJournalStat(s))
	}
	fmt.Fprintf(w, "%-20s %14d\n%-20s %14d\n%-20s %14d\n", "Records", s.Records, "Blocks", s.Blocks, "Bodies", s.Bodies)
	fmt.Fprintf(w, "%-20s %14d\n%-20s %14.1f\n", "History Bytes", s.DiskBytes, "History Days", historyDays(s))
	if s.Begins > 0 {
		fmt.Fprintf(w, "%-20s %14d  %s\n", "Oldest Record", s.Begins, s.BeginsTime.Time().Format(time.RFC3339))
	}
	if s.Cut.Before > 0 {
		fmt.Fprintf(w, "%-20s %14s\n%-20s %14d\n", "Last Cut", s.Cut.Time.Time().Format(time.RFC3339), "Kept Older Records", s.Cut.Kept)
	}
	for _, k := range s.Kinds {
		fmt.Fprintf(w, "  %-28s %8d\n", k.Kind, k.Records)
	}
	return nil
}

// historyDays is how much time the history spans.
func historyDays(s journal.Stat) float64 { return s.LastTime.Sub(s.BeginsTime).Hours() / 24 }

func newJournalStat(s journal.Stat) journalStat {
	o := journalStat{Records: s.Records, Blocks: s.Blocks, BlockBytes: s.Bytes, FirstSeq: s.FirstSeq, LastSeq: s.LastSeq,
		FirstTime: s.FirstTime.Time(), LastTime: s.LastTime.Time(), Forgotten: s.Forgotten, Bodies: s.Bodies, BodyBytes: s.BodyBytes,
		Boots: s.Boot, Restored: s.Restored, LargestBlock: s.LargestBlock, LargestAt: s.LargestBlockFirstSeq,
		Begins: s.Begins, BeginsTime: s.BeginsTime.Time(), HistoryDays: historyDays(s), HistoryBytes: s.DiskBytes,
		LastCut: s.Cut.Time.Time(), Kept: s.Cut.Kept,
		Kinds: make([]journalKindCount, 0, len(s.Kinds))}
	for _, k := range s.Kinds {
		o.Kinds = append(o.Kinds, journalKindCount{Kind: k.Kind.String(), Records: k.Records, Bytes: k.Bytes})
	}
	return o
}

// nextMID takes --next-mid out of the arguments of init, which has no others; ok is false when there are others.
func nextMID(args []string) (next uint32, ok bool, err error) {
	if len(args) == 0 {
		return 1, true, nil
	}
	text, found := strings.CutPrefix(args[0], "--next-mid=")
	switch {
	case found && len(args) == 1:
	case args[0] == "--next-mid" && len(args) == 2:
		text = args[1]
	default:
		return 0, false, nil
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n < 1 || n >= journal.IDLimit {
		return 0, true, &shell.MisreadError{Reason: fmt.Sprintf("--next-mid %q: a number from 1 to %d is wanted", text, journal.IDLimit-1)}
	}
	return uint32(n), true, nil
}

// initJournal makes a store that goes on where another gateway's ids ended.
func initJournal(f flags, next uint32, w io.Writer) error {
	data, err := f.dataDirectory(true)
	if err != nil {
		return err
	}
	lock, err := takeServeLock(data)
	if err != nil {
		return err
	}
	defer lock.Close()
	dir := filepath.Join(data, "journal")
	if old, err := journal.Open(dir, journal.Options{ReadOnly: true}); err == nil {
		end := old.Durable()
		old.Close()
		if end > 0 {
			return fmt.Errorf("%s holds a journal of %d records already; nothing was changed", data, end)
		}
	}
	j, err := journal.Open(dir, journal.Options{})
	if err != nil {
		return err
	}
	defer j.Close()
	if _, err := j.AppendEvents(0, &journal.Stopped{NextMID: next, NextICID: 1, NextDCID: 1}); err != nil {
		return err
	}
	fmt.Fprintf(w, "A new journal in %s; the first MID will be %d.\n", data, next)
	return nil
}

func backupJournal(f flags, to string, w io.Writer) error {
	data, err := f.dataDirectory(false)
	if err != nil {
		return err
	}
	dir, err := shell.FindStore(data)
	if err != nil {
		return err
	}
	lock, err := takeServeLock(data) // a copy has to be whole: the gateway waits for it
	if err != nil {
		return err
	}
	defer lock.Close()
	j, err := journal.Open(dir, journal.Options{})
	if err != nil {
		return err
	}
	defer j.Close()
	copied := filepath.Join(to, "journal")
	if err := j.Backup(copied); err != nil {
		return err
	}
	// It holds people's mail: nobody but its owner reads it.
	for _, dir := range []string{copied, to} {
		if err := os.Chmod(dir, 0o700); err != nil {
			return err
		}
	}
	text, err := os.ReadFile(filepath.Join(data, configName))
	if err == nil {
		err = os.WriteFile(filepath.Join(to, configName), text, 0o600)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	fmt.Fprintf(w, "Backup written to %s; a gateway started on it holds delivery until it is resumed.\n", to)
	return nil
}

package projections

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"postern/journal"
)

// open finds the place where the last run stopped, or begins a new file. It does nothing when the file is open.
func (f *LogFollower) open() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.isOpen {
		return nil
	}
	marks, err := loadMarks(f.rows)
	if err != nil {
		return fmt.Errorf("log %s: %w", f.log, err)
	}
	if f.marks = marks; marks.Type != "" && marks.Type != f.kind {
		return f.beginAnew() // another log had the name
	}
	for _, mark := range marks.candidates() {
		err := f.resume(mark)
		if err == nil {
			return nil
		}
		if !errors.Is(err, errNoMark) && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("log %s: %w", f.log, err)
		}
	}
	return f.beginAnew()
}

// resume renders again from a mark, compares with what the files hold, cuts at the first difference and opens the file
// for more. The error is errNoMark, or wraps fs.ErrNotExist, when the mark's file is not what it was.
func (f *LogFollower) resume(mark logMark) error {
	if mark.Seq > f.journal.Durable() {
		return errNoMark // a journal that was put back from a backup
	}
	if cut, ok := f.journal.LastCut(); ok && mark.Seq+1 < cut.Before {
		return errNoMark // lines of records that are gone cannot be compared, and must stay
	}
	stems, err := f.filesFrom(mark.Stem)
	if err != nil {
		return err
	}
	m := &logMatcher{dir: f.file.o.Dir, stems: stems}
	defer m.close()
	if err := m.open(mark.Offset); err != nil {
		return err
	}
	seq, err := f.compare(m, mark.Seq)
	if err != nil {
		return err
	}
	if err := m.cut(); err != nil {
		return err
	}
	return f.reopen(m, mark, seq)
}

// filesFrom lists the log's files from one on.
func (f *LogFollower) filesFrom(stem string) ([]string, error) {
	stems, err := listLog(f.file.o.Dir, f.log)
	if err != nil {
		return nil, err
	}
	stems = slices.DeleteFunc(stems, func(s string) bool {
		_, there := findLog(f.file.o.Dir, s)
		return s < stem || !there
	})
	if len(stems) == 0 || stems[0] != stem {
		return nil, fmt.Errorf("log file %s: %w", stem, fs.ErrNotExist)
	}
	return stems, nil
}

// compare goes through what is durable now and returns the last record whose lines stand in the files. Nothing else than
// durable records is ever written, so what the files hold beyond them is not ours.
func (f *LogFollower) compare(m *logMatcher, seq uint64) (uint64, error) {
	end := f.journal.Durable()
	for seq < end {
		var err error
		f.records, err = f.journal.Read(seq, readAtOnce, f.records)
		for i := range f.records {
			f.scratch = f.render(f.scratch[:0], &f.records[i])
			same, err := m.match(f.scratch)
			if err != nil || !same {
				return seq, err
			}
			seq = f.records[i].Seq
		}
		if err != nil {
			return seq, err
		}
	}
	return seq, m.settle()
}

// reopen goes on writing where the matcher stands.
func (f *LogFollower) reopen(m *logMatcher, mark logMark, seq uint64) error {
	l := &f.file
	l.stem = m.stems[0]
	if _, err := os.Stat(l.path()); errors.Is(err, fs.ErrNotExist) {
		if err := os.Rename(filepath.Join(l.o.Dir, l.stem+extClosed), l.path()); err != nil {
			return err
		}
	}
	handle, err := l.o.Open(l.path())
	if err != nil {
		return err
	}
	l.handle, l.size, l.first = handle, m.offset, m.first
	l.pending = l.pending[:0]
	if m.first == 0 { // a new file that got no head before the crash
		l.pending = append(l.pending, l.head(l.o.Now())...)
		l.first = int64(len(l.pending))
	}
	f.seq.Store(seq)
	f.isOpen = true
	return errors.Join(f.remark(mark, m.first == 0), f.closeOthers(), l.point())
}

// remark leaves no mark but those that hold after a resume: newer ones may stand beyond the cut.
func (f *LogFollower) remark(resumed logMark, empty bool) error {
	f.marks.Marks = []logMark{resumed}
	if empty {
		return f.begun()
	}
	if f.marks.Begin.Stem != f.file.stem {
		f.marks.Begin = logMark{} // it is a later file, and where that begins was not noted before the crash
	}
	f.marks.add(logMark{Stem: f.file.stem, Offset: f.file.size, Seq: f.seq.Load()})
	return f.marks.save(f.rows)
}

// closeOthers gives their last line and name to files that a crash left open.
func (f *LogFollower) closeOthers() error {
	stems, err := listLog(f.file.o.Dir, f.log)
	if err != nil {
		return err
	}
	for _, stem := range stems {
		old := logFile{o: f.file.o, log: f.log, stem: stem}
		if _, err := os.Stat(old.path()); err != nil || stem == f.file.stem {
			continue
		}
		m := &logMatcher{dir: old.o.Dir, stems: []string{stem}}
		if err := m.open(0); err != nil {
			return err
		}
		old.size = m.size
		if old.size >= endLength {
			if m.offset = old.size - endLength; m.atEnd() {
				old.size = m.offset
			}
		}
		m.close()
		if old.handle, err = old.o.Open(old.path()); err != nil {
			return err
		}
		if err := old.close(f.file.o.Now()); err != nil {
			return err
		}
	}
	return nil
}

// beginAnew begins a new file when there is no mark or no file to go on from: with the facts of this run of the daemon,
// from the last Started on, or from where the log was left later than that. The whole history would take long and stands in
// the journal; a line says where it is cut.
func (f *LogFollower) beginAnew() error {
	seq, err := f.lastStarted()
	if err != nil {
		return fmt.Errorf("log %s: %w", f.log, err)
	}
	goesOn := f.marks.Type == f.kind && f.marks.Left > seq && f.marks.Left <= f.journal.Durable()
	if goesOn {
		seq = f.marks.Left
	}
	now := f.file.o.Now()
	f.file.pending = f.file.pending[:0]
	if err := f.file.begin(now); err != nil {
		return err
	}
	if seq > 0 && f.kind == MailLogType && !goesOn {
		f.file.pending = AppendFramed(f.file.pending, now, f.file.o.Zone,
			Line{Text: noticeNewLog + strconv.FormatUint(seq+1, 10) + " stands in the journal alone"})
		f.file.first = int64(len(f.file.pending))
	}
	f.seq.Store(seq)
	f.isOpen = true
	f.marks = logMarks{Type: f.kind}
	return errors.Join(f.begun(), f.closeOthers())
}

// lastStarted returns the Seq before the last Started; when that is far back, a Seq not that far.
func (f *LogFollower) lastStarted() (uint64, error) {
	end := f.journal.Durable()
	from := end
	for from > 0 && end-from < lookBack {
		to := from
		from -= min(from, readAtOnce)
		var err error
		f.records, err = f.journal.Read(from, int(to-from), f.records)
		if errors.Is(err, journal.ErrNotFound) {
			return to, nil
		}
		if err != nil {
			return 0, err
		}
		for i := len(f.records) - 1; i >= 0; i-- {
			if _, ok := f.records[i].Event.(*journal.Started); ok {
				return f.records[i].Seq - 1, nil
			}
		}
	}
	return from, nil
}

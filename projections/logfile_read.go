package projections

import (
	"context"
	"time"
)

// LogLine is a line of a log file.
type LogLine struct {
	File    string `json:"file"` // its name without the end, which changes when the file is closed: mail_logs.@20070731T173732
	Text    string `json:"line"`
	Context bool   `json:"context,omitempty"` // it stands near a line that was looked for
	Gap     bool   `json:"gap,omitempty"`     // lines before it were left out
}

// LogReading says what is read of a log. The files may be written, closed and removed meanwhile.
type LogReading struct {
	Dir, Log string
	Last     int                    // begin with the last so many lines of the newest file; 0: with the oldest file's first
	Match    func(line []byte) bool // only these lines; nil: all
	Context  int                    // and so many lines before and after each, at most MaxLogContext
	Follow   bool                   // go on with what is written until ctx ends, also in the files that follow
	Every    time.Duration          // between looks for more; 0: 100 ms
	Rest     func(time.Duration)    // called after each slice of work with its length; nil: no rest is taken
}

// The limits of a reading.
const (
	MaxLogContext = 1000     // lines
	logPageLines  = 256      // handed out at once
	logPageBytes  = 64 << 10 // the same, about
	logContextMax = 1 << 20  // bytes of lines that are kept because a match may follow; the oldest go
	logSlice      = 1 << 20  // bytes between rests
)

const logPatience = 3 * time.Second // for the end of a file that has a successor

// Read hands out lines, in pages of some that page must not keep, until the end, or, when it follows, until ctx ends, which
// is no error then.
func (q LogReading) Read(ctx context.Context, page func([]LogLine) error) error {
	r := logReading{LogReading: q, page: page, cursor: logCursor{dir: q.Dir, log: q.Log}}
	defer r.cursor.close()
	if r.Every <= 0 {
		r.Every = 100 * time.Millisecond
	}
	if q.Last > 0 {
		if _, err := r.cursor.enterLast(q.Last); err != nil {
			return err
		}
	}
	return r.run(ctx)
}

// logReading is a reading under way. One goroutine owns it.
type logReading struct {
	LogReading
	cursor logCursor
	page   func([]LogLine) error

	lines  []LogLine // of the page that is being put together
	bytes  int
	before []LogLine // not handed out, because no match has come yet
	kept   int       // bytes in before
	after  int       // lines to hand out because a match went before
	gap    bool      // lines were left out since the last one handed out
	worked int       // bytes since the last rest
	began  time.Time // of the slice of work
	late   time.Time // since when the file has a successor and is not finished; zero: it is not so
}

func (r *logReading) run(ctx context.Context) error {
	r.began = time.Now()
	for {
		over := r.cursor.finished() // before the last read: what was written before its end is there then
		if err := r.drain(ctx); err != nil {
			return r.ending(ctx, err)
		}
		if over = over || r.overdue(); over || !r.Follow {
			moved, err := r.next(over)
			if err != nil {
				return err
			}
			if moved {
				continue
			}
		}
		if err := r.flush(); err != nil || !r.Follow {
			return err
		}
		pause(ctx, r.Every)
		r.began = time.Now()
		if ctx.Err() != nil {
			return nil
		}
	}
}

// ending is nil for a reading that followed and was ended.
func (r *logReading) ending(ctx context.Context, err error) error {
	if r.Follow && ctx.Err() != nil {
		return nil
	}
	return err
}

// overdue tells whether a file that nobody closes has had a successor for a while: its writer died.
func (r *logReading) overdue() bool {
	stems, err := listLog(r.Dir, r.Log)
	if err != nil || len(stems) == 0 || stems[len(stems)-1] <= r.cursor.stem {
		r.late = time.Time{}
		return false
	}
	if r.late.IsZero() {
		r.late = time.Now()
	}
	return time.Since(r.late) >= logPatience
}

// next goes to the next file, if there is one. A crash may have torn the last line of a file that is over; of one that is
// not, its rest will come.
func (r *logReading) next(over bool) (bool, error) {
	if torn, is := r.cursor.rest(); is && over {
		if err := r.take(torn); err != nil {
			return false, err
		}
	}
	r.late = time.Time{}
	return r.cursor.enter()
}

// drain takes all whole lines that the file has.
func (r *logReading) drain(ctx context.Context) error {
	for {
		line, ok, err := r.cursor.line()
		if err != nil || !ok {
			return err
		}
		if err := r.take(line); err != nil {
			return err
		}
		if r.worked += len(line) + 1; r.worked >= logSlice {
			if err := r.rest(ctx); err != nil {
				return err
			}
		}
	}
}

func (r *logReading) rest(ctx context.Context) error {
	r.worked = 0
	if r.Rest != nil {
		r.Rest(time.Since(r.began))
	}
	r.began = time.Now()
	return ctx.Err()
}

// take decides about a line.
func (r *logReading) take(line []byte) error {
	switch {
	case r.Match == nil:
		return r.hand(r.line(line))
	case r.Match(line):
		for _, l := range r.before {
			if err := r.hand(l); err != nil {
				return err
			}
		}
		r.before, r.kept, r.after = r.before[:0], 0, r.Context
		return r.hand(r.line(line))
	case r.after > 0:
		r.after--
		l := r.line(line)
		l.Context = true
		return r.hand(l)
	}
	r.keep(line)
	return nil
}

func (r *logReading) line(text []byte) LogLine {
	return LogLine{File: r.cursor.stem, Text: string(text)}
}

// keep remembers a line that may stand before a match.
func (r *logReading) keep(line []byte) {
	if r.Context == 0 {
		return
	}
	l := r.line(line)
	l.Context = true
	r.before = append(r.before, l)
	r.kept += len(line)
	for len(r.before) > min(r.Context, MaxLogContext) || r.kept > logContextMax && len(r.before) > 1 {
		r.kept -= len(r.before[0].Text)
		r.before = r.before[1:]
		r.gap = true
	}
}

// hand puts a line on the page.
func (r *logReading) hand(l LogLine) error {
	l.Gap, r.gap = r.gap, false
	r.lines = append(r.lines, l)
	r.bytes += len(l.Text)
	if len(r.lines) < logPageLines && r.bytes < logPageBytes {
		return nil
	}
	return r.flush()
}

func (r *logReading) flush() error {
	if len(r.lines) == 0 {
		return nil
	}
	err := r.page(r.lines)
	r.lines, r.bytes = r.lines[:0], 0
	return err
}

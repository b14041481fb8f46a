package logpush

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"postern/journal"
	"postern/projections"
)

// Journal is what a Syslog follows: a *journal.Journal is one.
type Journal interface {
	Durable() uint64
	// Read returns durable records after a Seq; where history was shortened it begins later.
	Read(after uint64, max int, into []journal.Record) ([]journal.Record, error)
	// Wait returns nil as soon as Durable() > after, and an error when ctx ends or nothing will come any more.
	Wait(ctx context.Context, after uint64) error
	// LastCut returns where the history begins, and false when that is the first record.
	LastCut() (journal.Cut, bool)
}

// Syslog sends a log's lines to a syslog server. A new one begins with what happens from now on. Its place is kept in rows;
// what was sent counts as received when the other end's system has acknowledged it and the connection has then held for a
// while. When a connection breaks, what does not count yet is sent again: no line is lost and none overtakes another, and
// those of the last seconds may come twice, with the same place (RFC 5424 only). The fields are set before Run, whose goroutine owns the rest.
type Syslog struct {
	Subscription projections.LogSubscription
	Format       Format
	Journal      Journal
	Rows         *journal.Rows
	Network      string // udp, tcp, tls
	Address      string // host:port
	TLS          *tls.Config
	OnProblem    func(error)      // told when the server cannot be reached, and with nil when it can again
	Settle       time.Duration    // for which a connection must hold until what was sent counts as received; 0: 2 s
	Retry        time.Duration    // before the first new attempt to connect; each further one waits twice as long; 0: 1 s
	Now          func() time.Time // nil: time.Now
	Dial         func(ctx context.Context, network, address string) (net.Conn, error)

	seq    atomic.Uint64 // all up to it was sent
	reason atomic.Pointer[string]

	read      uint64 // the last record in the batch, or sent
	confirmed uint64 // the last record that counts as received
	saved     uint64 // confirmed, as it stands in the rows
	savedAt   time.Time
	sent      []mark // not confirmed, the oldest first
	wire      *wire  // nil: not connected
	batch     batch
	records   []journal.Record
	failing   bool
	wait      time.Duration // before the next attempt
}

// mark says that all up to a record was written when so many octets were.
type mark struct {
	seq    uint64
	octets int64
	at     time.Time
}

const (
	readAtOnce = 256
	batchBytes = 64 << 10
	gatherFor  = 100 * time.Millisecond // lines of that time are sent together
	saveEvery  = time.Second
	lookEvery  = 5 * time.Second // at the connection, when nothing happens
	maxRetry   = time.Minute
	stopTime   = 2 * time.Second // for what is left when the gateway stops
)

// Seq is the last record whose lines were sent.
func (s *Syslog) Seq() uint64 { return s.seq.Load() }

// Reason is why nothing is sent, a text for people; "": it is.
func (s *Syslog) Reason() string {
	if r := s.reason.Load(); r != nil {
		return *r
	}
	return ""
}

// GoOnFrom takes over what has kept the one before it, which goes to the same server and has ended, from sending: the failure is
// as old as it was. It is called before Run, if at all.
func (s *Syslog) GoOnFrom(before *Syslog) {
	s.failing = before.failing
	s.reason.Store(before.reason.Load())
}

// Begin finds the place at which the last run ended, or takes the present for it. It is called once, before Run.
func (s *Syslog) Begin() error {
	if s.Settle <= 0 {
		s.Settle = 2 * time.Second
	}
	if s.Retry <= 0 {
		s.Retry = time.Second
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	if s.Format.Zone == nil {
		s.Format.Zone = time.Local
	}
	_, there, err := s.Rows.Get(placeKey)
	at := uint64(0)
	if err == nil {
		at, err = s.Rows.Mark()
	}
	if err != nil {
		return fmt.Errorf("log %s: %w", s.Subscription.Name, err)
	}
	durable := s.Journal.Durable()
	isNew := !there || at > durable // beyond it: the journal was put back from a backup
	if isNew {
		at = durable
	}
	s.read, s.confirmed, s.saved = at, at, at
	s.seq.Store(at)
	if !isNew {
		return nil
	}
	return s.save()
}

// Run sends until ctx ends, then what is durable by then if the server can be reached, and returns.
func (s *Syslog) Run(ctx context.Context) error {
	s.wait = s.Retry
	for ctx.Err() == nil {
		err := s.turn(ctx)
		switch {
		case err == nil:
		case ctx.Err() != nil && !s.failing: // it may be nothing but the stop, and stop tries again
			s.rewind()
		default:
			s.fail(err)
			pause(ctx, s.wait)
			s.wait = min(2*s.wait, maxRetry)
		}
	}
	return s.stop(ctx)
}

// turn sends what there is, and waits for more.
func (s *Syslog) turn(ctx context.Context) error {
	if err := s.catchUp(ctx); err != nil {
		return err
	}
	if err := s.settle(); err != nil {
		return err
	}
	if s.read < s.Journal.Durable() {
		return nil
	}
	timed, cancel := context.WithTimeout(ctx, s.patience())
	defer cancel()
	if s.wire != nil {
		defer context.AfterFunc(s.wire.gone, cancel)()
	}
	if s.Journal.Wait(timed, s.read) == nil || timed.Err() == nil {
		pause(ctx, gatherFor)
	}
	return nil
}

// patience is how long nothing may happen until what was sent is looked after.
func (s *Syslog) patience() time.Duration {
	switch {
	case len(s.sent) > 0:
		return s.Settle
	case s.saved != s.confirmed:
		return saveEvery
	}
	return lookEvery
}

// catchUp sends what is durable when it is called.
func (s *Syslog) catchUp(ctx context.Context) error {
	for end := s.Journal.Durable(); s.read < end && ctx.Err() == nil; {
		if err := s.gather(); err != nil {
			return err
		}
		if err := s.send(ctx); err != nil {
			return err
		}
		if err := s.settle(); err != nil {
			return err
		}
	}
	return nil
}

// gather renders some records into the batch.
func (s *Syslog) gather() (err error) {
	s.batch.reset()
	if cut, ok := s.Journal.LastCut(); ok && s.read+1 < cut.Before {
		s.skip(cut.Before - 1)
	}
	s.records, err = s.Journal.Read(s.read, readAtOnce, s.records)
	for i := range s.records {
		r := &s.records[i]
		s.batch.lines = s.Subscription.Lines(*r, s.Format.Zone, s.batch.lines[:0])
		for n, l := range s.batch.lines {
			s.batch.add(&s.Format, s.Network == "udp", r.Time, place{r.Event.Kind().String(), r.Seq, n + 1}, l)
		}
		s.read = r.Seq
		if len(s.batch.bytes) >= batchBytes {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("log %s: after record %d: %w", s.Subscription.Name, s.read, err)
	}
	return nil
}

// skip passes over what retention has removed while the server could not be reached, and says so among the lines.
func (s *Syslog) skip(to uint64) {
	text := fmt.Sprintf("Records %d to %d were removed from the journal before they could be sent", s.read+1, to)
	s.batch.add(&s.Format, s.Network == "udp", journal.InstantOf(s.Now()), place{kind: "-"}, projections.Line{Level: projections.LineWarning, Text: text})
	s.read = to
}

// send brings the batch to the server. Records without lines need no server.
func (s *Syslog) send(ctx context.Context) (err error) {
	if len(s.batch.ends) == 0 {
		if s.seq.Store(s.read); len(s.sent) == 0 {
			s.confirmed = s.read
		} else {
			s.sent[len(s.sent)-1].seq = s.read
		}
		return nil
	}
	if s.wire != nil && s.wire.lost() != nil && len(s.sent) == 0 {
		s.disconnect() // it was idle, and nothing was lost with it
	}
	if s.wire == nil {
		if s.wire, err = connect(ctx, s); err != nil {
			return err
		}
	}
	if err := s.wire.lost(); err != nil {
		return err
	}
	if err := s.wire.send(ctx, &s.batch); err != nil {
		return err
	}
	s.seq.Store(s.read)
	s.note(mark{s.read, s.wire.written.Load(), s.Now()})
	return nil
}

// note remembers what was sent, in marks that are some time apart.
func (s *Syslog) note(m mark) {
	if n := len(s.sent); n > 1 && m.at.Sub(s.sent[n-2].at) < s.Settle/16 {
		s.sent = s.sent[:n-1]
	}
	s.sent = append(s.sent, m)
}

// settle confirms what has been with the server for long enough. The error says that the connection is lost.
func (s *Syslog) settle() error {
	if s.wire != nil {
		if err := s.wire.lost(); err != nil && len(s.sent) > 0 {
			return err
		} else if err != nil {
			s.disconnect()
		}
	}
	if s.wire != nil && len(s.sent) > 0 {
		now, acknowledged := s.Now(), s.wire.acknowledged()
		if s.sent[0].octets > acknowledged && now.Sub(s.sent[0].at) > ackTime {
			return errSilent
		}
		n := 0
		for n < len(s.sent) && s.sent[n].octets <= acknowledged && now.Sub(s.sent[n].at) >= s.Settle {
			n++
		}
		if n > 0 {
			s.confirm(n)
		}
	}
	if s.saved != s.confirmed && s.Now().Sub(s.savedAt).Abs() >= saveEvery {
		return s.save()
	}
	return nil
}

// confirm counts the oldest marks as received.
func (s *Syslog) confirm(n int) {
	s.confirmed = s.sent[n-1].seq
	s.sent = append(s.sent[:0], s.sent[n:]...)
	s.wait = s.Retry
	if s.failing {
		s.failing = false
		s.reason.Store(nil)
		s.tell(nil)
	}
}

// placeKey stands in the rows when their mark is a place: one at the very beginning of a journal is 0.
var placeKey = []byte("place")

// save writes the place down. It is not lost by a crash that the records after it survive.
func (s *Syslog) save() error {
	err := s.Rows.Write(s.confirmed, func(b *journal.RowBatch) error {
		b.Set(placeKey, nil)
		return nil
	})
	if err != nil {
		return fmt.Errorf("log %s: %w", s.Subscription.Name, err)
	}
	s.saved, s.savedAt = s.confirmed, s.Now()
	return nil
}

// rewind goes back to what counts as received.
func (s *Syslog) rewind() {
	s.disconnect()
	s.read, s.sent = s.confirmed, s.sent[:0]
	s.seq.Store(s.confirmed)
}

// fail goes back, and says why.
func (s *Syslog) fail(err error) {
	s.rewind()
	text := err.Error()
	s.reason.Store(&text)
	if !s.failing {
		s.failing = true
		s.tell(err)
	}
}

func (s *Syslog) tell(err error) {
	if s.OnProblem != nil {
		s.OnProblem(err)
	}
}

func (s *Syslog) disconnect() {
	if s.wire != nil {
		s.wire.close()
		s.wire = nil
	}
}

// stop sends what is left, unless the server cannot be reached: the next run does it then.
func (s *Syslog) stop(ctx context.Context) error {
	defer s.disconnect()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	if !s.failing {
		err := s.catchUp(ctx)
		switch {
		case err != nil:
			s.fail(err)
		case s.wire != nil && s.wire.finish(ctx) && len(s.sent) > 0:
			s.confirm(len(s.sent))
		}
	}
	return s.save()
}

// Forget removes the place of a subscription that is no more.
func (s *Syslog) Forget() error { return s.Rows.Clear() }

package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"postern/journal"
	"postern/projections"
)

// HistoryBegins is when the day of a made history begins.
var HistoryBegins = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

// The shape of a made history.
const (
	historyTurn   = 200   // messages that come together
	historyHosts  = 2_000 // destinations
	historyFollow = 50    // turns between two looks of the live rows
)

// MakeHistory writes the journal in dir that a gateway leaves which has received so many messages in the course of a day
// and was stopped: about ten facts a message, of which few have two recipients, one in twenty recipients bounces softly at
// first and one in a hundred for good, which a notification tells the sender. The last of those that bounced softly are
// still in the queue. Its books are true, and it has the live rows and keyframes that followers would have left. It is the
// same history each time, but for its salts.
func MakeHistory(dir string, messages int) (err error) {
	j, err := journal.Open(dir, journal.Options{Ring: 1 << 17})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	rows, err := journal.OpenLiveRows(j)
	if err != nil {
		return err
	}
	h := &history{
		journal: j, rows: rows, figures: projections.NewFigures(0), random: rand.New(rand.NewPCG(1, 2)), next: j.Durable() + 1,
		frames: &projections.Keyframes{Rows: j.Rows(projections.KeyframeRows)}, at: HistoryBegins,
	}
	if h.next != 1 {
		return fmt.Errorf("%s: there is a journal already", dir)
	}
	return h.write(messages)
}

// history is one in the making. Facts wait in the block until flush.
type history struct {
	journal *journal.Journal
	rows    *journal.LiveRows
	figures *projections.Figures
	frames  *projections.Keyframes
	random  *rand.Rand

	at    time.Time
	next  uint64 // Seq of the next fact
	block journal.Block

	mid, icid, dcid uint32       // given last
	sessions        []uint32     // ICIDs that are open
	notices         []historyTry // that bounced for good, and whose senders are to be told
	waiting         []historyTry // that bounced softly
	tries           []historyTry // of this turn
}

// historyMessage is a message with somebody left.
type historyMessage struct {
	seq        uint64
	mid        uint32
	sender     string
	size       int64
	body       journal.BodyID
	bounced    uint64 // Seq of the fact that a notification of it is made of
	recipients []journal.InjectedRecipient
	left       int
}

// historyTry is a recipient and what is to become of it.
type historyTry struct {
	m        *historyMessage
	rid      uint32
	attempts uint32
	soft     uint32 // how often it bounces softly
	hard     bool   // and for good in the end
	due      time.Time
	dcid     uint32
}

func (t *historyTry) domain() string { return t.m.recipients[t.rid].Domain }

func (h *history) write(messages int) error {
	ids := func(kind journal.IDKind) journal.Event {
		return &journal.IDsReserved{ID: kind, From: 1, To: uint32(min(4*messages+1024, journal.IDLimit))}
	}
	h.say(&journal.Started{Boot: 1, Version: "made", Hostname: "mail3.example.com"})
	h.say(ids(journal.MID), ids(journal.ICID), ids(journal.DCID))
	if err := h.flush(); err != nil {
		return err
	}
	turns := (messages + historyTurn - 1) / historyTurn
	for i := range turns {
		h.at = HistoryBegins.Add(24 * time.Hour / time.Duration(turns) * time.Duration(i)).Add(time.Second)
		if err := h.turn(min(historyTurn, messages-i*historyTurn)); err != nil {
			return err
		}
		if i%historyFollow != 0 {
			continue
		}
		if err := h.rows.CatchUp(context.Background(), h.journal.Durable()); err != nil {
			return err
		}
	}
	h.say(&journal.Stopped{NextMID: h.mid + 1, NextICID: h.icid + 1, NextDCID: h.dcid + 1})
	if err := h.flush(); err != nil {
		return err
	}
	return errors.Join(h.rows.CatchUp(context.Background(), h.journal.Durable()), h.frames.Save(h.figures, h.at, true))
}

// say adds facts to the block and returns the Seq of the last one.
func (h *history) say(events ...journal.Event) uint64 {
	for _, e := range events {
		h.figures.Apply(journal.Record{Seq: h.next, Time: journal.InstantOf(h.at), Event: e})
		h.block.Events = append(h.block.Events, journal.Prepare(e))
		h.next++
	}
	return h.next - 1
}

// flush writes the block, and moves the clock on a little.
func (h *history) flush() error {
	h.block.Time = journal.InstantOf(h.at)
	h.at = h.at.Add(150 * time.Millisecond)
	if len(h.block.Events) == 0 {
		return nil
	}
	if _, err := h.journal.Append(&h.block); err != nil {
		return err
	}
	h.block = journal.Block{Events: h.block.Events[:0]}
	return h.frames.Save(h.figures, h.at, false)
}

// turn lets messages in, and tries them and what is due.
func (h *history) turn(messages int) error {
	h.tries = h.tries[:0]
	waiting := h.waiting
	h.waiting = nil
	for _, t := range waiting {
		if t.due.After(h.at) {
			h.waiting = append(h.waiting, t)
		} else {
			h.tries = append(h.tries, t)
		}
	}
	for _, n := range h.notices {
		h.notify(n)
	}
	h.notices = h.notices[:0]
	for range messages {
		if err := h.receive(); err != nil {
			return err
		}
	}
	for _, step := range []func(){h.attempt, h.connect, h.end} {
		if err := h.flush(); err != nil {
			return err
		}
		step()
	}
	return h.flush()
}

// receive lets a client hand in a message.
func (h *history) receive() error {
	r := h.random
	m := &historyMessage{sender: h.address("sender.test", 500), size: 800 + int64(r.ExpFloat64()*6000)}
	h.icid++
	h.mid++
	m.mid = h.mid
	var tries []historyTry
	for range 1 + max(0, r.IntN(5)-3) {
		t := historyTry{m: m, rid: uint32(len(m.recipients)), hard: r.IntN(100) == 0}
		if !t.hard && r.IntN(20) == 0 {
			t.soft = 1 + uint32(r.IntN(2))
		}
		local, domain := h.person(), fmt.Sprintf("host-%d.test", min(int(r.ExpFloat64()*historyHosts/8), historyHosts-1))
		m.recipients = append(m.recipients, journal.InjectedRecipient{RID: t.rid, Domain: domain, Local: local})
		tries = append(tries, t)
	}
	m.left = len(tries)
	if err := h.content(m, tries); err != nil {
		return err
	}
	client := address4(192, 0, 2, byte(r.IntN(256)))
	h.say(&journal.ConnectionAccepted{ICID: h.icid, Listener: "InboundMail", Interface: "Management", LocalAddress: address4(198, 51, 100, 1), Remote: client,
		ReverseDNS: fmt.Sprintf("client-%d.sender.test", client.As4()[3]), Verified: true},
		&journal.SenderGroupMatched{ICID: h.icid, Action: "ACCEPT", Group: "UNKNOWNLIST", Match: "ALL"})
	m.seq = h.say(&journal.MessageInjected{MID: m.mid, ICID: h.icid, Size: m.size, Body: m.body, Queued: true, Sender: m.sender, Subject: h.subject(),
		MessageID: fmt.Sprintf("<%d.%x@sender.test>", m.mid, r.Uint64()), Recipients: m.recipients})
	h.sessions = append(h.sessions, h.icid)
	h.tries = append(h.tries, tries...)
	return nil
}

// content stores a body for a message that will have to wait; the others' are gone anyway when the history is looked at.
func (h *history) content(m *historyMessage, tries []historyTry) (err error) {
	for _, t := range tries {
		if t.soft > 0 && m.body == 0 {
			if m.body, err = h.journal.PutBody([]byte("Subject: it waits\r\n\r\nA letter.\r\n")); err != nil {
				return err
			}
		}
	}
	return nil
}

// notify tells a sender of a recipient that was given up. What tells of it has no body but that of what it tells about.
func (h *history) notify(t historyTry) {
	h.mid++
	local, domain, _ := strings.Cut(t.m.sender, "@")
	m := &historyMessage{mid: h.mid, size: 2000, left: 1, recipients: []journal.InjectedRecipient{{Domain: domain, Local: local}}}
	m.seq = h.say(&journal.MessageInjected{MID: m.mid, Size: m.size, Queued: true, Why: journal.WhyBounce, Parent: t.m.seq, ParentMID: t.m.mid,
		Reports: []uint64{t.m.bounced}, Subject: "Delivery Status Notification (Failure)", MessageID: fmt.Sprintf("<%d.notice@mail3.example.com>", m.mid), Recipients: m.recipients})
	h.tries = append(h.tries, historyTry{m: m})
}

func (h *history) attempt() {
	for i := range h.tries {
		t := &h.tries[i]
		t.attempts++
		h.say(&journal.AttemptStarted{Message: t.m.seq, MID: t.m.mid, Destination: t.domain(), RIDs: []uint32{t.rid}, Attempt: t.attempts, Next: journal.InstantOf(h.at.Add(time.Minute))})
	}
}

func (h *history) connect() {
	for i := range h.tries {
		t := &h.tries[i]
		h.dcid++
		t.dcid = h.dcid
		h.say(&journal.DeliveryConnectionOpened{DCID: t.dcid, Destination: t.domain(), Interface: "Management", Source: address4(198, 51, 100, 1),
			Address: address4(203, 0, 113, byte(len(t.domain())+int(t.domain()[5]))), Port: 25},
			&journal.DeliveryStarted{DCID: t.dcid, Message: t.m.seq, MID: t.m.mid, RIDs: []uint32{t.rid}})
	}
}

// end closes all that is open, with what became of it.
func (h *history) end() {
	for _, t := range h.tries {
		h.outcome(t)
		h.say(&journal.DeliveryConnectionClosed{DCID: t.dcid, Destination: t.domain()})
	}
	for _, icid := range h.sessions {
		h.say(&journal.ConnectionClosed{ICID: icid})
	}
	h.sessions = h.sessions[:0]
}

func (h *history) outcome(t historyTry) {
	m, rids := t.m, []uint32{t.rid}
	if t.soft > 0 {
		t.soft--
		t.due = h.at.Add(time.Minute << (t.attempts - 1))
		h.say(&journal.SoftBounced{DCID: t.dcid, Message: m.seq, MID: m.mid, Destination: t.domain(), RIDs: rids, Attempts: t.attempts, Next: journal.InstantOf(t.due),
			Code: "451", Status: "4.7.1", Reason: "Delivery not authorized, message refused", Profile: "Default", Reply: []string{"Greylisted, please try again later"}})
		h.waiting = append(h.waiting, t)
		return
	}
	m.left--
	if t.hard {
		m.bounced = h.say(&journal.HardBounced{DCID: t.dcid, Message: m.seq, MID: m.mid, Destination: t.domain(), RIDs: rids, Attempts: t.attempts, Class: journal.Bounce5XX,
			Code: "550", Status: "5.1.1", Reason: "Bad destination mailbox address", Finished: m.left == 0, Notify: true, Reply: []string{"No such user here"}})
		told := *m
		t.m = &told // another recipient may yet bounce
		h.notices = append(h.notices, t)
	} else {
		h.say(&journal.Delivered{DCID: t.dcid, Message: m.seq, MID: m.mid, Destination: t.domain(), RIDs: rids, Attempts: t.attempts, Size: m.size,
			Finished: m.left == 0, Reply: fmt.Sprintf("ok: queued as %X", m.seq)})
	}
	if m.left == 0 && m.body != 0 {
		h.block.Free = append(h.block.Free, m.body)
	}
}

package shell

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"postern/engine"
	"postern/engine/config"
	"postern/journal"
)

// fakeEngine is an engine whose queue is a list. What it does it writes down like the real one.
type fakeEngine struct {
	t   *testing.T
	now *time.Time
	l   *Local // nil: nothing is written down

	mu       sync.Mutex
	rows     []engine.Listed
	orders   []engine.Order
	calls    []string // of what is no order
	refuses  error    // everything
	leave    int      // recipients that leave before the next order
	past     int      // recipients of the next order that are past recall
	forget   int      // recipients of the next undo that are lost
	nothing  bool     // comes back
	lasts    time.Duration
	everyRow func(i int) engine.Listed // for long listings: the rows are made
	many     int
}

// queueOf is a gateway with a queue of so many messages to example.com.
func queueOf(t *testing.T, messages int) (*Local, *fakeEngine) {
	t.Helper()
	now := time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)
	l := visited(t, &now, &journal.Started{Boot: 1})
	e := &fakeEngine{t: t, now: &now, l: l}
	for i := range messages {
		e.rows = append(e.rows, engine.Listed{Seq: uint64(100 + i), MID: uint32(1 + i), Bytes: 1230, Sender: "mailadmin@example.com", Subject: "Testing",
			Recipient: fmt.Sprintf("%d@example.com", i), Host: "example.com", Injected: now, State: "queued"})
	}
	l.Self = Identity{Hostname: "mail3.example.com", Listeners: []string{"InboundMail", "OutboundMail"}}
	l.Queue.Engine = e
	document := config.Default()
	l.Document = func() *config.Document { return document }
	return l, e
}

func (e *fakeEngine) fact(events ...journal.Event) uint64 {
	e.t.Helper()
	if e.l == nil {
		return 0
	}
	seq, err := e.l.Follower.Source.(*journal.Journal).AppendEvents(journal.InstantOf(*e.now), events...)
	if err != nil {
		e.t.Error(err)
	}
	return seq
}

func fits(s engine.Selection, r engine.Listed) bool {
	switch {
	case s.Host != "" && !strings.EqualFold(s.Host, r.Host), s.From != nil && *s.From != r.Sender, s.MID != 0 && s.MID != r.MID,
		s.Held && r.State != "held", r.Attempts < s.Attempts, r.Bytes < s.MinSize, s.MaxSize != 0 && r.Bytes > s.MaxSize,
		s.Subject != "" && !regexp.MustCompile(s.Subject).MatchString(r.Subject):
		return false
	}
	return true
}

func (e *fakeEngine) matching(s engine.Selection) (list []engine.Listed, p engine.Preview) {
	messages := map[uint64]bool{}
	for _, r := range e.rows {
		if fits(s, r) {
			list = append(list, r)
			messages[r.Seq] = true
		}
	}
	return list, engine.Preview{Messages: uint64(len(messages)), Recipients: uint64(len(list)), AsOf: 4711}
}

func (e *fakeEngine) Preview(_ context.Context, s engine.Selection) (engine.Preview, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, p := e.matching(s)
	return p, e.refuses
}

func (e *fakeEngine) Recipients(ctx context.Context, s engine.Selection, row func(engine.Listed) error) (uint64, error) {
	e.mu.Lock()
	list, p := e.matching(s)
	e.mu.Unlock()
	for i := range e.many {
		if err := row(e.everyRow(i)); err != nil {
			return 0, err
		}
	}
	for _, r := range list {
		if err := row(r); err != nil {
			return 0, err
		}
	}
	return p.AsOf, e.refuses
}

func (e *fakeEngine) Order(ctx context.Context, o engine.Order, progress func(engine.Progress)) (done engine.Done, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.refuses != nil {
		return done, e.refuses
	}
	e.rows = e.rows[e.leave:]
	e.orders = append(e.orders, o)
	list, p := e.matching(o.Selection)
	if len(list) == 0 {
		return done, nil
	}
	for _, r := range list[:e.past] {
		done.Excluded = append(done.Excluded, journal.MessageRecipients{Message: r.Seq, MID: r.MID, RIDs: []uint32{r.RID}})
	}
	done.Messages, done.Recipients = p.Messages-uint64(e.past), p.Recipients-uint64(e.past)
	done.ID = e.fact(&journal.BulkActionOrdered{Action: o.Action, By: o.By, Selection: o.Selection.String(), Target: o.Target, Messages: p.Messages, Recipients: p.Recipients})
	for slice := range slices.Chunk(list[e.past:], 1000) {
		s := engine.Progress{Total: done.Recipients}
		for _, r := range slice {
			s.MIDs = append(s.MIDs, r.MID)
		}
		s.Done = uint64(len(slice))
		progress(s)
	}
	e.fact(&journal.BulkActionCompleted{Action: done.ID, Messages: done.Messages, Recipients: done.Recipients, Excluded: done.Excluded})
	done.UndoUntil = e.now.Add(time.Hour)
	return done, nil
}

func (e *fakeEngine) Undo(_ context.Context, id uint64, by string, progress func(engine.Progress)) (u engine.Undone, err error) {
	if e.nothing {
		return engine.Undone{}, nil
	}
	if e.refuses != nil {
		return u, e.refuses
	}
	u.ID = e.fact(&journal.BulkActionOrdered{Action: engine.ActionReinstate, By: by, Messages: 2, Recipients: 3})
	e.fact(&journal.RecipientsReinstated{Action: u.ID, Undone: id, By: by, Set: []journal.MessageRecipients{{Message: 1, RIDs: []uint32{0, 1}}, {Message: 2, RIDs: []uint32{0}}}})
	progress(engine.Progress{Done: 3, Total: 3, MIDs: []uint32{9, 3, 9}})
	e.fact(&journal.BulkActionCompleted{Action: u.ID, Messages: 2, Recipients: 3})
	u.Messages, u.Recipients = 2, 3
	for i := range e.forget {
		u.Lost = append(u.Lost, engine.LostRecipients{MID: uint32(i + 1), RIDs: []uint32{0, 2}, Reason: "its bounce message\nhas left"})
	}
	return u, nil
}

func (e *fakeEngine) call(fact journal.Event, format string, args ...any) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.refuses != nil {
		return e.refuses
	}
	e.calls = append(e.calls, fmt.Sprintf(format, args...))
	e.fact(fact)
	return nil
}

func (e *fakeEngine) SuspendDelivery(_ context.Context, by string, domains []string, grace time.Duration) error {
	return e.call(&journal.DeliverySuspended{By: by, Domains: domains}, "%s suspends delivery %v %s", by, domains, grace)
}

func (e *fakeEngine) ResumeDelivery(_ context.Context, by string, domains []string) error {
	return e.call(&journal.DeliveryResumed{By: by, Domains: domains}, "%s resumes delivery %v", by, domains)
}

func (e *fakeEngine) SuspendListener(_ context.Context, by, name string) error {
	return e.call(&journal.ListenerSuspended{By: by, Listener: name}, "%s suspends %s", by, name)
}

func (e *fakeEngine) ResumeListener(_ context.Context, by, name string) error {
	return e.call(&journal.ListenerResumed{By: by, Listener: name}, "%s resumes %s", by, name)
}

func (e *fakeEngine) ForceDelivery(_ context.Context, by, domain string) error {
	return e.call(&journal.DeliveryForced{By: by, Domain: domain}, "%s forces %q", by, domain)
}

func (e *fakeEngine) PauseWorkQueue(_ context.Context, by, reason string) error {
	if e.lasts > 0 {
		*e.now = e.now.Add(e.lasts)
	}
	return e.call(&journal.WorkQueuePaused{By: by, Reason: reason}, "%s pauses the work queue: %s", by, reason)
}

func (e *fakeEngine) ResumeWorkQueue(_ context.Context, by string) error {
	return e.call(&journal.WorkQueueResumed{By: by}, "%s resumes the work queue", by)
}

// fakePorts remembers what became of the ports.
type fakePorts struct {
	calls []string
	err   error
}

func (p *fakePorts) Suspend(_ context.Context, names []string, grace time.Duration) error {
	p.calls = append(p.calls, fmt.Sprint("close ", names, " ", grace))
	return p.err
}

func (p *fakePorts) Resume(names []string) error {
	p.calls = append(p.calls, fmt.Sprint("open ", names))
	return p.err
}

// asAdmin is the context of an operator called admin.
func asAdmin(t *testing.T) context.Context {
	return WithOperator(t.Context(), &Operator{Name: "admin"})
}

var matchLine = regexp.MustCompile(`(?m)^\d+ messages match\.\n`)

// transcript is a dialogue as it stands on the screen, with the prompt before it; the line that is added to the seed's
// dialogues stands in it as often as it may.
func transcript(t *testing.T, g Gateway, line, answers string, added int) string {
	t.Helper()
	var out bytes.Buffer
	words, err := splitWords(line)
	if err != nil {
		t.Fatal(err)
	}
	c := &Call{Gateway: g, Command: Find(words[0]), Out: printable{&out}, Zone: gmt, Asker: newLines(strings.NewReader(answers), &out)}
	if err := c.Parse(words[1:]); err != nil {
		t.Fatal(err)
	}
	if err := c.Do(asAdmin(t)); err != nil {
		t.Errorf("%s: %v", line, err)
	}
	text := "mail3.example.com> " + line + "\n" + out.String()
	if n := len(matchLine.FindAllString(text, -1)); n != added {
		t.Errorf("%s: the number of messages stands %d times in\n%s", line, n, text)
	}
	return matchLine.ReplaceAllString(text, "")
}

func TestQueueTranscripts(t *testing.T) {
	for golden, c := range map[string]struct {
		messages int
		answers  string
		want     engine.Order
	}{
		"deleterecipients-host": {100, "1\nexample.com\nY\n", engine.Order{Action: "delete", Selection: engine.Selection{Host: "example.com"}}},
		"deleterecipients-from": {100, "2\nmailadmin@example.com\nY\n", engine.Order{Action: "delete"}},
		"deleterecipients-all":  {1000, "3\nY\n", engine.Order{Action: "delete"}},
		"bouncerecipients-host": {100, "1\nexample.com\nY\n", engine.Order{Action: "bounce", Selection: engine.Selection{Host: "example.com"}}},
		"bouncerecipients-from": {100, "2\nmailadmin@example.com\nY\n", engine.Order{Action: "bounce"}},
		"bouncerecipients-all":  {1000, "3\nY\n", engine.Order{Action: "bounce"}},
		"redirectrecipients":    {246, "example2.com\ny\n", engine.Order{Action: "redirect", Target: "example2.com"}},
	} {
		t.Run(golden, func(t *testing.T) {
			l, e := queueOf(t, c.messages)
			command, _, _ := strings.Cut(golden, "-")
			compareTranscript(t, golden+".txt", transcript(t, l, command, c.answers, 1))
			if len(e.orders) != 1 {
				t.Fatalf("%d orders", len(e.orders))
			}
			got := e.orders[0]
			if from := got.Selection.From; strings.HasSuffix(golden, "from") {
				if from == nil || *from != "mailadmin@example.com" {
					t.Errorf("from %v", from)
				}
				got.Selection.From = nil
			}
			if c.want.By, c.want.AsOf = "admin", 4711; got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

func TestShowRecipientsTranscript(t *testing.T) {
	l, e := queueOf(t, 0)
	for i, mid := range []uint32{1527, 1522, 1529, 1530, 1532, 1531, 1518, 1535, 1533, 1536} {
		e.rows = append(e.rows, engine.Listed{Seq: uint64(i + 1), MID: mid, Bytes: 1230, Sender: "user123456@ironport.com", Subject: "Testing", State: "queued",
			Recipient: fmt.Sprintf("%d@example.com", []int{9554, 3059, 7284, 8243, 1820, 9595, 8778, 1703, 3052, 511}[i]), Host: "example.com"})
	}
	compareTranscript(t, "showrecipients.txt", transcript(t, l, "showrecipients", "3\n", 0))
	compareTranscript(t, "showrecipients.txt", transcript(t, overSocket(t, l), "showrecipients", "3\n", 0))
}

func TestSuspensionTranscripts(t *testing.T) {
	l, e := queueOf(t, 0)
	ports := &fakePorts{}
	l.Queue.Ports = ports
	for _, step := range []struct{ golden, answers string }{
		{"suspenddel", "\n"}, {"resumedel", ""}, {"suspendlistener", "1\n\n"}, {"resumelistener", "1\n"},
	} {
		compareTranscript(t, step.golden+".txt", transcript(t, l, step.golden, step.answers, 0))
	}
	got := transcript(t, l, "suspend", "5\n", 0)
	if want := "mail3.example.com> suspend\n\nEnter the number of seconds to wait before abruptly closing connections.\n[30]> 5\n" +
		"Waiting for listeners to exit...\nReceiving suspended.\nWaiting for outgoing deliveries to finish...\nMail delivery suspended.\n"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if s, err := l.Status(t.Context()); err != nil || s.System != "Offline" {
		t.Errorf("%s, %v", s.System, err)
	}
	compareTranscript(t, "resume.txt", transcript(t, l, "resume", "", 0))
	if want := []string{"admin suspends delivery [] 30s", "admin resumes delivery []", "admin suspends InboundMail", "admin suspends OutboundMail",
		"admin resumes InboundMail", "admin resumes OutboundMail", "admin suspends InboundMail", "admin suspends OutboundMail", "admin suspends delivery [] 5s",
		"admin resumes InboundMail", "admin resumes OutboundMail", "admin resumes delivery []"}; !slices.Equal(e.calls, want) {
		t.Errorf("%q, want %q", e.calls, want)
	}
	if want := []string{"close [InboundMail OutboundMail] 30s", "open [InboundMail OutboundMail]", "close [InboundMail OutboundMail] 5s",
		"open [InboundMail OutboundMail]"}; !slices.Equal(ports.calls, want) {
		t.Errorf("%q, want %q", ports.calls, want)
	}
}

func TestDeliverNow(t *testing.T) {
	l, e := queueOf(t, 0)
	compareTranscript(t, "delivernow.txt", transcript(t, l, "delivernow", "1\nrecipient.example.com\n", 0))
	for _, line := range []string{"delivernow all", "delivernow host a.example", "delivernow a.example", "delivernow a.example."} {
		want := "Rescheduling all messages to a.example for immediate delivery.\n"
		if line == "delivernow all" {
			want = "Rescheduling all messages for immediate delivery.\n"
		}
		if got, err := dialogue(t, asAdmin(t), l, line, "batch"); err != nil || got != want {
			t.Errorf("%s: %q, %v", line, got, err)
		}
	}
	if got := transcript(t, l, "delivernow", "2\n", 0); !strings.HasSuffix(got, "\nRescheduling all messages for immediate delivery.\n") {
		t.Error(got)
	}
	if got, err := dialogue(t, t.Context(), overSocket(t, l), "delivernow b.example --json", "batch"); err != nil || got != "{\n  \"domain\": \"b.example\"\n}\n" {
		t.Errorf("%q, %v", got, err)
	}
	if want := []string{`admin forces "recipient.example.com"`, `admin forces ""`, `admin forces "a.example"`, `admin forces "a.example"`, `admin forces "a.example"`,
		`admin forces ""`, Self().Name + ` forces "b.example"`}; !slices.Equal(e.calls, want) {
		t.Errorf("%q, want %q", e.calls, want)
	}
}

// workQueueOf is a gateway with so many messages in the work queue, at a time of the seed.
func workQueueOf(t *testing.T, messages int, at time.Time) (*Local, *fakeEngine) {
	t.Helper()
	l, e := queueOf(t, 0)
	var events []journal.Event
	for i := range messages {
		events = append(events, &journal.MessageInjected{MID: uint32(1 + i), Recipients: []journal.InjectedRecipient{{Local: "x", Domain: "a.example"}}})
	}
	if len(events) > 0 {
		e.fact(events...)
	}
	*e.now = at
	return l, e
}

func TestWorkQueueTranscripts(t *testing.T) {
	l, e := workQueueOf(t, 1243, time.Date(2003, 8, 17, 20, 2, 30, 0, gmt))
	e.lasts = time.Minute + 51*time.Second
	compareTranscript(t, "workqueue-pause.txt", transcript(t, l, "workqueue", "pause\ny\nchecking LDAP server\n", 0))
	*e.now = time.Date(2003, 8, 17, 20, 42, 10, 0, gmt)
	compareTranscript(t, "workqueue-resume.txt", transcript(t, l, "workqueue", "resume\n", 0))
	if want := []string{"admin pauses the work queue: checking LDAP server", "admin resumes the work queue"}; !slices.Equal(e.calls, want) {
		t.Errorf("%q, want %q", e.calls, want)
	}
}

// resolving gives the gateway a DNS that knows some hosts: MX and addresses by name.
func resolving(l *Local, records map[string]string) {
	l.Prober.Dig = func(_ context.Context, q DNSQuestion) (DNSReply, error) {
		r := DNSReply{Status: "NOERROR"}
		known := false
		for key, data := range records {
			name, kind, _ := strings.Cut(key, " ")
			known = known || name == q.Name
			if name == q.Name && kind == q.Type {
				r.Answer = append(r.Answer, DNSRecord{Type: kind, Data: data})
			}
		}
		switch {
		case q.Name == "broken.example":
			return r, fmt.Errorf("DNS Temporary Failure %s %s - Timeout", q.Name, q.Type)
		case q.Name == "servfail.example":
			r.Status = "SERVFAIL"
		case !known:
			r.Status = "NXDOMAIN"
		}
		return r, nil
	}
	l.Queue.IsOwn = func(a netip.AddrPort) bool { return a.Addr() == netip.MustParseAddr("192.0.2.1") && a.Port() == 25 }
}

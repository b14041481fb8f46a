package shell

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"postern/journal"
	"postern/projections"
)

// TestSuspendingTwiceIsNoError: what is so already is said, and each name is told apart.
func TestSuspendingTwiceIsNoError(t *testing.T) {
	l, e := queueOf(t, 0)
	ports := &fakePorts{}
	l.Queue.Ports = ports
	const wait, exit = "Waiting for outgoing deliveries to finish...\n", "Waiting for listeners to exit...\n"
	for _, c := range []struct{ line, want string }{
		{"resumedel", "Mail delivery is not suspended.\n"},
		{"resumedel a.example", "Mail delivery is not suspended for a.example.\n"},
		{"suspenddel 30 a.example B.example b.example.", wait + "Mail delivery suspended for a.example, b.example.\n"},
		{"suspenddel 0 a.example c.example", wait + "Mail delivery is suspended already for a.example.\nMail delivery suspended for c.example.\n"},
		{"resumedel a.example x.example", "Mail delivery is not suspended for x.example.\nMail delivery resumed for a.example.\n"},
		{"suspenddel", wait + "Mail delivery suspended.\n"},
		{"suspenddel 5", wait + "Mail delivery is suspended already.\n"},
		{"suspenddel 5 a.example", wait + "Mail delivery is suspended already for a.example.\n"},
		{"resumedel a.example", "error: Mail delivery is suspended to all domains, not to some: resumedel without a domain resumes it."},
		{"resumedel", "Mail delivery resumed.\n"},
		{"resumelistener", "Receiving is not suspended.\n"},
		{"suspendlistener outboundmail 7", exit + "Receiving suspended for OutboundMail.\n"},
		{"suspendlistener 3,2", exit + "Receiving is suspended already for OutboundMail.\nReceiving suspended for InboundMail.\n"},
		{"suspendlistener all 0", exit + "Receiving is suspended already.\n"},
		{"resumelistener InboundMail", "Receiving resumed for InboundMail.\n"},
		{"resumelistener all", "Receiving is not suspended for InboundMail.\nReceiving resumed for OutboundMail.\n"},
		{"resume", "Receiving is not suspended.\nMail delivery is not suspended.\n"},
		{"suspenddel Relay.example:2525 [2001:db8::1]:26", wait + "Mail delivery suspended for relay.example:2525, [2001:db8::1]:26.\n"},
		{"resumedel relay.example:2525 [2001:DB8::1]:26", "Mail delivery resumed for relay.example:2525, [2001:db8::1]:26.\n"},
		{"suspenddel relay.example:0", "error: \"relay.example:0\" is not a domain name\nusage: suspenddel [SECONDS] [DOMAIN ...] [--json]"},
		{"suspenddel gone.example.", wait + "Mail delivery suspended for gone.example.\n"},
		{"suspenddel *.example", "error: \"*.example\" has a wildcard: matching is exact, give the whole domain\nusage: suspenddel [SECONDS] [DOMAIN ...] [--json]"},
		{"suspenddel 86401", "error: \"86401\" is not a number of seconds from 0 to 86400\nusage: suspenddel [SECONDS] [DOMAIN ...] [--json]"},
		{"suspenddel ''", "error: give the name of a recipient host\nusage: suspenddel [SECONDS] [DOMAIN ...] [--json]"},
		{"suspendlistener '' 5", "error: say which listener: its name, or all\nusage: suspendlistener [LISTENER[,LISTENER]|all] [SECONDS] [--json]"},
		{"resumelistener ' '", "error: say which listener: its name, or all\nusage: resumelistener [LISTENER[,LISTENER]|all] [--json]"},
	} {
		if got := says(t, l, c.line, "batch"); got != c.want {
			t.Errorf("%s:\nhave %q\nwant %q", c.line, got, c.want)
		}
	}
	if want := []string{"admin suspends delivery [a.example b.example] 30s", "admin suspends delivery [a.example c.example] 0s", "admin resumes delivery [a.example x.example]",
		"admin suspends delivery [] 30s", "admin suspends delivery [] 5s", "admin resumes delivery []", "admin suspends OutboundMail", "admin suspends InboundMail",
		"admin resumes InboundMail", "admin resumes OutboundMail", "admin suspends delivery [relay.example:2525 [2001:db8::1]:26] 30s",
		"admin resumes delivery [relay.example:2525 [2001:db8::1]:26]", "admin suspends delivery [gone.example] 30s"}; !slices.Equal(e.calls, want) {
		t.Errorf("%q\nwant %q", e.calls, want)
	}
	if want := []string{"open [InboundMail OutboundMail]", "close [OutboundMail] 7s", "close [InboundMail OutboundMail] 30s", "close [InboundMail OutboundMail] 0s",
		"open [InboundMail]", "open [InboundMail OutboundMail]", "open [InboundMail OutboundMail]"}; !slices.Equal(ports.calls, want) {
		t.Errorf("%q\nwant %q", ports.calls, want)
	}
}

// TestAPortThatDoesNotOpen is an error of resume, which resumes delivery all the same.
func TestAPortThatDoesNotOpen(t *testing.T) {
	l, e := queueOf(t, 0)
	ports := &fakePorts{}
	l.Queue.Ports = ports
	says(t, l, "suspend 0", "batch")
	ports.err = errors.New("listener InboundMail: address already in use")
	e.calls = nil
	got := says(t, l, "resume", "batch")
	if want := "Mail delivery resumed.\nerror: listener InboundMail: address already in use"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if s, err := l.Status(t.Context()); err != nil || s.System != projections.SystemReceivingSuspended {
		t.Errorf("%s, %v", s.System, err)
	}
}

func TestSuspensionsOverTheSocket(t *testing.T) {
	l, e := queueOf(t, 0)
	l.Queue.Ports = &fakePorts{}
	g, me := overSocket(t, l), Self().Name
	for line, want := range map[string]string{"suspend 5": "Mail delivery suspended.\n", "workqueue pause checking LDAP server": "Paused by " + me + ": checking LDAP server\nMessages:       0\n"} {
		if got := says(t, g, line, "batch"); !strings.HasSuffix(got, want) {
			t.Errorf("%s: %q", line, got)
		}
	}
	for line, want := range map[string]string{"resume": "Receiving resumed.\nMail delivery resumed.\n", "workqueue resume": "Status:         Operational\nMessages:       0\n"} {
		if got := says(t, g, line, "batch"); got != want {
			t.Errorf("%s: %q", line, got)
		}
	}
	if len(e.calls) != 8 || !strings.HasPrefix(e.calls[0], me+" ") {
		t.Errorf("%q", e.calls)
	}
	var refused *RefusedError
	for _, seconds := range []string{"-1", "86401", "x", ""} {
		for _, path := range []string{"/v1/delivery/suspend", "/v1/listeners/suspend", "/v1/stop"} {
			if err := patiently[noResult](t.Context(), g, "POST", path, map[string][]string{"seconds": {seconds}}, nil, new(Change)); !errors.As(err, &refused) {
				t.Errorf("%s with %q seconds: %v", path, seconds, err)
			}
		}
	}
	if _, err := g.SuspendListeners(t.Context(), []string{"Frog"}, 0); !errors.As(err, &refused) || len(e.calls) != 8 {
		t.Errorf("%v, %q", err, e.calls)
	}
}

// TestWorkQueueByHand: in batch a pause asks nothing, and nothing is done twice.
func TestWorkQueueByHand(t *testing.T) {
	l, e := workQueueOf(t, 7, time.Date(2003, 8, 17, 20, 2, 30, 0, time.UTC))
	const operational = "Status as of:   Sun Aug 17 20:02:30 2003 UTC\nStatus:         Operational\nMessages:       7\n"
	paused := strings.Replace(operational, "Operational", "Paused by admin: checking \u00fc LDAP", 1)
	for _, c := range []struct{ line, want string }{
		{"workqueue", operational},
		{"workqueue status", operational},
		{"workqueue resume", "The work queue is not paused.\nStatus:         Operational\nMessages:       7\n"},
		{"workqueue pause checking ü 'LDAP'", paused},
		{"workqueue pause again", "The work queue is paused already.\n" + paused},
		{"workqueue RESUME", "Status:         Operational\nMessages:       7\n"},
		{"workqueue pause", strings.Replace(operational, "Operational", "Paused by admin: Manually paused by user", 1)},
	} {
		if got := says(t, l, c.line, "batch"); got != c.want {
			t.Errorf("%s: have %q\nwant %q", c.line, got, c.want)
		}
	}
	if len(e.calls) != 3 {
		t.Errorf("%q", e.calls)
	}
	got := says(t, l, "workqueue", "Status\n")
	if !strings.Contains(got, "- RESUME - Resume the work queue\n") || strings.Contains(got, "PAUSE") || strings.Count(got, "Messages:       7") != 2 {
		t.Error(got)
	}
	says(t, l, "workqueue resume", "batch")
	if got := says(t, l, "workqueue", "PAUSE\n\n"); !strings.HasSuffix(got, "Manually pause work queue? This will only affect unprocessed messages. [N]> \n") || len(e.calls) != 4 {
		t.Errorf("%s\n%q", got, e.calls)
	}
	if got := says(t, l, "workqueue pause x", "y\n"); !strings.Contains(got, "Paused by admin: x\n") || strings.Contains(got, "Reason") {
		t.Error(got)
	}
}

func TestWorkQueueRate(t *testing.T) {
	at := time.Date(2003, 8, 17, 20, 2, 30, 0, gmt)
	var list []projections.Status
	for i, n := range [][2]uint64{{1000, 900}, {1100, 950}, {1100, 1100}} {
		list = append(list, projections.Status{Timestamp: at.Add(time.Duration(i) * 10 * time.Second), WorkQueueIn: n[0], WorkQueueOut: n[1],
			Gauges: map[string]int64{projections.GaugeWorkQueue: int64(n[0] - n[1])}})
	}
	const rows = "Time        Pending         In        Out\n20:02:30        100          0          0\n20:02:40        150        100         50\n20:02:50          0          0        150\n"
	synctest.Test(t, func(t *testing.T) {
		if got, err := batch(&told{statuses: slices.Clone(list)}, "workqueue", "rate", "--count", "3"); err != nil || got != "Hit Ctrl-C to return to the main prompt.\n"+rows {
			t.Errorf("%v\n%s", err, got)
		}
		got, err := batch(&told{statuses: slices.Clone(list)}, "workqueue", "rate", "1", "--count", "2", "--json")
		if want := `{"timestamp":"2003-08-17T20:02:30Z","msgs_in_work_queue":100,"in":0,"out":0}` + "\n" + `{"timestamp":"2003-08-17T20:02:40Z","msgs_in_work_queue":150,"in":100,"out":50}` + "\n"; err != nil || got != want {
			t.Errorf("%v\n%s", err, got)
		}
	})
	g := &told{statuses: append(list[:1:1], list...)}
	got := play(t, g, gmt, "workqueue\nrate\n10\n", func(_ context.Context, cancel func()) { g.last = cancel })
	if !strings.Contains(got, rows) || !strings.Contains(got, "Enter the number of seconds between displays.") {
		t.Error(got)
	}
}

// stopping is a gateway on an admin socket whose stop closes the socket, as the daemon's does.
func stopping(t *testing.T) (g *Remote, l *Local, stops chan string) {
	t.Helper()
	l, _ = queueOf(t, 0)
	data := t.TempDir()
	a := &Admin{Gateway: l}
	if err := a.Listen(data); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- a.Serve() }()
	stops = make(chan string, 2)
	var once atomic.Bool
	received := make(chan struct{})
	close(received)
	l.Queue.Stop = func(grace time.Duration, restart bool) (Stopping, error) {
		if once.Swap(true) {
			return Stopping{}, &RefusedError{"The gateway is stopping already."}
		}
		stops <- grace.String() + map[bool]string{true: ", again"}[restart]
		delivered := make(chan struct{})
		go func() {
			close(delivered)
			a.Close()
		}()
		return Stopping{received, delivered}, nil
	}
	t.Cleanup(func() {
		a.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return &Remote{Data: data}, l, stops
}

// TestShutdown stops; the shell ends with its gateway, and no suspension is written down.
func TestShutdown(t *testing.T) {
	for line, c := range map[string]struct{ answers, want, stop string }{
		"shutdown": {"\n", "\nEnter the number of seconds to wait before abruptly closing connections.\n[30]> \nWaiting for listeners to exit...\nReceiving suspended.\n" +
			"Waiting for outgoing deliveries to finish...\nMail delivery suspended.\nSystem shutting down. Please wait while the queue is being closed...\n", "30s"},
		"reboot 5 --yes": {"batch", "Waiting for listeners to exit...\nReceiving suspended.\nWaiting for outgoing deliveries to finish...\nMail delivery suspended.\n" +
			"System rebooting. Please wait while the queue is being closed...\n", "5s, again"},
		"shutdown 0 --yes --json": {"batch", "{\n  \"stopped\": true,\n  \"restarted\": false\n}\n", "0s"},
	} {
		g, l, stops := stopping(t)
		got, err := dialogue(t, t.Context(), g, line, c.answers)
		if leaves := errors.Is(err, errLeave); got != c.want || err != nil && !leaves || leaves != (c.answers != "batch") {
			t.Errorf("%s: %q, %v", line, got, err)
		}
		if stop := <-stops; stop != c.stop {
			t.Errorf("%s: stopped with %s", line, stop)
		}
		if e := l.Queue.Engine.(*fakeEngine); len(e.calls) > 0 {
			t.Errorf("%q", e.calls)
		}
		if err := l.Shutdown(t.Context(), 0, false, nil); err == nil || err.Error() != "The gateway is stopping already." {
			t.Errorf("a second time: %v", err)
		}
	}
}

// TestSuspendingDoesNotWaitForTheFigures: when they are behind, what is asked for is done, and nothing is said of before.
func TestSuspendingDoesNotWaitForTheFigures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &fakeEngine{t: t}
		l := &Local{Follower: &projections.Follower{Source: neverThere{}}, Self: Identity{Listeners: []string{"InboundMail", "OutboundMail"}}}
		l.Queue.Engine = e
		for _, c := range []struct{ line, want string }{
			{"suspenddel 0", "Waiting for outgoing deliveries to finish...\nMail delivery suspended.\n"}, {"resumedel", "Mail delivery resumed.\n"},
			{"suspenddel 0 a.example", "Waiting for outgoing deliveries to finish...\nMail delivery suspended for a.example.\n"},
			{"resumedel a.example", "Mail delivery resumed for a.example.\n"},
			{"suspendlistener all 0", "Waiting for listeners to exit...\nReceiving suspended.\n"}, {"resumelistener", "Receiving resumed.\n"},
		} {
			if got := says(t, l, c.line, "batch"); got != c.want {
				t.Errorf("%s: %q", c.line, got)
			}
		}
		if _, err := l.PauseWorkQueue(asAdmin(t), ""); err != nil || len(e.calls) != 9 || e.calls[8] != "admin pauses the work queue: Manually paused by user" {
			t.Errorf("%v, %q", err, e.calls)
		}
	})
}

// neverThere has a record more than anybody has seen.
type neverThere struct{}

func (neverThere) Durable() uint64                                              { return 1 }
func (neverThere) Wait(ctx context.Context, _ uint64) error                     { <-ctx.Done(); return ctx.Err() }
func (neverThere) Read(uint64, int, []journal.Record) ([]journal.Record, error) { return nil, nil }

// TestASuspendedDomainIsShown where somebody would look why its mail waits, and nothing is said without one.
func TestASuspendedDomainIsShown(t *testing.T) {
	l, _ := queueOf(t, 0)
	const suspended, line, host = "\nDelivery suspended to:       ", "Mail delivery is suspended; it begins when it is resumed.\n", "\nDelivery:                    suspended by an operator\n"
	shows := func(line, what string, wanted bool) {
		t.Helper()
		if got := says(t, l, line, "batch"); strings.Contains(got, what) != wanted {
			t.Errorf("%s: %q should be in it: %v\n%s", line, what, wanted, got)
		}
	}
	shows("status", suspended, false)
	shows("hoststatus a.example", host, false)
	shows("delivernow a.example", line, false)
	says(t, l, "suspenddel 0 e.example d.example c.example b.example a.example", "batch")
	shows("status", "System status:               Online"+suspended+"a.example, b.example, c.example and 2 more\n", true)
	shows("status detail", suspended, true)
	shows("hoststatus A.example.", "\nHost up/down:                unknown"+host, true)
	shows("hoststatus x.example", host, false)
	shows("delivernow A.example", line, true)
	shows("delivernow all", line, false)
	says(t, l, "resumedel", "batch")
	says(t, l, "suspenddel 0", "batch")
	shows("status", suspended, false)
	shows("hoststatus x.example", host, true)
	shows("delivernow all", line, true)
	shows("hoststatus x.example --json", `"delivery_suspended": true`, true)
}

// TestNothingIsAnnouncedThatCannotHappen: the gateway that does not run is told of at once.
func TestNothingIsAnnouncedThatCannotHappen(t *testing.T) {
	for _, line := range []string{"deleterecipients all --yes", "suspenddel 0", "suspend 0", "suspendlistener all 0", "shutdown 0 --yes", "removemessage 1 --yes"} {
		if got := says(t, notRunning{}, line, "batch"); got != "error: the gateway does not run" {
			t.Errorf("%s: %q", line, got)
		}
	}
}

package snmp

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"postern/engine/config"
	"postern/hardware"
)

// watched is a watcher whose levels the test sets, over a network of the test's own.
type watched struct {
	*Watcher
	far      far
	document atomic.Pointer[config.Document]
	reasons  atomic.Pointer[[]string]
	cpu      atomic.Int64
	sensors  atomic.Pointer[hardware.Sensors]
	status   atomic.Int64 // of the web; 0: it does not answer
	fetched  atomic.Int64

	mu  sync.Mutex
	log []string
}

func watch(t *testing.T, d *config.Document) *watched {
	w := &watched{}
	w.document.Store(d)
	w.reasons.Store(&[]string{})
	w.sensors.Store(&hardware.Sensors{})
	w.status.Store(200)
	w.Watcher = &Watcher{
		Levels: Levels{Document: w.document.Load, Conservation: func() []string { return *w.reasons.Load() }, Loads: func() (int64, int64) { return w.cpu.Load(), 0 },
			Sensors: func(time.Time) *hardware.Sensors { return w.sensors.Load() }},
		Sender: &Sender{Agent: deafAgent(t, d), Dial: w.far.dial},
		Check:  Checker{Dial: w.web},
		OnNotify: func(n Notification) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.log = append(w.log, told([]Notification{n}))
		},
		OnChecked: func(url string, err error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.log = append(w.log, url+": "+orWell(err).Error())
		},
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return w
}

// web is the world that the URL leads to.
func (w *watched) web(context.Context, string, string) (net.Conn, error) {
	near, end := net.Pipe()
	w.fetched.Add(1)
	status := int(w.status.Load())
	go func() { // ends when the fetcher closes its end
		defer end.Close()
		in := bufio.NewReader(end)
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		if status == 0 {
			_, _ = in.ReadByte()
			return
		}
		(&http.Response{StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Request: r, Close: true}).Write(end)
	}()
	return near, nil
}

// after lets time pass, and gives what was said meanwhile.
func (w *watched) after(d time.Duration) string {
	time.Sleep(d)
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() { w.log = nil }()
	return strings.Join(w.log, ", ")
}

// A gateway's day: levels change, targets are told; commits change what is told and to whom.
func TestWatcher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const url = "http://www.example.com/"
		to := `trap_version = "2c"` + "\ncommunity = 'c'\n" + `trap_targets = ["192.0.2.1"]` + "\n"
		w := watch(t, snmpSection(t, config.NoAuthNoPriv, to, "connectivity_url = '"+url+"'",
			`traps = ["FIPSMODEDisableFailure", "FailoverUnhealthy", "connectivityFailure", "resourceConservationMode", "highTemperature"]`))
		expect := func(d time.Duration, want string) {
			t.Helper()
			if got := w.after(d); got != want {
				t.Errorf("it says %q, want %q", got, want)
			}
		}
		time.Sleep(time.Second) // the looks are at 5, 10, 15 ... seconds, and the test is between them
		expect(time.Hour, "")
		if n := w.fetched.Load(); n != 121 {
			t.Errorf("%d checks in an hour", n)
		}
		w.reasons.Store(&[]string{"followers", "memoryShortage"})
		expect(5*time.Second, "resourceConservationMode")
		w.status.Store(0)
		expect(time.Minute, url+": context deadline exceeded, connectivityFailure "+url)
		w.status.Store(503) // bad as before
		expect(time.Hour, "")
		w.status.Store(204)
		expect(2*time.Minute, url+": it is well")
		w.status.Store(404)
		expect(time.Minute, url+": it answers with the status 404, connectivityFailure "+url)
		w.cpu.Store(100) // nobody wants to know
		expect(time.Minute, "")
		w.sensors.Store(&hardware.Sensors{Temperatures: []hardware.Temperature{{Index: 1, Name: "CPU", Severity: hardware.Critical}}})
		expect(15*time.Second, "highTemperature CPU, highTemperature CPU, highTemperature CPU")
		w.sensors.Store(&hardware.Sensors{})
		expect(time.Minute, "")
		told := w.far.count("192.0.2.1:162")
		if told != 6 || w.Sender.Status()[0].Sent != 6 {
			t.Errorf("the target has %d, %+v", told, w.Sender.Status())
		}

		// Commits: another target and another list of traps, then none.
		w.document.Store(snmpSection(t, config.NoAuthNoPriv, strings.ReplaceAll(to, "192.0.2.1", "192.0.2.2"), `traps = ["CPUUtilizationExceeded"]`))
		before := w.fetched.Load()
		expect(time.Minute, "CPUUtilizationExceeded")
		if w.far.count("192.0.2.1:162") != told || w.far.count("192.0.2.2:162") != 1 || w.fetched.Load() != before {
			t.Error("a commit is not followed")
		}
		// Another threshold is another question, however soon it comes.
		threshold := func(percent int) {
			d := *w.document.Load()
			d.SNMP.CPUThreshold = percent
			w.document.Store(&d)
		}
		threshold(100)
		expect(10*time.Second, "")
		threshold(90)
		expect(10*time.Second, "CPUUtilizationExceeded")
		w.cpu.Store(80)
		expect(10*time.Second, "")
		w.cpu.Store(99) // it has flapped
		expect(10*time.Second, "")
		off := *w.document.Load()
		off.SNMP.Enabled = false
		w.document.Store(&off)
		w.cpu.Store(0)
		expect(5*time.Minute, "")
		w.cpu.Store(100)
		expect(time.Minute, "")
		if w.far.count("192.0.2.2:162") != 2 || len(w.Sender.Status()) != 0 {
			t.Error("it sends while SNMP is off")
		}
		var used []string
		for _, p := range w.far.received[addrPort("192.0.2.1:162")] {
			used = append(used, p.Variables[1].Value.(string))
		}
		const n = ".1.3.6.1.4.1.15497.1.1.2."
		if !slices.Equal(used, []string{n + "1", n + "8", n + "8", n + "3", n + "3", n + "3"}) {
			t.Errorf("the target has %v", used)
		}
	})
}

package receive

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"postern/engine"
	"postern/engine/config"
)

// slowed runs a server whose replies to transactions are held back for as long as hold says.
func slowed(t *testing.T, change func(*config.Listener), do func(t *testing.T, w *world, hold *atomic.Int64)) {
	var hold atomic.Int64
	inBubble(t, func(l *config.Listener, s *Server) {
		s.Delay = func() time.Duration { return time.Duration(hold.Load()) }
		if change != nil {
			change(l)
		}
	}, func(t *testing.T, w *world) { do(t, w, &hold) })
}

// hearFor reads until a text comes and tells how long that took.
func (c *talker) hearFor(t *testing.T, text string) time.Duration {
	t.Helper()
	began, heard, buf := time.Now(), "", make([]byte, 4096)
	_ = c.SetReadDeadline(time.Now().Add(time.Hour))
	for !strings.Contains(heard, text) {
		n, err := c.Read(buf)
		if err != nil {
			t.Fatalf("heard %q and then %v", heard, err)
		}
		heard += string(buf[:n])
	}
	return time.Since(began)
}

// Each reply of a transaction waits its share, whether the client pipelines or not; greetings and what is not about mail do
// not wait, and no delay is longer than a minute.
func TestRepliesAreHeldBack(t *testing.T) {
	slowed(t, nil, func(t *testing.T, w *world, hold *atomic.Int64) {
		c := open(w.port)
		hold.Store(int64(time.Second))
		at := time.Now()
		wants(t, c.say(begin)+c.say("NOOP\r\n"), "250 DSN", "250 2.0.0 ok")
		if took := time.Since(at); took > 10*time.Millisecond {
			t.Errorf("EHLO and NOOP took %v", took)
		}
		c.send("MAIL FROM:<a@example.org>\r\n")
		if took := c.hearFor(t, "250 2.1.0"); took != time.Second {
			t.Errorf("MAIL took %v", took)
		}
		c.send(strings.Repeat("RCPT TO:<b@example.com>\r\n", 10) + "DATA\r\n")
		if took := c.hearFor(t, "354"); took != 10*time.Second {
			t.Errorf("ten recipients and DATA took %v", took)
		}
		c.send("x\r\n.\r\n")
		if took := c.hearFor(t, "accepted"); took != time.Second {
			t.Errorf("the final dot took %v", took)
		}
		hold.Store(int64(7 * time.Second))
		c.send("MAIL FROM:<a@example.org>\r\n" + strings.Repeat("RCPT TO:<b@example.com>\r\n", 50))
		if took := c.hearFor(t, "250 2.1.0"); took != longestHold {
			t.Errorf("fifty recipients took %v", took)
		}
		hold.Store(0)
		at = time.Now()
		wants(t, c.say("DATA\r\n")+c.say("y\r\n.\r\n"), "354", "accepted")
		if took := time.Since(at); took > 10*time.Millisecond {
			t.Errorf("without conservation DATA took %v", took)
		}
	})
}

// Who is held back loses no time by it: not of command_timeout, and not of connection_timeout.
func TestHeldBackIsNotTimedOut(t *testing.T) {
	slowed(t, func(l *config.Listener) {
		l.CommandTimeout = config.Duration{Duration: 2 * time.Second}
		l.DataTimeout = config.Duration{Duration: 2 * time.Second}
		l.ConnectionTimeout = config.Duration{Duration: 5 * time.Second}
	}, func(t *testing.T, w *world, hold *atomic.Int64) {
		c := open(w.port)
		c.say(begin)
		hold.Store(int64(20 * time.Second))
		for _, step := range [][2]string{{"MAIL FROM:<a@example.org>\r\n", "250 2.1.0"}, {"RCPT TO:<b@example.com>\r\n", "250 2.1.5"}, {"DATA\r\n", "354"}, {"x\r\n.\r\n", "accepted"}} {
			<-time.After(time.Second)
			c.send(step[0])
			c.hearFor(t, step[1])
		}
		if took := c.hearFor(t, "421 4.4.2 timeout"); took != 2*time.Second {
			t.Errorf("its own silence ended it after %v", took)
		}
	})
}

// A stop does not wait for replies that are held back.
func TestStopDoesNotWaitForHeldBack(t *testing.T) {
	slowed(t, nil, func(t *testing.T, w *world, hold *atomic.Int64) {
		c := open(w.port)
		c.say(begin)
		hold.Store(int64(50 * time.Second))
		c.send(envelope + "RSET\r\n")
		synctest.Wait()
		began := time.Now()
		go func() { _ = w.Server.Shutdown(context.Background()) }()
		c.hearFor(t, "421 4.3.2")
		if took := time.Since(began); took > 10*time.Millisecond {
			t.Errorf("the stop took %v", took)
		}
	})
}

// At 999 MAIL is refused for a while, and the connection stays open for a better time.
func TestRefusedWhileResourcesAreLow(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		low := true
		w.queue.admit = func() error {
			if low {
				return engine.ErrRefused
			}
			return nil
		}
		c := open(w.port)
		wants(t, c.say(begin+"MAIL FROM:<a@example.org>\r\n"), "452 4.3.1 insufficient system resources")
		low = false
		wants(t, c.say("MAIL FROM:<a@example.org>\r\n"), "250 2.1.0")
	})
}

package web

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"postern/engine/config"
)

func TestPassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testServer(withPassword())
		w := ask(s, "/metrics")
		if w.Code != http.StatusUnauthorized || !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), `Basic realm="postern"`) {
			t.Errorf("without a password: %d, %v", w.Code, w.Header())
		}
		for _, c := range []struct {
			user, password string
			code           int
		}{
			{"monitor", "wrong", 401}, {"monitor", "", 401}, {"", "", 401}, {"other", secret, 401}, {"monitor", secret, 200},
			{"monitor", secret, 200}, {"monitor", secret + "x", 401}, {"Monitor", secret, 401}, {"monitor", "wrong", 401}, {"monitor", secret, 200},
		} {
			began := time.Now()
			w := ask(s, "/metrics", as(c.user, c.password))
			want := time.Duration(0)
			if c.code != 200 {
				want = wrongDelay
			}
			if w.Code != c.code || time.Since(began) != want {
				t.Errorf("%s:%s is answered %d after %v, want %d after %v", c.user, c.password, w.Code, time.Since(began), c.code, want)
			}
			if w.Code == 401 && strings.Contains(w.Body.String(), "postern_") {
				t.Error("a refusal tells figures")
			}
		}
		if w := ask(s, "/metrics", func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }); w.Code != 401 {
			t.Errorf("another scheme: %d", w.Code)
		}
		for _, path := range []string{"/", "/xml/status", "/api/v1/status", "/nothing", "/healthz"} {
			if w := ask(s, path, as("monitor", "no")); w.Code != 401 {
				t.Errorf("%s with a wrong password: %d", path, w.Code)
			}
		}
	})
}

// Guesses are judged one at a time, few may wait, and the right password passes them by once it was seen.
func TestFloodOfPasswords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testServer(withPassword())
		if w := ask(s, "/metrics", as("monitor", secret)); w.Code != 200 {
			t.Fatal(w.Code)
		}
		began := time.Now()
		var group sync.WaitGroup
		var mu sync.Mutex
		codes := map[int]int{}
		for i := range 100 {
			group.Go(func() {
				w := ask(s, "/metrics", as("monitor", fmt.Sprint(i)), from(fmt.Sprintf("192.0.2.%d", i)))
				mu.Lock()
				defer mu.Unlock()
				codes[w.Code]++
			})
		}
		synctest.Wait()
		if w := ask(s, "/metrics", as("monitor", secret)); w.Code != 200 || time.Since(began) != 0 {
			t.Errorf("in a flood the right password is answered %d after %v", w.Code, time.Since(began))
		}
		group.Wait()
		if codes[429] != 100-maxDelayed || codes[401] != maxDelayed || time.Since(began) != maxDelayed*wrongDelay {
			t.Errorf("100 guesses at once: %v, over after %v", codes, time.Since(began))
		}
		if s.guard.delayed != 0 || len(s.guard.by) != 0 {
			t.Errorf("%d, %v still wait", s.guard.delayed, s.guard.by)
		}
	})
}

// One client cannot take the places of the others, who may know the password.
func TestFloodFromOneClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testServer(withPassword())
		var group sync.WaitGroup
		for i := range 50 {
			group.Go(func() { ask(s, "/", as("monitor", fmt.Sprint(i)), from(fmt.Sprintf("2001:db8:0:1::%d", i+1))) })
		}
		synctest.Wait()
		if s.guard.delayed != maxDelayedOf {
			t.Errorf("%d of one network wait", s.guard.delayed)
		}
		began := time.Now()
		if w := ask(s, "/", as("monitor", secret), from("192.0.2.1")); w.Code != 200 || time.Since(began) > maxDelayedOf*wrongDelay {
			t.Errorf("the right password of another: %d after %v", w.Code, time.Since(began))
		}
		group.Wait()
	})
}

// To hang up does not make the next guess come sooner.
func TestLeavingEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testServer(withPassword())
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			ask(s, "/", as("monitor", "a"), func(r *http.Request) { *r = *r.WithContext(ctx) })
		}()
		synctest.Wait()
		began := time.Now()
		cancel()
		if w := ask(s, "/", as("monitor", "b")); w.Code != 401 || time.Since(began) != 2*wrongDelay {
			t.Errorf("the next guess was answered %d after %v", w.Code, time.Since(began))
		}
		<-gone
	})
}

func TestPasswordChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testServer(withPassword())
		if w := ask(s, "/", as("monitor", secret)); w.Code != 200 {
			t.Fatal(w.Code)
		}
		d := *s.Document()
		d.HTTP.User = "prometheus"
		s.Document = func() *config.Document { return &d }
		if w := ask(s, "/", as("monitor", secret)); w.Code != 401 {
			t.Errorf("the user of before is answered %d", w.Code)
		}
		if w := ask(s, "/", as("prometheus", secret)); w.Code != 200 {
			t.Errorf("the new user is answered %d", w.Code)
		}
	})
}

// An operator hears of guesses, but not a line for each.
func TestWrongPasswordsAreReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testServer(withPassword())
		var said []string
		s.OnProblem = func(err error) { said = append(said, err.Error()) }
		for i := range 40 {
			ask(s, "/", as("monitor", fmt.Sprint("hunter", i)), from("192.0.2.7"))
		}
		if len(said) != 2 || !strings.Contains(said[0], "1 times") || !strings.Contains(said[0], "192.0.2.7") || !strings.Contains(said[1], "30 times") {
			t.Errorf("40 guesses in %v are told as %q", 40*wrongDelay, said)
		}
		if strings.Contains(fmt.Sprint(said), "hunter") {
			t.Error("the log holds a password")
		}
	})
}

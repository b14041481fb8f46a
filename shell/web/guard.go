package web

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"postern/engine/config"
)

// Limits of those who come with a password that is not known to be right.
const (
	wrongDelay    = 2 * time.Second // how long a wrong password takes, and keeps the next one waiting
	maxDelayed    = 8               // that wait at once; one more is told so (429)
	maxDelayedOf  = 2               // of them from one address
	quietRefusals = time.Minute     // between reports of wrong passwords
)

// guard judges users and passwords. Hashing a password costs much on purpose, so that it is done by one at a time, with
// pauses, and only until the right one has been seen: from then on that is remembered, as a keyed digest, and everything
// else is wrong without hashing. A flood of guesses costs what refusing connections costs.
type guard struct {
	now     func() time.Time
	problem func(error)
	secret  [sha256.Size]byte // of this process; the digests' key
	turn    chan struct{}     // held by the one who is judged
	closed  chan struct{}
	wrong   atomic.Uint64

	mu       sync.Mutex // guards the rest
	settings [sha256.Size]byte
	right    [sha256.Size]byte // the digest of the right user and password
	known    bool              // right is of the settings
	delayed  int
	by       map[netip.Prefix]int // delayed
	unsaid   int                  // wrong passwords that were not reported yet
	said     time.Time
}

// verdict is what guard makes of a request.
type verdict int

const (
	refused verdict = iota
	admitted
	crowded // too many are being judged
)

func (g *guard) prepare(now func() time.Time, problem func(error)) {
	g.now, g.problem = now, problem
	rand.Read(g.secret[:])
	g.turn, g.closed = make(chan struct{}, 1), make(chan struct{})
	g.by = make(map[netip.Prefix]int)
}

// close lets go of all who wait.
func (g *guard) close() { close(g.closed) }

// admit judges a request; given is false when it has no user and password that can be read.
func (g *guard) admit(ctx context.Context, from netip.Addr, h *config.HTTP, user, password string, given bool) verdict {
	if !given {
		return refused // nothing was guessed: browsers ask so first
	}
	digest := g.digest(h.User, h.Password, user, password)
	if right, _ := g.remembered(h, digest); right {
		return admitted
	}
	client := networkOf(from)
	if !g.enter(client) {
		return crowded
	}
	defer g.leave(client)
	select {
	case g.turn <- struct{}{}:
	case <-ctx.Done():
		return refused
	case <-g.closed:
		return refused
	}
	defer func() { <-g.turn }()
	right, known := g.remembered(h, digest)
	if !right && !known {
		right = g.judge(h, user, password, digest)
	}
	if right {
		return admitted
	}
	g.refuse(from)
	return refused
}

// judge hashes; the right user and password are remembered.
func (g *guard) judge(h *config.HTTP, user, password string, digest [sha256.Size]byte) bool {
	hash, err := config.ParsePassword(h.Password)
	if err != nil {
		return false
	}
	sameUser := subtle.ConstantTimeCompare([]byte(user), []byte(h.User))
	if !hash.Matches(password) || sameUser != 1 {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.settings, g.right, g.known = g.digest(h.User, h.Password), digest, true
	return true
}

// remembered tells whether this digest is the right one's, and whether the right one is known at all.
func (g *guard) remembered(h *config.HTTP, digest [sha256.Size]byte) (right, known bool) {
	settings := g.digest(h.User, h.Password)
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.known || g.settings != settings {
		return false, false
	}
	return subtle.ConstantTimeCompare(digest[:], g.right[:]) == 1, true
}

// digest is of texts and where each of them ends.
func (g *guard) digest(texts ...string) (d [sha256.Size]byte) {
	mac := hmac.New(sha256.New, g.secret[:])
	for _, t := range texts {
		fmt.Fprintf(mac, "%d:%s", len(t), t)
	}
	return [sha256.Size]byte(mac.Sum(d[:0]))
}

func (g *guard) enter(client netip.Prefix) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.delayed >= maxDelayed || g.by[client] >= maxDelayedOf {
		return false
	}
	g.delayed++
	g.by[client]++
	return true
}

func (g *guard) leave(client netip.Prefix) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.delayed--
	if g.by[client]--; g.by[client] == 0 {
		delete(g.by, client)
	}
}

// refuse lets a wrong password wait, also one whose client has gone: leaving early must not buy the next guess.
func (g *guard) refuse(from netip.Addr) {
	g.wrong.Add(1)
	g.report(from)
	pause := time.NewTimer(wrongDelay)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-g.closed:
	}
}

// report tells of wrong passwords, a line a minute at most.
func (g *guard) report(from netip.Addr) {
	g.mu.Lock()
	g.unsaid++
	n, now := g.unsaid, g.now()
	quiet := !g.said.IsZero() && now.Sub(g.said).Abs() < quietRefusals
	if !quiet {
		g.unsaid, g.said = 0, now
	}
	g.mu.Unlock()
	if !quiet {
		g.problem(fmt.Errorf("http: wrong user or password, %d times since this was last said; the last one from %s", n, from))
	}
}

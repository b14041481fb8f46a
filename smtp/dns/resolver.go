package dns

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// The limits, and what happens at them.
const (
	MaxHosts       = 100              // MX records of an answer; the least preferred are cut
	MaxAddrs       = 100              // addresses of an answer; the rest is cut
	MaxTexts       = 100              // TXT records of an answer; the rest is cut
	MaxNames       = 10               // PTR names of an address; the rest is cut
	MaxChain       = 10               // aliases followed for one question; beyond: Loop
	MaxServers     = 8                // servers; the rest is not used
	MaxOutstanding = 256              // questions on the network at once; more wait their turn
	MaxFlights     = 10000            // questions waiting or on the network; more are refused: Busy
	MaxTTL         = 24 * time.Hour   // an answer is kept no longer
	MaxNegativeTTL = 3 * time.Hour    // "there is none" is kept no longer (RFC 2308 5)
	FailureTTL     = 5 * time.Second  // a failure is kept so long, and a negative answer that names no time
	MaxLookup      = 20 * time.Second // one question, all servers and tries together; beyond: Timeout

	defaultTimeout = 2 * time.Second
	defaultTries   = 2
	defaultCache   = 100000
)

// Resolver answers questions from its cache or by asking servers. The zero value is ready to use and asks the
// system's servers; it must not be copied after its first use. All methods may be called from many goroutines.
type Resolver struct {
	// Set before the first use, not changed afterwards (SetServers, SetPatience and SetCacheSize change a running Resolver).
	Servers    []netip.AddrPort // recursive servers in order of preference; empty: those of ResolvConf
	ResolvConf string           // "": /etc/resolv.conf; read again when it has changed
	Timeout    time.Duration    // of one query to one server; 0: 2 s
	Tries      int              // rounds over the servers; 0: 2
	CacheSize  int              // entries; an answer above 1 KiB counts as several; 0: 100,000
	Now        func() time.Time // nil: time.Now
	Dial       func(ctx context.Context, network, address string) (net.Conn, error)
	Rand       func() uint16 // query ids, unpredictable; nil: crypto/rand. Source ports are the dialer's

	once     sync.Once
	patience atomic.Pointer[patience] // in force
	cache    cache                    // its own locks
	servers  servers                  // its own lock
	ctx      context.Context          // ends at Close; every flight's context comes from it
	cancel   context.CancelFunc
	slots    chan struct{} // one for each question on the network
	closing  sync.RWMutex  // held shared to start a flight, exclusively to close
	closed   bool          // under closing
	running  sync.WaitGroup
	flights  atomic.Int64 // waiting or on the network
	requests atomic.Uint64
	network  atomic.Uint64
	hits     atomic.Uint64
	misses   atomic.Uint64
	negative atomic.Uint64
	expired  atomic.Uint64
}

// Counters are the figures of dnsstatus since the process began; they never go down.
type Counters struct {
	Requests        uint64 // questions asked of the Resolver (the steps along aliases are not)
	NetworkRequests uint64 // messages sent to servers, repetitions and TCP included
	Hits            uint64 // found in the cache
	Misses          uint64 // not found in the cache
	Exceptions      uint64 // found in the cache as "there is none", or as a failure just seen
	Expired         uint64 // found in the cache, too old; entries that nobody asked for again do not count
}

// Counters gives the six figures.
func (r *Resolver) Counters() Counters {
	return Counters{
		Requests:        r.requests.Load(),
		NetworkRequests: r.network.Load(),
		Hits:            r.hits.Load(),
		Misses:          r.misses.Load(),
		Exceptions:      r.negative.Load(),
		Expired:         r.expired.Load(),
	}
}

// Outstanding is how many questions are on the network now.
func (r *Resolver) Outstanding() int {
	r.once.Do(r.start)
	return len(r.slots)
}

// Pending is how many questions wait to be put on the network.
func (r *Resolver) Pending() int {
	r.once.Do(r.start)
	return max(0, int(r.flights.Load())-len(r.slots))
}

// Flush empties the cache. Answers on their way to askers of before do not enter it. No counter changes.
func (r *Resolver) Flush() {
	r.once.Do(r.start)
	r.cache.flush()
}

// SetServers changes the servers; empty means those of ResolvConf. The cache stays.
func (r *Resolver) SetServers(addrs []netip.AddrPort) {
	r.once.Do(r.start)
	r.servers.set(addrs)
}

// SetPatience changes Timeout and Tries of a running Resolver for questions that come after it; what is not positive is the
// default.
func (r *Resolver) SetPatience(timeout time.Duration, tries int) {
	r.once.Do(r.start)
	r.setPatience(timeout, tries)
}

func (r *Resolver) setPatience(timeout time.Duration, tries int) {
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	if tries <= 0 {
		tries = defaultTries
	}
	r.patience.Store(&patience{timeout, tries})
}

// SetCacheSize changes CacheSize of a running Resolver. What is too much goes as other answers come in.
func (r *Resolver) SetCacheSize(entries int) {
	r.once.Do(r.start)
	if entries <= 0 {
		entries = defaultCache
	}
	r.cache.resize(entries)
}

// patience is how long servers are asked.
type patience struct {
	timeout time.Duration
	tries   int
}

// Close ends all questions on the network (their askers get Canceled) and waits until they are gone. Later questions
// are answered with Canceled unless the cache knows.
func (r *Resolver) Close() {
	r.once.Do(r.start)
	r.closing.Lock()
	r.closed = true
	r.closing.Unlock()
	r.cancel()
	r.running.Wait()
}

func (r *Resolver) start() {
	if r.ResolvConf == "" {
		r.ResolvConf = "/etc/resolv.conf"
	}
	r.setPatience(r.Timeout, r.Tries)
	if r.CacheSize <= 0 {
		r.CacheSize = defaultCache
	}
	if r.Now == nil {
		r.Now = time.Now
	}
	if r.Dial == nil {
		r.Dial = new(net.Dialer).DialContext
	}
	if r.Rand == nil {
		r.Rand = randomID
	}
	r.cache.init(r.CacheSize)
	r.servers.path, r.servers.epoch = r.ResolvConf, r.Now()
	r.servers.set(r.Servers)
	r.slots = make(chan struct{}, MaxOutstanding)
	r.ctx, r.cancel = context.WithCancel(context.Background())
}

func randomID() uint16 {
	var b [2]byte
	rand.Read(b[:])
	return binary.BigEndian.Uint16(b[:])
}

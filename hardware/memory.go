package hardware

import "math"

// scope is a place whose memory is limited, and how much of it is in use that cannot be given back at once: what files
// have in memory only for speed does not count.
type scope struct{ limit, used int64 }

// readMemory finds the tightest scope around this process and how much is left in all of them.
func (m *Machine) readMemory() {
	rss := fields(m.Proc, "self/status")["VmRSS"] * 1024
	info := fields(m.Proc, "meminfo")
	tightest := scope{info["MemTotal"] * 1024, (info["MemTotal"] - info["MemAvailable"]) * 1024}
	left := int64(math.MaxInt64)
	if tightest.limit > 0 {
		left = tightest.limit - tightest.used
	}
	scopes := groups(m.Proc, m.Sys)
	if m.Limit != nil {
		if own := m.Limit(); own > 0 {
			scopes = append(scopes, scope{own, rss})
		}
	}
	for _, s := range scopes {
		if s.limit < tightest.limit || tightest.limit <= 0 {
			tightest = s
		}
		left = min(left, s.limit-s.used)
	}
	m.rss.Store(rss)
	m.capacity.Store(tightest.limit)
	m.ram.Store(percent(tightest.used, tightest.limit))
	m.share.Store(share(rss, left))
}

// share is used/(used+left) in thousandths; what is used beyond a limit makes it more than a thousand.
func share(used, left int64) int64 {
	switch {
	case used <= 0 || left == math.MaxInt64:
		return 0
	case used+left <= 0:
		return math.MaxInt32
	}
	return int64(float64(used) / float64(used+left) * 1000)
}

// readSwap reads what the machine has swapped. Linux counts pages, and no operations.
func (m *Machine) readSwap() {
	moved := numbers(m.Proc, "vmstat", "pswpin", "pswpout")
	m.swappedIn.Store(moved["pswpin"])
	m.swappedOut.Store(moved["pswpout"])
	info := fields(m.Proc, "meminfo")
	m.swapUsed.Store(percent(info["SwapTotal"]-info["SwapFree"], info["SwapTotal"]))
}

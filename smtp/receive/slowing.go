package receive

import "time"

// longestHold bounds how late replies leave that go out together: a client waits for at least two minutes (RFC 5321 section
// 4.5.3.2), and one that pipelines for all of them at once.
const longestHold = time.Minute

// holdBack lets replies to transactions wait while resources are conserved, each of them its share, so that who pipelines
// gains nothing. What we make a client wait for does not count as its own time; a stop or a suspension ends the wait.
func (c *conversation) holdBack() {
	n := c.slow
	c.slow = 0
	if n == 0 || c.server.Delay == nil {
		return
	}
	each := c.server.Delay()
	if each <= 0 {
		return
	}
	hold := longestHold
	if int64(n) < int64(longestHold/each) {
		hold = time.Duration(n) * each
	}
	began := time.Now()
	t := time.NewTimer(hold)
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.server.stop:
	case <-c.suspended:
	}
	c.progress = c.progress.Add(time.Since(began))
}

package hardware

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"time"
)

// A management controller takes seconds to tell of all its sensors, and has better things to do.
const (
	bmcEvery       = 30 * time.Second
	bmcLimitsEvery = time.Hour        // its limits hardly ever change
	bmcTimeout     = 20 * time.Second // of one run of ipmitool
	bmcStale       = 2 * time.Minute  // from when on what it said is nothing any more
	bmcOutput      = 1 << 18          // bytes; 1,000 sensors take 60 kB
)

// controller is what the management controller has told. Run owns one; what Monitor has is a copy.
type controller struct {
	BMC
	rows     []bmcRow
	limits   map[string]bmcLimits // by bmcRow.key
	limitsAt time.Time
}

// bmcDevices are the names that the kernel's driver has had.
var bmcDevices = []string{"ipmi0", "ipmi/0", "ipmidev/0"}

// ask has ipmitool read the controller. A failure keeps what was known until it is too old.
func (c *controller) ask(ctx context.Context, dev fs.FS, run Command, now time.Time) {
	c.Present = false
	for _, name := range bmcDevices {
		c.Present = c.Present || exists(dev, name)
	}
	if !c.Present {
		*c = controller{}
		return
	}
	out, err := ipmitool(ctx, run, "sdr", "elist")
	if rows := bmcRows(string(out)); len(rows) > 0 { // one sensor that it cannot read is enough for ipmitool to end with an error
		if err != nil { // a listing cut short is not one of parts that were taken out
			rows = withLacking(rows, c.rows)
		}
		c.rows, c.Asked, c.Problem = rows, now, ""
		c.askLimits(ctx, run, now)
		return
	}
	if err == nil {
		err = errors.New("ipmitool listed no sensors")
	}
	c.Problem = bmcProblem(err)
	if now.Sub(c.Asked).Abs() > bmcStale {
		c.rows = nil
	}
}

// askLimits reads the thresholds once in a while. Without them what the controller says of each sensor still holds.
func (c *controller) askLimits(ctx context.Context, run Command, now time.Time) {
	if !c.limitsAt.IsZero() && now.Sub(c.limitsAt).Abs() < bmcLimitsEvery {
		return
	}
	c.limitsAt = now
	out, _ := ipmitool(ctx, run, "sensor")
	if limits := bmcLimitsOf(string(out)); len(limits) > 0 {
		c.limits = limits
	}
}

func ipmitool(ctx context.Context, run Command, arguments ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, bmcTimeout)
	defer cancel()
	out, err := run(ctx, bmcOutput, "ipmitool", arguments...)
	if ctx.Err() == context.DeadlineExceeded {
		return nil, fmt.Errorf("ipmitool did not end within %s", bmcTimeout) // half a list would be sensors that are gone
	}
	return out, err
}

func bmcProblem(err error) string {
	if errors.Is(err, exec.ErrNotFound) {
		return "The machine has a management controller (BMC), but ipmitool, which reads its sensors, is not installed."
	}
	reason := plain(err.Error())
	return "The management controller (BMC) could not be asked: " + reason[:min(len(reason), 300)] + "."
}

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
	out, err := c.ipmitool(ctx, run, "sdr", "elist")
	if err == nil {
		c.rows, c.Asked, c.Problem = bmcRows(string(out)), now, ""
		if len(c.rows) == 0 {
			err = errors.New("ipmitool listed no sensors")
		}
	}
	if err == nil && (c.limits == nil || now.Sub(c.limitsAt).Abs() >= bmcLimitsEvery) {
		if out, err = c.ipmitool(ctx, run, "sensor"); err == nil {
			c.limits, c.limitsAt = bmcLimitsOf(string(out)), now
		}
	}
	if err != nil {
		c.Problem = bmcProblem(err)
	}
	if now.Sub(c.Asked).Abs() > bmcStale {
		c.rows = nil
	}
}

func (c *controller) ipmitool(ctx context.Context, run Command, arguments ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, bmcTimeout)
	defer cancel()
	out, err := run(ctx, bmcOutput, "ipmitool", arguments...)
	if err != nil && ctx.Err() == context.DeadlineExceeded {
		err = fmt.Errorf("ipmitool did not end within %s", bmcTimeout)
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

package bench

import (
	"encoding/json"
	"fmt"
	"os/exec"
)

// gatewayStatus asks a running gateway as a monitoring script would: with postern status --json.
type gatewayStatus struct{ g *Gateway }

type statusFigures struct {
	Seq      uint64                               `json:"seq"`
	Counters map[string]struct{ Lifetime uint64 } `json:"counters"`
	Gauges   map[string]int64                     `json:"gauges"`
}

func (s gatewayStatus) read() (f statusFigures, err error) {
	out, err := exec.Command(s.g.Binary, "status", "--json", "--data", s.g.Data).Output()
	if err != nil {
		if failed, ok := err.(*exec.ExitError); ok {
			err = fmt.Errorf("%w: %s", err, failed.Stderr)
		}
		return f, fmt.Errorf("status: %w", err)
	}
	return f, json.Unmarshal(out, &f)
}

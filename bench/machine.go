package bench

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Machine describes where figures are taken: processors, Go, kernel.
func Machine() string {
	model := "unknown processor"
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return fmt.Sprintf("%d cores (%s), %s, %s %s", runtime.NumCPU(), model, runtime.Version(), runtime.GOOS, strings.TrimSpace(string(kernel)))
}

// LoadAverage is that of the last minute: what else the machine had to do, when it is read before a workload.
func LoadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(text), " ")
	return first
}

// Package hardware reads gauges of the machine and of the gateway's own process from what Linux shows in /proc, /sys and by
// asking its file systems. What cannot be read counts as nothing: a gauge is no reason to fail.
package hardware

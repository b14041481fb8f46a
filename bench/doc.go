// Package bench measures the gateway: each file holds one workload as a Config and a Run that returns figures, and
// postern-bench binds them to a command line. Nothing in it is a test; its figures are written with their command and date.
package bench

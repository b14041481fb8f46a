package hardware

import (
	"slices"
	"strconv"
	"strings"
)

// maxBMCRows is more sensors than a controller can have addresses for.
const maxBMCRows = 2048

// bmcRow is a line of "ipmitool sdr elist": "Inlet Temp | 04h | ok | 7.1 | 23 degrees C", "Status | 62h | ok | 10.1 |
// Presence detected, Power Supply AC lost".
type bmcRow struct {
	name             string
	key              string // the name and how often it came before: makers use one name for many sensors
	status           string // ok, ns (no reading), nc, cr, nr, and with a direction lnc, unr, ...
	entity, instance int    // of the IPMI specification, table 43-13: 3 is a processor, 10 a power supply
	reading          string
	old              bool // it is of the listing before
}

// bmcRows reads the output of "ipmitool sdr elist". A line that is none is left out.
func bmcRows(out string) (rows []bmcRow) {
	seen := map[string]int{}
	for line := range strings.SplitSeq(out, "\n") {
		columns := columnsOf(line)
		if len(columns) < 5 || len(rows) == maxBMCRows {
			continue
		}
		entity, instance, _ := strings.Cut(columns[3], ".")
		e, err1 := strconv.Atoi(entity)
		i, err2 := strconv.Atoi(instance)
		if err1 != nil || err2 != nil || e < 0 || e > 255 || i < 0 || i > 255 {
			continue
		}
		r := bmcRow{name: columns[0], status: columns[2], entity: e, instance: i, reading: columns[4]}
		if numeric(columns[1]) { // records of devices have no sensor, and "ipmitool sensor" does not list them
			r.key = occurrence(seen, r.name)
		}
		rows = append(rows, r)
	}
	return rows
}

// withLacking adds the rows that a listing lacks and the one before had. One that lacks them again does not have them.
func withLacking(rows, before []bmcRow) []bmcRow {
	for _, was := range before {
		lacks := !slices.ContainsFunc(rows, func(r bmcRow) bool {
			return r.name == was.name && r.entity == was.entity && r.instance == was.instance
		})
		if lacks && !was.old && len(rows) < maxBMCRows {
			was.old = true
			rows = append(rows, was)
		}
	}
	return rows
}

// numeric tells whether a column is a sensor's number: 04h.
func numeric(s string) bool {
	digits, ok := strings.CutSuffix(s, "h")
	_, err := strconv.ParseUint(digits, 16, 8)
	return ok && err == nil
}

// bmcLimits are the thresholds of a sensor; 0: it has none.
type bmcLimits struct{ lower, upper float64 }

// bmcLimitsOf reads the output of "ipmitool sensor": name, value, unit, status, and the thresholds, lower non-recoverable,
// critical and non-critical, then upper non-critical, critical and non-recoverable; "na" where there is none. It lists the
// same sensors in the same order as "sdr elist".
func bmcLimitsOf(out string) map[string]bmcLimits {
	limits, seen := map[string]bmcLimits{}, map[string]int{}
	for line := range strings.SplitSeq(out, "\n") {
		columns := columnsOf(line)
		if len(columns) < 10 || len(limits) == maxBMCRows {
			continue
		}
		number := func(at ...int) float64 {
			for _, i := range at {
				if n, err := strconv.ParseFloat(columns[i], 64); err == nil && n > 0 && n < 1e6 {
					return n
				}
			}
			return 0
		}
		l := bmcLimits{lower: number(5, 4), upper: number(8, 9)}
		if columns[2] == fahrenheit && l.upper > 0 {
			l.upper = fromFahrenheit(l.upper)
		}
		limits[occurrence(seen, columns[0])] = l
	}
	return limits
}

// columnsOf cuts a line at its bars.
func columnsOf(line string) []string {
	const longest = 1024
	columns := strings.Split(line[:min(len(line), longest)], "|")
	for i := range columns {
		columns[i] = plain(columns[i])
	}
	return columns
}

// occurrence makes a name that comes again another.
func occurrence(seen map[string]int, name string) string {
	seen[name]++
	return name + "\x00" + strconv.Itoa(seen[name])
}

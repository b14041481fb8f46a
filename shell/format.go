package shell

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Thousands writes a number with commas, as status does: 2,571,967.
func Thousands(n uint64) string {
	s := strconv.FormatUint(n, 10)
	var b strings.Builder
	for i, c := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// Date writes a time as AsyncOS does, with the zone where zone is set: Thu Jun 30 13:09:18 2005 PDT.
func Date(t time.Time, zone bool) string {
	if zone {
		return t.Format("Mon Jan 02 15:04:05 2006 MST")
	}
	return t.Format("Mon Jan 02 15:04:05 2006")
}

// Uptime writes a span with its largest unit first: 6d 14h 48m 4s.
func Uptime(d time.Duration) string {
	s := int64(max(0, d) / time.Second)
	parts := []struct {
		n    int64
		unit string
	}{{s / 86400, "d"}, {s / 3600 % 24, "h"}, {s / 60 % 60, "m"}, {s % 60, "s"}}
	var out []string
	for i, p := range parts {
		if p.n > 0 || len(out) > 0 || i == len(parts)-1 {
			out = append(out, strconv.FormatInt(p.n, 10)+p.unit)
		}
	}
	return strings.Join(out, " ")
}

// Age writes a span in words, leaving out units that are zero: 4 weeks 46 mins 53 secs.
func Age(d time.Duration) string {
	s := int64(max(0, d) / time.Second)
	parts := []struct {
		n         int64
		one, many string
	}{{s / 604800, "week", "weeks"}, {s / 86400 % 7, "day", "days"}, {s / 3600 % 24, "hour", "hours"}, {s / 60 % 60, "min", "mins"}, {s % 60, "sec", "secs"}}
	var out []string
	for _, p := range parts {
		switch {
		case p.n == 1:
			out = append(out, "1 "+p.one)
		case p.n > 1:
			out = append(out, strconv.FormatInt(p.n, 10)+" "+p.many)
		}
	}
	if len(out) == 0 {
		return "0 secs"
	}
	return strings.Join(out, " ")
}

// either is the form of a word that goes with a number: one of the thing, or another number of it.
func either[N int | uint32 | uint64 | int64](n N, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// count is a number of things by their name: 1 message, 20 messages.
func count[N int | uint32 | uint64 | int64](n N, what string) string {
	return fmt.Sprintf("%d %s", n, either(n, what, what+"s"))
}

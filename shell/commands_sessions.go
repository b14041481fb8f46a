package shell

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

var _ = register(
	&Command{Name: "who", Summary: "who has a shell open", Run: func(ctx context.Context, c *Call) error {
		list, err := c.Gateway.Sessions(ctx)
		if err != nil {
			return err
		}
		return c.Answer(list, renderWho(list, c.time(), c.Zone))
	}},
	&Command{Name: "whoami", Summary: "who you are to the gateway", Offline: true, Run: func(ctx context.Context, c *Call) error {
		o, err := c.Gateway.WhoAmI(ctx)
		if err != nil {
			return err
		}
		return c.Answer(o, renderOperator(o))
	}},
	&Command{Name: "last", Summary: "who opened a shell lately, and how long they stayed", Offline: true,
		Params: []Param{{Name: "ROWS", Optional: true, Check: func(word string) error {
			if n, err := strconv.Atoi(word); err != nil || n < 1 {
				return fmt.Errorf("%q is not a number of rows", word)
			}
			return nil
		}}},
		Help: "shutdown and crash are ends of the gateway; the time beside a crash is that of the start after it.",
		Run: func(ctx context.Context, c *Call) error {
			rows, _ := strconv.Atoi(c.Arg(0))
			list, err := c.Gateway.Logins(ctx, rows)
			if err != nil {
				return err
			}
			return c.Answer(list, renderLogins(list, c.time(), c.Zone))
		}})

func renderWho(list []Session, now time.Time, zone *time.Location) string {
	var rows [][]string
	for _, s := range list {
		rows = append(rows, []string{s.User, loginClock(s.Began.In(zone), now.In(zone)), Uptime(now.Sub(s.Last)), hostOf(s.From), s.What})
	}
	return "\n" + underlined([]string{"Username", "Login Time", "Idle Time", "Remote Host", "What"}, rows)
}

// loginClock is the time of a day, with the date when that is not today.
func loginClock(t, now time.Time) string {
	if t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format("03:04PM")
	}
	return t.Format("Jan 02 03:04PM")
}

// hostOf is where somebody sits.
func hostOf(from string) string {
	if from == "" {
		return "local"
	}
	return from
}

func renderOperator(o Operator) string {
	name := o.FullName
	if name == "" {
		name = "-"
	}
	return fmt.Sprintf("\nUsername: %s\nFull Name: %s\nGroups: %s\n", o.Name, name, strings.Join(o.Groups, ", "))
}

func renderLogins(list []Login, now time.Time, zone *time.Location) string {
	day := func(t time.Time) string { return t.In(zone).Format("Mon Jan 02 15:04") }
	var rows [][]string
	for _, l := range list {
		switch {
		case l.User == "" && l.In.IsZero():
			rows = append(rows, []string{l.End, "", "", day(l.Out), ""})
		case l.Out.IsZero():
			rows = append(rows, []string{l.User, hostOf(l.From), day(l.In), "still logged in", stay(now.Sub(l.In))})
		case l.End == "crash":
			rows = append(rows, []string{l.User, hostOf(l.From), day(l.In), "crash", "unknown"})
		default:
			rows = append(rows, []string{l.User, hostOf(l.From), day(l.In), day(l.Out), stay(l.Out.Sub(l.In))})
		}
	}
	return "\n" + underlined([]string{"Username", "Remote Host", "Login Time", "Logout Time", "Total Time"}, rows)
}

// stay is a span in whole minutes: 3h 12m.
func stay(d time.Duration) string {
	minutes := max(0, d).Truncate(time.Minute)
	if minutes == 0 {
		return "0m"
	}
	return strings.TrimSuffix(Uptime(minutes), " 0s")
}

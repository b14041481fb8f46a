package shell

import (
	"context"
	"fmt"
	"strings"
	"time"

	"postern/projections"
)

var _ = register(&Command{Name: "workqueue", Summary: "what waits between acceptance and the delivery queue", Offline: true, Live: true,
	Synopsis: "[status | pause [REASON ...] | resume | rate [SECONDS]]", Run: runWorkQueue,
	Params: []Param{{Name: "OPERATION", Optional: true, Choices: []Choice{{"status", "Display work queue status"}, {"pause", "Pause the work queue"},
		{"resume", "Resume the work queue"}, {"rate", "Display work queue statistics over time"}}}, {Name: "ARGUMENT", Optional: true, Rest: true}},
	Help: "A pause keeps messages that are accepted from being processed; it survives a restart. The columns of rate are the messages that\n" +
		"wait (Pending), and those that came (In) and left (Out) since the row before; AsyncOS does not say what its own are."})

// workQueueStatus is what workqueue shows.
type workQueueStatus struct {
	Timestamp time.Time `json:"timestamp"`
	Paused    bool      `json:"paused"`
	By        string    `json:"by,omitempty"`
	Reason    string    `json:"reason,omitempty"`
	Messages  int64     `json:"msgs_in_work_queue"`
	in, out   uint64
}

func (c *Call) workQueue(ctx context.Context) (workQueueStatus, error) {
	s, err := c.Gateway.Status(ctx)
	return workQueueStatus{s.Timestamp, s.WorkQueuePaused, s.WorkQueueBy, s.WorkQueueReason, s.Gauges[projections.GaugeWorkQueue],
		s.WorkQueueIn, s.WorkQueueOut}, err
}

// render shows the status; after a resume without its time.
func (s *workQueueStatus) render(zone *time.Location, dated bool) string {
	var b strings.Builder
	b.WriteByte('\n')
	if dated {
		fmt.Fprintf(&b, "Status as of:   %s\n", Date(s.Timestamp.In(zone), true))
	}
	state := "Operational"
	if s.Paused {
		state = "Paused"
		if s.By != "" {
			state += " by " + oneLine(s.By)
		}
		state += ": " + oneLine(s.Reason)
	}
	fmt.Fprintf(&b, "Status:         %s\nMessages:       %d\n", state, s.Messages)
	return b.String()
}

// showWorkQueue shows how things stand.
func (c *Call) showWorkQueue(ctx context.Context, dated bool) error {
	s, err := c.workQueue(ctx)
	if err != nil {
		return err
	}
	return c.Answer(s, s.render(c.Zone, dated))
}

func runWorkQueue(ctx context.Context, c *Call) error {
	operation, rest := c.Arg(0), []string(nil)
	if len(c.Args) > 1 {
		rest = c.Args[1:]
	}
	if operation == "" && c.Asker != nil {
		var err error
		if operation, err = c.askWorkQueue(ctx); err != nil || operation == "" {
			return err
		}
	}
	switch {
	case len(rest) > 1 && operation == "rate", len(rest) > 0 && (operation == "status" || operation == "resume"):
		return &UsageError{c.Command, fmt.Sprintf("workqueue %s does not take %.60q", operation, rest[len(rest)-1])}
	case operation == "pause":
		return c.pauseWorkQueue(ctx, strings.Join(rest, " "))
	case operation == "resume":
		return c.resumeWorkQueue(ctx)
	case operation == "rate":
		return c.workQueueRate(ctx, rest)
	}
	return c.showWorkQueue(ctx, true)
}

// askWorkQueue shows the status and asks what to do; "" is nothing.
func (c *Call) askWorkQueue(ctx context.Context) (string, error) {
	s, err := c.workQueue(ctx)
	if err != nil {
		return "", err
	}
	c.Say(strings.TrimSuffix(s.render(c.Zone, true), "\n"))
	menu := []Choice{{"status", "Display work queue status"}, {"pause", "Pause the work queue"}, {"rate", "Display work queue statistics over time"}}
	if s.Paused {
		menu[1] = Choice{"resume", "Resume the work queue"}
	}
	return c.operation(ctx, menu)
}

// operation asks with a menu of operations; "" is Enter alone.
func (c *Call) operation(ctx context.Context, menu []Choice) (string, error) {
	question := "Choose the operation you want to perform:"
	for _, o := range menu {
		question += fmt.Sprintf("\n- %s - %s", strings.ToUpper(o.Key), o.Title)
	}
	named := func(word string) error {
		for _, o := range menu {
			if strings.EqualFold(word, o.Key) {
				return nil
			}
		}
		return fmt.Errorf("%.60q is none of the operations", word)
	}
	answer, err := c.Question(ctx, Param{Question: question, Check: named, Complete: func(context.Context, Gateway, string) (list []Suggestion) {
		for _, o := range menu {
			list = append(list, Suggestion{o.Key, o.Title})
		}
		return list
	}})
	return strings.ToLower(answer), err
}

// pauseWorkQueue asks first, and why; in batch, where nothing is lost by it, it just pauses.
func (c *Call) pauseWorkQueue(ctx context.Context, reason string) error {
	if err := checkReason(reason); err != nil {
		return &UsageError{c.Command, err.Error()}
	}
	if c.Asker != nil {
		yes, err := c.Confirm(ctx, "\nManually pause work queue? This will only affect unprocessed messages.", false)
		if err != nil || !yes {
			return err
		}
		if reason == "" {
			if reason, err = c.Question(ctx, Param{Question: "Reason for pausing work queue:", Check: checkReason}); err != nil {
				return err
			}
		}
	}
	change, err := c.Gateway.PauseWorkQueue(ctx, reason)
	if err != nil {
		return err
	}
	if len(change.Already) > 0 {
		c.Say("The work queue is paused already.")
	}
	return c.showWorkQueue(ctx, true)
}

func (c *Call) resumeWorkQueue(ctx context.Context) error {
	change, err := c.Gateway.ResumeWorkQueue(ctx)
	if err != nil {
		return err
	}
	if len(change.Already) > 0 {
		c.Say("The work queue is not paused.")
	}
	return c.showWorkQueue(ctx, false)
}

// workQueueRow is a row of workqueue rate.
type workQueueRow struct {
	Timestamp time.Time `json:"timestamp"`
	Pending   int64     `json:"msgs_in_work_queue"`
	In        uint64    `json:"in"` // messages, since the row before
	Out       uint64    `json:"out"`
}

const workQueueHeading = "Time        Pending         In        Out\n"

func (c *Call) workQueueRate(ctx context.Context, words []string) (err error) {
	seconds := secondsParam.Default
	switch {
	case len(words) > 0:
		if seconds = words[0]; secondsParam.Check(seconds) != nil {
			return &UsageError{c.Command, secondsParam.Check(seconds).Error()}
		}
	case c.Asker != nil:
		if seconds, err = c.Question(ctx, secondsParam); err != nil {
			return err
		}
	}
	var last *workQueueStatus
	return c.every(ctx, interval(seconds), func() error {
		s, err := c.workQueue(ctx)
		if err != nil {
			return err
		}
		r := workQueueRow{Timestamp: s.Timestamp, Pending: s.Messages}
		if last == nil {
			c.Say("Hit Ctrl-C to return to the main prompt.")
		} else {
			r.In, r.Out = grown(last.in, s.in), grown(last.out, s.out)
		}
		last = &s
		return c.Row(workQueueHeading, r, fmt.Sprintf("%s%11d%11d%11d\n", r.Timestamp.In(c.Zone).Format(time.TimeOnly), r.Pending, r.In, r.Out))
	})
}

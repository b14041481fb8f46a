package shell

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"postern/projections"
)

var _ = register(
	&Command{Name: "tail", Summary: "the end of a log, and what is written to it", Offline: true, Live: true,
		Params: []Param{{Name: "LOG", Optional: true, Complete: completeLog}}, Run: runTail},
	&Command{Name: "rollovernow", Summary: "close log files and begin new ones",
		Params: []Param{{Name: "LOG|all", Optional: true, Complete: completeLogOrAll}}, Run: runRollOver})

// tailLines is how many lines tail begins with.
const tailLines = 10

func runTail(ctx context.Context, c *Call) error {
	log, err := c.log(ctx, c.Arg(0), "tail")
	if err != nil {
		return err
	}
	return c.showLog(ctx, LogQuery{Log: log, Last: tailLines, Follow: true})
}

func runRollOver(ctx context.Context, c *Call) error {
	log := c.Arg(0)
	if log == "" {
		logs, err := c.Gateway.TextLogs(ctx)
		if err != nil {
			return err
		}
		if log, err = c.chooseLog(ctx, append(logs, TextLog{Name: allLogs}), "roll over"); err != nil {
			return err
		}
	}
	if strings.EqualFold(log, "All Logs") || strings.EqualFold(log, allLogs) {
		log = allLogs
	}
	done, err := c.Gateway.RollOver(ctx, log)
	if err != nil {
		return err
	}
	return c.Answer(map[string][]string{"rolled_over": done}, "Log files successfully rolled over.\n")
}

// logMenu numbers the logs as AsyncOS shows them.
func logMenu(logs []TextLog) string {
	var b strings.Builder
	for i, l := range logs {
		if l.Name == allLogs {
			fmt.Fprintf(&b, "%d. All Logs\n", i+1)
			continue
		}
		fmt.Fprintf(&b, "%d. %q Type: %q Retrieval: %s\n", i+1, l.Name, l.Type, l.Retrieval)
	}
	return b.String()
}

// log is the log that was named, by its name or number, or is chosen now.
func (c *Call) log(ctx context.Context, word, verb string) (string, error) {
	logs, err := c.Gateway.TextLogs(ctx)
	switch {
	case err != nil:
		return "", err
	case word == "":
		return c.chooseLog(ctx, logs, verb)
	}
	return logNamed(logs, word)
}

func (c *Call) chooseLog(ctx context.Context, logs []TextLog, verb string) (string, error) {
	if c.Asker == nil {
		return "", &UsageError{Command: c.Command}
	}
	answer, err := c.Question(ctx, Param{Required: true,
		Question: "Currently configured logs:\n" + logMenu(logs) + "Enter the number of the log you wish to " + verb + ".",
		Check:    func(word string) error { _, err := logNamed(logs, word); return err },
		Complete: completeLog})
	if err != nil {
		return "", err
	}
	return logNamed(logs, answer)
}

func logNamed(logs []TextLog, word string) (string, error) {
	for i, l := range logs {
		if strings.EqualFold(word, l.Name) || word == strconv.Itoa(i+1) || l.Name == allLogs && strings.EqualFold(word, "All Logs") {
			return l.Name, nil
		}
	}
	if _, err := strconv.Atoi(word); err == nil {
		return "", fmt.Errorf("there is no log %s: give a number from 1 to %d", word, len(logs))
	}
	return "", noSuchLog(logs, word)
}

func completeLog(ctx context.Context, g Gateway, word string) []Suggestion {
	var list []Suggestion
	logs, _ := g.TextLogs(ctx)
	for _, l := range logs {
		if strings.HasPrefix(strings.ToLower(l.Name), strings.ToLower(word)) {
			list = append(list, Suggestion{l.Name, l.Type})
		}
	}
	return list
}

func completeLogOrAll(ctx context.Context, g Gateway, word string) []Suggestion {
	return append(completeLog(ctx, g, word), Suggestion{allLogs, "All Logs"})
}

// errCounted ends a display after its --count rows.
var errCounted = errors.New("counted")

// showLog prints a log's lines as they come, --count of them at most.
func (c *Call) showLog(ctx context.Context, q LogQuery) error {
	if q.Follow && c.Asker != nil {
		c.Say("Press Ctrl-C to stop.")
	}
	count, gaps := 0, q.Context > 0
	err := c.Gateway.ReadLog(ctx, q, func(lines []projections.LogLine) error {
		left := len(lines)
		if c.Count > 0 {
			left = min(left, c.Count-count)
		}
		if err := c.printLog(q.Log, lines[:left], gaps && count > 0, gaps); err != nil {
			return err
		}
		if count += left; c.Count > 0 && count >= c.Count {
			return errCounted
		}
		return nil
	})
	if errors.Is(err, errCounted) {
		return nil
	}
	if c.stopped() && q.Follow && err == nil {
		return errors.New("the gateway does not run: nothing more is written")
	}
	return err
}

// logRow is a line of a log for programs.
type logRow struct {
	Log string `json:"log"`
	projections.LogLine
}

func (c *Call) printLog(log string, lines []projections.LogLine, goesOn, gaps bool) error {
	var b bytes.Buffer
	rows := encoder(&b)
	for i, l := range lines {
		if c.JSON {
			if err := rows.Encode(logRow{log, l}); err != nil {
				return err
			}
			continue
		}
		if l.Gap && gaps && (goesOn || i > 0) {
			b.WriteString("--\n")
		}
		b.WriteString(l.Text)
		b.WriteByte('\n')
	}
	if b.Len() == 0 {
		return nil
	}
	_, err := c.Out.Write(b.Bytes())
	return err
}

package bench

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"
)

// Taken says how rows came about.
type Taken struct {
	Command string
	At      time.Time
	Load    string // load average of the minute before
}

func (t Taken) String() string {
	return fmt.Sprintf("%s, load %s", t.At.UTC().Format("2006-01-02 15:04"), t.Load)
}

// PrintRows writes rows for people.
func PrintRows(out io.Writer, rows []Row) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "what\tmust\taim\tmeasured\tok")
	for i := range rows {
		r := &rows[i]
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.What, r.MustText(), r.AimText(), r.Measured(), r.OK())
	}
	return w.Flush()
}

// A file of figures is a table of Markdown below a line with the machine. A row that is measured again replaces its former
// self; the others stay, with the command and the time at which they were taken, as long as the machine is the same.
const (
	figuresTitle = "# Figures\n\nWritten by postern-bench. In the column ok: aim is better than yes; - is not measured; nothing has no bound. Load is the load average of the\nminute before.\n\n"
	machineLine  = "Machine: "
	tableHead    = "| what | must | aim | measured | ok | command | taken (UTC) |\n|---|---|---|---|---|---|---|\n"
)

// SaveRows puts rows into the file of figures at path.
func SaveRows(path, machine string, rows []Row, taken Taken) error {
	kept, err := readFigures(path, machine)
	if err != nil {
		return err
	}
	for i := range rows {
		kept = replaceLine(kept, markdown(&rows[i], taken))
	}
	text := figuresTitle + machineLine + machine + "\n\n" + tableHead + strings.Join(kept, "\n") + "\n"
	return os.WriteFile(path, []byte(text), 0o644)
}

func markdown(r *Row, t Taken) string {
	cells := []string{r.What, r.MustText(), r.AimText(), r.Measured(), r.OK(), "`" + t.Command + "`", t.String()}
	for i, c := range cells {
		cells[i] = strings.NewReplacer("|", "/", "\r", "", "\n", " ").Replace(c)
	}
	return "| " + strings.Join(cells, " | ") + " |"
}

// readFigures returns the rows of a file of figures, none when it is not there or speaks of another machine.
func readFigures(path, machine string) (rows []string, err error) {
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	head, table, ok := strings.Cut(string(text), tableHead)
	if !ok || !strings.Contains(head, machineLine+machine+"\n") {
		return nil, nil
	}
	for line := range strings.Lines(table) {
		if strings.HasPrefix(line, "| ") {
			rows = append(rows, strings.TrimSpace(line))
		}
	}
	return rows, nil
}

// replaceLine puts a row in the place of the one of the same name, or at the end.
func replaceLine(rows []string, row string) []string {
	name := func(s string) string { return strings.SplitN(s, " | ", 2)[0] }
	for i := range rows {
		if name(rows[i]) == name(row) {
			rows[i] = row
			return rows
		}
	}
	return append(rows, row)
}

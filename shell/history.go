package shell

import (
	"bufio"
	"os"
	"strings"
)

// maxHistory is how many lines a history keeps; the oldest go.
const maxHistory = 1000

// History is the lines that a person typed at the main prompt, kept in a file that is theirs alone. Answers to questions
// and passphrases never get here. A nil History keeps nothing.
type History struct {
	path  string
	lines []string
}

// OpenHistory reads a history; one that cannot be read begins empty.
func OpenHistory(path string) *History {
	h := &History{path: path}
	f, err := os.Open(path)
	if err != nil {
		return h
	}
	defer f.Close()
	for in := bufio.NewScanner(f); in.Scan(); {
		if line := in.Text(); line != "" {
			h.lines = append(h.lines, Printable(line))
		}
	}
	h.trim()
	return h
}

// Lines gives the history, the oldest line first.
func (h *History) Lines() []string {
	if h == nil {
		return nil
	}
	return h.lines
}

// Add appends a line, unless it repeats the last one or begins with a space. A file that cannot be written is no error:
// the history is a convenience.
func (h *History) Add(line string) {
	if h == nil || strings.TrimSpace(line) == "" || line[0] == ' ' || len(h.lines) > 0 && h.lines[len(h.lines)-1] == line {
		return
	}
	h.lines = append(h.lines, line)
	if h.trim() {
		h.rewrite()
		return
	}
	f, err := os.OpenFile(h.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	f.WriteString(line + "\n")
}

// trim drops the oldest tenth when there are too many.
func (h *History) trim() bool {
	if len(h.lines) <= maxHistory {
		return false
	}
	h.lines = append([]string(nil), h.lines[len(h.lines)-maxHistory*9/10:]...)
	return true
}

func (h *History) rewrite() {
	temporary := h.path + ".new"
	if os.WriteFile(temporary, []byte(strings.Join(h.lines, "\n")+"\n"), 0o600) == nil {
		os.Rename(temporary, h.path)
	}
}

package bench

import (
	"bytes"
	"sync"
)

// maxWords bounds what is kept of a process that has much to say.
const maxWords = 1 << 20

// words keeps the last of what a process says on standard error, over all its runs. The process's pipe writes, a workload
// reads.
type words struct {
	mu   sync.Mutex
	text bytes.Buffer
	run  int // where in text the present run begins
}

func (w *words) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.text.Len() > maxWords {
		w.text.Reset()
		w.run = 0
	}
	return w.text.Write(p)
}

// begin marks the beginning of a run.
func (w *words) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.run = w.text.Len()
}

// all is what was said in all runs.
func (w *words) all() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// said tells whether the present run has said so.
func (w *words) said(what string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return bytes.Contains(w.text.Bytes()[w.run:], []byte(what))
}

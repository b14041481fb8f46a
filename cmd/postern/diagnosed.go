package main

import (
	"path/filepath"

	"postern/shell"
)

// diagnosed connects the commands that look into logs, sessions, the machine and other hosts with the parts that know.
func (g *gateway) diagnosed(l *shell.Local) *shell.Local {
	l.Note = g.engine.Note
	l.Logs.Dir = filepath.Join(g.data, "logs")
	l.Logs.Writers = []shell.LogWriter{g.mailLog, g.statusLog}
	return l
}

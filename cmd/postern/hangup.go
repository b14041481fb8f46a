package main

import (
	"errors"
	"io/fs"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// SIGHUP asks a daemon to take up its configuration file. To a gateway that a person has started in a terminal it also says
// that the terminal has gone, wherever its log is written: then it is to stop. nohup has it ignored, and so it stays.

// heedsHangUps stands in the environment of a program that begins anew and is to heed SIGHUP, which is ignored just then.
const heedsHangUps = "POSTERN_HEEDS_HANGUPS"

// terminalLooks is how often it is looked whether there is still a terminal. A hang-up that comes later than two looks after
// its end is none of that terminal's.
const terminalLooks = 5 * time.Second

// hangUps gives each SIGHUP that asks for the file; one that tells of the terminal's end goes to stop.
func hangUps(stop chan<- os.Signal) <-chan os.Signal {
	reload, hung := make(chan os.Signal, 1), make(chan os.Signal, 1)
	heeds := os.Getenv(heedsHangUps) != "" || !signal.Ignored(syscall.SIGHUP)
	os.Unsetenv(heedsHangUps) // it is for this program alone
	if heeds {
		signal.Notify(hung, syscall.SIGHUP)
		go tellHangUps(hung, hasTerminal, reload, stop) // as long as the process
	}
	return reload
}

// tellHangUps tells the two apart until hung is closed. A reader that has one already needs no second.
func tellHangUps(hung <-chan os.Signal, hasTerminal func() bool, reload, stop chan<- os.Signal) {
	tick := time.NewTicker(terminalLooks)
	defer tick.Stop()
	has, gone := hasTerminal(), false
	for {
		select {
		case <-tick.C:
			lost := has && !hasTerminal()
			has = has && !(lost && gone)
			gone = lost
		case s, open := <-hung:
			if !open {
				return
			}
			to := reload
			if has && !hasTerminal() {
				to = stop
			}
			select {
			case to <- s:
			default:
			}
		}
	}
}

// hasTerminal tells whether the process has a controlling terminal, which is open. Where that cannot be found out, for want of
// a file's number, it has what it had: a gateway does not stop for that.
func hasTerminal() bool {
	f, err := os.OpenFile("/dev/tty", os.O_RDONLY|syscall.O_NOCTTY, 0)
	if err == nil {
		f.Close()
	}
	return !errors.Is(err, syscall.ENXIO) && !errors.Is(err, syscall.EIO) && !errors.Is(err, fs.ErrNotExist)
}

// outliveLogReaders has writes to a log whose reader has gone fail, instead of ending the process.
func outliveLogReaders() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }

package main

import (
	"strings"
	"testing"
)

// TestShellLiveDisplayEndsAtCtrlC returns to the main prompt, which works.
func TestShellLiveDisplayEndsAtCtrlC(t *testing.T) {
	p := sitDown(t, shellGateway(t), 50, 100)
	p.press("rate\r")
	p.wait("Enter the number of seconds between displays.")
	p.wait("[10]> ")
	p.press("1\r")
	p.wait("Hit Ctrl-C to return to the main prompt.")
	p.wait("K-Used")
	p.wait("\n")
	p.press("\x03")
	p.wait("^C")
	p.prompted()
	p.press("help exit\r")
	p.wait("leave the shell")
}

// TestShellQuestionIsLeftWithCtrlC with and without an answer half typed; the shell goes on.
func TestShellQuestionIsLeftWithCtrlC(t *testing.T) {
	p := sitDown(t, shellGateway(t), 50, 100)
	for _, keys := range []string{"\x03", "exam\x03", "\x04"} {
		p.press("hoststatus\r")
		p.wait("Recipient host:")
		p.wait("[]> ")
		p.press(keys)
		p.prompted()
	}
	p.press("hoststatus\r")
	p.wait("[]> ")
	p.press("nobody.example\r")
	p.wait("Host mail status for: 'nobody.example'")
	p.wait("unknown")
	if strings.Contains(p.seen(), "\x1b[2J") {
		t.Error("the screen was cleared")
	}
}

// TestShellOutlivesTheGateway says in a sentence that it stopped, and goes on with the stopped store.
func TestShellOutlivesTheGateway(t *testing.T) {
	g := shellGateway(t)
	p := sitDown(t, g, 60, 100)
	p.press("rate 1\r")
	p.wait("K-Used")
	p.wait("\n")
	g.Kill()
	p.wait("The gateway ")
	p.prompted()
	p.press("resetcounters\r")
	p.wait("does not run")
	p.prompted()
	p.press("status\r")
	p.wait("System status:               Offline")
	p.prompted()
	p.press("exit\r")
	p.leaves()
}

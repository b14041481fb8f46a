// Package shell is the gateway's face for people and their tools. What may be seen or ordered is one interface, Gateway:
// Local inside the daemon, Remote over the admin socket, Offline on a stopped store. Commands are data on top of it, so
// that the interactive shell, batch mode, --json and help all come from one table. Nothing prompts inside the daemon.
package shell

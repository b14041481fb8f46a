// Package engine decides what to do next.
//
// State is a fold over the records of the journal: what decisions need and nothing more. One goroutine, Run, owns it. In
// each turn it takes what is waiting and what has become due, decides, applies each event at once, appends all of them
// with one sync, and only then answers those who wait and starts what is due. Effects come from State, never from events,
// so that a replay cannot send mail. The wires (listeners, delivery clients, operators) hand in commands and outcomes and
// never touch State.
package engine

package shell

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"postern/journal"
)

// Operator is who asks, as the system says: the user on the other end of the admin socket.
type Operator struct {
	Name     string   `json:"username"`
	FullName string   `json:"full_name"`
	Groups   []string `json:"groups"`
	UID      string   `json:"uid"`
	groupIDs []string

	pid uint32     // of the process that asks; 0: unknown
	tty string     // its terminal, as pts/3; "": none is known
	at  netip.Addr // where the user of the shell that it is sits, as that says; invalid: not said
}

type operatorKey struct{}

// OperatorOf is the operator on whose behalf a Gateway is asked; nil when the system did not say.
func OperatorOf(ctx context.Context) *Operator {
	o, _ := ctx.Value(operatorKey{}).(*Operator)
	return o
}

// WithOperator says on whose behalf a Gateway is asked.
func WithOperator(ctx context.Context, o *Operator) context.Context {
	return context.WithValue(ctx, operatorKey{}, o)
}

// By is the name that goes into the facts of what the operator does.
func By(ctx context.Context) string {
	if o := OperatorOf(ctx); o != nil {
		return o.Name
	}
	return "unknown"
}

// Self is the operator that runs this process.
func Self() *Operator { return operatorOf(strconv.Itoa(os.Getuid())) }

// operatorOf looks a user up; one without a name goes by the number.
func operatorOf(uid string) *Operator {
	o := &Operator{Name: uid, UID: uid}
	u, err := user.LookupId(uid)
	if err != nil {
		return o
	}
	o.Name, o.FullName = u.Username, u.Name
	o.groupIDs, _ = u.GroupIds()
	for _, id := range o.groupIDs {
		if g, err := user.LookupGroupId(id); err == nil {
			o.Groups = append(o.Groups, g.Name)
		}
	}
	return o
}

// peerOf asks the kernel who is on the other end; nil when it does not say.
func peerOf(c net.Conn) *Operator {
	raw, err := c.(*net.UnixConn).SyscallConn()
	if err != nil {
		return nil
	}
	var cred *syscall.Ucred
	if raw.Control(func(fd uintptr) {
		cred, err = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	}) != nil || err != nil {
		return nil
	}
	o := operatorOf(strconv.FormatUint(uint64(cred.Uid), 10))
	o.groupIDs = append(o.groupIDs, strconv.FormatUint(uint64(cred.Gid), 10)) // the process may have more than the user's own
	o.pid, o.tty = uint32(cred.Pid), terminalOf(os.DirFS("/proc"), cred.Pid)
	return o
}

// terminalOf names the terminal that a process belongs to, as proc(5) has it; "": none, or it cannot be told.
func terminalOf(proc fs.FS, pid int32) string {
	stat, err := fs.ReadFile(proc, fmt.Sprintf("%d/stat", pid))
	if err != nil {
		return ""
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) // state ppid pgrp session tty_nr
	if len(fields) < 5 {
		return ""
	}
	number, err := strconv.ParseInt(fields[4], 10, 32)
	if err != nil {
		return ""
	}
	major, minor := number>>8&0xfff, number&0xff|number>>12&0xfff00
	switch {
	case major >= 136 && major <= 143:
		return fmt.Sprintf("pts/%d", (major-136)<<8+minor)
	case major == 4 && minor < 64:
		return fmt.Sprintf("tty%d", minor)
	case major == 4:
		return fmt.Sprintf("ttyS%d", minor-64)
	}
	return ""
}

// by is By for an order, of which it writes down before its facts where it comes from.
func (l *Local) by(ctx context.Context) string { return l.ordered(ctx, "") }

// ordered is by for an order that has no fact of its own, if what names one.
func (l *Local) ordered(ctx context.Context, what string) string {
	e := &journal.OperatorOrdered{By: By(ctx), What: what}
	if o := OperatorOf(ctx); o != nil {
		uid, _ := strconv.ParseUint(o.UID, 10, 32)
		e.UID, e.PID, e.TTY, e.From = uint32(uid), o.pid, o.tty, o.at
	}
	l.note(e)
	return e.By
}

// allowed tells why an operator may not ask anything; nil: may. Allowed are root, the daemon's own user, and members of
// the group, if there is one.
func allowed(o *Operator, group string) error {
	switch {
	case o == nil:
		return errors.New("the system does not say who you are")
	case o.UID == "0" || o.UID == strconv.Itoa(os.Geteuid()):
		return nil
	case group == "":
		return fmt.Errorf("user %s may not administer this gateway: only root and its own user may ([admin] group lets others in)", o.Name)
	}
	if g, err := user.LookupGroup(group); err == nil && slices.Contains(o.groupIDs, g.Gid) {
		return nil
	}
	return fmt.Errorf("user %s may not administer this gateway: only root, its own user and members of group %s may", o.Name, group)
}

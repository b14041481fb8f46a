package shell

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"slices"
	"strconv"
	"syscall"
)

// Operator is who asks, as the system says: the user on the other end of the admin socket.
type Operator struct {
	Name     string   `json:"username"`
	FullName string   `json:"full_name"`
	Groups   []string `json:"groups"`
	UID      string   `json:"uid"`
	groupIDs []string
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
	return o
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

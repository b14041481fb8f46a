package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"postern/engine/config"
)

// account is whom the process goes on as.
type account struct{ uid, gid int }

// accountOf is whom this process is to become; nil when it stays what it is.
func accountOf(d config.Daemon) (*account, error) {
	a, err := lookUpAccount(d)
	switch {
	case err != nil || a == nil || os.Geteuid() == a.uid:
		return nil, err
	case os.Geteuid() != 0:
		return nil, fmt.Errorf("daemon.user is %s: only root can become somebody else", d.User)
	}
	return a, nil
}

// lookUpAccount finds the user and group of the configuration; nil when it names none.
func lookUpAccount(d config.Daemon) (*account, error) {
	if d.User == "" {
		if d.Group != "" {
			return nil, errors.New("daemon.group needs daemon.user")
		}
		return nil, nil
	}
	u, err := user.Lookup(d.User)
	if err != nil {
		return nil, fmt.Errorf("daemon.user: %w", err)
	}
	gid := u.Gid
	if d.Group != "" {
		g, err := user.LookupGroup(d.Group)
		if err != nil {
			return nil, fmt.Errorf("daemon.group: %w", err)
		}
		gid = g.Gid
	}
	a := &account{}
	if a.uid, err = strconv.Atoi(u.Uid); err != nil {
		return nil, fmt.Errorf("daemon.user: %w", err)
	}
	if a.gid, err = strconv.Atoi(gid); err != nil {
		return nil, fmt.Errorf("daemon.group: %w", err)
	}
	return a, nil
}

// runtimeDirectory is where the service manager wants a service's sockets, "" when there is none (systemd.exec(5)).
func runtimeDirectory() string {
	dir, _, _ := strings.Cut(os.Getenv("RUNTIME_DIRECTORY"), ":")
	if !filepath.IsAbs(dir) {
		return ""
	}
	return dir
}

// own gives the data directory to the account, so that it can go on writing there.
func (a *account) own(data string) error {
	return filepath.WalkDir(data, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, a.uid, a.gid)
	})
}

// become drops root for good, in all threads.
func (a *account) become() error {
	if err := syscall.Setgroups([]int{a.gid}); err != nil {
		return fmt.Errorf("groups: %w", err)
	}
	if err := syscall.Setgid(a.gid); err != nil {
		return fmt.Errorf("group: %w", err)
	}
	if err := syscall.Setuid(a.uid); err != nil {
		return fmt.Errorf("user: %w", err)
	}
	return nil
}

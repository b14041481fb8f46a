package shell

import (
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// socketName lies in the data directory, or in the directory that the service manager made for it.
const socketName = "admin.sock"

// ServiceDirectory is where the service's socket lies, for those who may not look into the data directory.
const ServiceDirectory = "/run/postern"

// dataHeader says which data directory's gateway is meant: the service's socket may be another one's.
const dataHeader = "Postern-Data"

// maxSocketPath is a little less than fits into a socket's address.
const maxSocketPath = 100

// oPath opens a directory for nothing but what lies below it, which takes no right to list it.
const oPath = 0x200000

// socketPath is a path of the socket that fits into a socket's address whatever the data directory is called: through the
// directory's descriptor, which the caller keeps open meanwhile.
func socketPath(data string) (path string, dir *os.File, err error) {
	path = filepath.Join(data, socketName)
	if len(path) < maxSocketPath {
		return path, nil, nil
	}
	if dir, err = os.OpenFile(data, syscall.O_DIRECTORY|oPath, 0); err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), socketName), dir, nil
}

// identityOf tells data directories apart whatever path leads to them, "" when there is none.
func identityOf(data string) string {
	info, err := os.Stat(data)
	if err != nil {
		return ""
	}
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%d:%d", s.Dev, s.Ino)
}

// answers tells whether somebody listens on a socket.
func answers(path string) bool {
	c, err := net.DialTimeout("unix", path, dialLimit)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// Share lets members of Group reach the socket, and nobody else where the process has the right to say so; who may ask
// then is judged by the peer's credentials in any case. uid becomes the owner (-1: stays). In the data directory the group
// gets the right to pass through it, and no right to list it: what lies in it keeps its own modes. The error says why
// members of the group cannot reach the socket.
func (a *Admin) Share(uid int) error {
	gid, mode := -1, os.FileMode(0o600)
	if a.Group != "" {
		g, err := user.LookupGroup(a.Group)
		if err != nil {
			return fmt.Errorf("admin socket: admin.group: %w", err)
		}
		if gid, err = strconv.Atoi(g.Gid); err != nil {
			return fmt.Errorf("admin socket: admin.group: %w", err)
		}
		if mode = 0o660; os.Lchown(a.path, -1, gid) != nil {
			mode = 0o666 // a service's user is not in the group: all may knock
		}
	}
	if err := os.Chmod(a.path, mode); err != nil {
		return fmt.Errorf("admin socket: %w", err)
	}
	if uid >= 0 {
		if err := os.Lchown(a.path, uid, -1); err != nil {
			return fmt.Errorf("admin socket: %w", err)
		}
	}
	if a.data == "" || gid < 0 {
		return nil
	}
	if err := letPass(a.data, gid); err != nil {
		return fmt.Errorf("admin socket: members of group %s cannot reach it: %w", a.Group, err)
	}
	return nil
}

// letPass makes a directory one that members of a group may pass through.
func letPass(dir string, gid int) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	s, ok := info.Sys().(*syscall.Stat_t)
	mode := info.Mode().Perm()
	if mode&0o001 != 0 || ok && int(s.Gid) == gid && mode&0o010 != 0 {
		return nil
	}
	if err := os.Chown(dir, -1, gid); err != nil {
		return err
	}
	return os.Chmod(dir, mode&^0o077|0o010)
}

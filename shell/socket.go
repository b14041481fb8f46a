package shell

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// socketName lies in the data directory.
const socketName = "admin.sock"

// socketPath is a path of the socket that fits into a socket's address whatever the data directory is called: through the
// directory's descriptor, which the caller keeps open meanwhile.
func socketPath(data string) (path string, dir *os.File, err error) {
	path = filepath.Join(data, socketName)
	if len(path) < 100 {
		return path, nil, nil
	}
	if dir, err = os.Open(data); err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), socketName), dir, nil
}

// Admin serves a Gateway over the admin socket: HTTP and JSON, to root, to the daemon's user, and to members of Group.
type Admin struct {
	Gateway Gateway
	Group   string // "": none
	server  *http.Server
	ln      net.Listener
	dir     *os.File
}

type peerKey struct{}

// Listen binds the socket in the data directory; one that a crash left behind is replaced.
func (a *Admin) Listen(data string) error {
	path, dir, err := socketPath(data)
	if err != nil {
		return fmt.Errorf("admin socket: %w", err)
	}
	a.dir = dir
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("admin socket: %w", err)
	}
	if a.ln, err = net.Listen("unix", path); err != nil {
		return fmt.Errorf("admin socket: %w", err)
	}
	// Who may do what is judged by the peer's credentials; the mode only keeps it from being a matter of luck.
	if err := os.Chmod(path, 0o666); err != nil {
		return fmt.Errorf("admin socket: %w", err)
	}
	a.server = &http.Server{Handler: a.handler(), ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, peerKey{}, peerOf(c))
		}}
	return nil
}

// Serve answers until Close.
func (a *Admin) Serve() error {
	if err := a.server.Serve(a.ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Close ends Serve.
func (a *Admin) Close() error {
	if a.server == nil {
		return nil
	}
	err := a.server.Close()
	if a.dir != nil {
		a.dir.Close()
	}
	return err
}

func (a *Admin) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, r *http.Request) {
		s, err := a.Gateway.Status(r.Context())
		answerJSON(w, s, err)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, _ := r.Context().Value(peerKey{}).(*user.User)
		if err := a.allowed(who); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func answerJSON(w http.ResponseWriter, v any, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}

// peerOf asks the kernel who is on the other end; nil when it does not say.
func peerOf(c net.Conn) *user.User {
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
	uid := strconv.FormatUint(uint64(cred.Uid), 10)
	if u, err := user.LookupId(uid); err == nil {
		return u
	}
	return &user.User{Uid: uid, Username: uid}
}

func (a *Admin) allowed(u *user.User) error {
	switch {
	case u == nil:
		return errors.New("the system does not say who you are")
	case u.Uid == "0" || u.Uid == strconv.Itoa(os.Geteuid()):
		return nil
	}
	if a.Group != "" {
		g, err := user.LookupGroup(a.Group)
		if err == nil {
			if ids, err := u.GroupIds(); err == nil && slices.Contains(ids, g.Gid) {
				return nil
			}
		}
		return fmt.Errorf("user %s may not administer this gateway: only root, its own user and members of group %s may", u.Username, a.Group)
	}
	return fmt.Errorf("user %s may not administer this gateway: only root and its own user may ([admin] group lets others in)", u.Username)
}

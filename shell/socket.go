package shell

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
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
	Group   string    // "": none
	Shells  *Sessions // nil: nobody counts them
	server  *http.Server
	ln      net.Listener
	dir     *os.File
}

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
			return WithOperator(ctx, peerOf(c))
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

// handler lets those in who may, each as the operator that the kernel says they are.
func (a *Admin) handler() http.Handler {
	next := routes(a.Gateway)
	if a.Shells != nil {
		next = touching(a.Shells, next)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := allowed(OperatorOf(r.Context()), a.Group); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

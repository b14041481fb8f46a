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

// Admin serves a Gateway over the admin socket: HTTP and JSON, to root, to the daemon's user, and to members of Group.
type Admin struct {
	Gateway Gateway
	Group   string    // "": none
	Shells  *Sessions // nil: nobody counts them
	Runtime string    // directory that the service manager made for the socket; "": it lies in the data directory
	server  *http.Server
	ln      net.Listener
	path    string   // of the socket
	data    string   // the data directory, when the socket lies in it
	link    string   // to the socket, in the data directory, when it does not
	dir     *os.File // what a long path goes through
}

// Listen binds the socket, reachable by this process's user alone until Share; one that a crash left behind is replaced.
func (a *Admin) Listen(data string) error {
	if err := a.listen(data); err != nil {
		return fmt.Errorf("admin socket: %w", err)
	}
	a.server = &http.Server{Handler: a.handler(identityOf(data)), ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return WithOperator(ctx, peerOf(c))
		}}
	return nil
}

func (a *Admin) listen(data string) error {
	inData, dir, err := socketPath(data)
	if err != nil {
		return err
	}
	a.dir, a.path, a.data = dir, inData, data
	// One that another gateway of the same service listens on stays its own.
	if path := filepath.Join(a.Runtime, socketName); a.Runtime != "" && len(path) < maxSocketPath && !answers(path) {
		a.path, a.data, a.link = path, "", inData
	}
	for _, old := range []string{inData, a.path} {
		if err := os.Remove(old); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if a.ln, err = net.Listen("unix", a.path); err != nil {
		return err
	}
	if a.link != "" { // who looks into the data directory finds it there
		if err := os.Symlink(a.path, a.link); err != nil {
			return err
		}
	}
	return os.Chmod(a.path, 0o600)
}

// Serve answers until Close.
func (a *Admin) Serve() error {
	if err := a.server.Serve(a.ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// farewell is how long answers that are under way have to end once the socket is closed: that of whoever ordered the stop is
// among them. Then they are cut off, and with them what never ends by itself, as a shell that is open.
const farewell = 500 * time.Millisecond

// Close ends Serve.
func (a *Admin) Close() error {
	if a.server == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	err := a.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = a.server.Close()
	}
	if a.link != "" {
		os.Remove(a.link) // the socket itself goes with its listener
	}
	if a.dir != nil {
		a.dir.Close()
	}
	return err
}

// handler lets those in who may, each as the operator that the kernel says they are.
func (a *Admin) handler(identity string) http.Handler {
	next := routes(a.Gateway)
	if a.Shells != nil {
		next = touching(a.Shells, next)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked := r.Header.Get(dataHeader); asked != "" && asked != identity {
			http.Error(w, "this is the gateway of another data directory", http.StatusMisdirectedRequest)
			return
		}
		if err := allowed(OperatorOf(r.Context()), a.Group); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

package logpush

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// HostKey is a host's public key for SSH.
type HostKey struct {
	Host        string `json:"host"`        // as in known_hosts: a name or address, [host]:port when the port is not 22
	Type        string `json:"type"`        // ssh-ed25519
	Key         string `json:"key"`         // base64
	Fingerprint string `json:"fingerprint"` // SHA256:..., as ssh-keygen shows it
}

// HostKeys are the gateway's own keys for pushing logs: those of the hosts that it trusts, and what it shows them itself.
// Many goroutines may use it.
type HostKeys struct {
	Dir    string // of keys, DATA/configuration; made when it is not there
	Runner Runner // nil: Exec
	// Dial finds out why a host gave no key; nil: net.Dialer's, for at most probeTime.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	mu sync.Mutex // held while files are changed
}

const (
	maxHostKeys  = 1000
	maxKeysBytes = 1 << 20
	maxKeyBytes  = 16 << 10 // of one key, in base64
)

func (k *HostKeys) run(ctx context.Context, name string, args ...string) (out, said []byte, err error) {
	run := k.Runner
	if run == nil {
		run = Exec
	}
	return run(ctx, k.Dir, "", name, args...)
}

// List gives the keys that are trusted, in the order of the file.
func (k *HostKeys) List() ([]HostKey, error) {
	text, err := k.read()
	return parseHostKeys(text), err
}

// read gives the file's text, "" when there is none.
func (k *HostKeys) read() ([]byte, error) {
	path := filepath.Join(k.Dir, KnownHostsName)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("host keys: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKeysBytes+1))
	if err == nil && len(text) > maxKeysBytes {
		err = fmt.Errorf("%s is longer than %d bytes: remove lines from it", path, maxKeysBytes)
	}
	if err != nil {
		return nil, fmt.Errorf("host keys: %w", err)
	}
	return text, nil
}

// parseHostKeys reads lines of known_hosts; what is none of a single plain host is passed over.
func parseHostKeys(text []byte) []HostKey {
	keys := []HostKey{}
	for line := range bytes.Lines(text) {
		if key, ok := parseHostKey(line); ok && len(keys) < maxHostKeys {
			keys = append(keys, key)
		}
	}
	return keys
}

func parseHostKey(line []byte) (key HostKey, ok bool) {
	fields := strings.Fields(string(line))
	if len(fields) < 3 {
		return key, false
	}
	key = HostKey{Host: fields[0], Type: fields[1], Key: fields[2]}
	return key, key.check() == nil
}

// check tells whether a key is one, and gives it its fingerprint. Nothing in a key that passes can end a line.
func (h *HostKey) check() error {
	wrong := errors.New("this is not a host key")
	blob, err := base64.StdEncoding.DecodeString(h.Key)
	if err != nil || len(h.Key) > maxKeyBytes || len(blob) < 4 || !isKeyWord(h.Type, "-@.") || !isKeyWord(h.Host, "-._:[]") {
		return wrong
	}
	n := binary.BigEndian.Uint32(blob)
	if uint64(n) > uint64(len(blob)-4) || string(blob[4:4+n]) != h.Type { // RFC 4253 section 6.6
		return wrong
	}
	sum := sha256.Sum256(blob)
	h.Fingerprint = "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
	return nil
}

func isKeyWord(s, signs string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(signs, c) >= 0) {
			return false
		}
	}
	return s != "" && len(s) <= 300
}

// KnownHost is how known_hosts calls a port of a host.
func KnownHost(host string, port uint16) string {
	if port == 22 {
		return host
	}
	return "[" + host + "]:" + strconv.Itoa(int(port))
}

// Scan asks a host for its keys. They are worth what the way there is: whoever takes them compares the fingerprints first.
func (k *HostKeys) Scan(ctx context.Context, host string, port uint16) ([]HostKey, error) {
	if !isKeyWord(host, "-._:") || host[0] == '-' || port == 0 {
		return nil, fmt.Errorf("%.60q is neither a host's name nor an address", host)
	}
	if err := os.MkdirAll(k.Dir, 0o750); err != nil {
		return nil, fmt.Errorf("host keys: %w", err)
	}
	scanning, cancel := context.WithTimeout(ctx, scanTime)
	out, said, err := k.run(scanning, "ssh-keyscan", "-T", "10", "-p", strconv.Itoa(int(port)), "--", host)
	cancel()
	keys := slices.DeleteFunc(parseHostKeys(out), func(h HostKey) bool { return h.Host != KnownHost(host, port) })
	if len(keys) > 0 {
		return keys, nil
	}
	address := net.JoinHostPort(host, strconv.Itoa(int(port)))
	none := errors.New("it gave no key")
	switch ended := (*exec.ExitError)(nil); {
	case ctx.Err() != nil:
	case len(said) == 0 && (err == nil || errors.As(err, &ended) || errors.Is(err, context.DeadlineExceeded)):
		err = cmp.Or(k.unreachable(ctx, address), none)
	case err == nil:
		err = none
	}
	return nil, fmt.Errorf("the keys of %s could not be had: %w", address, saying(err, said))
}

// scanTime bounds ssh-keyscan, which waits for each type of key by itself; probeTime the attempt to reach a host that gave none.
const (
	scanTime  = 20 * time.Second
	probeTime = 5 * time.Second
)

// unreachable tells why nothing answers at an address, which ssh-keyscan keeps to itself; nil: something does.
func (k *HostKeys) unreachable(ctx context.Context, address string) error {
	dial := k.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: probeTime}).DialContext
	}
	c, err := dial(ctx, "tcp", address)
	if err == nil {
		return c.Close()
	}
	late := net.Error(nil)
	if errors.As(err, &late) && late.Timeout() {
		return errors.New("it does not answer")
	}
	if number := syscall.Errno(0); errors.As(err, &number) {
		return number // connection refused, no route to host
	}
	return err
}

// Add trusts keys, from now on.
func (k *HostKeys) Add(keys []HostKey) error {
	return k.change(func(text []byte) ([]byte, error) {
		list := parseHostKeys(text)
		if n := len(text); n > 0 && text[n-1] != '\n' {
			text = append(text, '\n')
		}
		for _, key := range keys {
			if err := key.check(); err != nil {
				return nil, err
			}
			if !slices.ContainsFunc(list, key.same) {
				list = append(list, key)
				text = fmt.Appendf(text, "%s %s %s\n", key.Host, key.Type, key.Key)
			}
		}
		if len(list) > maxHostKeys || len(text) > maxKeysBytes {
			return nil, fmt.Errorf("there are %d host keys in %d bytes; at most %d in %d are allowed: remove one first", len(list), len(text), maxHostKeys, maxKeysBytes)
		}
		return text, nil
	})
}

// Remove trusts a key no more.
func (k *HostKeys) Remove(gone HostKey) error {
	return k.change(func(text []byte) (left []byte, err error) {
		for line := range bytes.Lines(text) {
			if key, ok := parseHostKey(line); !ok || !gone.same(key) {
				left = append(left, line...)
			}
		}
		if len(left) == len(text) {
			return nil, fmt.Errorf("there is no such key of %.60q", gone.Host)
		}
		return left, nil
	})
}

func (h *HostKey) same(other HostKey) bool { return h.Host == other.Host && h.Key == other.Key }

// change writes the file anew; nobody ever sees half of it. Lines that somebody else wrote (hashed names, patterns, markers
// and comments, sshd(8)) are ssh's to read: they stay as they are.
func (k *HostKeys) change(to func(text []byte) ([]byte, error)) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	text, err := k.read()
	if err != nil {
		return err
	}
	if text, err = to(text); err != nil {
		return err
	}
	if err := os.MkdirAll(k.Dir, 0o750); err != nil {
		return fmt.Errorf("host keys: %w", err)
	}
	path := filepath.Join(k.Dir, KnownHostsName)
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return fmt.Errorf("host keys: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("host keys: %w", err)
	}
	return nil
}

// Own gives the public key by which other hosts know the gateway, a line for their authorized_keys; it is made when there is
// none. The private one never leaves its file.
func (k *HostKeys) Own(ctx context.Context) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	public := filepath.Join(k.Dir, IdentityName+".pub")
	text, err := os.ReadFile(public)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(k.Dir, 0o750); err != nil {
			return "", fmt.Errorf("the gateway's key: %w", err)
		}
		if _, said, err := k.run(ctx, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "postern", "-f", IdentityName); err != nil {
			return "", fmt.Errorf("the gateway's key could not be made: %w", saying(err, said))
		}
		text, err = os.ReadFile(public)
	}
	if err != nil {
		return "", fmt.Errorf("the gateway's key: %w", err)
	}
	fields := strings.Fields(string(text[:min(len(text), maxKeyBytes)]))
	if len(fields) < 2 {
		return "", fmt.Errorf("the gateway's key: %s holds none", public)
	}
	own := HostKey{Host: "postern", Type: fields[0], Key: fields[1]}
	if err := own.check(); err != nil {
		return "", fmt.Errorf("the gateway's key: %s holds none", public)
	}
	return own.Type + " " + own.Key + " postern", nil
}

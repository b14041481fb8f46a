package web

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"

	"postern/engine/config"
)

// certificateCheck is how often, at most, the certificate's files are looked at.
const certificateCheck = 5 * time.Second

// certificate is the server's pair of PEM files, read again at a handshake when they have changed. A pair that cannot be
// read is reported once and leaves the one before in force. It is safe for concurrent use.
type certificate struct {
	now     func() time.Time
	problem func(error)

	mu       sync.Mutex
	loaded   *tls.Certificate
	files    [2]string // that loaded is of
	stamps   [2]stamp  // of the files when they were last read
	looked   time.Time
	failed   error  // why that reading failed
	reported string // the last failure that was reported
}

// stamp tells a file's versions apart.
type stamp struct {
	modified time.Time
	size     int64
}

// config is TLS for HTTP/1.1 alone.
func (c *certificate) config(settings func() *config.HTTP) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.get(settings()) }}
}

// get gives the certificate in force; an error: there is none that could be read.
func (c *certificate) get(h *config.HTTP) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	files, now := [2]string{h.Certificate, h.Key}, c.now()
	if files == c.files && now.Sub(c.looked).Abs() < certificateCheck && c.loaded != nil {
		return c.loaded, nil
	}
	c.looked = now
	err := c.read(files)
	if c.loaded == nil {
		return nil, err
	}
	if err != nil && err.Error() != c.reported {
		c.reported = err.Error()
		c.problem(fmt.Errorf("http: the certificate before stays in force: %w", err))
	}
	return c.loaded, nil
}

func (c *certificate) read(files [2]string) error {
	var stamps [2]stamp
	for i, name := range files {
		info, err := os.Stat(name)
		if err != nil {
			return fmt.Errorf("certificate: %w", err)
		}
		stamps[i] = stamp{info.ModTime(), info.Size()}
	}
	if files == c.files && stamps == c.stamps {
		return c.failed
	}
	c.files, c.stamps, c.failed = files, stamps, nil
	pair, err := tls.LoadX509KeyPair(files[0], files[1])
	if err != nil {
		c.failed = fmt.Errorf("certificate %s with key %s: %w", files[0], files[1], err)
		return c.failed
	}
	c.loaded, c.reported = &pair, ""
	return nil
}

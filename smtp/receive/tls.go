package receive

import (
	"crypto/tls"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"postern/journal"
)

// handshakeTimeout bounds a STARTTLS negotiation.
const handshakeTimeout = 30 * time.Second

// startTLS answers STARTTLS (RFC 3207). The handshake is made on the socket itself; nothing that was said before it counts
// behind it, and what was sent behind the command in the clear is thrown away.
func (c *conversation) startTLS(argument string) {
	switch {
	case !c.policy.certificate.usable():
		c.fault(replyUnimplemented)
		return
	case c.protocol != "":
		c.fault(replySecured)
		return
	case argument != "":
		c.fault(replyNoArgument)
		return
	}
	c.rewind()
	c.say(replyReadyForTLS)
	if err := c.flush(); err != nil {
		c.farewell(err)
		return
	}
	if err := c.handshake(); err != nil {
		c.noteSecured(&journal.ConnectionSecured{ICID: c.icid, Failure: safeText(err.Error())})
		c.over, c.how = true, "TLS failed"
	}
}

func (c *conversation) handshake() error {
	secure := tls.Server(c.raw, c.policy.certificate.config())
	c.in.reset(secure)
	c.mu.Lock()
	if !c.killed {
		c.writeBy = time.Now().Add(handshakeTimeout)
		_ = c.raw.SetDeadline(c.writeBy) // the handshake tells
	}
	c.mu.Unlock()
	if err := secure.Handshake(); err != nil {
		return err
	}
	c.conn = secure
	state := secure.ConnectionState()
	c.protocol = strings.Replace(tls.VersionName(state.Version), "TLS ", "TLSv", 1)
	c.cipher = cipherName(state.CipherSuite)
	c.hello, c.extended = "", false
	c.noteSecured(&journal.ConnectionSecured{ICID: c.icid, Protocol: c.protocol, Cipher: c.cipher})
	return nil
}

// cipherName spells a cipher suite as OpenSSL and operators do.
func cipherName(suite uint16) string {
	name := tls.CipherSuiteName(suite)
	if !strings.Contains(name, "_WITH_") {
		return name // TLS 1.3's are the same
	}
	name = strings.NewReplacer("TLS_", "", "_WITH_", "-", "AES_128", "AES128", "AES_256", "AES256").Replace(name)
	name = strings.ReplaceAll(name, "_", "-")
	if strings.Contains(name, "CHACHA20") {
		name = strings.TrimSuffix(name, "-SHA256")
	}
	return name
}

// safeText bounds a text that may quote a peer, and takes out what could harm a terminal.
func safeText(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	return s[:min(len(s), 200)]
}

// certificateCheck is how often, at most, a certificate's files are looked at.
const certificateCheck = 5 * time.Second

// certificate is a pair of PEM files. It is read again at a handshake when the files have changed; a pair that cannot be
// read leaves the one before in force. It is safe for concurrent use.
type certificate struct {
	set        *certificates
	listener   string // for reports
	file, key  string
	tls        *tls.Config
	mu         sync.Mutex
	loaded     *tls.Certificate
	stamp      [2]stamp // of the files when they were last read
	lastLooked time.Time
	reported   string // the last failure that was reported
}

// stamp tells a file's versions apart.
type stamp struct {
	modified time.Time
	size     int64
}

// certificates are all in use. Its functions are set before the first load.
type certificates struct {
	now     func() time.Time
	problem func(listener string, err error)

	mu  sync.Mutex
	all map[[2]string]*certificate
}

// load returns the certificate of two files, reading them if they are new here.
func (s *certificates) load(listener, file, key string) (*certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = make(map[[2]string]*certificate)
	}
	id := [2]string{file, key}
	if c := s.all[id]; c != nil {
		return c, nil
	}
	c := &certificate{set: s, listener: listener, file: file, key: key}
	c.tls = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
	s.all[id] = c
	return c, c.read()
}

// usable tells whether STARTTLS can be offered.
func (c *certificate) usable() bool {
	if c == nil {
		return false
	}
	pair, _ := c.get(nil)
	return pair != nil
}

func (c *certificate) config() *tls.Config { return c.tls }

// get is called at each handshake.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.set.now(); now.Sub(c.lastLooked).Abs() >= certificateCheck {
		c.lastLooked = now
		if stamps, err := c.stamps(); err != nil || stamps != c.stamp {
			if err := c.readLocked(); err != nil && err.Error() != c.reported {
				c.reported = err.Error()
				c.set.problem(c.listener, err)
			}
		}
	}
	if c.loaded == nil {
		return nil, fmt.Errorf("certificate %s is not loaded", c.file)
	}
	return c.loaded, nil
}

func (c *certificate) read() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastLooked = c.set.now()
	return c.readLocked()
}

func (c *certificate) readLocked() error {
	stamps, err := c.stamps()
	if err != nil {
		return err
	}
	c.stamp = stamps // a broken pair is reported once, not at each look
	pair, err := tls.LoadX509KeyPair(c.file, c.key)
	if err != nil {
		return fmt.Errorf("certificate %s with key %s: %w", c.file, c.key, err)
	}
	c.loaded, c.reported = &pair, ""
	return nil
}

func (c *certificate) stamps() (s [2]stamp, err error) {
	for i, name := range []string{c.file, c.key} {
		info, err := os.Stat(name)
		if err != nil {
			return s, fmt.Errorf("certificate: %w", err)
		}
		s[i] = stamp{info.ModTime(), info.Size()}
	}
	return s, nil
}

package snmp

import (
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gosnmp/gosnmp"

	"postern/engine/config"
)

// Engine is who the agent is to SNMPv3 (RFC 3414 section 2.2): an id that nobody else has, and a clock that no restart
// sets back. It is not changed once opened.
type Engine struct {
	ID    string // 5 to 32 octets
	Boots uint32 // how often it was started, this time included; at maxBoots it has come to its end

	started time.Time
	kept    string // the file's id, hexadecimal; ""
}

// is tells whether it is the engine of the id that a configuration has: "" is the file's.
func (e *Engine) is(id string) bool {
	if id == "" {
		id = e.kept
	}
	return strings.EqualFold(id, hex.EncodeToString([]byte(e.ID)))
}

// maxBoots is where an engine's clock stops: nothing signed is accepted any more, until it gets another id.
const maxBoots = 1<<31 - 1

// User is the one that agent and traps know.
const User = "v3get"

// keptEngine is what the file holds.
type keptEngine struct {
	ID    string `json:"engine_id"` // hexadecimal; that which was made here, "" when none was needed yet
	Boots uint32 `json:"boots"`     // of any id: one that comes back must not begin anew
}

// OpenEngine starts an engine once more, and keeps that in a file before anybody hears of it. id, in hexadecimal, is the
// configuration's; when it is "", the file's holds, and the first time one is made of random.
func OpenEngine(path, id string, random io.Reader) (*Engine, error) {
	k, err := readEngine(path)
	if err != nil {
		return nil, err
	}
	if id == "" && k.ID == "" {
		if k.ID, err = newEngineID(random); err != nil {
			return nil, err
		}
	}
	if id == "" {
		id = k.ID
	}
	raw, err := config.ParseEngineID(id)
	if err != nil {
		return nil, fmt.Errorf("the SNMP engine id %.80q %w", id, err)
	}
	k.Boots = min(k.Boots, maxBoots-1) + 1
	if err := k.write(path); err != nil {
		return nil, fmt.Errorf("the starts of the SNMP engine cannot be kept: %w", err)
	}
	return &Engine{ID: string(raw), Boots: k.Boots, started: time.Now(), kept: k.ID}, nil
}

func readEngine(path string) (k keptEngine, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return k, nil
	}
	if err != nil {
		return k, fmt.Errorf("the starts of the SNMP engine: %w", err)
	}
	if err := json.Unmarshal(text, &k); err != nil || k.Boots > maxBoots {
		return k, fmt.Errorf("%s does not tell the starts of the SNMP engine; when it is removed, and [snmp] engine_id is another one or left out, a new engine begins", path)
	}
	if _, err := config.ParseEngineID(k.ID); err != nil {
		return k, fmt.Errorf("%s: the id in it %w", path, err)
	}
	return k, nil
}

// write replaces the file so that a crash leaves the old one or the new one.
func (k keptEngine) write(path string) error {
	text, err := json.Marshal(k)
	if err != nil {
		return err
	}
	fresh := path + ".new"
	f, err := os.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(fresh, path)
	}
	if err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// newEngineID makes an id of random octets (RFC 3411 section 5, SnmpEngineID, format 5). The enterprise is the one that
// belongs to nobody (RFC 5612).
func newEngineID(random io.Reader) (string, error) {
	id := []byte{0x80, 0x00, 0x7e, 0xd9, 5}
	own := make([]byte, 12)
	if _, err := io.ReadFull(random, own); err != nil {
		return "", fmt.Errorf("an id for the SNMP engine: %w", err)
	}
	return hex.EncodeToString(append(id, own...)), nil
}

// Time is the engine's clock: seconds since its start.
func (e *Engine) Time() uint32 {
	return uint32(min(time.Since(e.started)/time.Second, maxBoots))
}

// Security makes what User signs and encrypts with as this engine, as far as there are keys. The codec would hash
// passphrases if it had no keys; it has, and no passphrase.
func (e *Engine) Security(s *config.SNMP) (*gosnmp.UsmSecurityParameters, error) {
	u := &gosnmp.UsmSecurityParameters{UserName: User, AuthoritativeEngineID: e.ID,
		AuthenticationProtocol: gosnmp.NoAuth, PrivacyProtocol: gosnmp.NoPriv}
	auth, err := config.ParseSNMPKey(s.AuthKey)
	if err != nil {
		return nil, fmt.Errorf("the key for authentication %w", err)
	}
	priv, err := config.ParseSNMPKey(s.PrivKey)
	if err != nil {
		return nil, fmt.Errorf("the key for privacy %w", err)
	}
	if auth != nil {
		u.AuthenticationProtocol, u.SecretKey = gosnmp.SHA, localized(auth, e.ID)
	}
	if auth != nil && priv != nil {
		u.PrivacyProtocol, u.PrivacyKey = gosnmp.AES, localized(priv, e.ID)[:aesKeyBytes]
	}
	return u, nil
}

// aesKeyBytes is how much of a key encrypts (RFC 3826 section 3.1.2.1).
const aesKeyBytes = 16

// localized is the key that belongs to one engine only (RFC 3414 section A.2.2).
func localized(key []byte, engineID string) []byte {
	sum := sha1.Sum(slices.Concat(key, []byte(engineID), key))
	return sum[:]
}

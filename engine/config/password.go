package config

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// HashedPassword is a password as the document keeps it, from which nobody can read it back: PBKDF2 with HMAC-SHA-256
// (RFC 8018 section 5.2), written as pbkdf2-sha256$ROUNDS$SALT$KEY with salt and key in base64 without padding.
type HashedPassword struct {
	rounds    int
	salt, key []byte
}

const (
	passwordScheme = "pbkdf2-sha256"
	passwordRounds = 600_000 // some 0.1 s of a processor for each guess
	minRounds      = 1_000
	maxRounds      = 10_000_000 // a check must end
	saltBytes      = 16
	maxSaltBytes   = 64
	maxPassword    = 256 // bytes
)

// HashPassword makes the text for the document; random gives the salt.
func HashPassword(password string, random io.Reader) (string, error) {
	return hashPassword(password, random, passwordRounds)
}

func hashPassword(password string, random io.Reader, rounds int) (string, error) {
	if password == "" || len(password) > maxPassword {
		return "", fmt.Errorf("a password has 1 to %d bytes", maxPassword)
	}
	if strings.ContainsFunc(password, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", errors.New("a password has no control characters")
	}
	salt := make([]byte, saltBytes)
	if _, err := io.ReadFull(random, salt); err != nil {
		return "", fmt.Errorf("salt of a password: %w", err)
	}
	h := HashedPassword{rounds: rounds, salt: salt}
	if h.key = h.derive(password); h.key == nil {
		return "", errors.New("this system does not let a password be hashed")
	}
	return h.String(), nil
}

var errPasswordForm = errors.New(`is not a hashed password; "postern config password" makes one`)

// ParsePassword reads what HashPassword has written.
func ParsePassword(s string) (HashedPassword, error) {
	parts := strings.Split(s, "$")
	if len(parts) != 4 || parts[0] != passwordScheme {
		return HashedPassword{}, errPasswordForm
	}
	rounds, err := strconv.Atoi(parts[1])
	if err != nil || rounds < minRounds || rounds > maxRounds {
		return HashedPassword{}, errPasswordForm
	}
	salt, saltErr := base64.RawStdEncoding.DecodeString(parts[2])
	key, keyErr := base64.RawStdEncoding.DecodeString(parts[3])
	if saltErr != nil || keyErr != nil || len(salt) < saltBytes || len(salt) > maxSaltBytes || len(key) != sha256.Size {
		return HashedPassword{}, errPasswordForm
	}
	return HashedPassword{rounds: rounds, salt: salt, key: key}, nil
}

// Matches tells whether that is the password. It takes the same time whatever is wrong, and a lot of it.
func (h HashedPassword) Matches(password string) bool {
	if len(password) > maxPassword || len(h.key) == 0 {
		return false
	}
	return subtle.ConstantTimeCompare(h.derive(password), h.key) == 1
}

// derive is nil where the system forbids these parameters.
func (h HashedPassword) derive(password string) []byte {
	key, err := pbkdf2.Key(sha256.New, password, h.salt, h.rounds, sha256.Size)
	if err != nil {
		return nil
	}
	return key
}

// String is the text for the document.
func (h HashedPassword) String() string {
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("%s$%d$%s$%s", passwordScheme, h.rounds, encode(h.salt), encode(h.key))
}

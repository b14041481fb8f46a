package config

import (
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
)

// The lengths of passphrases and keys.
const (
	MinPassphrase = 8   // RFC 3414 section 11.2
	MaxPassphrase = 255 // bytes
	snmpKeyBytes  = sha1.Size
)

// SNMPKey is what the document keeps of a passphrase, for authentication and privacy alike: Ku, the SHA-1 of its first
// 1,048,576 bytes when it is repeated without end (RFC 3414 section A.2.2), in hexadecimal. It belongs to no engine yet.
func SNMPKey(passphrase string) (string, error) {
	if len(passphrase) < MinPassphrase || len(passphrase) > MaxPassphrase {
		return "", fmt.Errorf("an SNMPv3 passphrase has %d to %d bytes", MinPassphrase, MaxPassphrase)
	}
	const total = 1 << 20
	block := make([]byte, 0, total+len(passphrase))
	for len(block) < total {
		block = append(block, passphrase...)
	}
	key := sha1.Sum(block[:total])
	return hex.EncodeToString(key[:]), nil
}

var errSNMPKey = errors.New("is not a key; snmpconfig or \"postern config snmpkey\" makes one of a passphrase, and it has 40 hexadecimal digits")

// ParseSNMPKey reads what SNMPKey has written; "" is no key.
func ParseSNMPKey(s string) ([]byte, error) {
	if s == "" {
		return nil, nil
	}
	key, err := hex.DecodeString(s)
	if err != nil || len(key) != snmpKeyBytes {
		return nil, errSNMPKey
	}
	return key, nil
}

var errEngineID = errors.New("is not an engine id; allowed are 10 to 64 hexadecimal digits, not all 0 or all f")

// ParseEngineID reads the id of an SNMP engine (RFC 3411 section 5, SnmpEngineID); "" is none.
func ParseEngineID(s string) ([]byte, error) {
	if s == "" {
		return nil, nil
	}
	id, err := hex.DecodeString(s)
	if err != nil || len(id) < 5 || len(id) > 32 {
		return nil, errEngineID
	}
	zeros, ones := true, true
	for _, b := range id {
		zeros, ones = zeros && b == 0, ones && b == 0xff
	}
	if zeros || ones {
		return nil, errEngineID
	}
	return id, nil
}

package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
)

// Stamp is the first line of a file that Postern has written. A file whose text no longer has that hash was edited by
// hand.
type Stamp struct {
	Revision uint64
	Hash     string // hexadecimal SHA-256 of all after the line, in the file; a text that is shown bears that of the file
}

var stampLine = regexp.MustCompile(`\A# Postern configuration, revision ([0-9]{1,19}), sha256 ([0-9a-f]{64})\r?\n`)

// ReadStamp reads the first line of text.
func ReadStamp(text []byte) (Stamp, bool) {
	m := stampLine.FindSubmatch(text)
	if m == nil {
		return Stamp{}, false
	}
	revision, err := strconv.ParseUint(string(m[1]), 10, 64)
	if err != nil {
		return Stamp{}, false
	}
	return Stamp{revision, string(m[2])}, true
}

// WithStamp puts a stamp before text, in the place of the one that it bears. What an operator wrote stays as it is,
// comments included.
func WithStamp(text []byte, revision uint64) []byte {
	return Stamp{revision, Hash(text)}.On(text)
}

// On is WithStamp for a text that stands for another one, whose stamp this is: with its secrets masked, or its defaults
// written out.
func (s Stamp) On(text []byte) []byte {
	line := fmt.Sprintf("# Postern configuration, revision %d, sha256 %s\n", s.Revision, s.Hash)
	return append([]byte(line), Body(text)...)
}

// Hash is the hexadecimal SHA-256 of a document's text without its stamp, so that it is the same whatever revision the
// text becomes.
func Hash(text []byte) string {
	sum := sha256.Sum256(Body(text))
	return hex.EncodeToString(sum[:])
}

// Body is a document's text without its stamp.
func Body(text []byte) []byte {
	if at := stampLine.FindIndex(text); at != nil {
		return bytes.Clone(text[at[1]:])
	}
	return text
}

package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"postern/engine/config"
)

// configFile is the file that a configuration is read from at the start, and written back to by a commit.
type configFile struct{ path string }

// newConfigFile follows links: what they lead to is written, not the link.
func newConfigFile(path string) configFile {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	return configFile{path}
}

// hash is that of the text in the file, "" when there is no file.
func (f configFile) hash() (hash string, text []byte, err error) {
	text, err = f.read()
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil, nil
	}
	if err != nil {
		return "", nil, err
	}
	return config.Hash(text), text, nil
}

// maxConfigFile is how much of a file is read: more than a configuration may have.
const maxConfigFile = 16<<20 + 1

func (f configFile) read() ([]byte, error) {
	in, err := os.Open(f.path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return io.ReadAll(io.LimitReader(in, maxConfigFile))
}

// staged is a text that stands beside the file, on the disk, until it takes its place.
type staged struct{ from, to string }

func (f configFile) staged() staged {
	return staged{filepath.Join(filepath.Dir(f.path), "."+filepath.Base(f.path)+".new"), f.path}
}

// stage writes a text beside the file, with the rights that the file has; but no others may read it, for it may hold keys.
func (f configFile) stage(text []byte) (s staged, err error) {
	s = f.staged()
	mode := fs.FileMode(0o600)
	if info, err := os.Stat(f.path); err == nil {
		mode = info.Mode().Perm() &^ 0o007
	}
	if err := os.Remove(s.from); err != nil && !errors.Is(err, fs.ErrNotExist) { // one that a crash has left
		return s, err
	}
	out, err := os.OpenFile(s.from, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return s, err
	}
	if err = out.Chmod(mode); err == nil {
		_, err = out.Write(text)
	}
	if err == nil {
		err = out.Sync()
	}
	if closed := out.Close(); err == nil {
		err = closed
	}
	if err != nil {
		s.drop()
	}
	return s, err
}

// put puts a staged text in the file's place, and tells whether it did: when the file holds none of some texts, which are
// named by their hashes, somebody has just edited it, and it stays.
func (f configFile) put(s staged, over ...string) (done bool, err error) {
	defer s.drop() // nothing is there any more once it was put
	hash, _, err := f.hash()
	if err != nil || !slices.Contains(over, hash) {
		return false, err
	}
	if err := os.Rename(s.from, s.to); err != nil {
		return false, err
	}
	dir, err := os.Open(filepath.Dir(s.to))
	if err != nil {
		return false, err
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil {
		return false, err
	}
	return true, nil
}

func (s staged) drop() { os.Remove(s.from) }

// replace puts a text in the place of the one with a hash, and tells whether it did, as put does.
func (f configFile) replace(was string, text []byte) (done bool, err error) {
	s, err := f.stage(text)
	if err == nil {
		done, err = f.put(s, was)
	}
	if err != nil {
		err = fmt.Errorf("the configuration file %s cannot be written: %w", f.path, err)
	}
	return done, err
}

package logpush

import (
	"context"
	"fmt"
	"net/netip"
	"path"
	"path/filepath"
	"strconv"
	"time"
)

// Target is where files are pushed to. Its texts were checked by the configuration: none has a character with a meaning in
// a program's arguments or script.
type Target struct {
	Host       string // a name or an address
	Port       uint16
	User       string
	Directory  string
	Identity   string // the private key's file, from the directory of keys on; "": IdentityName
	KnownHosts string // the file of the host keys, likewise; "": KnownHostsName
}

// The gateway's own files in the directory of keys, DATA/configuration.
const (
	IdentityName   = "ssh_identity"
	KnownHostsName = "known_hosts"
)

// copyTime bounds the copying of one file. A connection that is dead ends long before.
const copyTime = time.Hour

// arguments are those of sftp, which is what scp speaks today; other than scp it can rename. Nothing is asked, no host that
// is not known is trusted, and no configuration, agent or key but those named is used.
func (t *Target) arguments() []string {
	host := t.Host
	if a, err := netip.ParseAddr(host); err == nil && a.Is6() {
		host = "[" + host + "]"
	}
	args := []string{"-b", "-", "-F", "none", "-P", strconv.Itoa(int(t.Port)), "-i", or(t.Identity, IdentityName)}
	for _, option := range []string{"LogLevel=ERROR", "BatchMode=yes", "StrictHostKeyChecking=yes", "UserKnownHostsFile=" + or(t.KnownHosts, KnownHostsName),
		"GlobalKnownHostsFile=none", "UpdateHostKeys=no", "CheckHostIP=no", "IdentitiesOnly=yes", "IdentityAgent=none",
		"PreferredAuthentications=publickey", "ConnectTimeout=20", "ServerAliveInterval=15", "ServerAliveCountMax=3"} {
		args = append(args, "-o", option)
	}
	return append(args, "--", t.User+"@"+host)
}

// script copies one file under a name that says that it is not whole, and then gives it its own.
func (t *Target) script(file string) string {
	whole := path.Join(t.Directory, path.Base(file))
	part := path.Join(t.Directory, "."+path.Base(file)+".part")
	return fmt.Sprintf("put %q %q\n-rm %q\nrename %q %q\n", file, part, whole, part, whole)
}

// push copies a file, a path from keys on, to the target.
func (t *Target) push(ctx context.Context, run Runner, keys, file string) error {
	ctx, cancel := context.WithTimeout(ctx, copyTime)
	defer cancel()
	_, said, err := run(ctx, keys, t.script(filepath.ToSlash(file)), "sftp", t.arguments()...)
	if err != nil {
		return saying(err, said)
	}
	return nil
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

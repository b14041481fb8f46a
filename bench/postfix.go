package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Postfix is a private instance of the Postfix that is installed: a plain relay to one address, with a configuration,
// queue, data and log of its own below one folder. Nothing of the system's Postfix is read or changed. Its queue is as
// durable as it always is; what would hold a load from one client back is set free. One goroutine uses it.
type Postfix struct {
	Address string // where it accepts mail

	dir string
}

// errNoPostfix wraps the reasons why there is no Postfix to compare with.
var errNoPostfix = errors.New("no Postfix")

// postfixCommand finds a command of Postfix also when the administrator's folders are not in PATH.
func postfixCommand(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	return exec.LookPath("/usr/sbin/" + name)
}

// StartPostfix brings up an instance below dir that relays everything to route, an address and port.
func StartPostfix(ctx context.Context, dir, route string) (*Postfix, error) {
	if _, err := postfixCommand("postfix"); err != nil {
		return nil, fmt.Errorf("%w: postfix is not installed", errNoPostfix)
	}
	if os.Getuid() != 0 {
		return nil, fmt.Errorf("%w: only root can start postfix", errNoPostfix)
	}
	address, err := freePort()
	if err != nil {
		return nil, err
	}
	p := &Postfix{Address: address, dir: dir}
	if err := p.configure(route); err != nil {
		return nil, fmt.Errorf("postfix: %w", err)
	}
	if err := p.run(ctx, "start"); err != nil {
		return nil, err
	}
	if err := p.await(ctx, 20*time.Second); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	return p, nil
}

func (p *Postfix) config() string { return filepath.Join(p.dir, "config") }

// configure makes the folders and the two files that Postfix reads.
func (p *Postfix) configure(route string) error {
	owner, err := user.Lookup("postfix")
	if err != nil {
		return err
	}
	uid, _ := strconv.Atoi(owner.Uid)
	for _, name := range []string{"", "config", "queue", "data"} {
		if err := os.MkdirAll(filepath.Join(p.dir, name), 0o755); err != nil {
			return err
		}
	}
	if err := os.Chown(filepath.Join(p.dir, "data"), uid, -1); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(p.config(), "main.cf"), []byte(p.mainFile(route)), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(p.config(), "master.cf"), []byte(p.masterFile()), 0o644)
}

// mainFile is the relay's configuration. The second part frees it from what slows a single client or destination down.
func (p *Postfix) mainFile(route string) string {
	host, port, _ := net.SplitHostPort(route)
	return fmt.Sprintf(`compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
maillog_file = %[1]s/mail.log
maillog_file_prefixes = %[1]s
myhostname = postfix.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
relayhost = [%[2]s]:%[3]s
alias_maps =
alias_database =
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions =

default_process_limit = 200
in_flow_delay = 0
initial_destination_concurrency = 20
default_destination_concurrency_limit = 50
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_client_message_rate_limit = 0
qmgr_message_active_limit = 50000
qmgr_message_recipient_limit = 50000
`, p.dir, host, port)
}

// masterFile lists the services that a relay needs, none of them in a changed root: there is nothing in ours.
func (p *Postfix) masterFile() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s inet n - n - - smtpd\n", p.Address)
	for _, service := range []string{
		"cleanup   unix n - n - 0 cleanup", "qmgr     unix n - n 300 1 qmgr", "rewrite unix - - n - - trivial-rewrite",
		"bounce    unix - - n - 0 bounce", "defer     unix - - n - 0 bounce", "trace    unix - - n - 0 bounce",
		"flush     unix n - n 1000? 0 flush", "proxymap unix - - n - - proxymap", "smtp    unix - - n - - smtp",
		"relay     unix - - n - - smtp", "error     unix - - n - - error", "retry      unix - - n - - error",
		"anvil     unix - - n - 1 anvil", "scache    unix - - n - 1 scache", "tlsmgr    unix - - n 1000? 1 tlsmgr",
		"postlog   unix-dgram n - n - 1 postlogd", "showq  unix n - n - - showq", "pickup    unix n - n 60 1 pickup",
	} {
		b.WriteString(service + "\n")
	}
	return b.String()
}

// run gives Postfix an order and waits until it is done.
func (p *Postfix) run(ctx context.Context, order string) error {
	path, err := postfixCommand("postfix")
	if err != nil {
		return err
	}
	c := exec.CommandContext(ctx, path, "-c", p.config(), order)
	c.Env = append(os.Environ(), "MAIL_CONFIG="+p.config())
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	if err := c.Run(); err != nil {
		return fmt.Errorf("postfix %s: %w: %s", order, err, said.Bytes())
	}
	return nil
}

// await waits until a client is greeted.
func (p *Postfix) await(ctx context.Context, patience time.Duration) error {
	for end := time.Now().Add(patience); !greets(p.Address); {
		if time.Now().After(end) {
			log, _ := os.ReadFile(filepath.Join(p.dir, "mail.log"))
			return fmt.Errorf("postfix greets nobody on %s: %s", p.Address, log)
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// Stop ends the instance; what is in its queue stays in its folder.
func (p *Postfix) Stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return p.run(ctx, "stop")
}

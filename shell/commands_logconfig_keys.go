package shell

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"postern/projections/logpush"
)

var hostKeyOperations = []Choice{
	{"SCAN", "Automatically download a host key."},
	{"DELETE", "Remove a key."},
	{"PRINT", "Display a key."},
	{"USER", "Display the gateway's own public key."},
}

// configureHostKeys is about the SSH keys of hosts that logs are copied to.
func configureHostKeys(ctx context.Context, t *turn) (string, error) {
	if len(t.words) > 0 || t.Asker == nil {
		return t.hostKeyOrder(ctx)
	}
	for {
		keys, err := t.Gateway.HostKeys(ctx)
		if err != nil {
			return "", err
		}
		t.Say("\n" + strings.TrimSuffix(showHostKeys(keys), "\n"))
		menu := hostKeyOperations
		if len(keys) == 0 {
			menu = []Choice{menu[0], menu[3]}
		}
		key, err := t.operation(ctx, menu)
		if err != nil || key == "" {
			return "", err
		}
		said, err := t.hostKeys(ctx, key, keys)
		if refused := (*RefusedError)(nil); errors.As(err, &refused) {
			said, err = sentence(refused.Error())+"\n", nil
		}
		if err != nil {
			return "", err
		}
		t.Say(strings.TrimSuffix(said, "\n"))
	}
}

// hostKeyOrder is one operation, named by arguments.
func (t *turn) hostKeyOrder(ctx context.Context) (string, error) {
	key := "print"
	if len(t.words) > 0 {
		key, t.words = strings.ToLower(t.words[0]), t.words[1:]
	}
	keys, err := t.Gateway.HostKeys(ctx)
	if err != nil {
		return "", err
	}
	if key == "print" && len(t.words) == 0 {
		return showHostKeys(keys), nil
	}
	return t.hostKeys(ctx, key, keys)
}

func (t *turn) hostKeys(ctx context.Context, key string, keys []logpush.HostKey) (string, error) {
	switch key {
	case "scan":
		return t.scanHostKeys(ctx)
	case "user":
		own, err := t.Gateway.PushKey(ctx)
		return own + "\n", err
	case "print", "delete":
		i, err := t.pickHostKey(ctx, key, keys)
		if err != nil {
			return "", err
		}
		if key == "print" {
			return fmt.Sprintf("%s %s %s\n%s\n", keys[i].Host, keys[i].Type, keys[i].Key, keys[i].Fingerprint), nil
		}
		return fmt.Sprintf("The key of %s is trusted no more.\n", keys[i].Host), t.Gateway.RemoveHostKey(ctx, keys[i])
	}
	return "", &UsageError{t.Command, fmt.Sprintf("hostkeyconfig does not know %.60q", key)}
}

func (t *turn) pickHostKey(ctx context.Context, verb string, keys []logpush.HostKey) (int, error) {
	number := func(word string) (int, error) {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 || n > len(keys) {
			return 0, &RefusedError{fmt.Sprintf("There is no key %.60q: %s.", word, keyNumbers(len(keys)))}
		}
		return n - 1, nil
	}
	answer, err := t.ask(ctx, Param{Name: "NUMBER", Question: "Enter the number of the key you wish to " + verb + ".", Required: true,
		Check: func(word string) error { _, err := number(word); return err }})
	if err != nil {
		return 0, err
	}
	return number(answer)
}

// keyNumbers says which keys there are.
func keyNumbers(n int) string {
	if n == 0 {
		return "none is trusted"
	}
	return fmt.Sprintf("give a number from 1 to %d", n)
}

// scanHostKeys asks a host for its keys, shows them, and trusts them if somebody says so.
func (t *turn) scanHostKeys(ctx context.Context) (string, error) {
	host, err := t.ask(ctx, Param{Name: "HOST", Question: "Please enter the hostname of the remote host:", Required: true})
	if err != nil {
		return "", err
	}
	port, err := t.ask(ctx, Param{Name: "PORT", Question: "Port to connect to on the remote host:", Default: "22", Check: checkPort})
	if err != nil {
		return "", err
	}
	n, _ := strconv.ParseUint(port, 10, 16) // checked
	keys, err := t.Gateway.ScanHostKeys(ctx, host, uint16(n))
	if err != nil {
		return "", err
	}
	t.Say("\n" + strings.TrimSuffix(showKeys(keys), "\n"))
	sure, err := t.Confirm(ctx, fmt.Sprintf("\nCompare the fingerprints with those that %s shows on its own console.\nAdd the preceding host key(s) for %s?", host, host), false)
	if err != nil {
		return "", err
	}
	switch {
	case !sure && t.Asker == nil:
		return "", errors.New("no key was added: compare the fingerprints and repeat it with --yes")
	case !sure:
		return "No key was added.\n", nil
	}
	for _, key := range keys {
		if err := t.Gateway.AddHostKey(ctx, key); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%s added for %s.\n", count(len(keys), "host key"), host), nil
}

func checkPort(word string) error {
	if n, err := strconv.ParseUint(word, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("%.60q is not a port: allowed are 1 to 65535", word)
	}
	return nil
}

func showHostKeys(keys []logpush.HostKey) string {
	if len(keys) == 0 {
		return "There are no installed host keys.\n"
	}
	return "Currently installed host keys:\n" + showKeys(keys)
}

func showKeys(keys []logpush.HostKey) string {
	lines := make([]string, len(keys))
	for i, k := range keys {
		lines[i] = fmt.Sprintf("%s %s %s", k.Host, k.Type, k.Fingerprint)
	}
	return menuLines(lines)
}

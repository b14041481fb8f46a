package shell

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"postern/engine/config"
)

// routed gives the gateway a document with SMTP routes.
func routed(t *testing.T, l *Local, routes string) {
	t.Helper()
	d, err := config.Parse([]byte("hostname = \"mail3.example.com\"\n"+routes), "test.toml")
	if err != nil {
		t.Fatal(err)
	}
	l.Document = func() *config.Document { return d }
}

// TestRedirectTargets: what is refused, what is warned of, and in which form it is kept.
func TestRedirectTargets(t *testing.T) {
	l, _ := queueOf(t, 3)
	routed(t, l, "[[smtp_route]]\ndomain = \"hole.example\"\nto = [\"/dev/null\"]\n[[smtp_route]]\ndomain = \"fine.example\"\nto = [\"192.0.2.7\"]\n"+
		"[[smtp_route]]\ndomain = \"void.example\"\nto = [\"/dev/null\"]\n[[smtp_route]]\ndomain = \"inside.example\"\nto = [\"[relay.example]\"]\n"+
		"[[smtp_route]]\ndomain = \"outside.example\"\nto = [\"usedns\"]\n")
	resolving(l, map[string]string{"example2.com A": "192.0.2.8", "fine.example A": "192.0.2.8", "hole.example A": "192.0.2.8",
		"ours.example MX": "10 mx.ours.example.", "mx.ours.example A": "192.0.2.1", "self.example AAAA": "::ffff:192.0.2.1", "nullmx.example MX": "0 .",
		"text.example TXT": "x", "dead.example MX": "10 gone.example."})
	const waits = " The mail waits until it has one."
	for target, c := range map[string]struct{ kept, warning, refusal string }{
		"Example2.com":        {kept: "example2.com"},
		"example2.com.":       {kept: "example2.com"},
		"[example2.com]:2525": {kept: "[example2.com]:2525"},
		"192.0.2.9:26":        {kept: "192.0.2.9:26"},
		"2001:db8::1":         {kept: "2001:db8::1"},
		"fine.example":        {kept: "fine.example"},
		"hole.example":        {kept: "hole.example", warning: "the SMTP route of hole.example is /dev/null: mail that goes there is lost, and nobody is told."},
		"void.example":        {kept: "void.example", warning: "the SMTP route of void.example is /dev/null: mail that goes there is lost, and nobody is told."},
		"void.example:26":     {kept: "void.example:26", warning: "void.example has no address that mail could be sent to now: there is no such domain." + waits},
		"inside.example":      {kept: "inside.example"},
		"outside.example":     {kept: "outside.example", warning: "outside.example has no address that mail could be sent to now: there is no such domain." + waits},
		"nowhere.example":     {kept: "nowhere.example", warning: "nowhere.example has no address that mail could be sent to now: there is no such domain." + waits},
		"broken.example": {kept: "broken.example", warning: "broken.example has no address that mail could be sent to now: DNS Temporary Failure broken.example AAAA - Timeout." +
			waits},
		"servfail.example":  {kept: "servfail.example", warning: "servfail.example has no address that mail could be sent to now: the server answers SERVFAIL." + waits},
		"text.example":      {kept: "text.example", warning: "text.example has no address that mail could be sent to now: the DNS knows none." + waits},
		"nullmx.example":    {kept: "nullmx.example", warning: "nullmx.example has no address that mail could be sent to now: it takes no mail." + waits},
		"dead.example":      {kept: "dead.example", warning: "dead.example has no address that mail could be sent to now: there is no such domain." + waits},
		"192.0.2.1":         {refusal: "192.0.2.1 is a listener of this gateway: the mail would come back to it. Give another machine."},
		"192.0.2.1:25":      {refusal: "192.0.2.1:25 is a listener of this gateway: the mail would come back to it. Give another machine."},
		"192.0.2.1:26":      {kept: "192.0.2.1:26"},
		"ours.example":      {refusal: "ours.example is this gateway: it has the address 192.0.2.1, where a listener of ours is. Give another machine."},
		"self.example":      {refusal: "self.example is this gateway: it has the address 192.0.2.1, where a listener of ours is. Give another machine."},
		"self.example:2525": {kept: "self.example:2525"},
		"USEDNS":            {refusal: "USEDNS is no machine: undo takes a redirection back, delivernow tries mail again."},
		"0.0.0.0":           {refusal: `"0.0.0.0" is not a machine: give a host name or an IP address, with :PORT behind it where it is not the usual one.`},
	} {
		for _, g := range []Gateway{l, overSocket(t, l)} {
			r, err := g.RedirectTarget(t.Context(), target)
			refused := (*RefusedError)(nil)
			switch {
			case c.refusal != "" && (!errors.As(err, &refused) || err.Error() != c.refusal):
				t.Errorf("%s: %v", target, err)
			case c.refusal == "" && (err != nil || r.Target != c.kept || strings.Join(r.Warnings, "|") != c.warning):
				t.Errorf("%s: %+v, %v", target, r, err)
			}
		}
	}
	if l.Prober.probes.Load() != 0 {
		t.Error("lookups are left under way")
	}
}

// TestRedirectWarns before it asks, and refuses our own listeners whoever orders.
func TestRedirectWarns(t *testing.T) {
	l, e := queueOf(t, 3)
	resolving(l, nil)
	for _, g := range []Gateway{l, overSocket(t, l)} {
		got := says(t, g, "redirectrecipients nowhere.example", "n\n")
		warning, before := strings.Index(got, "\nWARNING: nowhere.example has no address"), strings.Index(got, "Are you sure")
		if warning < strings.Index(got, redirectWarning) || before < warning || strings.Contains(got, "redirected.") {
			t.Error(got)
		}
		if got := says(t, g, "redirectrecipients 192.0.2.1 --yes", "batch"); !strings.HasPrefix(got, "error: 192.0.2.1 is a listener of this gateway") {
			t.Error(got)
		}
		got = says(t, g, "redirectrecipients nowhere.example --json", "batch")
		if !strings.Contains(got, `"warnings": [`) || strings.Contains(got, "WARNING") {
			t.Error(got)
		}
		if got := says(t, g, "redirectrecipients", "nowhere.example\n"); !strings.Contains(got, "WARNING: nowhere") {
			t.Error(got)
		}
	}
	if len(e.orders) > 0 {
		t.Errorf("%v", e.orders)
	}
	l.Prober.Dig = func(context.Context, DNSQuestion) (DNSReply, error) {
		return DNSReply{}, errors.New("no\n\x1b[2Jsuch thing")
	}
	if got := says(t, l, "redirectrecipients a.example", "n\n"); !strings.Contains(got, `no\x0a\x1b[2Jsuch thing`) {
		t.Error(got)
	}
	l.Prober.Dig = func(ctx context.Context, _ DNSQuestion) (DNSReply, error) {
		<-ctx.Done()
		return DNSReply{}, ctx.Err()
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r, err := l.RedirectTarget(ctx, "slow.example"); err != nil || len(r.Warnings) != 1 || !slices.Equal(e.orders, nil) {
		t.Errorf("%v, %v", r, err)
	}
}

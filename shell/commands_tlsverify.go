package shell

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

var _ = register(&Command{Name: "tlsverify", Summary: "try the TLS of a domain's mail hosts, step by step",
	Params: []Param{{Name: "DOMAIN", Question: "Enter the TLS domain to verify against:", Required: true},
		{Name: "HOST[:PORT]", Optional: true}},
	Help: "Without HOST the domain's mail exchangers are tried. The gateway connects to nobody else, offers no mail, and the certificate\n" +
		"must be vouched for and name the host or the domain.",
	Run: runTLSVerify})

func runTLSVerify(ctx context.Context, c *Call) error {
	q := TLSQuestion{Domain: strings.TrimSuffix(c.Arg(0), "."), Host: c.Arg(1)}
	if q.Host == "" && c.Asker != nil {
		host, err := c.Question(ctx, Param{Question: "Enter the destination host to connect to.  Append the port (example.com:26) if you are not connecting on port 25:",
			Default: q.Domain})
		if err != nil {
			return err
		}
		q.Host = host
	}
	if strings.EqualFold(q.Host, q.Domain) {
		q.Host = ""
	}
	begun, verified := false, false
	err := c.Gateway.VerifyTLS(ctx, q, func(s TLSStep) error {
		if !begun {
			begun = true
			if c.Asker != nil {
				c.Say("") // sets the answer apart from the questions
			}
		}
		if s.Step == "domain" {
			verified = s.OK
		}
		if c.JSON {
			return encoder(c.Out).Encode(s)
		}
		if s.Step == "domain" {
			s.Text = "\n" + s.Text
		}
		_, err := fmt.Fprintln(c.Out, s.Text)
		return err
	})
	if err != nil {
		return err
	}
	if err := c.Say("TLS verification completed."); err != nil {
		return err
	}
	if !verified && c.Asker == nil {
		return errors.New("TLS of " + q.Domain + " is not verified")
	}
	return nil
}

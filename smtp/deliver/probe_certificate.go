package deliver

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"time"
)

// maxShownCertificates and maxShownNames bound what is told of a peer's certificates.
const (
	maxShownCertificates = 10
	maxShownNames        = 10
)

func (p *probe) established(state tls.ConnectionState) {
	p.tell("handshake", true, "TLS connection established: protocol %s, cipher %s.",
		strings.Replace(tls.VersionName(state.Version), "TLS ", "TLSv", 1), tls.CipherSuiteName(state.CipherSuite))
}

// certificates shows what the peer sent and judges it: who vouches for it, and whom it names.
func (p *probe) certificates(chain []*x509.Certificate) bool {
	p.tell("certificate", true, "Verifying peer certificate.")
	if len(chain) == 0 {
		p.tell("certificate", false, "The host sent no certificate.")
		return false
	}
	for i, c := range chain[:min(len(chain), maxShownCertificates)] {
		p.tell("certificate", true, "Certificate %d: %s, issued by %s, valid from %s until %s.", i+1, named(c.Subject.String()),
			named(c.Issuer.String()), c.NotBefore.UTC().Format(time.DateTime), c.NotAfter.UTC().Format(time.DateTime))
	}
	trusted := p.trusted(chain)
	return p.names(chain[0]) && trusted
}

// trusted verifies the chain without regard to names.
func (p *probe) trusted(chain []*x509.Certificate) bool {
	o := x509.VerifyOptions{Roots: p.client.RootCAs, CurrentTime: p.client.Now(), Intermediates: x509.NewCertPool()}
	for _, c := range chain[1:] {
		o.Intermediates.AddCert(c)
	}
	_, err := chain[0].Verify(o)
	if err == nil {
		p.tell("chain", true, "TLS certificate verified.")
		return true
	}
	p.tell("chain", false, "TLS certificate not verified: %s.", untrusted(err, o.CurrentTime))
	return false
}

// untrusted says in plain words why nobody vouches for a certificate.
func untrusted(err error, now time.Time) string {
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && now.After(invalid.Cert.NotAfter):
		return "it expired on " + invalid.Cert.NotAfter.UTC().Format(time.DateTime)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "it is not valid before " + invalid.Cert.NotBefore.UTC().Format(time.DateTime)
	case errors.As(err, &unknown) && unknown.Cert != nil && unknown.Cert.Subject.String() == unknown.Cert.Issuer.String():
		return "it is self-signed"
	case errors.As(err, &unknown):
		return "no known authority has signed it"
	}
	return clean([]byte(strings.TrimPrefix(err.Error(), "x509: ")), maxKeptLine)
}

// names looks for the host, or else the domain, in the certificate.
func (p *probe) names(leaf *x509.Certificate) bool {
	host := p.hop.host
	if host == "" {
		host = p.hop.addr.Addr().String()
	}
	wanted := []string{host}
	if !strings.EqualFold(host, p.Domain) {
		wanted = append(wanted, p.Domain)
	}
	for _, name := range wanted {
		shown := clean([]byte(name), maxKeptLine)
		p.tell("name", true, "Verifying certificate name %s.", shown)
		if leaf.VerifyHostname(name) == nil {
			p.tell("name", true, "TLS certificate match %s.", shown)
			return true
		}
	}
	p.tell("name", false, "TLS certificate mismatch: it names %s.", namesOf(leaf))
	return false
}

// namesOf lists whom a certificate names.
func namesOf(leaf *x509.Certificate) string {
	var names []string
	for _, n := range leaf.DNSNames {
		names = append(names, named(n))
	}
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return "nobody (a common name alone does not count)"
	}
	if len(names) > maxShownNames {
		names = append(names[:maxShownNames], "...")
	}
	return strings.Join(names, ", ")
}

func named(name string) string {
	if name == "" {
		return "nobody"
	}
	return clean([]byte(name), 200)
}

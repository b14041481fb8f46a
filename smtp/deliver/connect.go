package deliver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"strings"
	"syscall"

	"postern/journal"
)

// failure is why an address of the destination could not be used.
type failure struct {
	err   error  // nil: the peer said it, in reply
	reply *reply // of the peer, when err is nil
	at    stage
	tls   bool // the handshake failed; without TLS it may work
	own   bool // it is our own trouble and says nothing about the host
}

func (f *failure) details() string {
	if f.err != nil {
		return describe(f.err)
	}
	return f.reply.quote()
}

// reason is the mail log's word for the kind of failure.
func (f *failure) reason() string {
	switch {
	case f.err == nil, isProtocol(f.err):
		return "unexpected SMTP response"
	case describe(f.err) == "timeout":
		return "timeout"
	}
	return "network error"
}

func isProtocol(err error) bool {
	for _, e := range []error{errReplyLine, errReplyLong, errReplyCode, errReplyMixed, errReplyEarly, errUnexpected} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// hop is an address to try.
type hop struct {
	addr netip.AddrPort
	host string // its name, "" for an address literal
}

// connect opens a connection that is ready for MAIL. TLS that does not come to be is tried again without, on a new
// connection (RFC 7435): an eavesdropper who can only listen gains nothing by it, and the mail goes.
func (d *delivery) connect(ctx context.Context, h hop) (*connection, *failure) {
	conn, f := d.openConnection(ctx, h, d.document.Delivery.TLS != "off")
	if f != nil && f.tls && ctx.Err() == nil {
		conn, f = d.openConnection(ctx, h, false)
	}
	return conn, f
}

func (d *delivery) openConnection(ctx context.Context, h hop, secure bool) (*connection, *failure) {
	c, destination := d.client, d.attempt.Destination
	d.lastDCID = 0
	if d.dcid == 0 {
		id, err := c.DCID(ctx)
		if err != nil {
			return nil, &failure{err: err, own: true}
		}
		d.dcid = id
	}
	c.pool.dialStarted(destination)
	nc, err := d.dial(ctx, h)
	if err != nil {
		c.pool.dialEnded(destination, nil)
		f := &failure{err: err, own: ctx.Err() != nil}
		if !f.own {
			c.learnRoutes(h.addr.Addr(), err)
			d.noteFailed(nil, h, f)
		}
		return nil, f
	}
	conn := newConnection(nc, h.addr)
	conn.dcid, d.dcid = d.dcid, 0
	conn.destination, conn.route, conn.document, conn.host = destination, d.attempt.Route, d.document, h.host
	c.Note(&journal.DeliveryConnectionOpened{DCID: conn.dcid, Destination: destination, Interface: d.interfaceName(),
		Source: conn.local, Address: h.addr.Addr(), Port: h.addr.Port(), Host: h.host})
	release := conn.follow(ctx)
	f := d.greet(ctx, conn, secure)
	if !release() && f == nil {
		f = &failure{err: errStopped}
	}
	c.pool.dialEnded(destination, conn)
	if f != nil {
		if !f.tls && !errors.Is(f.err, errStopped) {
			d.noteFailed(conn, h, f)
		}
		d.lastDCID = conn.dcid
		c.hangUp(conn, f.details())
		return nil, f
	}
	return conn, nil
}

// dial opens the TCP connection, from the address of our interface when it is of the same family.
func (d *delivery) dial(ctx context.Context, h hop) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, or(d.document.Delivery.ConnectTimeout.Duration, defaultConnect))
	defer cancel()
	local := d.source()
	if local.Is4() != h.addr.Addr().Is4() {
		local = netip.Addr{}
	}
	return d.client.Dial(ctx, "tcp", local, h.addr)
}

// greet takes the conversation from the greeting to EHLO's answer, and through STARTTLS.
func (d *delivery) greet(ctx context.Context, conn *connection, secure bool) *failure {
	conn.deadline(or(d.document.Delivery.GreetingTimeout.Duration, defaultCommandTimeout))
	if err := conn.read(); err != nil {
		return &failure{err: conn.failed(err), at: atGreeting}
	}
	if conn.reply.class() != 2 {
		return &failure{reply: &conn.reply, at: atGreeting}
	}
	if f := d.hello(conn); f != nil {
		return f
	}
	if !secure || !conn.ext.startTLS {
		return nil
	}
	err := d.startTLS(ctx, conn)
	if err == nil {
		return d.hello(conn)
	}
	if errors.Is(err, errStopped) {
		return &failure{err: err, at: atHello}
	}
	d.client.Note(&journal.DeliveryConnectionSecured{DCID: conn.dcid, Destination: conn.destination, Failure: describe(err),
		Address: conn.peer.Addr(), Level: levelPreferred})
	if errors.Is(err, errNoTLS) {
		return nil
	}
	return &failure{err: err, at: atHello, tls: true}
}

// hello says EHLO, or HELO to a peer that does not know it.
func (d *delivery) hello(conn *connection) *failure {
	timeout := or(d.document.Delivery.CommandTimeout.Duration, defaultCommandTimeout)
	name := d.hostname(conn)
	if conn.in.buffered() > 0 {
		return &failure{err: errReplyEarly, at: atHello}
	}
	if err := conn.command("EHLO "+name, timeout); err != nil {
		return &failure{err: err, at: atHello}
	}
	if conn.reply.class() == 2 {
		conn.ext = parseExtensions(&conn.reply)
		return nil
	}
	conn.ext = extensions{}
	if conn.reply.class() != 5 || conn.reply.code == 521 {
		return &failure{reply: &conn.reply, at: atHello}
	}
	if err := conn.command("HELO "+name, timeout); err != nil {
		return &failure{err: err, at: atHello}
	}
	if conn.reply.class() != 2 {
		return &failure{reply: &conn.reply, at: atHello}
	}
	return nil
}

// levelPreferred is what is asked of TLS: the mail goes without it too.
const levelPreferred = "Preferred"

// errNoTLS: the peer offers STARTTLS and then refuses it; the conversation can go on.
var errNoTLS = errors.New("STARTTLS unexpected response")

func (d *delivery) startTLS(ctx context.Context, conn *connection) error {
	state, err := d.handshake(ctx, conn, d.client.sessions)
	if err == nil {
		d.noteSecured(conn, state)
	}
	return err
}

// handshake secures the connection (RFC 3207). What the peer sent in the clear after its answer is not believed: it ends
// the connection.
func (d *delivery) handshake(ctx context.Context, conn *connection, sessions tls.ClientSessionCache) (state tls.ConnectionState, err error) {
	if err := conn.command("STARTTLS", or(d.document.Delivery.CommandTimeout.Duration, defaultCommandTimeout)); err != nil {
		return state, err
	}
	if conn.reply.class() != 2 {
		return state, errNoTLS
	}
	if conn.in.buffered() > 0 {
		return state, errReplyEarly
	}
	t := tls.Client(conn.net, &tls.Config{
		ServerName:         conn.host,
		InsecureSkipVerify: true, // opportunistic: who the peer is gets recorded, not enforced
		ClientSessionCache: sessions,
	})
	conn.deadline(MaxHandshake)
	if err := t.HandshakeContext(ctx); err != nil {
		if ctx.Err() != nil { // it has closed the socket
			return state, errStopped
		}
		return state, conn.failed(err)
	}
	conn.mu.Lock()
	conn.net = t
	conn.mu.Unlock()
	conn.secured = true
	return t.ConnectionState(), nil
}

func (d *delivery) noteSecured(conn *connection, state tls.ConnectionState) {
	e := &journal.DeliveryConnectionSecured{DCID: conn.dcid, Destination: conn.destination,
		Protocol: strings.Replace(tls.VersionName(state.Version), "TLS ", "TLSv", 1),
		Cipher:   tls.CipherSuiteName(state.CipherSuite), Address: conn.peer.Addr(), Level: levelPreferred}
	if len(state.PeerCertificates) > 0 {
		leaf := state.PeerCertificates[0]
		e.CommonName = clean([]byte(leaf.Subject.CommonName), maxKeptLine)
		conn.verified = conn.host != "" && d.client.vouched(state.PeerCertificates, conn.host)
		e.Verified = conn.verified
	}
	d.client.Note(e)
}

func (c *Client) vouched(chain []*x509.Certificate, host string) bool {
	o := x509.VerifyOptions{DNSName: host, Roots: c.RootCAs, CurrentTime: c.Now(), Intermediates: x509.NewCertPool()}
	for _, cert := range chain[1:] {
		o.Intermediates.AddCert(cert)
	}
	_, err := chain[0].Verify(o)
	return err == nil
}

// learnRoutes leaves IPv6 out for a while when the machine has none.
func (c *Client) learnRoutes(addr netip.Addr, err error) {
	if addr.Is6() && (errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, syscall.EADDRNOTAVAIL) ||
		errors.Is(err, syscall.EAFNOSUPPORT)) {
		c.noIPv6.Store(c.Now().Add(v6Pause).UnixNano())
	}
}

// source is the address of the interface that deliveries go out of, invalid when the system chooses.
func (d *delivery) source() netip.Addr {
	for i := range d.document.Interfaces {
		if f := &d.document.Interfaces[i]; f.Name == d.document.Delivery.Interface {
			return f.Address.Addr()
		}
	}
	return netip.Addr{}
}

func (d *delivery) interfaceName() string { return d.document.Delivery.Interface }

// hostname is how we call ourselves in EHLO: the interface's name, the gateway's, at worst our address (RFC 5321 4.1.3).
func (d *delivery) hostname(conn *connection) string {
	for i := range d.document.Interfaces {
		if f := &d.document.Interfaces[i]; f.Name == d.document.Delivery.Interface && f.Hostname != "" {
			return f.Hostname
		}
	}
	switch {
	case d.document.Hostname != "":
		return d.document.Hostname
	case conn.local.Is4():
		return "[" + conn.local.String() + "]"
	case conn.local.Is6():
		return "[IPv6:" + conn.local.WithZone("").String() + "]"
	}
	return "localhost"
}

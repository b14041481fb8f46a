package deliver

import (
	"errors"
	"strconv"
	"syscall"

	"postern/engine"
	"postern/journal"
)

// local is an outcome that no reply stands behind.
func local(result engine.Result, status, text string) engine.Outcome {
	o := engine.Outcome{Result: result, Code: "000", Status: status, Reason: reasonOf(status), Reply: []string{text}}
	if result == engine.Permanent {
		o.Class = journal.BounceOther
	}
	return o
}

// refused is a refusal of our own that comes of what a peer does not offer.
func (conn *connection) refused(status, text string) *engine.Outcome {
	o := local(engine.Permanent, status, text)
	o.DCID, o.Address = conn.dcid, conn.peer.Addr()
	return &o
}

// answered is the outcome that the connection's last reply means. Of a delivery it has the peer's own status only.
func (conn *connection) answered(at stage) engine.Outcome {
	r := &conn.reply
	o := engine.Outcome{DCID: conn.dcid, Address: conn.peer.Addr(), Code: codeText(r.code)}
	o.Status, o.Reply = r.texts()
	switch r.class() {
	case 2:
		o.Result = engine.Delivered
		return o
	case 5:
		o.Result, o.Class = engine.Permanent, journal.Bounce5XX
	}
	if o.Status == "" {
		o.Status = statusOf(r.code, at)
	}
	o.Reason = reasonOf(o.Status)
	return o
}

func codeText(code int) string {
	switch code {
	case 250:
		return "250"
	case 550:
		return "550"
	}
	return strconv.Itoa(code)
}

// broken is the outcome of a conversation that ended before the final dot.
func (conn *connection) broken(err error) engine.Outcome {
	o := local(engine.Temporary, brokenStatus(err, "4.4.2"), describe(err))
	o.DCID, o.Address = conn.dcid, conn.peer.Addr()
	return o
}

// unexpected is the outcome of a reply that has no place where it came.
func (conn *connection) unexpected() engine.Outcome {
	o := conn.answered(atData)
	o.Result, o.Status = engine.Temporary, "4.5.0"
	o.Reason, o.Class = reasonOf(o.Status), 0
	return o
}

func brokenStatus(err error, timeout string) string {
	var errno syscall.Errno
	switch {
	case errors.Is(err, errStopped):
		return "4.3.2"
	case isProtocol(err):
		return "4.5.0"
	case describe(err) == "timeout":
		return timeout
	case errors.As(err, &errno):
		return "4.4.0"
	}
	return "4.4.2"
}

// hostFailure is the outcome of an address that let no transaction begin.
func (d *delivery) hostFailure(h hop, f *failure) engine.Outcome {
	var o engine.Outcome
	if f.err != nil {
		o = local(engine.Temporary, brokenStatus(f.err, "4.4.1"), describe(f.err))
	} else {
		o = engine.Outcome{Code: codeText(f.reply.code)}
		o.Status, o.Reply = f.reply.texts()
		if o.Status == "" {
			o.Status = statusOf(f.reply.code, f.at)
		}
		o.Reason = reasonOf(o.Status)
	}
	o.Host, o.Address, o.DCID = true, h.addr.Addr(), d.lastDCID
	return o
}

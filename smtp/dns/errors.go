package dns

import "github.com/miekg/dns"

// Kind is why a lookup gave no answer.
type Kind uint8

// The temporary kinds come first; the zero value is one of them, since what nobody classified is tried again.
const (
	ServFail Kind = iota // the server could not find out
	Refused              // the server does not serve us
	NotImp               // the server does not know how
	FormErr              // the server did not understand, or we not it
	Lame                 // the server only named others to ask
	Timeout              // no server answered in time
	Network              // no server could be reached
	Loop                 // aliases lead back to themselves, or too far
	Busy                 // too many questions are waiting (MaxFlights)
	Canceled             // the asker's context ended, or the Resolver was closed

	NXDomain  // the name does not exist
	NoData    // the name exists and has no such records
	BadName   // the name asked for cannot exist: characters, lengths; nothing was asked
	Malformed // there are records, and none holds a usable name or address
)

var kindTexts = [...]string{
	ServFail: "ServFail", Refused: "Refused", NotImp: "NotImp", FormErr: "FormErr", Lame: "lame DNS referral",
	Timeout: "Timeout", Network: "Network", Loop: "CNAME Loop", Busy: "Busy", Canceled: "Canceled",
	NXDomain: "NXDomain", NoData: "NoData", BadName: "BadName", Malformed: "Malformed",
}

// String is the word of the mail log.
func (k Kind) String() string {
	if int(k) < len(kindTexts) {
		return kindTexts[k]
	}
	return "Unknown"
}

// Temporary tells whether asking again later may give an answer.
func (k Kind) Temporary() bool { return k < NXDomain }

// Error is a lookup that gave no answer. Its text is safe to log: the name is bounded and printable. It is shared
// between askers and must not be changed.
type Error struct {
	Name string // what was asked, without the final dot
	Type string // "MX", "A", "AAAA", "PTR", "TXT"
	Kind Kind
	Err  error // what lies beneath (a socket's error, a context's), nil when a server said it
}

// Error is the form of the mail log: a hard error has two spaces before its kind.
func (e *Error) Error() string {
	if e.Temporary() {
		return "DNS Temporary Failure " + e.Name + " " + e.Type + " - " + e.Kind.String()
	}
	return "DNS Hard Error looking up " + e.Name + " (" + e.Type + "):  " + e.Kind.String()
}

// Temporary tells whether asking again later may give an answer.
func (e *Error) Temporary() bool { return e.Kind.Temporary() }

// Unwrap gives the cause, so that errors.Is finds context.Canceled and context.DeadlineExceeded.
func (e *Error) Unwrap() error { return e.Err }

func failure(k key, kind Kind, err error) *Error {
	return &Error{Name: printable(k.name), Type: dns.TypeToString[k.qtype], Kind: kind, Err: err}
}

// kindOf translates a server's response code (RFC 1035 4.1.1, RFC 6895 2.3).
func kindOf(rcode int) Kind {
	switch rcode {
	case dns.RcodeNameError:
		return NXDomain
	case dns.RcodeRefused, dns.RcodeNotAuth:
		return Refused
	case dns.RcodeNotImplemented:
		return NotImp
	case dns.RcodeFormatError, dns.RcodeBadVers:
		return FormErr
	}
	return ServFail
}

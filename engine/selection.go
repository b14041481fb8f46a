package engine

import (
	"fmt"
	"strings"
	"time"
)

// Selection says which recipients of the queue are meant: those to which all of it applies. The zero value means all.
// Matching is exact, domains without regard to case; nothing is a wildcard.
type Selection struct {
	Host     string        `json:"host,omitempty"`     // the recipients' domain; a redirect does not change it
	From     *string       `json:"from,omitempty"`     // the envelope sender; "" is the null sender
	MID      uint32        `json:"mid,omitempty"`      // of the message
	Older    time.Duration `json:"older,omitempty"`    // in the queue for at least so long
	Attempts uint32        `json:"attempts,omitempty"` // tried at least so often
	Subject  string        `json:"subject,omitempty"`  // a regular expression (RE2) that matches the subject
	MinSize  int64         `json:"min_size,omitempty"` // bytes of the message
	MaxSize  int64         `json:"max_size,omitempty"` // bytes; 0: no limit
	Held     bool          `json:"held,omitempty"`     // only those that are held
}

// String is the selection in words, as the journal and the logs keep it.
func (s Selection) String() string {
	var words []string
	add := func(format string, args ...any) { words = append(words, fmt.Sprintf(format, args...)) }
	if s.Host != "" {
		add("to host %s", strings.ToLower(s.Host))
	}
	if s.From != nil {
		add("from <%s>", bare(*s.From))
	}
	if s.MID != 0 {
		add("MID %d", s.MID)
	}
	if s.Older > 0 {
		add("older than %s", s.Older)
	}
	if s.Attempts > 0 {
		add("tried %d times or more", s.Attempts)
	}
	if s.Subject != "" {
		add("subject matches %q", s.Subject)
	}
	if s.MinSize > 0 {
		add("of %d bytes or more", s.MinSize)
	}
	if s.MaxSize > 0 {
		add("of %d bytes or less", s.MaxSize)
	}
	if s.Held {
		add("held")
	}
	if len(words) == 0 {
		return "all"
	}
	return strings.Join(words, ", ")
}

// Preview is what a selection would touch, as of a Seq.
type Preview struct {
	Messages   uint64 `json:"messages"`
	Recipients uint64 `json:"recipients"`
	AsOf       uint64 `json:"as_of"`
}

// Listed is one recipient in the queue, as showrecipients shows it.
type Listed struct {
	Seq       uint64    `json:"seq"` // of the message
	MID       uint32    `json:"mid"`
	Bytes     int64     `json:"bytes"`
	Sender    string    `json:"sender"` // "" is the null sender
	Subject   string    `json:"subject"`
	RID       uint32    `json:"rid"`
	Attempts  uint32    `json:"attempts"`
	Recipient string    `json:"recipient"`
	Host      string    `json:"host"`               // the recipient's domain
	Redirect  string    `json:"redirect,omitempty"` // where an operator has sent it
	Injected  time.Time `json:"injected"`           // moved by jumps of the clock, so that the age is true
	Next      time.Time `json:"next,omitzero"`      // when it is due
	State     string    `json:"state"`              // queued, in delivery, held, in work queue, quarantined
}

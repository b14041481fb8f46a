package deliver

import "strings"

// stage is where in the conversation a reply belongs.
type stage uint8

const (
	atGreeting stage = iota
	atHello
	atMail
	atRecipient
	atData
	atEnd // the reply to the final dot
)

// statusOf derives an enhanced status (RFC 3463) for a reply that has none, from its code and its place.
func statusOf(code int, at stage) string {
	class := "4."
	if code >= 500 {
		class = "5."
	}
	switch code {
	case 421:
		return "4.3.2"
	case 521:
		return "5.3.2"
	case 556:
		return "5.1.10"
	case 530, 535, 538:
		return "5.7.0"
	}
	switch at {
	case atMail, atRecipient:
		switch {
		case at == atMail && code == 451:
			return "4.3.0"
		case at == atMail && code == 452:
			return "4.3.1"
		case at == atMail && code == 552:
			return "5.3.4"
		case code == 452:
			return "4.5.3"
		case code == 552:
			return "5.2.2"
		}
		return class + "1.0"
	case atData, atEnd:
		switch code {
		case 451:
			return "4.3.0"
		case 452:
			return "4.3.1"
		case 552:
			return "5.3.4"
		case 500, 501, 502, 503, 504:
			return "5.5.0"
		case 554:
			return "5.6.0"
		}
		return class + "0.0"
	}
	return class + "3.0"
}

// reasonOf is the text of an enhanced status, in the words that operators know from their logs.
func reasonOf(status string) string {
	_, detail, _ := strings.Cut(status, ".")
	if text, ok := reasons[detail]; ok {
		return text
	}
	subject, _, _ := strings.Cut(detail, ".")
	if text, ok := reasons[subject+".0"]; ok {
		return text
	}
	return reasons["0.0"]
}

// reasons are the texts of RFC 3463 and its additions by subject and detail.
var reasons = map[string]string{
	"0.0":  "Other undefined status",
	"1.0":  "Unknown address error",
	"1.1":  "Bad destination email address",
	"1.2":  "Bad destination host",
	"1.3":  "Bad destination mailbox address syntax",
	"1.4":  "Destination mailbox address ambiguous",
	"1.5":  "Destination address valid",
	"1.6":  "Destination mailbox has moved",
	"1.7":  "Bad sender's mailbox address syntax",
	"1.8":  "Bad sender's system address",
	"1.9":  "Message relayed to non-compliant mailer",
	"1.10": "Recipient address has null MX",
	"2.0":  "Other or undefined mailbox status",
	"2.1":  "Mailbox disabled, not accepting messages",
	"2.2":  "Mailbox full",
	"2.3":  "Message length exceeds administrative limit",
	"2.4":  "Mailing list expansion problem",
	"3.0":  "Other mail system problem",
	"3.1":  "Mail system full",
	"3.2":  "Not accepting messages at this time",
	"3.3":  "System not capable of selected features",
	"3.4":  "Message too big for system",
	"3.5":  "System incorrectly configured",
	"4.0":  "Other network problem",
	"4.1":  "No answer from host",
	"4.2":  "Bad connection",
	"4.3":  "Routing server failure",
	"4.4":  "Unable to route",
	"4.5":  "Network congestion",
	"4.6":  "Routing loop detected",
	"4.7":  "Delivery expired (message too old)",
	"5.0":  "Other protocol problem",
	"5.1":  "Invalid command",
	"5.2":  "Syntax error",
	"5.3":  "Too many recipients",
	"5.4":  "Invalid command arguments",
	"5.5":  "Wrong protocol version",
	"6.0":  "Other media error",
	"6.1":  "Media not supported",
	"6.2":  "Conversion required and prohibited",
	"6.3":  "Conversion required but not supported",
	"6.4":  "Conversion with loss performed",
	"6.5":  "Conversion failed",
	"6.6":  "Message content not available",
	"6.7":  "Non-ASCII addresses not permitted for that sender/recipient",
	"6.8":  "UTF-8 string reply is required, but not permitted by the SMTP client",
	"6.9":  "UTF-8 header message cannot be transferred to one or more recipients",
	"6.11": "Invalid characters",
	"7.0":  "Other security problem",
	"7.1":  "Delivery not authorized, message refused",
	"7.2":  "Mailing list expansion prohibited",
	"7.3":  "Security conversion required but not possible",
	"7.4":  "Security features not supported",
	"7.5":  "Cryptographic failure",
	"7.6":  "Cryptographic algorithm not supported",
	"7.7":  "Message integrity failure",
	"7.10": "Encryption needed",
	"7.13": "User account disabled",
	"7.20": "No passing DKIM signature found",
	"7.23": "SPF validation failed",
	"7.25": "Reverse DNS validation failed",
	"7.26": "Multiple authentication checks failed",
	"7.27": "Sender address has null MX",
	"7.30": "REQUIRETLS support required",
}

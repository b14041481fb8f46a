package shell

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

var _ = register(
	&Command{Name: "dig", Summary: "ask the DNS, past the cache", Offline: true, Anywhere: true, OwnFlags: true,
		Synopsis: "[-t TYPE] [-x] [-p PORT] [@SERVER] [+short] NAME [TYPE]",
		Params:   []Param{{Name: "ARGUMENT", Optional: true, Rest: true, Complete: completeType}},
		Help: `The gateway's own servers are asked, as it would ask them itself.
  -t TYPE    A, AAAA, MX, TXT, TYPE65 ...; a type alone will do
  -x         the name is an IP address, whose name is wanted
  -p PORT    the server's port
  @SERVER    the server to ask: an address or a host name
  +short     the records' data alone`,
		Run: runDig},
	&Command{Name: "nslookup", Summary: "ask the DNS for one kind of record", Offline: true, Anywhere: true,
		Params: []Param{lookupName, {Name: "TYPE", Optional: true, Choices: lookupTypes}},
		Run:    runNSLookup})

var lookupName = Param{Name: "HOST", Question: "Please enter the host or IP address to resolve.", Required: true}

// lookupTypes is the menu of record types.
var lookupTypes = []Choice{{"A", "A       the host's IP address"}, {"AAAA", "AAAA    the host's IPv6 address"},
	{"CNAME", "CNAME   the canonical name for an alias"}, {"MX", "MX      the mail exchanger"},
	{"NS", "NS      the name server for the named zone"}, {"PTR", "PTR     the hostname if the query is an Internet address"},
	{"SOA", "SOA     the domain's \"start-of-authority\" information"}, {"TXT", "TXT     the text information"}}

func completeType(context.Context, Gateway, string) []Suggestion {
	var list []Suggestion
	for _, t := range lookupTypes {
		list = append(list, Suggestion{t.Key, strings.TrimSpace(strings.TrimPrefix(t.Title, t.Key))})
	}
	return list
}

func runDig(ctx context.Context, c *Call) error {
	q, short, err := parseDig(c.Args)
	if err != nil {
		return &UsageError{c.Command, err.Error()}
	}
	if q.Name == "" && c.Asker == nil {
		return &UsageError{Command: c.Command}
	}
	if q.Name == "" {
		if q.Name, err = c.Question(ctx, lookupName); err != nil {
			return err
		}
		if q.Type, err = c.askType(ctx, &q); err != nil {
			return err
		}
	}
	if q.Type == "" && !q.Reverse {
		q.Type = "A"
	}
	r, err := c.Gateway.Dig(ctx, q)
	if err != nil {
		return err
	}
	if short {
		return c.Answer(r.Answer, shortRecords(r.Answer))
	}
	return c.Answer(r, renderDig(r, c.Zone))
}

// askType asks for the type of a question that has none; that of an address is its name.
func (c *Call) askType(ctx context.Context, q *DNSQuestion) (string, error) {
	if isAddress(q.Name) {
		q.Reverse = true
	}
	if q.Type != "" || q.Reverse || c.Asker == nil {
		return q.Type, nil
	}
	return c.Question(ctx, Param{Question: "Choose the query type:", Default: "A", Choices: lookupTypes})
}

func isAddress(word string) bool {
	_, err := netip.ParseAddr(strings.Trim(word, "[]"))
	return err == nil
}

// parseDig reads dig's words.
func parseDig(words []string) (q DNSQuestion, short bool, err error) {
	port := ""
	for i := 0; i < len(words); i++ {
		word := words[i]
		value := func() string {
			if len(word) > 2 {
				return word[2:]
			}
			if i++; i < len(words) {
				return words[i]
			}
			err = fmt.Errorf("%s wants a value", word)
			return ""
		}
		switch {
		case strings.HasPrefix(word, "@"):
			q.Server = word[1:]
		case word == "+short":
			short = true
		case strings.HasPrefix(word, "-t"):
			q.Type = strings.ToUpper(value())
		case strings.HasPrefix(word, "-p"):
			port = value()
		case strings.HasPrefix(word, "-x"):
			q.Reverse = true
			if len(word) > 2 {
				q.Name = word[2:]
			}
		case strings.HasPrefix(word, "-"), strings.HasPrefix(word, "+"):
			return q, short, fmt.Errorf("dig does not know %s", word)
		case q.Type == "" && isType(word) && (q.Name != "" || len(words) > 1):
			q.Type = strings.ToUpper(word)
		case q.Name == "":
			q.Name = word
		default:
			return q, short, fmt.Errorf("dig does not take %q", word)
		}
		if err != nil {
			return q, short, err
		}
	}
	return q, short, q.at(port)
}

// isType tells a type from a name: it has no dot, and is one of those that people ask for.
func isType(word string) bool {
	switch word = strings.ToUpper(word); word {
	case "A", "AAAA", "ANY", "CAA", "CNAME", "DNSKEY", "DS", "HTTPS", "MX", "NS", "NSEC", "PTR", "RRSIG", "SOA", "SPF", "SRV", "SSHFP", "SVCB", "TLSA", "TXT":
		return true
	}
	number, is := strings.CutPrefix(word, "TYPE")
	_, err := strconv.ParseUint(number, 10, 16)
	return is && err == nil
}

// at puts a port to the question's server.
func (q *DNSQuestion) at(port string) error {
	if port == "" {
		return nil
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("-p wants a port, not %q", port)
	}
	if q.Server == "" {
		return errors.New("-p wants a server, @SERVER, that it is the port of")
	}
	if a, err := netip.ParseAddr(strings.Trim(q.Server, "[]")); err == nil && a.Is6() {
		q.Server = "[" + a.String() + "]"
	}
	q.Server += ":" + port
	return nil
}

func shortRecords(list []DNSRecord) string {
	var b strings.Builder
	for _, r := range list {
		fmt.Fprintln(&b, r.Data)
	}
	return b.String()
}

// renderDig writes a reply as the tool of that name does.
func renderDig(r DNSReply, zone *time.Location) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n;; Got answer:\n;; ->>HEADER<<- opcode: QUERY, status: %s, id: %d\n", r.Status, r.ID)
	fmt.Fprintf(&b, ";; flags: %s; QUERY: 1, ANSWER: %d, AUTHORITY: %d, ADDITIONAL: %d\n", strings.Join(r.Flags, " "),
		len(r.Answer), len(r.Authority), len(r.Additional))
	fmt.Fprintf(&b, "\n;; QUESTION SECTION:\n;%s  IN  %s\n", r.Name, r.Type)
	for _, s := range []struct {
		title   string
		records []DNSRecord
	}{{"ANSWER", r.Answer}, {"AUTHORITY", r.Authority}, {"ADDITIONAL", r.Additional}} {
		var rows [][]string
		for _, x := range s.records {
			rows = append(rows, []string{x.Name, strconv.FormatUint(uint64(x.TTL), 10), x.Class, x.Type, x.Data})
		}
		if len(rows) > 0 {
			fmt.Fprintf(&b, "\n;; %s SECTION:\n%s", s.title, aligned(rows...))
		}
	}
	if r.Omitted > 0 {
		fmt.Fprintf(&b, "\n;; %s %s not shown\n", count(r.Omitted, "more record"), either(r.Omitted, "is", "are"))
	}
	host, port := r.Server, ""
	if a, err := netip.ParseAddrPort(r.Server); err == nil {
		host, port = a.Addr().String(), strconv.Itoa(int(a.Port()))
	}
	fmt.Fprintf(&b, "\n;; Query time: %d msec\n;; SERVER: %s#%s (%s)\n;; WHEN: %s\n", int64(r.Seconds*1000), host, port,
		strings.ToUpper(r.Network), Date(r.Asked.In(zone), true))
	return b.String()
}

func runNSLookup(ctx context.Context, c *Call) (err error) {
	q := DNSQuestion{Name: c.Arg(0), Type: c.Arg(1)}
	if q.Type, err = c.askType(ctx, &q); err != nil {
		return err
	}
	switch {
	case q.Reverse:
		q.Type = "PTR"
	case q.Type == "":
		q.Type = "A"
	}
	r, err := c.Gateway.Dig(ctx, q)
	if err != nil {
		return err
	}
	if c.JSON {
		return c.Answer(r, "")
	}
	switch {
	case r.Status == "NXDOMAIN":
		return fmt.Errorf("there is no domain %s", strings.TrimSuffix(r.Name, "."))
	case r.Status != "NOERROR":
		return fmt.Errorf("the server %s answers %s", r.Server, r.Status)
	case len(r.Answer) == 0:
		return fmt.Errorf("%s has no %s record", strings.TrimSuffix(r.Name, "."), r.Type)
	}
	var b strings.Builder
	for _, x := range r.Answer {
		fmt.Fprintf(&b, "%s=%s TTL=%s\n", x.Type, strings.TrimSuffix(x.Data, "."), lifetime(x.TTL))
	}
	return c.Answer(r, b.String())
}

// lifetime is a TTL as AsyncOS writes it: 52m24s, 30m.
func lifetime(seconds uint32) string {
	text := (time.Duration(seconds) * time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

package dns

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

const (
	maxName  = 253 // characters of a name without its final dot (RFC 1035 2.3.4)
	maxLabel = 63

	maxUnicode = 4 * maxName // bytes of an internationalised name that is converted
)

var toASCII = idna.New(idna.MapForLookup(), idna.Transitional(false))

// hostName checks a name and gives it in lower case without its final dot; it allocates only when something changes.
// Letters, digits, hyphen and underscore: what mail hosts are called, the underscore included because it occurs.
func hostName(name string) (string, bool) { return canonical(name, isHostByte) }

// anyName is hostName for names that are only asked for or followed, never shown: TXT owners, aliases
// (RFC 2317 has '/' in them). Nothing that presentation format escapes is let through.
func anyName(name string) (string, bool) { return canonical(name, isNameByte) }

func canonical(name string, allowed func(byte) bool) (string, bool) {
	name = strings.TrimSuffix(name, ".")
	if name == "" || len(name) > maxName {
		return "", false
	}
	label, upper := 0, false
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == '.':
			if label == 0 {
				return "", false
			}
			label = 0
			continue
		case 'A' <= c && c <= 'Z':
			upper = true
		case !allowed(c):
			return "", false
		}
		if label++; label > maxLabel {
			return "", false
		}
	}
	if label == 0 {
		return "", false
	}
	if upper {
		name = strings.ToLower(name)
	}
	return name, true
}

func isHostByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

func isNameByte(c byte) bool {
	return c > ' ' && c < 0x7f && !strings.ContainsRune(`.'@;()"\`, rune(c))
}

// aLabels converts U-labels to A-labels (RFC 5891); "" when the name has none or they are not allowed.
func aLabels(name string) string {
	if len(name) > maxUnicode || !utf8.ValidString(name) || !strings.ContainsFunc(name, func(c rune) bool { return c >= 0x80 }) {
		return ""
	}
	ascii, err := toASCII.ToASCII(name)
	if err != nil {
		return ""
	}
	return ascii
}

// sameName compares an owner in presentation format with a canonical name.
func sameName(owner, name string) bool {
	return len(owner) == len(name)+1 && owner[len(name)] == '.' && strings.EqualFold(owner[:len(name)], name)
}

// within tells whether name is zone or lies below it; zone in presentation format, name canonical.
func within(name, zone string) bool {
	zone = strings.TrimSuffix(zone, ".")
	if zone == "" {
		return true
	}
	cut := len(name) - len(zone)
	return cut >= 0 && strings.EqualFold(name[cut:], zone) && (cut == 0 || name[cut-1] == '.')
}

// printable makes a refused name fit for a log: bounded, nothing but visible ASCII.
func printable(name string) string {
	if len(name) > maxName {
		name = name[:maxName]
	}
	for i := 0; i < len(name); i++ {
		if name[i] <= ' ' || name[i] >= 0x7f {
			return mask(name)
		}
	}
	return name
}

func mask(name string) string {
	b := []byte(name)
	for i, c := range b {
		if c <= ' ' || c >= 0x7f {
			b[i] = '?'
		}
	}
	return string(b)
}

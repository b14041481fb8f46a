package web

import (
	"bytes"
	"strconv"
	"strings"
)

// exposition gathers metrics in the text format of Prometheus, version 0.0.4.
type exposition struct {
	b      bytes.Buffer
	family string
}

// The types of metrics.
const (
	typeCounter = "counter"
	typeGauge   = "gauge"
)

var helpText = strings.NewReplacer(`\`, `\\`, "\n", `\n`)

// metric begins a family of samples; help is one line.
func (e *exposition) metric(name, kind, help string) {
	e.family = name
	e.b.WriteString("# HELP " + name + " " + helpText.Replace(help) + "\n# TYPE " + name + " " + kind + "\n")
}

// whole adds a sample of a whole number; labels are names and values by turns, names being ours and values anybody's.
func (e *exposition) whole(n int64, labels ...string) {
	e.sample(labels)
	e.b.Write(strconv.AppendInt(e.b.AvailableBuffer(), n, 10))
	e.b.WriteByte('\n')
}

// count adds a sample that is never negative.
func (e *exposition) count(n uint64, labels ...string) {
	e.sample(labels)
	e.b.Write(strconv.AppendUint(e.b.AvailableBuffer(), n, 10))
	e.b.WriteByte('\n')
}

// real adds a sample with a fraction.
func (e *exposition) real(x float64, labels ...string) {
	e.sample(labels)
	e.b.Write(strconv.AppendFloat(e.b.AvailableBuffer(), x, 'g', -1, 64))
	e.b.WriteByte('\n')
}

// one is a family of one sample.
func (e *exposition) one(name, kind, help string, n int64) {
	e.metric(name, kind, help)
	e.whole(n)
}

func (e *exposition) sample(labels []string) {
	e.b.WriteString(e.family)
	for i := 0; i+1 < len(labels); i += 2 {
		e.b.WriteByte("{,"[min(i, 1)])
		e.b.WriteString(labels[i])
		e.b.WriteString(`="`)
		e.b.WriteString(labelValue(labels[i+1]))
		e.b.WriteByte('"')
	}
	if len(labels) > 0 {
		e.b.WriteByte('}')
	}
	e.b.WriteByte(' ')
}

// maxLabel bounds the value of a label, in bytes: a domain name fits.
const maxLabel = 300

// labelValue escapes the value of a label. What is not UTF-8, or would be obeyed by a terminal, becomes a question mark.
func labelValue(s string) string {
	if len(s) > maxLabel {
		s = s[:maxLabel]
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\\' || r == '"':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r >= 0x7f && r < 0xa0 || r == 0xfffd || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069:
			b.WriteByte('?')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// metricName makes a name of Prometheus of a gauge's.
func metricName(gauge string) string {
	return "postern_" + strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return '_'
	}, gauge)
}

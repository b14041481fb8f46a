package journal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"reflect"
	"strconv"
	"time"
)

// Dump prints the durable records with from ≤ Seq ≤ to (0: the end), one a line, for people or as JSON lines. Facts of
// newer kinds are printed as bytes, also those that a reader has to stop at; all text is escaped.
func (j *Journal) Dump(w io.Writer, from, to uint64, asJSON bool) error {
	if to == 0 {
		to = j.Durable()
	}
	out := bufio.NewWriter(w)
	var c coder
	err := j.scan(from, to, func(first uint64, value []byte, b *block) error {
		// The events alias the value, which is only ours for the time of this call; they are printed within it.
		err := b.each(func(i int, f *frame) (bool, error) {
			seq := first + uint64(i)
			if seq < from || seq > to {
				return seq <= to, nil
			}
			l := dumpLine{Seq: seq, Time: (b.base + Instant(f.delta)).Time(), Kind: f.kind.String(), Forgotten: f.hash != nil}
			l.event(f, &c)
			return true, l.print(out, asJSON)
		})
		return j.damaged(blockError(first, err))
	})
	if err != nil {
		out.Flush()
		return err
	}
	return out.Flush()
}

// dumpLine is one record as it is printed.
type dumpLine struct {
	Seq       uint64    `json:"seq"`
	Time      time.Time `json:"time"`
	Kind      string    `json:"kind"`
	Event     Event     `json:"event"`
	Forgotten bool      `json:"forgotten,omitempty"`
	Malformed string    `json:"malformed,omitempty"`
}

func (l *dumpLine) event(f *frame, c *coder) {
	e, err := f.event(c, l.Seq)
	if err != nil {
		e = &Unknown{K: f.kind, Public: f.public, Private: f.private}
		l.Malformed = err.Error()
	}
	switch e := e.(type) { // they may hold secrets; the shell's showconfig shows what holds
	case *ConfigurationCommitted:
		e.Document = lengthOf(e.Document)
	case *HistoryCut:
		e.Document = lengthOf(e.Document)
	}
	l.Event = e
}

func lengthOf(s string) string {
	if s == "" {
		return ""
	}
	return fmt.Sprintf("(%d bytes)", len(s))
}

func (l *dumpLine) print(w io.Writer, asJSON bool) error {
	if asJSON {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false) // an address is <user@example.com>
		if err := e.Encode(l); err != nil {
			return err
		}
		_, err := w.Write(b.Bytes())
		return err
	}
	b := fmt.Appendf(nil, "%d %s ", l.Seq, l.Time.Format("2006-01-02T15:04:05.000000000Z"))
	b = append(b, Describe(l.Event)...)
	if l.Forgotten {
		b = append(b, " (private part forgotten)"...)
	}
	if l.Malformed != "" {
		b = append(b, " ("+strconv.Quote(l.Malformed)+")"...)
	}
	_, err := w.Write(append(b, '\n'))
	return err
}

// Describe gives an event's kind and its fields that are not zero, in one line with all text quoted.
func Describe(e Event) string {
	var b bytes.Buffer
	b.WriteString(e.Kind().String())
	describeFields(&b, reflect.ValueOf(e).Elem(), " ")
	return b.String()
}

func describeFields(b *bytes.Buffer, v reflect.Value, before string) {
	for i := range v.NumField() {
		if f := v.Field(i); f.IsZero() || f.Kind() == reflect.Slice && f.Len() == 0 {
			continue
		}
		b.WriteString(before)
		before = " "
		b.WriteString(v.Type().Field(i).Name)
		b.WriteByte('=')
		describeValue(b, v.Field(i))
	}
}

func describeValue(b *bytes.Buffer, v reflect.Value) {
	switch x := v.Interface().(type) {
	case Instant:
		b.WriteString(x.Time().Format(time.RFC3339Nano))
		return
	case netip.Addr:
		b.WriteString(x.String())
		return
	case []byte:
		fmt.Fprintf(b, "%x", x)
		return
	case Blob:
		fmt.Fprintf(b, "(%v)", x)
		return
	}
	switch v.Kind() {
	case reflect.String:
		b.WriteString(strconv.Quote(v.String()))
	case reflect.Struct:
		b.WriteByte('{')
		describeFields(b, v, "")
		b.WriteByte('}')
	case reflect.Slice:
		b.WriteByte('[')
		for i := range v.Len() {
			if i > 0 {
				b.WriteByte(' ')
			}
			describeValue(b, v.Index(i))
		}
		b.WriteByte(']')
	case reflect.Int64:
		b.WriteString(strconv.FormatInt(v.Int(), 10))
	case reflect.Bool:
		b.WriteString(strconv.FormatBool(v.Bool()))
	default:
		b.WriteString(strconv.FormatUint(v.Uint(), 10))
	}
}

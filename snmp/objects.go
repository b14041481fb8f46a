package snmp

import (
	"slices"
	"time"
)

// part is a piece of a branch: a scalar, or a table. From is what the branch is read from, the same for all its parts, so
// that they agree.
type part[From any] struct {
	objects []OID // ascending; none of another part stands between them
	read    func(list []Variable, from *From) []Variable
}

// scalarOf is an object of which there is one instance, .0. A zero Value: it is not there now.
func scalarOf[From any](o OID, value func(*From) Value) part[From] {
	instance := o.Append(0)
	return part[From]{[]OID{o}, func(list []Variable, from *From) []Variable {
		return appendGiven(list, instance, value(from))
	}}
}

// column is an object of a table that may be read, below the table's entry.
type column[Row any] struct {
	arc   uint32
	value func(*Row) Value // zero: this row has none
}

// tableOf is a conceptual table (RFC 2578 section 7.1.12). index is what names a row, i its place; it ascends over the rows.
func tableOf[From, Row any](entry OID, rows func(*From) []Row, index func(i int, r *Row) OID, columns ...column[Row]) part[From] {
	p := part[From]{}
	for _, c := range columns {
		p.objects = append(p.objects, entry.Append(c.arc))
	}
	p.read = func(list []Variable, from *From) []Variable {
		rows := rows(from)
		for c := range columns {
			for i := range rows {
				list = appendGiven(list, p.objects[c].Append(index(i, &rows[i])...), columns[c].value(&rows[i]))
			}
		}
		return list
	}
	return p
}

func appendGiven(list []Variable, o OID, v Value) []Variable {
	if v == (Value{}) {
		return list
	}
	return append(list, Variable{o, v})
}

// branchOf makes a branch of parts, in whatever order they are given. look takes the image that all of them are read from.
func branchOf[From any](root OID, look func(now time.Time) *From, parts ...part[From]) Branch {
	slices.SortFunc(parts, func(a, b part[From]) int { return a.objects[0].Compare(b.objects[0]) })
	b := Branch{Root: root}
	for _, p := range parts {
		b.Objects = append(b.Objects, p.objects...)
	}
	b.Read = func(now time.Time) []Variable {
		from, list := look(now), make([]Variable, 0, 64)
		for _, p := range parts {
			list = p.read(list, from)
		}
		return list
	}
	return b
}

// byPlace names rows by their places, from 1 on.
func byPlace[Row any](i int, _ *Row) OID { return OID{uint32(i) + 1} }

// byText is the name of a row whose index is a text with IMPLIED before it (RFC 2578 section 7.7): its bytes.
func byText(text string) OID {
	o := make(OID, len(text))
	for i := range len(text) {
		o[i] = uint32(text[i])
	}
	return o
}

// firstOf bounds a list to what its index may be.
func firstOf[Row any](rows []Row, most int) []Row { return rows[:min(len(rows), most)] }

// nonNegative is a figure that cannot be less than nothing; a reading that is counts as nothing.
func nonNegative[N int | int64](n N) uint64 { return uint64(max(n, 0)) }

// percentage is an Integer32 (0..100).
func percentage(n int64) Value { return Integer(int(min(max(n, 0), 100))) }

// oneOf is a value of an enumeration from 1 to most; what is none of them is not there.
func oneOf(n, most int) Value {
	if n < 1 || n > most {
		return Value{}
	}
	return Integer(n)
}

// truthValue is that of RFC 2579.
func truthValue(b bool) Value {
	if b {
		return Integer(1)
	}
	return Integer(2)
}

package snmp

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/gosnmp/gosnmp"
)

// object is what our MIB files say of an object.
type object struct {
	name, access string
	oid          OID
	kind         gosnmp.Asn1BER // 0: a table or an entry
	values       map[int]bool   // of an enumeration
	least, most  int            // of a range, when most is not 0
}

// mibFiles are the texts of our modules, without their comments.
func mibFiles(t testing.TB) string {
	t.Helper()
	paths, err := filepath.Glob("mibs/*")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no MIB files: %v", err)
	}
	var all strings.Builder
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString(regexp.MustCompile(`(?m)--.*$`).ReplaceAllString(string(text), ""))
	}
	return all.String()
}

var (
	assignment = regexp.MustCompile(`(?s)([a-z][A-Za-z0-9]*)\s+(OBJECT IDENTIFIER|MODULE-IDENTITY|OBJECT-TYPE|NOTIFICATION-TYPE)\s.*?::=\s*\{\s*([a-zA-Z]+)\s+(\d+)\s*\}`)
	syntaxOf   = regexp.MustCompile(`(?s)SYNTAX\s+([A-Za-z0-9-]+(?: OF \w+)?)\s*(\{[^}]*\}|\([^)]*\))?`)
	accessOf   = regexp.MustCompile(`MAX-ACCESS\s+(\S+)`)
	number     = regexp.MustCompile(`\((-?\d+)\)`)
	rangeOf    = regexp.MustCompile(`\((\d+)\.\.(\d+)\)`)
)

// wireTypes are how the syntaxes of our modules travel.
var wireTypes = map[string]gosnmp.Asn1BER{
	"Integer32": gosnmp.Integer, "INTEGER": gosnmp.Integer, "TruthValue": gosnmp.Integer, "Gauge32": gosnmp.Gauge32, "Unsigned32": gosnmp.Gauge32,
	"Counter32": gosnmp.Counter32, "Counter64": gosnmp.Counter64, "PosternGauge64": gosnmp.Counter64, "DisplayString": gosnmp.OctetString,
	"PosternName": gosnmp.OctetString,
}

// mibObjects reads our modules, as far as a test needs them. names has every name that they give to an arc.
func mibObjects(t testing.TB) (objects []object, names map[string]OID) {
	t.Helper()
	names = map[string]OID{"enterprises": enterprises}
	found := assignment.FindAllStringSubmatch(mibFiles(t), -1)
	for again := true; again; {
		again = false
		for _, m := range found {
			parent, known := names[m[3]]
			if _, done := names[m[1]]; done || !known {
				continue
			}
			arc, _ := strconv.ParseUint(m[4], 10, 32)
			names[m[1]], again = parent.Append(uint32(arc)), true
			if m[2] == "OBJECT-TYPE" {
				objects = append(objects, objectOf(m[0], m[1], names[m[1]]))
			}
		}
	}
	for _, m := range found {
		if names[m[1]] == nil {
			t.Errorf("%s stands below %s, which is nowhere", m[1], m[3])
		}
	}
	return objects, names
}

func objectOf(text, name string, oid OID) object {
	o := object{name: name, oid: oid, access: accessOf.FindStringSubmatch(text)[1]}
	syntax := syntaxOf.FindStringSubmatch(text)
	o.kind = wireTypes[syntax[1]]
	if syntax[1] == "TruthValue" {
		o.values = map[int]bool{1: true, 2: true}
	}
	if strings.HasPrefix(syntax[2], "{") {
		o.values = map[int]bool{}
		for _, n := range number.FindAllStringSubmatch(syntax[2], -1) {
			v, _ := strconv.Atoi(n[1])
			o.values[v] = true
		}
	} else if r := rangeOf.FindStringSubmatch(syntax[2]); r != nil {
		o.least, _ = strconv.Atoi(r[1])
		o.most, _ = strconv.Atoi(r[2])
	}
	return o
}

package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// mayImport is the architecture: which packages of ours a package may import, in its tests too. A package that has no row
// belongs to the nearest folder above it that has one; within one row everything may import everything. Every test may pick
// a port.
var mayImport = map[string][]string{
	"bench/freeport":   {},
	"journal":          {},
	"hardware":         {},
	"engine/config":    {},
	"engine":           {"journal", "engine/config"},
	"engine/workqueue": {"engine", "engine/config", "journal"},
	"projections":      {"journal"},
	"smtp/dns":         {"engine/config"},
	"smtp/receive":     {"engine", "engine/config", "journal", "smtp/dns"},
	"smtp/deliver":     {"engine", "engine/config", "journal", "smtp/dns"},
	"snmp":             {"projections", "hardware", "engine/config"},
	"shell":            {"engine", "engine/config", "projections", "hardware", "journal"},
	"bench":            {"journal", "engine", "engine/config", "projections", "bench/freeport"},
	"cmd": {
		"journal", "hardware", "engine", "engine/config", "engine/workqueue", "projections", "smtp/dns", "smtp/receive",
		"smtp/deliver", "snmp", "shell", "bench",
	},
}

const testPort = "bench/freeport"

type listedPackage struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func TestImports(t *testing.T) {
	packages := listPackages(t)
	if len(packages) == 0 {
		t.Fatal("go list names no package")
	}
	for _, p := range packages {
		from := strings.TrimPrefix(p.ImportPath, "postern/")
		row, ok := rowOf(from)
		if !ok {
			t.Errorf("%s stands in no row of the table", from)
			continue
		}
		for _, path := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			to, ours := strings.CutPrefix(path, "postern/")
			if !ours || to == testPort && !slices.Contains(p.Imports, path) {
				continue
			}
			target, ok := rowOf(to)
			if !ok || target != row && !slices.Contains(mayImport[row], target) {
				t.Errorf("%s imports %s; it may import of ours: %s", from, to, orNothing(mayImport[row]))
			}
		}
	}
}

// Nothing outside the journal may know what it stands on.
func TestOnlyJournalKnowsItsStore(t *testing.T) {
	for _, p := range listPackages(t) {
		if p.ImportPath == "postern/journal" || strings.HasPrefix(p.ImportPath, "postern/journal/") {
			continue
		}
		for _, path := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			if strings.HasPrefix(path, "github.com/cockroachdb/pebble") {
				t.Errorf("%s imports %s; only journal may", p.ImportPath, path)
			}
		}
	}
}

func TestRowOf(t *testing.T) {
	for path, want := range map[string]string{
		"engine": "engine", "engine/config": "engine/config", "engine/internal/x": "engine", "cmd/postern": "cmd",
		"smtp/dns/wire": "smtp/dns", "smtp": "", "engines": "",
	} {
		if got, _ := rowOf(path); got != want {
			t.Errorf("%s belongs to %q, want %q", path, got, want)
		}
	}
}

func rowOf(path string) (string, bool) {
	for {
		if _, ok := mayImport[path]; ok {
			return path, true
		}
		slash := strings.LastIndexByte(path, '/')
		if slash < 0 {
			return "", false
		}
		path = path[:slash]
	}
}

func orNothing(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}

// listPackages asks the go command, which leaves folders without Go files out.
func listPackages(t *testing.T) []listedPackage {
	t.Helper()
	command := exec.Command("go", "list", "-e", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	command.Dir = "../.."
	out, err := command.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v: %s", err, exit.Stderr)
		}
		t.Fatalf("go list: %v", err)
	}
	var packages []listedPackage
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listedPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

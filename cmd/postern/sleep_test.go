package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// Tests wait for conditions: a sleep in real time is either too short on a busy machine or wasted on an idle one. In a
// synctest bubble time is virtual and a sleep is exact, so there it may stand: within the arguments of synctest.Test, or
// of a function that hands its own argument on to it, or in a function that is used in such places only.
func TestNoSleepInRealTime(t *testing.T) {
	folders := map[string][]string{}
	err := filepath.WalkDir("../..", func(path string, e fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, "_test.go") {
			folders[filepath.Dir(path)] = append(folders[filepath.Dir(path)], path)
		}
		return err
	})
	if err != nil || len(folders) == 0 {
		t.Fatalf("%d folders with tests, %v", len(folders), err)
	}
	for _, files := range folders {
		set, parsed := token.NewFileSet(), []*ast.File{}
		for _, name := range files {
			f, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Errorf("%v", err)
				continue
			}
			parsed = append(parsed, f)
		}
		for _, at := range realSleeps(parsed) {
			t.Errorf("%s: a test sleeps in real time; let it wait for a condition, or run in a synctest bubble", set.Position(at))
		}
	}
}

func TestRealSleeps(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want int
	}{
		"plain":                    {`func TestA(t *testing.T) { time.Sleep(1) }`, 1},
		"in a bubble":              {`func TestA(t *testing.T) { synctest.Test(t, func(t *testing.T) { time.Sleep(1) }) }`, 0},
		"beside a bubble":          {`func TestA(t *testing.T) { synctest.Test(t, func(t *testing.T) {}); time.Sleep(1) }`, 1},
		"in a bubble of ours":      {`func in(t *testing.T, f func()) { synctest.Test(t, func(*testing.T) { f() }) }; func TestA(t *testing.T) { in(t, func() { time.Sleep(1) }) }`, 0},
		"in no bubble of ours":     {`func in(t *testing.T, f func()) { f() }; func TestA(t *testing.T) { in(t, func() { time.Sleep(1) }) }`, 1},
		"called in a bubble":       {`func nap() { time.Sleep(1) }; func TestA(t *testing.T) { synctest.Test(t, func(*testing.T) { nap() }) }`, 0},
		"called outside too":       {`func nap() { time.Sleep(1) }; func TestA(t *testing.T) { synctest.Test(t, func(*testing.T) { nap() }); nap() }`, 1},
		"called deeper":            {`type x int; func (x) nap() { time.Sleep(1) }; func y(v x) { v.nap() }; func TestA(t *testing.T) { synctest.Test(t, func(*testing.T) { y(1) }) }`, 0},
		"variable in a bubble":     {`func TestA(t *testing.T) { nap := func() { time.Sleep(1) }; synctest.Test(t, func(*testing.T) { nap() }) }`, 0},
		"variable outside":         {`func TestA(t *testing.T) { nap := func() { time.Sleep(1) }; nap() }`, 1},
		"unused":                   {`func nap() { time.Sleep(1) }`, 1},
		"as a value":               {`var z = time.Sleep`, 1},
		"under another name":       {`func TestA(t *testing.T) { clock.Sleep(1) }`, 1},
		"something else of a type": {`func TestA(t *testing.T) { machine.Sleep(1) }`, 0},
	} {
		f, err := parser.ParseFile(token.NewFileSet(), "x_test.go", "package x\nimport (\"time\"; clock \"time\"; \"testing/synctest\")\n"+c.text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if got := realSleeps([]*ast.File{f}); len(got) != c.want {
			t.Errorf("%s: %d sleeps, want %d", name, len(got), c.want)
		}
	}
}

// use is one mention of a function.
type use struct {
	name   string // "time.Sleep", or the name of a function or method of the package
	in     string // the function declaration around it, "" outside of all
	bubble bool   // it stands among the arguments of a bubble
	at     token.Pos
}

// realSleeps finds the sleeps of a package's tests that are not in virtual time. It goes by names and so takes methods of
// one name for one.
func realSleeps(files []*ast.File) []token.Pos {
	bubbles := bubblesOf(files)
	var uses []use
	used := map[string]bool{}
	for _, f := range files {
		for _, u := range usesIn(f, bubbles) {
			uses, used[u.name] = append(uses, u), true
		}
	}
	real := map[string]bool{} // functions that run, or may run, in real time
	for grown := true; grown; {
		grown = false
		for _, u := range uses {
			if !u.bubble && (real[u.in] || !used[u.in]) && !real[u.name] {
				real[u.name], grown = true, true
			}
		}
	}
	var found []token.Pos
	for _, u := range uses {
		if u.name == "time.Sleep" && !u.bubble && (real[u.in] || !used[u.in]) {
			found = append(found, u.at)
		}
	}
	return found
}

// bubblesOf names what runs its argument in a bubble: synctest.Test and the functions of the package that take a function
// and call such a one.
func bubblesOf(files []*ast.File) map[string]bool {
	bubbles := map[string]bool{"synctest.Test": true}
	for grown := true; grown; {
		grown = false
		for _, f := range files {
			for _, d := range f.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok || fn.Body == nil || bubbles[fn.Name.Name] || !takesFunction(fn) {
					continue
				}
				ast.Inspect(fn.Body, func(n ast.Node) bool {
					if call, ok := n.(*ast.CallExpr); ok && bubbles[nameIn(f, call.Fun)] {
						bubbles[fn.Name.Name], grown = true, true
					}
					return true
				})
			}
		}
	}
	return bubbles
}

func takesFunction(fn *ast.FuncDecl) bool {
	for _, p := range fn.Type.Params.List {
		if _, ok := p.Type.(*ast.FuncType); ok {
			return true
		}
	}
	return false
}

func usesIn(f *ast.File, bubbles map[string]bool) []use {
	var uses []use
	var walk func(n ast.Node, in string, bubble bool)
	walk = func(n ast.Node, in string, bubble bool) {
		ast.Inspect(n, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if !bubble && bubbles[nameIn(f, n.Fun)] {
					walk(n.Fun, in, false)
					for _, a := range n.Args {
						walk(a, in, true)
					}
					return false
				}
			case *ast.AssignStmt: // a function in a variable is one like any other
				if literal, name := functionIn(n); literal != nil {
					walk(literal, name, false)
					return false
				}
			case *ast.SelectorExpr:
				uses = append(uses, use{nameIn(f, n), in, bubble, n.Pos()})
				walk(n.X, in, bubble)
				return false
			case *ast.Ident:
				uses = append(uses, use{n.Name, in, bubble, n.Pos()})
			}
			return true
		})
	}
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); !ok {
			walk(d, "", false)
		} else if fn.Body != nil {
			walk(fn.Body, fn.Name.Name, false)
		}
	}
	return uses
}

func functionIn(a *ast.AssignStmt) (*ast.FuncLit, string) {
	if len(a.Lhs) != 1 || len(a.Rhs) != 1 {
		return nil, ""
	}
	name, ok := a.Lhs[0].(*ast.Ident)
	literal, isLiteral := a.Rhs[0].(*ast.FuncLit)
	if !ok || !isLiteral {
		return nil, ""
	}
	return literal, name.Name
}

// nameIn is "time.Sleep" or "synctest.Test" for these two however they are imported, else the last name of the expression.
func nameIn(f *ast.File, e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		if x, ok := e.X.(*ast.Ident); ok {
			for path, name := range map[string]string{"time": "Sleep", "testing/synctest": "Test"} {
				if e.Sel.Name == name && importedAs(f, x.Name, path) {
					return filepath.Base(path) + "." + name
				}
			}
		}
		return e.Sel.Name
	}
	return ""
}

func importedAs(f *ast.File, name, path string) bool {
	for _, i := range f.Imports {
		if i.Path.Value != `"`+path+`"` {
			continue
		}
		if i.Name == nil && name == filepath.Base(path) || i.Name != nil && name == i.Name.Name {
			return true
		}
	}
	return false
}

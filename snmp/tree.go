package snmp

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/gosnmp/gosnmp"
)

// Branch is a part of the tree that is read as a whole.
type Branch struct {
	Root OID

	// Read gives all variables below Root, ascending. It must not block: it reads atomics, an image that is made already,
	// or /proc. It may be called from any goroutine, one call at a time. What it returned belongs to the tree.
	Read func(now time.Time) []Variable

	// Objects are the object types below Root, ascending: scalars without their .0, columns of tables. An instance of one
	// of them that is not there is told apart from what is no object at all. nil: none is known.
	Objects []OID

	// Modules are the MIB modules that the objects are of, of each as much as the machine has. Other branches may have some of
	// the same.
	Modules []Module
}

// Module is a MIB module.
type Module struct {
	Identity OID
	Name     string // for people
}

// of adds the modules of a branch.
func (b Branch) of(modules ...Module) Branch {
	b.Modules = modules
	return b
}

// Tree is everything that the agent answers of, in the order of names. Many goroutines may ask it. Each branch is read
// once a second at most, and all who ask share that reading: a walk costs no more than that, and does not tear.
type Tree struct {
	Now func() time.Time // nil: time.Now; set before use

	branches []*reading // ascending, none below another
}

// keepReading is how long a branch is not read again.
const keepReading = time.Second

// reading is a branch with what it said last.
type reading struct {
	Branch

	mu   sync.Mutex // guards at and list; held while the branch is read
	at   time.Time
	list []Variable // what was returned is never changed
}

// NewTree makes a tree of branches. No root may be that of another branch or stand below one: that is a mistake in the
// program, and it panics.
func NewTree(branches ...Branch) *Tree {
	t := &Tree{}
	for _, b := range branches {
		t.branches = append(t.branches, &reading{Branch: b})
	}
	slices.SortFunc(t.branches, func(a, b *reading) int { return a.Root.Compare(b.Root) })
	for i := 1; i < len(t.branches); i++ {
		if a, b := t.branches[i-1].Root, t.branches[i].Root; b.HasPrefix(a) {
			panic(fmt.Sprintf("snmp: the branch %s stands below the branch %s", b, a))
		}
	}
	return t
}

// Get gives the variable of exactly that name. Where there is none, the value says why: NoSuchInstance or NoSuchObject.
func (t *Tree) Get(o OID) (Variable, bool) {
	none := Variable{o, Value{Type: gosnmp.NoSuchObject}}
	i := t.find(o)
	if i < 0 {
		return none, false
	}
	r := t.branches[i]
	list := r.read(t.now())
	if at, found := search(list, o); found {
		return list[at], true
	}
	if r.knows(o) {
		none.Value.Type = gosnmp.NoSuchInstance
	}
	return none, false
}

// Next gives the first variable behind that name which skip, if it is not nil, does not leave out. Where there is none,
// it is o itself with the value EndOfMibView.
func (t *Tree) Next(o OID, skip func(Variable) bool) (Variable, bool) {
	now := t.now()
	for i := max(t.find(o), 0); i < len(t.branches); i++ {
		if b := t.branches[i]; b.Root.Compare(o) < 0 && !o.HasPrefix(b.Root) {
			continue // it lies before o as a whole
		}
		list := t.branches[i].read(now)
		at, found := search(list, o)
		if found {
			at++
		}
		for ; at < len(list); at++ {
			if skip == nil || !skip(list[at]) {
				return list[at], true
			}
		}
	}
	return Variable{o, Value{Type: gosnmp.EndOfMibView}}, false
}

func (t *Tree) now() time.Time {
	if t.Now != nil {
		return t.Now()
	}
	return time.Now()
}

// find is the branch in which o would stand, or else the last before it; -1: all stand behind it.
func (t *Tree) find(o OID) int {
	i, found := slices.BinarySearchFunc(t.branches, o, func(r *reading, o OID) int { return r.Root.Compare(o) })
	if !found {
		i--
	}
	return i
}

func search(list []Variable, o OID) (int, bool) {
	return slices.BinarySearchFunc(list, o, func(v Variable, o OID) int { return v.OID.Compare(o) })
}

// read gives what the branch says now, or said less than a second ago. A clock that was set back counts as a later one.
func (r *reading) read(now time.Time) []Variable {
	r.mu.Lock()
	defer r.mu.Unlock()
	if age := now.Sub(r.at); r.at.IsZero() || age >= keepReading || age < 0 {
		r.list, r.at = ordered(r.Root, r.Read(now)), now
	}
	return r.list
}

// knows tells whether o would be an instance of an object of the branch.
func (r *reading) knows(o OID) bool {
	i, found := slices.BinarySearchFunc(r.Objects, o, OID.Compare)
	return !found && i > 0 && o.HasPrefix(r.Objects[i-1])
}

// ordered holds a branch to what it promises, since a walk over names that go back never ends: what does not stand below
// its root or stands there twice is left out.
func ordered(root OID, list []Variable) []Variable {
	proper := func(i int) bool {
		return len(list[i].OID) > len(root) && list[i].OID.HasPrefix(root) && (i == 0 || list[i-1].OID.Compare(list[i].OID) < 0)
	}
	for i := range list {
		if !proper(i) {
			return mended(root, list)
		}
	}
	return list
}

func mended(root OID, list []Variable) []Variable {
	list = slices.DeleteFunc(list, func(v Variable) bool { return len(v.OID) <= len(root) || !v.OID.HasPrefix(root) })
	slices.SortStableFunc(list, func(a, b Variable) int { return a.OID.Compare(b.OID) })
	return slices.CompactFunc(list, func(a, b Variable) bool { return a.OID.Compare(b.OID) == 0 })
}

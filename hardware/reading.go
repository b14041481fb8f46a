package hardware

import (
	"cmp"
	"slices"
	"strconv"
	"time"
)

// memory is what a Monitor knows from one reading to the next.
type memory struct {
	temperatures, fans, supplies, drives numbering
	turned                               map[string]bool        // fans that have turned
	up                                   map[string]bool        // links that were up
	installed                            map[string]PowerSupply // that are, or have been
	last                                 map[string]Drive       // of the last reading
	gone                                 map[string]Drive       // that were there before it
	raidEvents                           uint64
}

// numbering gives components numbers that they keep.
type numbering map[string]int

// of is the number of a component, the lowest that is free up to most; 0: there is none.
func (n *numbering) of(name string, most int) int {
	if i := (*n)[name]; i != 0 {
		return i
	}
	if *n == nil {
		*n = numbering{}
	}
	taken := make(map[int]bool, len(*n))
	for _, i := range *n {
		taken[i] = true
	}
	for i := 1; i <= most; i++ {
		if !taken[i] {
			(*n)[name] = i
			return i
		}
	}
	return 0
}

// keep forgets the components that are gone when the numbers get short.
func (n numbering) keep(present map[string]bool, most int) {
	if len(n) < most {
		return
	}
	for name := range n {
		if !present[name] {
			delete(n, name)
		}
	}
}

// read takes a reading and judges it. One goroutine at a time does.
func (m *Monitor) read(now time.Time) *Sensors {
	var limits Limits
	if m.Limits != nil {
		limits = m.Limits()
	}
	bmc := m.bmc.Load()
	if bmc == nil {
		bmc = &controller{}
	}
	s := &Sensors{Time: now, BMC: bmc.BMC}
	s.Temperatures, s.Fans = chips(m.sys())
	if len(s.Temperatures) == 0 {
		s.Temperatures = zones(m.sys())
	}
	s.Temperatures = append(s.Temperatures, bmc.temperatures()...)
	s.Fans = append(s.Fans, bmc.fans()...)
	silent := len(bmc.rows) == 0
	s.PowerSupplies = m.known.withPulled(append(bmc.supplies(), supplies(m.sys())...), silent)
	redundancy(s.PowerSupplies)
	arrays, drives := softwareArrays(m.proc(), m.sys())
	s.Arrays, s.Drives = append([]Array{}, arrays...), drives
	s.Drives = append(s.Drives, bmc.drives()...)
	m.known.number(s, limits.knowsFans(), silent)
	s.Links = m.known.links(m.interfacesOf(now, levelsEvery))
	s.RAIDEvents = m.known.raidEvents
	limits.judge(s)
	return s
}

// number gives each component its number, and takes note of what has happened since the last reading. silent: the management
// controller tells of nothing.
func (k *memory) number(s *Sensors, allTurn, silent bool) {
	k.fanHistory(s, allTurn)
	unique(s.Temperatures, func(t *Temperature) *string { return &t.Name })
	unique(s.Drives, func(d *Drive) *string { return &d.ID })
	s.Temperatures = numberAll(s.Temperatures, &k.temperatures, maxTemperatures, func(t *Temperature) (string, *int) { return t.Name, &t.Index })
	s.Fans = numberAll(s.Fans, &k.fans, maxFans, func(f *Fan) (string, *int) { return f.Name, &f.Index })
	s.PowerSupplies = numberAll(s.PowerSupplies, &k.supplies, maxPowerSupplies, func(p *PowerSupply) (string, *int) { return p.Name, &p.Index })
	s.Drives = numberAll(s.Drives, &k.drives, maxDrives, func(d *Drive) (string, *int) { return d.ID, &d.Index })
	k.driveHistory(s.Drives, silent)
	s.Gone = k.goneDrives()
}

// longestName bounds the name of a component.
const longestName = 64

// unique makes the names of a list differ, and not too long: boards have two network cards, drives and memories of a kind.
func unique[T any](list []T, name func(*T) *string) {
	seen := map[string]int{}
	for i := range list {
		n := name(&list[i])
		*n = (*n)[:min(len(*n), longestName)]
		seen[*n]++
		if times := seen[*n]; times > 1 {
			*n += " #" + strconv.Itoa(times)
		}
	}
}

// numberAll numbers the entries and leaves out those for which there is no number.
func numberAll[T any](list []T, by *numbering, most int, of func(*T) (string, *int)) []T {
	out, present := make([]T, 0, len(list)), make(map[string]bool, len(list))
	for i := range list {
		name, _ := of(&list[i])
		present[name] = true
	}
	by.keep(present, most)
	for i := range list {
		name, index := of(&list[i])
		if *index = by.of(name, most); *index != 0 {
			out = append(out, list[i])
		}
	}
	slices.SortFunc(out, func(a, b T) int {
		_, i := of(&a)
		_, j := of(&b)
		return cmp.Compare(*i, *j)
	})
	return out
}

// fanHistory leaves out connectors on which nothing has turned yet, and marks fans that have stopped.
func (k *memory) fanHistory(s *Sensors, allTurn bool) {
	unique(s.Fans, func(f *Fan) *string { return &f.Name })
	if k.turned == nil {
		k.turned = map[string]bool{}
	}
	for i := range s.Fans {
		f := &s.Fans[i]
		if f.turning() && len(k.turned) < 4*maxFans {
			k.turned[f.Name] = true
		}
		f.Stopped = !f.turning() && k.turned[f.Name]
	}
	s.Fans = slices.DeleteFunc(s.Fans, func(f Fan) bool {
		mustTurn := f.listed && f.Minimum > 0 // what firmware has left in a chip as a minimum is there without a fan, too
		return !f.turning() && !f.Stopped && !f.Failed && !mustTurn && !allTurn
	})
}

// links picks the interfaces whose state matters to somebody. A plug without a cable is not expected to be up, nor is a bridge
// to which nothing is attached, nor an interface whose driver keeps no state.
func (k *memory) links(interfaces []Interface) []Link {
	if k.up == nil {
		k.up = map[string]bool{}
	}
	out := make([]Link, 0, len(interfaces))
	for _, i := range interfaces {
		if i.Type == typeLoopback || !i.Physical && len(i.Addresses) == 0 {
			continue
		}
		l := Link{Index: i.Index, Name: plain(i.Name), Enabled: i.Enabled, Speed: i.Speed, Up: i.State == Up}
		if l.Up && len(k.up) < maxLinks {
			k.up[l.Name] = true
		}
		l.Expected = l.Enabled && i.State != Unknown && !i.portless && (k.up[l.Name] || len(i.Addresses) > 0)
		out = append(out, l)
	}
	return out
}

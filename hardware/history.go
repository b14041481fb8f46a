package hardware

import (
	"cmp"
	"maps"
	"slices"
)

// withPulled marks the power supplies that were taken out, and adds those that nobody lists any more: their bays are there,
// and empty. silent: the management
// controller tells of nothing, and nobody knows how those stand that it had told of. When
// there are more than can be numbered, those which nobody lists are forgotten.
func (k *memory) withPulled(list []PowerSupply, silent bool) []PowerSupply {
	unique(list, func(p *PowerSupply) *string { return &p.Name })
	before := k.installed
	k.installed = make(map[string]PowerSupply, len(before))
	listed := make(map[string]bool, len(list))
	for i := range list {
		p := &list[i]
		listed[p.Name] = true
		if was, known := before[p.Name]; p.Status != SupplyNotInstalled {
			k.installed[p.Name] = *p
		} else if known {
			p.pulled, k.installed[p.Name] = true, was
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if listed[name] || len(listed) >= maxPowerSupplies {
			continue
		}
		was := before[name]
		listed[name], k.installed[name] = true, was
		if !was.bmc || !silent {
			list = append(list, PowerSupply{Name: name, Status: SupplyNotInstalled, Charge: -1, bmc: was.bmc, pulled: true})
		}
	}
	return list
}

// driveHistory counts how often drives have changed, and keeps those that are gone. What is there from the beginning is no
// event, nor is it one that the controller of a drive has fallen silent: the drive is as it was until something else is said.
func (k *memory) driveHistory(drives []Drive, silent bool) {
	before := k.last
	k.last = make(map[string]Drive, len(drives))
	for _, d := range drives {
		k.last[d.ID] = d
		delete(k.gone, d.ID)
		if was, known := before[d.ID]; before != nil && (known && was.Status != d.Status || !known && d.Status != DriveHealthy) {
			k.raidEvents++
		}
	}
	for id, was := range before {
		if _, there := k.last[id]; there {
			continue
		}
		if was.bmc && silent {
			k.last[id] = was
			continue
		}
		if was.Status == DriveHealthy {
			k.raidEvents++
		}
		k.leave(was)
	}
}

// leave remembers a drive that is gone.
func (k *memory) leave(d Drive) {
	if d.empty || len(k.gone) >= maxDrives {
		return
	}
	if k.gone == nil {
		k.gone = map[string]Drive{}
	}
	k.gone[d.ID] = d
}

// goneDrives lists the drives that are gone, as far as their numbers are still theirs.
func (k *memory) goneDrives() (out []Drive) {
	for id, d := range k.gone {
		if k.drives[id] != d.Index {
			delete(k.gone, id)
			continue
		}
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b Drive) int { return cmp.Compare(a.Index, b.Index) })
	return out
}

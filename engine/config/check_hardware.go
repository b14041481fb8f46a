package config

import "strings"

// maxThresholds is more models than one document has a use for.
const maxThresholds = 100

func (r *reader) hardware(d *Document) {
	h := &d.Hardware
	if len(h.Thresholds) > maxThresholds {
		r.fail("hardware.threshold", "there are %d rows; at most %d are allowed", len(h.Thresholds), maxThresholds)
		return
	}
	seen := map[string]bool{}
	for i := range h.Thresholds {
		t, path := &h.Thresholds[i], element("hardware.threshold", i)
		for _, s := range []*string{&t.PowerSupply, &t.RAID, &t.Link} {
			if *s == "" {
				*s = OnChange
			}
		}
		if t.FanCheck == "" {
			t.FanCheck = FanByRPM
		}
		switch name := strings.ToLower(t.Model); {
		case r.failed[path+".model"]:
		case name == "":
			r.fail(path+".model", "is missing; every row is about a model")
		case seen[name]:
			r.fail(path+".model", "%s has two rows", quoted(t.Model))
		default:
			r.modelName(t.Model, path+".model")
			seen[name] = true
		}
	}
	if h.Model != "" && d.Threshold() == nil {
		r.fail("hardware.model", "%s has no row in hardware.threshold", quoted(h.Model))
	}
}

// modelName checks what hardwarestatus and traps say.
func (r *reader) modelName(s, path string) {
	const longest = 64
	if len(s) > longest || strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c > '~' }) {
		r.fail(path, "is not allowed; allowed are at most %d printable ASCII characters", longest)
	}
}

package config

import (
	"reflect"
	"testing"
)

func TestHardware(t *testing.T) {
	d, err := parse(nil, "c.toml", "h.test")
	if err != nil || d.Threshold() != nil || len(d.Hardware.Thresholds) != 1 {
		t.Fatalf("the defaults are %+v, %v", d.Hardware, err)
	}
	d, err = parse([]byte("[hardware]\nmodel = 'c170'\n"), "c.toml", "h.test")
	want := Threshold{Model: "C170", CPU: 90, Ambient: 47, FanCheck: "rpm", PowerSupply: "change", RAID: "change", Link: "change"}
	if err != nil || d.Threshold() == nil || *d.Threshold() != want {
		t.Errorf("the shipped row is %+v, %v", d.Threshold(), err)
	}
	d, err = parse([]byte("[hardware]\nmodel = 'R640'\n[[hardware.threshold]]\nmodel = 'X'\n[[hardware.threshold]]\nmodel = 'R640'\nriser = 70\nfan_check = 'chip'\nlink = 'ignore'\n"), "c.toml", "h.test")
	want = Threshold{Model: "R640", Riser: 70, FanCheck: "chip", PowerSupply: "change", RAID: "change", Link: "ignore"}
	if err != nil || d.Threshold() == nil || *d.Threshold() != want {
		t.Fatalf("our own row is %+v, %v", d.Threshold(), err)
	}
	if again, err := parse(Encode(d), "c.toml", "h.test"); err != nil || !reflect.DeepEqual(again.Hardware, d.Hardware) {
		t.Errorf("read back it is %+v, %v", again, err)
	}
}

func TestHardwareErrors(t *testing.T) {
	for text, want := range map[string]string{
		"[hardware]\nmodel = 'C690'":                                               `c.toml:2:9: hardware.model: "C690" has no row in hardware.threshold`,
		"[[hardware.threshold]]\ncpu = 5":                                          `c.toml:1:12: hardware.threshold.model: is missing; every row is about a model`,
		"[[hardware.threshold]]\nmodel = 'a'\n[[hardware.threshold]]\nmodel = 'A'": `c.toml:4:9: hardware.threshold.model: "A" has two rows`,
		"[[hardware.threshold]]\nmodel = 'a'\ncpu = 201":                           `c.toml:3:7: hardware.threshold.cpu: 201 is out of range; allowed is a whole number from 0 to 200`,
		"[[hardware.threshold]]\nmodel = 'a'\nfan = -1":                            `c.toml:3:7: hardware.threshold.fan: -1 is out of range; allowed is a whole number from 0 to 100000`,
		"[[hardware.threshold]]\nmodel = 'a'\nraid = 'never'":                      `c.toml:3:8: hardware.threshold.raid: "never" is not allowed; allowed is change, ignore`,
		"[[hardware.threshold]]\nmodel = 'a\u00e4'":                                `c.toml:2:9: hardware.threshold.model: is not allowed; allowed are at most 64 printable ASCII characters`,
	} {
		if d, err := parse([]byte(text), "c.toml", "h.test"); err == nil {
			t.Errorf("%s\nwas taken: %+v", text, d.Hardware)
		} else if err.Error() != want {
			t.Errorf("%s\n got %s\nwant %s", text, err, want)
		}
	}
}

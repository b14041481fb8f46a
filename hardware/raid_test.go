package hardware

import (
	"testing"
	"testing/fstest"
)

// What the metadata of a firmware's arrays lie in is always inactive, and no array that has failed.
func TestContainersAreNoArrays(t *testing.T) {
	const text = "Personalities : [raid1]\n" +
		"md126 : active raid1 sda[1] sdb[0]\n      1000 blocks super external:/md127/0 [2/2] [UU]\n\n" +
		"md127 : inactive sdb[1](S) sda[0](S)\n      5288 blocks super external:imsm\n\n" +
		"md1 : inactive sdc[0]\n      1000 blocks super 1.2\n\n" +
		"md125 : inactive sde[1](S) sdd[0](S)\n      65536 blocks super external:ddf\n\nunused devices: <none>\n"
	proc := fstest.MapFS{"mdstat": &fstest.MapFile{Data: []byte(text)}}
	arrays, drives := softwareArrays(proc, fstest.MapFS{})
	if len(arrays) != 2 || arrays[0].Name != "md126" || arrays[0].State != ArrayHealthy || arrays[1].Name != "md1" || arrays[1].State != ArrayFailed {
		t.Errorf("the arrays are %+v", arrays)
	}
	if len(drives) != 3 || drives[0].ID != "md126 sdb" || drives[1].Status != DriveHealthy || drives[2].ID != "md1 sdc" {
		t.Errorf("the drives are %+v", drives)
	}
	if got, want := Identify(proc, fstest.MapFS{}).RAID, "md126 raid1 active, md1 inactive"; got != want {
		t.Errorf("the machine says %q, want %q", got, want)
	}
}

package hardware

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// endless is a file system whose files never end and whose directories have entries without end.
type endless struct{ names []string }

type endlessFile struct {
	name string
	of   endless
	at   int
}

func (e endless) Open(name string) (fs.File, error) { return &endlessFile{name: name, of: e}, nil }

func (f *endlessFile) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = "12 : md0\n"[i%9]
	}
	return len(p), nil
}

func (f *endlessFile) ReadDir(n int) (out []fs.DirEntry, err error) {
	if n <= 0 {
		panic("all entries of a directory without end")
	}
	for range n {
		f.at++
		out = append(out, fs.FileInfoToDirEntry(entryInfo(strings.ReplaceAll(f.of.names[f.at%len(f.of.names)], "%", time.Duration(f.at).String()))))
	}
	return out, nil
}

func (f *endlessFile) Stat() (fs.FileInfo, error) { return entryInfo(f.name), nil }
func (f *endlessFile) Close() error               { return nil }

type entryInfo string

func (e entryInfo) Name() string     { return string(e) }
func (entryInfo) Size() int64        { return 0 }
func (entryInfo) Mode() fs.FileMode  { return 0 }
func (entryInfo) ModTime() time.Time { return time.Time{} }
func (entryInfo) IsDir() bool        { return false }
func (entryInfo) Sys() any           { return nil }

// unreadable has everything and lets nobody read.
type unreadable struct{ fs.FS }

func (u unreadable) Open(name string) (fs.File, error) {
	f, err := u.FS.Open(name)
	if err != nil {
		return nil, err
	}
	return unreadableFile{f}, nil
}

type unreadableFile struct{ fs.File }

func (unreadableFile) Read([]byte) (int, error)           { return 0, errors.New("input/output error") }
func (unreadableFile) ReadDir(int) ([]fs.DirEntry, error) { return nil, fs.ErrPermission }

// TestHostileTrees: files and directories without end are cut, and what cannot be read is not there.
func TestHostileTrees(t *testing.T) {
	e := endless{[]string{"temp%_input", "fan1_input", "temp1_input", "hwmon%", "thermal_zone%", "a[1]"}}
	m := &Monitor{Proc: e, Sys: e, Dev: fstest.MapFS{}}
	s := m.Sensors(moment)
	if len(s.Temperatures) > maxTemperatures || len(s.Fans) > maxFans || len(s.PowerSupplies) > maxPowerSupplies || len(s.Drives) > maxDrives || len(s.Links) > maxLinks {
		t.Errorf("%d temperatures, %d fans, %d power supplies, %d drives, %d links", len(s.Temperatures), len(s.Fans), len(s.PowerSupplies), len(s.Drives), len(s.Links))
	}
	tree := machineTree(t, "nuc")
	m = &Monitor{Proc: unreadable{tree.proc}, Sys: unreadable{tree.sys}, Dev: fstest.MapFS{}}
	if s := m.Sensors(moment); len(s.Components()) != 0 {
		t.Errorf("%+v", s)
	}
}

// TestManyComponents has more of each than there are numbers, and others each time: the numbers do not run out.
func TestManyComponents(t *testing.T) {
	sys := fstest.MapFS{}
	m := &Monitor{Proc: fstest.MapFS{}, Sys: sys, Dev: fstest.MapFS{}}
	for round := range 5 {
		clear(sys)
		for i := range 100 {
			chip := "class/hwmon/hwmon" + time.Duration(i).String() + "/"
			sys[chip+"name"] = &fstest.MapFile{Data: []byte("chip" + time.Duration(round*1000+i).String())}
			sys[chip+"temp1_input"] = &fstest.MapFile{Data: []byte("40000")}
			sys[chip+"fan1_input"] = &fstest.MapFile{Data: []byte("1000")}
		}
		s := m.Sensors(moment.Add(time.Duration(round) * time.Minute))
		if len(s.Temperatures) != maxTemperatures || len(s.Fans) != maxFans || s.Temperatures[0].Index != 1 || s.Temperatures[63].Index != 64 {
			t.Fatalf("round %d: %d temperatures, %d fans", round, len(s.Temperatures), len(s.Fans))
		}
	}
}

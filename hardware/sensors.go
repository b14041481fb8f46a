package hardware

import "time"

// Sensors is what the machine's sensors showed at one moment, judged by the limits that held then. It is shared by all who
// ask within a second: nobody changes it. What a machine does not have is an empty list. In each list the entries ascend by
// Index, which a component keeps as long as the process runs; between two there may be gaps.
type Sensors struct {
	Time          time.Time     `json:"time"`
	Model         string        `json:"model,omitempty"` // whose thresholds hold; "": the chips' own limits
	Temperatures  []Temperature `json:"temperatures"`
	Fans          []Fan         `json:"fans"`
	PowerSupplies []PowerSupply `json:"power_supplies"`
	Arrays        []Array       `json:"arrays"`
	Drives        []Drive       `json:"drives"`
	Gone          []Drive       `json:"-"` // drives that were there since the process watches, as they were; for who tells of changes
	Links         []Link        `json:"links"`
	RAIDEvents    uint64        `json:"raid_events"` // changes of a drive's status since the process watches
	BMC           BMC           `json:"bmc"`
	Problem       string        `json:"problem,omitempty"` // why the reading is an old one, a sentence
}

// The most of each that are looked at; what is beyond is left out. The first three are the ranges of the MIB's indices.
const (
	maxTemperatures  = 64
	maxFans          = 64
	maxPowerSupplies = 8
	maxDrives        = 1024
	maxLinks         = 1024
)

// BMC is how the machine's management controller stands, which ipmitool asks.
type BMC struct {
	Present bool      `json:"present"`
	Asked   time.Time `json:"asked,omitzero"`    // when it last answered
	Problem string    `json:"problem,omitempty"` // why it does not, a sentence
}

// Severity is how bad a reading is.
type Severity int

// The severities. A component that the machine lacks, or that nobody uses, is normal.
const (
	Normal   Severity = iota
	Warning           // near its limit, or the next failure would hurt
	Critical          // failed, or beyond its limit
)

// Kind is where a temperature is measured.
type Kind string

// The kinds of temperatures, as the thresholds of a model tell them apart.
const (
	CPU       Kind = "CPU"
	Ambient   Kind = "ambient" // of the air that comes in
	Backplane Kind = "backplane"
	Riser     Kind = "riser"
	Other     Kind = "other"
)

// Temperature is a sensor of heat.
type Temperature struct {
	Index    int      `json:"index"` // 1 to 64
	Name     string   `json:"name"`
	Kind     Kind     `json:"kind"`
	Celsius  float64  `json:"celsius"`
	Critical float64  `json:"critical"` // degrees from which on it is critical; 0: nobody says
	Severity Severity `json:"severity"`

	bmc Severity // what the management controller says of it
}

// Fan is a fan whose speed is measured. A connector on which nothing has ever turned is no fan, unless the thresholds of
// the model say that all turn.
type Fan struct {
	Index    int      `json:"index"` // 1 to 64
	Name     string   `json:"name"`
	RPM      int64    `json:"rpm"`               // 0: it does not turn, or tells Percent; of a failed one always 0 or what is left
	Percent  float64  `json:"percent,omitempty"` // of its full speed at which a fan is driven whose turns nobody counts
	Minimum  int64    `json:"minimum"`           // turns that it may not go below; 0: nobody says
	Failed   bool     `json:"failed"`            // the chip or the management controller says so
	Stopped  bool     `json:"stopped"`           // it has turned since the process watches, and does not now
	Severity Severity `json:"severity"`

	bmc    Severity // what the management controller says of it
	listed bool     // the management controller has it: it is no connector that may be without a fan
}

// turning tells whether a fan turns, as far as anybody knows.
func (f *Fan) turning() bool { return f.RPM > 0 || f.Percent > 0 }

// Supply is the state of a power supply, with the numbers of the gateway's MIB.
type Supply int

// The states of a power supply.
const (
	SupplyNotInstalled Supply = 1
	SupplyHealthy      Supply = 2
	SupplyNoAC         Supply = 3
	SupplyFaulty       Supply = 4
)

// Redundancy is whether another power supply could take over, with the numbers of the gateway's MIB.
type Redundancy int

// The states of redundancy. A machine with one power supply has lost none.
const (
	RedundancyOK   Redundancy = 1
	RedundancyLost Redundancy = 2
)

// PowerSupply is a source of power.
type PowerSupply struct {
	Index      int        `json:"index"` // 1 to 8
	Name       string     `json:"name"`
	Status     Supply     `json:"status"`
	Redundancy Redundancy `json:"redundancy"`
	Predicted  bool       `json:"failure_predicted"` // it works, and says that it will fail
	Charge     int        `json:"charge"`            // of a battery, percent; -1: it is none, or does not say
	Severity   Severity   `json:"severity"`

	bmc    bool // the management controller told of it, not the kernel
	pulled bool // it has been there since the process watches, and is not now
}

// ArrayState is how a software array stands.
type ArrayState string

// The states of an array.
const (
	ArrayHealthy    ArrayState = "healthy"
	ArrayDegraded   ArrayState = "degraded"   // a drive is missing
	ArrayRebuilding ArrayState = "rebuilding" // what was missing is being written again
	ArrayFailed     ArrayState = "failed"     // it cannot be used
)

// Array is a software array of drives.
type Array struct {
	Name     string     `json:"name"`
	Level    string     `json:"level"` // raid1, ...; "" when the kernel does not say
	State    ArrayState `json:"state"`
	Task     string     `json:"task,omitempty"` // what is under way: recovery, resync, reshape, check
	Progress float64    `json:"progress"`       // of that, percent
	Severity Severity   `json:"severity"`
}

// DriveStatus is how a drive of an array stands, with the numbers of the gateway's MIB.
type DriveStatus int

// The states of a drive.
const (
	DriveHealthy DriveStatus = 1
	DriveFailure DriveStatus = 2
	DriveRebuild DriveStatus = 3
)

// Drive is a drive of an array, or one in a bay that the management controller watches.
type Drive struct {
	Index     int         `json:"index"` // 1 to 1024
	ID        string      `json:"id"`    // md0 sda1, Drive 4
	Status    DriveStatus `json:"status"`
	LastError string      `json:"last_error"`        // "No Error" of a healthy one
	Predicted bool        `json:"failure_predicted"` // it works, and says that it will fail
	Severity  Severity    `json:"severity"`

	bmc   bool // the management controller told of it, not the kernel
	empty bool // it is none, but a place in an array without one
}

// noError is what the MIB has a healthy drive say.
const noError = "No Error"

// Link is a network interface that has a plug, or an address.
type Link struct {
	Index    int      `json:"index"` // the kernel's number of the interface
	Name     string   `json:"name"`
	Up       bool     `json:"up"`
	Enabled  bool     `json:"enabled"`         // an administrator wants it up
	Expected bool     `json:"expected"`        // it is enabled, and has an address or was up since the process watches
	Speed    uint64   `json:"bits_per_second"` // 0: unknown
	Severity Severity `json:"severity"`
}

package journal

// Started opens a run of the daemon. It closes every connection that a crash left open: no fact of an earlier run's
// connection follows it.
type Started struct {
	Boot      uint64 // how many times this store was started, this one included
	Version   string // of the binary
	Hostname  string
	Clean     bool     // the run before it ended with Stopped
	Suspended []string // domains, ascending, to which deliveries have been suspended since before; "*" is all
}

// Stopped ends a run in order; the ids are the next ones to be given.
type Stopped struct {
	NextMID, NextICID, NextDCID uint32
}

// ClockJumped says that the wall clock was set by Delta (nanoseconds); due and expiry times of the queue move with it.
type ClockJumped struct{ Delta int64 }

// IDsReserved takes the ids From ≤ id < To, without Skip, out of the stock. The ids wrap: To may be IDLimit, never more.
type IDsReserved struct {
	ID       IDKind
	From, To uint32
	Skip     []uint32 // MIDs of live messages in the range
}

// ConfigurationCommitted makes Document the configuration, from this Seq on.
type ConfigurationCommitted struct {
	Revision uint64
	Hash     string // of the document, hexadecimal SHA-256
	Comment  string
	By       string // a user's name, or "file" for a hand edit found at start
	Document string // private: it may hold secrets
}

// CountersReset starts the Reset column of all counters anew.
type CountersReset struct{ By string }

// ResourceConservationChanged states the new degree: 0 none, 1 to 60 slowed, 999 nothing is accepted.
type ResourceConservationChanged struct {
	Degree  uint32
	Reasons []string // memoryShortage, queueSpaceShortage, queueFull, ...
}

// AlertRaised says that an alert of a kind began for an object.
type AlertRaised struct {
	Alert    string // its kind, one word
	Object   string // what it is about: a host, a certificate ...
	Severity string // Information, Warning, Critical
	Text     string
}

// AlertCleared ends the alert of that kind for that object.
type AlertCleared struct{ Alert, Object string }

// LogRolledOver says that a log file was closed and a new one begun.
type LogRolledOver struct{ Log, By string }

// HistoryCut opens what retention has left: folds start here, from these baselines, and not at the first record.
type HistoryCut struct {
	Before         uint64 // records below it are gone, but for those of live messages; see Baseline
	Boots          uint64
	LastReset      Instant
	Counters       []NamedValue // lifetime values
	ResetCounters  []NamedValue // values at the last reset
	NextIDs        []NamedValue // by id name
	Revision       uint64
	SuspendedHosts []string // "*" is all
	Suspended      []string // listeners
	WorkQueuePause string   // the reason, empty when it runs
	Document       string   // private: the configuration in force
	Link           string   // hexadecimal: the chain's link before Before
	Kept           uint64   // records below Before that are kept
	KeptHash       string   // hexadecimal SHA-256 over them; see keptHash
	Live           Blob     // private: all that live rows know of what is below Before
	Figures        Blob     // private: the figures as of the record before Before; may be unreadable to later versions
}

// NamedValue is a figure and its name.
type NamedValue struct {
	Name  string
	Value int64
}

// Forgotten says that a person's data were erased from that many records.
type Forgotten struct {
	Records uint64
	By      string
}

// Sampled holds once a minute what is not worth an event each; it is also the status log's line.
type Sampled struct {
	Values []NamedValue
	Texts  []NamedText
}

// NamedText is a word and its name.
type NamedText struct{ Name, Text string }

// NotesOmitted sums up facts that nobody waited for and that found no room (a flood of connections).
type NotesOmitted struct{ Counts []NamedValue }

// Settled says that the run has gone well for some minutes: the ends without order before it are no longer counted, and the
// next one is the first in a row.
type Settled struct {
	Unclean uint32 // how many there were
}

func (*Started) Kind() Kind                     { return KindStarted }
func (*Stopped) Kind() Kind                     { return KindStopped }
func (*ClockJumped) Kind() Kind                 { return KindClockJumped }
func (*IDsReserved) Kind() Kind                 { return KindIDsReserved }
func (*ConfigurationCommitted) Kind() Kind      { return KindConfigurationCommitted }
func (*CountersReset) Kind() Kind               { return KindCountersReset }
func (*ResourceConservationChanged) Kind() Kind { return KindResourceConservationChanged }
func (*AlertRaised) Kind() Kind                 { return KindAlertRaised }
func (*AlertCleared) Kind() Kind                { return KindAlertCleared }
func (*LogRolledOver) Kind() Kind               { return KindLogRolledOver }
func (*HistoryCut) Kind() Kind                  { return KindHistoryCut }
func (*Forgotten) Kind() Kind                   { return KindForgotten }
func (*Sampled) Kind() Kind                     { return KindSampled }
func (*NotesOmitted) Kind() Kind                { return KindNotesOmitted }
func (*Settled) Kind() Kind                     { return KindSettled }

func (e *Started) fields(c *coder) {
	c.uint64(1, &e.Boot)
	c.string(2, &e.Version)
	c.string(3, &e.Hostname)
	c.bool(4, &e.Clean)
	c.strings(5, &e.Suspended)
}

func (e *Stopped) fields(c *coder) {
	c.uint32(1, &e.NextMID)
	c.uint32(2, &e.NextICID)
	c.uint32(3, &e.NextDCID)
}

func (e *ClockJumped) fields(c *coder) { c.int64(1, &e.Delta) }

func (e *IDsReserved) fields(c *coder) {
	c.uint8(1, (*uint8)(&e.ID))
	c.uint32(2, &e.From)
	c.uint32(3, &e.To)
	c.uint32s(4, &e.Skip)
}

func (e *ConfigurationCommitted) fields(c *coder) {
	c.uint64(1, &e.Revision)
	c.string(2, &e.Hash)
	c.string(3, &e.Comment)
	c.string(4, &e.By)
	c.private(5, &e.Document)
}

func (e *CountersReset) fields(c *coder) { c.string(1, &e.By) }

func (e *ResourceConservationChanged) fields(c *coder) {
	c.uint32(1, &e.Degree)
	c.strings(2, &e.Reasons)
}

func (e *AlertRaised) fields(c *coder) {
	c.string(1, &e.Alert)
	c.string(2, &e.Object)
	c.string(3, &e.Severity)
	c.string(4, &e.Text)
}

func (e *AlertCleared) fields(c *coder) {
	c.string(1, &e.Alert)
	c.string(2, &e.Object)
}

func (e *LogRolledOver) fields(c *coder) {
	c.string(1, &e.Log)
	c.string(2, &e.By)
}

func (e *HistoryCut) fields(c *coder) {
	c.uint64(1, &e.Before)
	c.uint64(2, &e.Boots)
	c.instant(3, &e.LastReset)
	namedValues(c, 4, &e.Counters)
	namedValues(c, 5, &e.ResetCounters)
	namedValues(c, 6, &e.NextIDs)
	c.uint64(7, &e.Revision)
	c.strings(8, &e.SuspendedHosts)
	c.strings(9, &e.Suspended)
	c.string(10, &e.WorkQueuePause)
	c.private(11, &e.Document)
	c.string(12, &e.Link)
	c.uint64(13, &e.Kept)
	c.string(14, &e.KeptHash)
	c.private(15, (*string)(&e.Live))
	c.private(16, (*string)(&e.Figures))
}

func (e *Forgotten) fields(c *coder) {
	c.uint64(1, &e.Records)
	c.string(2, &e.By)
}

func (e *Sampled) fields(c *coder) {
	namedValues(c, 1, &e.Values)
	list(c, 2, &e.Texts, func(c *coder, t *NamedText) {
		c.string(1, &t.Name)
		c.string(2, &t.Text)
	})
}

func (e *NotesOmitted) fields(c *coder) { namedValues(c, 1, &e.Counts) }

func namedValues(c *coder, n int, v *[]NamedValue) {
	list(c, n, v, func(c *coder, v *NamedValue) {
		c.string(1, &v.Name)
		c.int64(2, &v.Value)
	})
}

func (e *Settled) fields(c *coder) { c.uint32(1, &e.Unclean) }

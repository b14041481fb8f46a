package hardware

import "fmt"

// The words of the states, for people and for JSON; the numbers are the MIB's.
var (
	severityWords   = map[Severity]string{Normal: "Normal", Warning: "Warning", Critical: "Critical"}
	supplyWords     = map[Supply]string{SupplyNotInstalled: "not installed", SupplyHealthy: "healthy", SupplyNoAC: "without power", SupplyFaulty: "faulty"}
	redundancyTexts = map[Redundancy]string{RedundancyOK: "ok", RedundancyLost: "lost"}
	driveWords      = map[DriveStatus]string{DriveHealthy: "healthy", DriveFailure: "failed", DriveRebuild: "rebuilding"}
)

func (s Severity) String() string    { return wordOf(severityWords, s) }
func (s Supply) String() string      { return wordOf(supplyWords, s) }
func (r Redundancy) String() string  { return wordOf(redundancyTexts, r) }
func (d DriveStatus) String() string { return wordOf(driveWords, d) }

// MarshalText implements encoding.TextMarshaler, as those below.
func (s Severity) MarshalText() ([]byte, error)    { return []byte(s.String()), nil }
func (s Supply) MarshalText() ([]byte, error)      { return []byte(s.String()), nil }
func (r Redundancy) MarshalText() ([]byte, error)  { return []byte(r.String()), nil }
func (d DriveStatus) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler, as those below.
func (s *Severity) UnmarshalText(text []byte) error    { return fromWord(severityWords, text, s) }
func (s *Supply) UnmarshalText(text []byte) error      { return fromWord(supplyWords, text, s) }
func (r *Redundancy) UnmarshalText(text []byte) error  { return fromWord(redundancyTexts, text, r) }
func (d *DriveStatus) UnmarshalText(text []byte) error { return fromWord(driveWords, text, d) }

const unknownWord = "unknown"

func wordOf[T comparable](words map[T]string, value T) string {
	if w, ok := words[value]; ok {
		return w
	}
	return unknownWord
}

// fromWord finds the value of a word; "unknown" is none.
func fromWord[T comparable](words map[T]string, text []byte, into *T) error {
	for value, w := range words {
		if w == string(text) {
			*into = value
			return nil
		}
	}
	if string(text) == unknownWord {
		*into = *new(T)
		return nil
	}
	return fmt.Errorf("%.20q is no state that is known", text)
}

package bench

import (
	"fmt"
	"strconv"
)

// Row is a figure beside its budget.
type Row struct {
	What    string
	Unit    string  // what the numbers count: "times", "ms", "MiB"
	Must    float64 // the figure that has to be kept
	Open    bool    // there is none: the row is there to be known
	Aim     float64 // the one to be reached; 0: none
	More    bool    // more is better; otherwise less is
	Digits  int     // after the point
	Value   float64 // measured
	Note    string  // what the figure was made of
	Missing string  // why it was not measured; such a row fails nothing
	Failure error   // the workload could not be carried through
}

// Met tells whether nothing is wrong: the figure is kept, or could not be taken for a reason that is not the gateway's.
func (r *Row) Met() bool { return r.Failure == nil && (r.Missing != "" || r.keeps(r.Must)) }

func (r *Row) keeps(bound float64) bool {
	switch {
	case r.Open:
		return true
	case r.More:
		return r.Value >= bound
	}
	return r.Value <= bound
}

// OK is the verdict in a word.
func (r *Row) OK() string {
	switch {
	case r.Failure != nil:
		return "FAILED"
	case r.Missing != "":
		return "-"
	case r.Open:
		return ""
	case !r.keeps(r.Must):
		return "NO"
	case r.Aim != 0 && r.keeps(r.Aim):
		return "aim"
	}
	return "yes"
}

// MustText and AimText are the bounds as a table shows them, empty when there is none.
func (r *Row) MustText() string {
	if r.Open {
		return ""
	}
	return r.bound(r.Must)
}

// AimText is the bound to be reached.
func (r *Row) AimText() string {
	if r.Aim == 0 {
		return ""
	}
	return r.bound(r.Aim)
}

func (r *Row) bound(v float64) string {
	sign := "<= "
	if r.More {
		sign = ">= "
	}
	return sign + strconv.FormatFloat(v, 'f', -1, 64)
}

// Measured is the figure with its unit and what it was made of, or why there is none.
func (r *Row) Measured() string {
	switch {
	case r.Failure != nil:
		return "failed: " + r.Failure.Error()
	case r.Missing != "":
		return "not measured: " + r.Missing
	}
	s := fmt.Sprintf("%.*f", r.Digits, r.Value)
	if r.Unit != "" {
		s += " " + r.Unit
	}
	if r.Note != "" {
		s += " (" + r.Note + ")"
	}
	return s
}

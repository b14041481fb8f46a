package projections

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"postern/journal"
)

// TestStatusLogSums reads the lines of mixed loads as AsyncOS's own status readers do: by the names of their pairs, in their
// order. On each of them the sums of spec 3.1 hold, its counters are those of a plain count of the facts since the last
// reset, and none has gone down since the line before but in a reset.
func TestStatusLogSums(t *testing.T) {
	lines, filled := 0, map[string]bool{}
	for seed := range uint64(20) {
		l := statusLoad{t: t, story: newStory(seed), figures: NewFigures(0), log: StatusLog{Zone: time.UTC}, counted: map[string]int64{}}
		for step := range 600 {
			l.story.step()
			l.fold()
			if step%7 == 0 {
				lines++
				for name, value := range l.line() {
					filled[name] = filled[name] || value != 0
				}
			}
		}
	}
	// A sum of zeros holds too: each of its parts has to have had something in it.
	for _, name := range strings.Fields("InjMsg InjRcp GenBncRcp RejRcp DrpMsg SftBncEvnt CmpRcp HrdBncRcp DnsHrdBnc 5XXHrdBnc FltrHrdBnc ExpHrdBnc OtrHrdBnc " +
		"DlvRcp DelRcp GlbUnsbHt ActvRcp UnatmptRcp AtmptRcp MMLen WorkQ QuarMsgs DstInMem CrtCncIn CrtCncOut") {
		if !filled[name] {
			t.Errorf("%s is 0 on all of %d lines", name, lines)
		}
	}
}

// statusLoad is a history, what is looked at, and a plain count of it.
type statusLoad struct {
	t       *testing.T
	story   *story
	figures *Figures
	log     StatusLog
	seen    int              // records
	counted map[string]int64 // since the last reset, by the names of the status log
	before  map[string]int64 // the last line; nil: the counters were reset after it
}

// fold takes in what has happened.
func (l *statusLoad) fold() {
	for _, r := range l.story.records[l.seen:] {
		l.figures.Apply(r)
		l.count(r.Event)
		if _, ok := r.Event.(*journal.CountersReset); ok {
			clear(l.counted)
			l.before = nil
		}
	}
	l.seen = len(l.story.records)
}

var hardBounceNames = [...]string{journal.BounceDNS: "DnsHrdBnc", journal.Bounce5XX: "5XXHrdBnc", journal.BounceExpired: "ExpHrdBnc",
	journal.BounceFilter: "FltrHrdBnc", journal.BounceOther: "OtrHrdBnc"}

func (l *statusLoad) hard(class journal.BounceClass, n int) {
	name := hardBounceNames[class]
	if name == "" {
		name = "OtrHrdBnc"
	}
	l.counted[name] += int64(n)
	l.counted["HrdBncRcp"] += int64(n)
	l.counted["CmpRcp"] += int64(n)
}

func (l *statusLoad) deleted(n int) {
	l.counted["DelRcp"] += int64(n)
	l.counted["CmpRcp"] += int64(n)
}

// count counts what a fact adds to the counters that facts tell of.
func (l *statusLoad) count(e journal.Event) {
	c := l.counted
	switch e := e.(type) {
	case *journal.MessageInjected:
		c["RejRcp"] += int64(len(e.Rejected))
		switch e.Why {
		case journal.WhyReceived:
			c["InjMsg"]++
			c["InjRcp"] += int64(len(e.Recipients))
			c["InjBytes"] += e.Size
		case journal.WhyBounce, journal.WhySuccess, journal.WhyDelay:
			c["GenBncRcp"] += int64(len(e.Recipients))
		}
	case *journal.ReceivingAborted:
		c["RejRcp"] += int64(len(e.Recipients) + len(e.Rejected))
	case *journal.ConnectionClosed:
		c["RejRcp"] += int64(e.Rejected)
	case *journal.Delivered:
		c["DlvRcp"] += int64(len(e.RIDs))
		c["CmpRcp"] += int64(len(e.RIDs))
	case *journal.SoftBounced:
		c["SftBncEvnt"] += int64(len(e.RIDs))
	case *journal.OutcomeUnknown:
		c["SftBncEvnt"] += int64(len(e.RIDs))
	case *journal.HardBounced:
		l.hard(e.Class, len(e.RIDs))
	case *journal.DoubleBounced:
		l.hard(e.Class, len(e.RIDs))
	case *journal.Dropped:
		c["DrpMsg"]++
		if e.Filter {
			l.hard(journal.BounceFilter, len(e.RIDs))
		}
	case *journal.MessageRemoved:
		l.deleted(len(e.RIDs))
	case *journal.RecipientsDeleted:
		for _, s := range e.Set {
			l.deleted(len(s.RIDs))
			if e.Unsubscribe {
				c["GlbUnsbHt"] += int64(len(s.RIDs))
			}
		}
	case *journal.RecipientsBounced:
		for _, s := range e.Set {
			l.hard(journal.BounceOther, len(s.RIDs))
		}
	}
}

// line has a line written and judges it.
func (l *statusLoad) line() map[string]int64 {
	now := l.story.now
	text := l.log.Append(nil, &journal.Record{Time: now, Event: l.figures.Sample(now.Time(), nil)})
	v, err := readStatusLine(string(text))
	if err != nil {
		l.t.Fatal(err)
	}
	for _, sum := range statusSums {
		total := int64(0)
		for _, part := range sum.parts {
			total += v[part]
		}
		if v[sum.whole] != total {
			l.t.Fatalf("%s is not the sum of %v in\n%s", sum.whole, sum.parts, text)
		}
	}
	for name := range statusCounters {
		if v[name] != l.counted[name] {
			l.t.Fatalf("%s is %d, the facts say %d in\n%s", name, v[name], l.counted[name], text)
		}
		if v[name] < l.before[name] {
			l.t.Fatalf("%s was %d before\n%s", name, l.before[name], text)
		}
	}
	l.before = v
	return v
}

// statusSums are those that hold on every line.
var statusSums = []struct {
	whole string
	parts []string
}{
	{"HrdBncRcp", []string{"DnsHrdBnc", "5XXHrdBnc", "FltrHrdBnc", "ExpHrdBnc", "OtrHrdBnc"}},
	{"CmpRcp", []string{"HrdBncRcp", "DlvRcp", "DelRcp"}},
	{"ActvRcp", []string{"UnatmptRcp", "AtmptRcp"}},
}

// statusCounters are the counters that a plain count of the facts gives.
var statusCounters = func() map[string]bool {
	names := map[string]bool{}
	for _, name := range strings.Fields("InjMsg InjRcp GenBncRcp RejRcp DrpMsg SftBncEvnt CmpRcp HrdBncRcp DnsHrdBnc 5XXHrdBnc FltrHrdBnc ExpHrdBnc " +
		"OtrHrdBnc DlvRcp DelRcp GlbUnsbHt InjBytes") {
		names[name] = true
	}
	return names
}()

// statusLinePattern is what AsyncOS's own reader matches before it takes the pairs apart.
var statusLinePattern = regexp.MustCompile(`^(\w\w\w) (\w\w\w) (\d+| \d+) (\d+):(\d+):(\d+) (\d+) Info: Status: (.*)\n$`)

// readStatusLine gives the values by name. Words (LogAvail, SwapUsage) count as 0.
func readStatusLine(line string) (map[string]int64, error) {
	m := statusLinePattern.FindStringSubmatch(line)
	if m == nil {
		return nil, fmt.Errorf("not a status line: %q", line)
	}
	words, names := strings.Split(m[8], " "), strings.Fields(statusLogOrder)
	if len(words) != 2*len(names) {
		return nil, fmt.Errorf("%d words for %d pairs in %q", len(words), len(names), line)
	}
	values := make(map[string]int64, len(names))
	for i, name := range names {
		if words[2*i] != name {
			return nil, fmt.Errorf("pair %d is %s, want %s in %q", i+1, words[2*i], name, line)
		}
		n, err := strconv.ParseInt(words[2*i+1], 10, 64)
		if err != nil && name != "LogAvail" && name != "SwapUsage" || n < 0 {
			return nil, fmt.Errorf("%s is %q in %q", name, words[2*i+1], line)
		}
		values[name] = n
	}
	return values, nil
}

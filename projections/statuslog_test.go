package projections

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"postern/journal"
)

func TestStatusLogLine(t *testing.T) {
	names := StatusLogNames()
	e := &journal.Sampled{}
	var want strings.Builder
	want.WriteString("Status:")
	// The figures come in another order than the line's, some are missing, and some are nobody's.
	for i := len(names) - 1; i >= 0; i-- {
		switch name := names[i]; name {
		case "LogAvail":
			e.Texts = append(e.Texts, journal.NamedText{Name: name, Text: "148G"})
		case "SwapUsage":
			e.Texts = append(e.Texts, journal.NamedText{Name: name, Text: "1 %"})
		case "QuarMsgs":
		default:
			e.Values = append(e.Values, journal.NamedValue{Name: name, Value: int64(i)})
		}
	}
	e.Values = append(e.Values, journal.NamedValue{Name: "Strange", Value: 1})
	for i, name := range names {
		switch name {
		case "LogAvail":
			want.WriteString(" LogAvail 148G")
		case "SwapUsage":
			want.WriteString(" SwapUsage 0%") // two words would shift what follows
		case "QuarMsgs":
			want.WriteString(" QuarMsgs 0")
		default:
			fmt.Fprintf(&want, " %s %d", name, i)
		}
	}
	lines := RenderStatusLog(journal.Record{Event: e}, nil)
	if len(lines) != 1 || lines[0].Text != want.String() {
		t.Errorf("got\n%v\nwant\n%s", lines, want.String())
	}
	if got := len(strings.Fields(lines[0].Text)); got != 1+2*64 {
		t.Errorf("%d words", got)
	}
	if lines := RenderStatusLog(journal.Record{Event: &journal.Queued{}}, nil); len(lines) != 0 {
		t.Errorf("%v", lines)
	}
}

// statusLogOrder is the order of AsyncOS.
const statusLogOrder = "CPULd DskIO RAMUtil QKUsd QKFre CrtMID CrtICID CrtDCID InjMsg InjRcp GenBncRcp RejRcp DrpMsg SftBncEvnt CmpRcp HrdBncRcp " +
	"DnsHrdBnc 5XXHrdBnc FltrHrdBnc ExpHrdBnc OtrHrdBnc DlvRcp DelRcp GlbUnsbHt ActvRcp UnatmptRcp AtmptRcp CrtCncIn CrtCncOut DnsReq " +
	"NetReq CchHit CchMis CchEct CchExp CPUTTm CPUETm MaxIO RAMUsd MMLen DstInMem ResCon WorkQ QuarMsgs QuarQKUsd LogUsd SophLd BMLd " +
	"CASELd TotalLd LogAvail EuQ EuqRls CmrkLd McafLd SwIn SwOut SwPgIn SwPgOut SwapUsage RptLd QtnLd EncrQ InjBytes"

// TestStatusLogOrder holds the order of the names, in which readers take them.
func TestStatusLogOrder(t *testing.T) {
	if got := strings.Join(StatusLogNames(), " "); got != statusLogOrder {
		t.Errorf("got\n%s\nwant\n%s", got, statusLogOrder)
	}
}

func TestStatusLogFile(t *testing.T) {
	b := newLogBed(t)
	f := NewStatusLogFollower(b.journal, b.options)
	b.traffic(3)
	b.append(&journal.Sampled{Values: []journal.NamedValue{{Name: "CPULd", Value: 7}}})
	b.turn(f)
	b.append(&journal.Sampled{Values: []journal.NamedValue{{Name: "CPULd", Value: 8}}})
	if err := f.stop(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(b.options.Dir, "status.current"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	frame := b.now.Format(time.ANSIC) + " Info: "
	if len(lines) != 5 || !strings.HasPrefix(lines[3], frame+"Status: CPULd 7 DskIO 0 ") || !strings.HasPrefix(lines[4], frame+"Status: CPULd 8 ") {
		t.Errorf("%s", text)
	}
}

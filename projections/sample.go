package projections

import (
	"time"

	"postern/journal"
)

// counterSamples are the counters of the status log by their names there; it holds their Reset versions.
var counterSamples = map[string]Counter{
	"InjMsg": MessagesReceived, "InjRcp": RecipientsReceived, "GenBncRcp": GenBounceRecipients, "RejRcp": RejectedRecipients,
	"DrpMsg": DroppedMessages, "SftBncEvnt": SoftBouncedEvents, "CmpRcp": CompletedRecipients, "HrdBncRcp": HardBounced,
	"DnsHrdBnc": DNSHardBounces, "5XXHrdBnc": FiveXXHardBounces, "FltrHrdBnc": FilterHardBounces,
	"ExpHrdBnc": ExpiredHardBounces, "OtrHrdBnc": OtherHardBounces, "DlvRcp": Delivered, "DelRcp": Deleted,
	"GlbUnsbHt": GlobalUnsubHits, "DnsReq": DNSRequests, "NetReq": NetworkRequests, "CchHit": CacheHits, "CchMis": CacheMisses,
	"CchEct": CacheExceptions, "CchExp": CacheExpired,
}

// gaugeSamples are its gauges. Engines that are not installed have no gauge, and are 0.
var gaugeSamples = map[string]string{
	"CPULd": GaugeCPUUtilization, "DskIO": GaugeDiskUtilization, "RAMUtil": GaugeRAMUtilization, "QKUsd": GaugeKilobytesUsed,
	"QKFre": GaugeKilobytesFree, "ActvRcp": GaugeActive, "UnatmptRcp": GaugeUnattempted, "AtmptRcp": GaugeAttempted,
	"CrtCncIn": GaugeInbound, "CrtCncOut": GaugeOutbound, "CPUTTm": GaugeCPUSeconds, "MaxIO": GaugeMaxIO, "RAMUsd": GaugeRAMUsed, "MMLen": GaugeMessages,
	"DstInMem": GaugeDestinations, "ResCon": GaugeConservation, "WorkQ": GaugeWorkQueue, "QuarMsgs": GaugeQuarantine,
	"QuarQKUsd": GaugeQuarantineKilobytes, "LogUsd": GaugeLogUsed, "SophLd": GaugeAntiVirusUtilization,
	"CASELd": GaugeAntiSpamUtilization, "TotalLd": GaugeTotalUtilization, "SwIn": GaugeSwappedIn, "SwOut": GaugeSwappedOut,
	"SwPgIn": GaugePagedIn, "SwPgOut": GaugePagedOut, "RptLd": GaugeReportingUtilization, "QtnLd": GaugeQuarantineLoad,
}

// textSamples are its words.
var textSamples = map[string]string{"LogAvail": GaugeLogAvailable, "SwapUsage": GaugeSwapUsage}

// Sample makes the fact of the minute: every pair of the status log, in its order, and nothing for the words that nobody
// has registered; then what the resolver has counted since the start.
func (f *Figures) Sample(now time.Time, live *Gauges) *journal.Sampled {
	return f.View(now, live, nil).sampled()
}

func (v Status) sampled() *journal.Sampled {
	names := StatusLogNames()
	e := &journal.Sampled{Values: make([]journal.NamedValue, 0, len(names))}
	for _, name := range names {
		if gauge, ok := textSamples[name]; ok {
			if text := v.Texts[gauge]; text != "" {
				e.Texts = append(e.Texts, journal.NamedText{Name: name, Text: text})
			}
			continue
		}
		e.Values = append(e.Values, journal.NamedValue{Name: name, Value: v.sample(name)})
	}
	return v.resolverSample(e)
}

// sample is the value of one pair.
func (v *Status) sample(name string) int64 {
	if c, ok := counterSamples[name]; ok {
		return int64(v.Counters[c].Reset)
	}
	if gauge, ok := gaugeSamples[name]; ok {
		return v.Gauges[gauge]
	}
	switch name {
	case "CrtMID":
		return int64(v.IDs.MID)
	case "CrtICID":
		return int64(v.IDs.ICID)
	case "CrtDCID":
		return int64(v.IDs.DCID)
	case "CPUETm":
		return v.UptimeSeconds
	case "InjBytes":
		return int64(v.Counters[InjectedBytes].Reset)
	}
	return 0
}

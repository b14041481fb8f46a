package journal

// LiveImage is the whole of the live state in memory.
type LiveImage struct {
	System    LiveSystem
	Messages  map[uint64]*LiveMessage
	Hosts     map[string]LiveHost
	Anomalies uint64
}

// FoldAll replays all records up to upTo in memory, without windows and rows, every adjustment made at once and all totals
// counted at the end: what the rows must agree with. Its cost follows the history; it is for tests.
func FoldAll(j *Journal, upTo uint64) (*LiveImage, error) {
	f := newLiveFold()
	if err := eachRecord(j, 0, upTo, f.replay); err != nil {
		return nil, err
	}
	return f.image(), nil
}

// replay applies a record and settles at once what the rows would put off.
func (f *liveFold) replay(r Record) {
	f.apply(r)
	switch r.Event.(type) {
	case *ClockJumped, *DeliveryForced:
		for _, m := range f.messages {
			f.adjust.message(&m.LiveMessage, &m.stamp)
		}
		for _, h := range f.hosts {
			f.adjust.host(&h.LiveHost, &h.stamp)
		}
	}
}

func (f *liveFold) image() *LiveImage {
	image := &LiveImage{
		System: f.state.LiveSystem.clone(), Messages: make(map[uint64]*LiveMessage, len(f.messages)),
		Hosts: make(map[string]LiveHost), Anomalies: f.state.anomalies,
	}
	s := &image.System
	s.Messages, s.Recipients, s.BodyBytes = 0, 0, 0
	for seq, e := range f.messages {
		m := e.LiveMessage.clone()
		image.Messages[seq] = m
		s.Messages++
		s.Recipients += uint64(len(m.Recipients))
		s.BodyBytes += m.bodyBytes()
	}
	for name, h := range f.hosts {
		if h.Down || h.Failures > 0 {
			image.Hosts[name] = h.LiveHost
		}
	}
	return image
}

package journal

// KindCount is how many records of a kind there are.
type KindCount struct {
	Kind    Kind
	Records uint64
	Bytes   uint64 // of their public and private parts
}

// Stat sums up what a journal holds.
type Stat struct {
	Records, Blocks      uint64
	Bytes                uint64 // of the blocks, uncompressed
	FirstSeq, LastSeq    uint64
	FirstTime, LastTime  Instant
	Forgotten            uint64 // records whose private part was erased
	Kinds                []KindCount
	Bodies               uint64
	BodyBytes            int64
	Boot                 uint64 // times the store was opened for writing
	Restored             bool   // it is a backup that nobody has answered for
	LargestBlock         uint64 // bytes
	LargestBlockFirstSeq uint64
	Begins               uint64  // first Seq above which there is no gap
	BeginsTime           Instant // of that record
	DiskBytes            uint64  // that history takes, roughly
	Cut                  Cut     // the last one; all zero: there was none
}

// Stat reads the whole journal; it takes time with its length.
func (j *Journal) Stat() (Stat, error) {
	s := Stat{Boot: j.boot}
	byKind := map[Kind]*KindCount{}
	err := j.scan(1, j.Durable(), func(first uint64, value []byte, b *block) error {
		s.addBlock(first, value, b)
		err := b.each(func(i int, f *frame) (bool, error) {
			c := byKind[f.kind]
			if c == nil {
				c = &KindCount{Kind: f.kind}
				byKind[f.kind] = c
			}
			c.Records++
			c.Bytes += uint64(len(f.public) + len(f.private))
			if f.hash != nil {
				s.Forgotten++
			}
			s.LastTime = b.base + Instant(f.delta)
			if first+uint64(i) == s.FirstSeq {
				s.FirstTime = s.LastTime
			}
			return true, nil
		})
		return j.damaged(blockError(first, err))
	})
	if err != nil {
		return s, err
	}
	for k := range 1 << 16 {
		if c := byKind[Kind(k)]; c != nil {
			s.Kinds = append(s.Kinds, *c)
		}
	}
	s.Cut, _ = j.LastCut()
	if s.Begins, s.BeginsTime, err = j.HistoryBegins(); err != nil {
		return s, err
	}
	if s.DiskBytes, err = j.HistoryBytes(); err != nil {
		return s, err
	}
	if s.Restored, err = j.Restored(); err != nil {
		return s, err
	}
	return s, j.Bodies(func(_ BodyID, n int64) {
		s.Bodies++
		s.BodyBytes += n
	})
}

func (s *Stat) addBlock(first uint64, value []byte, b *block) {
	if s.Blocks == 0 {
		s.FirstSeq = first
	}
	s.Blocks++
	s.Records += uint64(b.count)
	s.Bytes += uint64(len(value))
	s.LastSeq = first + uint64(b.count) - 1
	if n := uint64(len(value)); n > s.LargestBlock {
		s.LargestBlock, s.LargestBlockFirstSeq = n, first
	}
}

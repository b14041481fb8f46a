package journal

// Usage is what the store takes and how it fares. Bytes written are counted since the journal was opened.
type Usage struct {
	DiskBytes  uint64 // that the store's files take
	FreeBytes  uint64 // of the file system, for us
	TotalBytes uint64 // of the file system; 0 when it does not tell

	BodyBytes      uint64 // written into bodies
	WALBytes       uint64 // written to the write-ahead log
	FlushedBytes   uint64 // written by flushes
	CompactedBytes uint64 // written by compactions

	Stalled          bool   // all writers stand still until memtables are flushed
	MemtableBytes    uint64 // in memory, not yet flushed
	BackgroundErrors uint64 // failed flushes and compactions, each tried again
	LastError        error  // the last of them
	Unknown          uint64 // facts of newer kinds that were read and skipped
}

// Usage asks the store; it costs some tens of microseconds.
func (j *Journal) Usage() Usage {
	m := j.db.Metrics()
	u := Usage{
		DiskBytes:     m.DiskSpaceUsage(),
		BodyBytes:     j.bodyBytes.Load(),
		WALBytes:      m.WAL.BytesWritten,
		MemtableBytes: m.MemTable.Size,
		Unknown:       j.unknown.Load(),
	}
	for i := range m.Levels {
		l := &m.Levels[i]
		u.FlushedBytes += l.TableBytesFlushed + l.BlobBytesFlushed
		// The store counts what a flush puts into blob files as compacted, too.
		u.CompactedBytes += l.TableBytesCompacted + l.BlobBytesCompacted - l.BlobBytesFlushed
	}
	u.FreeBytes, u.TotalBytes, _ = j.options.Disk.Space(j.dir)
	j.pressure.mu.Lock()
	u.Stalled = j.pressure.stalled
	j.pressure.mu.Unlock()
	j.background.mu.Lock()
	u.BackgroundErrors, u.LastError = j.background.errors, j.background.last
	j.background.mu.Unlock()
	return u
}

package journal

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/bits"
	"path"
	"strconv"
	"strings"
)

// The store's log ends, after a crash, where its first invalid chunk stands: that is how a write looks which the power cut
// off, and nothing is lost by it. But a chunk that was destroyed later looks the same, and then acknowledged facts are
// gone. The two are told apart by what follows: each chunk says up to which offset the log had been synced when it was
// written. A valid chunk that promises more than the place of an invalid one before it proves damage. The store looks for
// such chunks in the log's later blocks only, so the rest of the same block is looked through here, before the store is
// opened: it may hold the last thousands of records.
//
// The log's format is that of the store's record package: blocks of 32 KiB, chunks of checksum (4), length (2), kind (1),
// log number (4), synced offset (8), payload, little-endian.
const (
	logBlock       = 32 << 10
	logHeader      = 19
	logFirstKind   = 9 // full, first, middle, last
	logLastKind    = 12
	logOldHeader   = 11 // without the synced offset: the end of a log that was closed
	logChecksumAdd = 0xa282ead8
)

var errLogHole = errors.New("the log has a hole before records that were durable")

// checkLog looks for damage at the end of the newest log.
func (j *Journal) checkLog() error {
	disk := j.options.Disk.vfs()
	names, err := disk.List(j.dir)
	if err != nil {
		return fmt.Errorf("journal %s: %w", j.dir, err)
	}
	var newest uint64
	for _, name := range names {
		base, isLog := strings.CutSuffix(name, ".log")
		if n, err := strconv.ParseUint(base, 10, 64); isLog && err == nil {
			newest = max(newest, n)
		}
	}
	if newest == 0 {
		return nil
	}
	name := fmt.Sprintf("%06d.log", newest)
	f, err := disk.Open(path.Join(j.dir, name))
	if err != nil {
		return fmt.Errorf("journal %s: %w", j.dir, err)
	}
	defer f.Close()
	if err := checkLogTail(bufio.NewReaderSize(f, 1<<20), uint32(newest)); err != nil {
		return &DamagedError{Dir: j.dir, Err: fmt.Errorf("%s: %w", name, err)}
	}
	return nil
}

// checkLogTail follows the chunks to the first one that is not valid.
func checkLogTail(r io.Reader, number uint32) error {
	buf := make([]byte, logBlock)
	for offset := uint64(0); ; offset += logBlock {
		n, err := io.ReadFull(r, buf)
		if n == 0 {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		block := buf[:n]
		at := 0
		for at+logHeader <= n {
			length, ok := logChunk(block[at:], number)
			if !ok {
				return logHole(block, at, offset, number)
			}
			at += length
		}
		if n < logBlock {
			return nil
		}
	}
}

// logChunk returns the length of a valid chunk with its header.
func logChunk(b []byte, number uint32) (length int, ok bool) {
	if len(b) < logHeader || b[6] < logFirstKind || b[6] > logLastKind || binary.LittleEndian.Uint32(b[7:]) != number {
		return 0, false
	}
	length = logHeader + int(binary.LittleEndian.Uint16(b[4:]))
	if length > len(b) {
		return 0, false
	}
	sum := bits.RotateLeft32(crc32.Checksum(b[6:length], castagnoli), 17) + logChecksumAdd
	return length, binary.LittleEndian.Uint32(b) == sum
}

// logHole looks behind an invalid chunk at block[at:] for one that proves that it was valid once.
func logHole(block []byte, at int, offset uint64, number uint32) error {
	if closedLog(block[at:], number) {
		return nil
	}
	for i := at + 1; i+logHeader <= len(block); i++ {
		if _, ok := logChunk(block[i:], number); ok && binary.LittleEndian.Uint64(block[i+11:]) > offset+uint64(at) {
			return fmt.Errorf("offset %d: %w", offset+uint64(at), errLogHole)
		}
	}
	return nil
}

// closedLog tells whether the log was ended in order: an empty chunk bears the number of the next log.
func closedLog(b []byte, number uint32) bool {
	return len(b) >= logOldHeader && b[6] != 0 && binary.LittleEndian.Uint16(b[4:]) == 0 && binary.LittleEndian.Uint32(b[7:]) == number+1
}

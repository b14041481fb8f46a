package journal

import (
	"encoding/binary"
	"hash/crc32"
)

// Forget returns the value of a block with the private parts of some records replaced by their salted hashes, each with
// another part that stands for it: folds go on to see a message with a sender and recipients. The salts of the others are
// spelled out and the secret is dropped, because it would give back the salts of what was forgotten and with them a way to
// confirm a guess. The chain link stays as it was, and stays true; it says nothing of what stands for a forgotten part.
//
// value is the block that begins with record first; standIn tells whether a record is to be forgotten, and what stands for
// its private part.
func Forget(value []byte, first uint64, standIn func(seq uint64) (private []byte, forget bool)) ([]byte, error) {
	var b block
	if err := b.parse(value); err != nil {
		return nil, blockError(first, err)
	}
	out := []byte{blockVersion, 0, 0, 0, 0, b.flags &^ blockHasSecret}
	out = binary.AppendUvarint(out, uint64(b.count))
	out = binary.BigEndian.AppendUint64(out, uint64(b.base))
	out = append(out, b.link[:]...)
	err := b.each(func(i int, f *frame) (bool, error) {
		changed := *f
		private, forget := standIn(first + uint64(i))
		if forget && f.flags&frameHasPrivate != 0 {
			sum, err := b.hashOf(i, f)
			if err != nil {
				return false, err
			}
			changed.private, changed.hash = private, sum[:]
		}
		var err error
		out, err = b.appendFrame(out, i, &changed)
		return true, err
	})
	if err != nil {
		return nil, blockError(first, err)
	}
	binary.BigEndian.PutUint32(out[1:], crc32.Checksum(out[5:], castagnoli))
	return out, nil
}

// appendFrame writes a frame again, forgotten when it has a hash, else with its own salt.
func (b *block) appendFrame(out []byte, i int, f *frame) ([]byte, error) {
	flags := f.flags
	if flags&frameHasPrivate != 0 {
		if f.hash != nil {
			flags = flags&^frameSalted | frameForgotten
		} else {
			flags |= frameSalted
		}
	}
	out = binary.AppendUvarint(out, uint64(f.kind))
	out = append(out, flags)
	out = binary.AppendVarint(out, f.delta)
	out = binary.AppendUvarint(out, uint64(len(f.public)))
	out = append(out, f.public...)
	if flags&frameForgotten != 0 {
		out = append(out, f.hash...)
		out = binary.AppendUvarint(out, uint64(len(f.private)))
		return append(out, f.private...), nil
	}
	if flags&frameSalted != 0 {
		salt, err := b.saltFor(i, f)
		if err != nil {
			return nil, err
		}
		out = append(out, salt[:]...)
		out = binary.AppendUvarint(out, uint64(len(f.private)))
		out = append(out, f.private...)
	}
	return out, nil
}

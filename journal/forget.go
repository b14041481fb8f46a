package journal

import (
	"encoding/binary"
	"hash/crc32"
)

// Forget returns the value of a block with the private parts of the named records replaced by their salted hashes. The
// salts of the others are spelled out and the secret is dropped, because it would give back the salts of what was
// forgotten and with them a way to confirm a guess. The chain link stays as it was, and stays true.
//
// value is the block that begins with record first; which tells whether a record is to be forgotten.
func Forget(value []byte, first uint64, which func(seq uint64) bool) ([]byte, error) {
	var b block
	if err := b.parse(value); err != nil {
		return nil, blockError(first, err)
	}
	out := []byte{blockVersion, 0, 0, 0, 0, b.flags &^ blockHasSecret}
	out = binary.AppendUvarint(out, uint64(b.count))
	out = binary.BigEndian.AppendUint64(out, uint64(b.base))
	out = append(out, b.link[:]...)
	err := b.each(func(i int, f *frame) (bool, error) {
		var err error
		out, err = b.appendFrame(out, i, f, which(first+uint64(i)))
		return true, err
	})
	if err != nil {
		return nil, blockError(first, err)
	}
	binary.BigEndian.PutUint32(out[1:], crc32.Checksum(out[5:], castagnoli))
	return out, nil
}

// appendFrame writes a frame again, forgotten or with its own salt.
func (b *block) appendFrame(out []byte, i int, f *frame, forget bool) ([]byte, error) {
	flags := f.flags
	if flags&frameHasPrivate != 0 {
		if forget || f.hash != nil {
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
		sum, err := b.hashOf(i, f)
		return append(out, sum[:]...), err
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

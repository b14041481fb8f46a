package projections

import (
	"math/bits"

	"postern/journal"
)

// word is one recipient: its host's number, whether nobody is to hear when it bounces, whether an attempt for it has
// failed, and whether it is still here.
type word uint32

const (
	wordLive      word = 1
	wordAttempted word = 2
	wordSilent    word = 4
	wordBits           = 3
)

// silent is the mark of a recipient of whose bounce nobody is to hear.
func silent(sender string, notify journal.Notify) word {
	if sender == "" || !notify.WantsFailure() {
		return wordSilent
	}
	return 0
}

func (w word) host() uint32 { return uint32(w >> wordBits) }

func makeWord(host uint32, flags word) word { return word(host)<<wordBits | flags }

const (
	pageBits = 16
	pageSize = 1 << pageBits
	maxRIDs  = pageSize - 1 // recipients of one message that are told apart; the wire's limit is far below
)

// words holds the recipients of messages with several: for each a block of a power of two of words, the first of which
// counts the live ones. Freed blocks are used again for messages of their size.
type words struct {
	pages [][]word
	next  uint32                 // the first word never used, in the last page
	free  [pageBits + 1][]uint32 // by the size's logarithm
}

// alloc returns a block with room for n recipients, all zero.
func (w *words) alloc(n uint32) uint32 {
	class := bits.Len32(n) // room for n and the count
	if k := len(w.free[class]); k > 0 {
		at := w.free[class][k-1]
		w.free[class] = w.free[class][:k-1]
		clear(w.block(at, n))
		return at
	}
	size := uint32(1) << class
	if len(w.pages) == 0 || w.next+size > uint32(len(w.pages))<<pageBits {
		w.retireRest()
		w.pages = append(w.pages, make([]word, pageSize))
		w.next = uint32(len(w.pages)-1) << pageBits
	}
	at := w.next
	w.next += size
	return at
}

// retireRest gives what is left of the last page to the free blocks.
func (w *words) retireRest() {
	end := uint32(len(w.pages)) << pageBits
	for w.next < end {
		class := bits.Len32(end-w.next) - 1
		w.free[class] = append(w.free[class], w.next)
		w.next += 1 << class
	}
}

// block returns the count and the n words behind it.
func (w *words) block(at, n uint32) []word {
	in := at & (pageSize - 1)
	return w.pages[at>>pageBits][in : in+n+1]
}

func (w *words) release(at, n uint32) {
	class := bits.Len32(n)
	w.free[class] = append(w.free[class], at)
}

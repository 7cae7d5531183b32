package broker

import (
	"math/bits"
	"sync"
)

// Buffers come in size classes, so that any that was given back fits the next user.
// The small ones hold what is left of a read while a connection waits; the read
// buffer is the largest of them. Above it, classes for large frames double.
const (
	readBufferSize = 64 << 10
	// frameSlack lies on top of every large class, because a batch of message.max.bytes
	// (1 MiB by default) comes in a frame that is a little longer: without it
	// the commonest large frame would take a buffer of twice its size.
	frameSlack = 16 << 10
	// firstLargeClass is the index of the first class above the read buffer.
	firstLargeClass = 4
	// classes is enough for a frame of 2 GiB, the largest that the size prefix can say.
	classes = firstLargeClass + 15
)

// smallSizes are the sizes of the classes below firstLargeClass.
var smallSizes = [firstLargeClass]int{512, 4 << 10, 16 << 10, readBufferSize}

// bufferPools hold buffers that nobody uses. sync.Pool gives them to the collector when
// nobody has used them for a while, so that an idle process is small.
var bufferPools [classes]sync.Pool

// buffer is a pooled byte slice. One user at a time owns it.
type buffer struct {
	b     []byte // of full length
	class int
}

// classSize is the length of the buffers of a class.
func classSize(class int) int {
	if class < firstLargeClass {
		return smallSizes[class]
	}
	return readBufferSize<<(class-firstLargeClass+1) + frameSlack
}

// classFor is the smallest class that holds n bytes.
func classFor(n int) int {
	for class, size := range smallSizes {
		if n <= size {
			return class
		}
	}
	// How often 64 KiB must double to hold what the slack does not.
	doublings := bits.Len(uint(max(n-frameSlack, readBufferSize+1)-1)) - bits.Len(uint(readBufferSize-1))
	return firstLargeClass - 1 + doublings
}

// getBuffer returns a buffer of a class, a new one if none is pooled.
func getBuffer(class int) *buffer {
	if b := pooledBuffer(class); b != nil {
		return b
	}
	return &buffer{b: make([]byte, classSize(class)), class: class}
}

// pooledBuffer returns a buffer of a class if one is at hand, else nil.
func pooledBuffer(class int) *buffer {
	b, _ := bufferPools[class].Get().(*buffer)
	return b
}

// release gives the buffer back. Nobody may use its bytes any more.
func (b *buffer) release() { bufferPools[b.class].Put(b) }

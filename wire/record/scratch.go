package record

import (
	"runtime"
	"sync"
)

// maxPooledScratch is the largest buffer that is kept for the next batch: a batch of the
// default max.message.bytes (1 MiB) at a ratio of four.
const maxPooledScratch = 4 << 20

// scratch is memory for one decompressed payload. It never leaves the package.
type scratch struct{ buf []byte }

var scratchPool = sync.Pool{New: func() any { return new(scratch) }}

// scratchSlots bounds how many payloads are decompressed for validation at once, and so the memory
// that a thousand producers of bombs can pin together. As many as there
// are CPUs are enough, as the work is all computing.
var scratchSlots = make(chan struct{}, max(2, runtime.GOMAXPROCS(0)))

// takeScratch waits for a slot. The caller must give the scratch back.
func takeScratch() *scratch {
	scratchSlots <- struct{}{}
	return scratchPool.Get().(*scratch)
}

func (s *scratch) give() {
	if cap(s.buf) <= maxPooledScratch {
		scratchPool.Put(s)
	}
	<-scratchSlots
}

// decompress puts the payload into the scratch and returns it. It is valid until give.
func (s *scratch) decompress(c Codec, payload []byte, limit int) ([]byte, error) {
	out, err := Decompress(s.buf[:0], c, payload, limit)
	if err != nil {
		return nil, err
	}
	s.buf = out
	return out, nil
}

package vfs

import (
	"runtime"
	"sync"
)

// regionBytes is how much memory an arena takes from the system at once: many chunks, so that mappings stay few.
const regionBytes = 32 << 20

// warmBytes is how much of a region gets its memory at once.
const warmBytes = 1 << 20

// warmChunks is how many free chunks keep their memory. It is what a busy store frees and takes again within a moment; the
// memory of further ones goes back to the system.
const warmChunks = 64 << 20 / largeChunkBytes

// arena hands out chunks of largeChunkBytes of memory that lies outside the heap, where the system allows that, and takes them back for reuse. On
// the heap a store in memory would double: the collector lets garbage grow to the size of what is alive before it looks.
//
// Chunks are not cleared. Any goroutine may call any method.
type arena struct {
	mu struct {
		sync.Mutex
		fresh []byte   // rest of the newest region
		warm  [][]byte // free chunks with memory
		cold  [][]byte // free chunks whose memory went back to the system
	}
	// regions are apart from the arena, since whoever unmaps them must not keep the arena alive.
	regions *regions
}

// regions are what an arena has from the system.
type regions struct{ all [][]byte }

func newArena() *arena {
	a := &arena{regions: &regions{}}
	runtime.AddCleanup(a, (*regions).unmap, a.regions)
	return a
}

func (r *regions) unmap() {
	for _, region := range r.all {
		unmapRegion(region)
	}
}

// take returns a chunk. What is in it is undefined.
func (a *arena) take() []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, free := range []*[][]byte{&a.mu.warm, &a.mu.cold} {
		if last := len(*free) - 1; last >= 0 {
			c := (*free)[last]
			*free = (*free)[:last]
			return c
		}
	}
	if len(a.mu.fresh) == 0 {
		region := mapRegion(regionBytes)
		if region == nil {
			return make([]byte, largeChunkBytes)
		}
		a.regions.all = append(a.regions.all, region)
		a.mu.fresh = region
	}
	if len(a.mu.fresh)%warmBytes == 0 {
		warmRegion(a.mu.fresh[:warmBytes])
	}
	c := a.mu.fresh[:largeChunkBytes:largeChunkBytes]
	a.mu.fresh = a.mu.fresh[largeChunkBytes:]
	return c
}

// give takes a chunk back. Nobody may look at it any more.
func (a *arena) give(c []byte) {
	c = c[:largeChunkBytes]
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.mu.warm) < warmChunks {
		a.mu.warm = append(a.mu.warm, c)
		return
	}
	coolRegion(c)
	a.mu.cold = append(a.mu.cold, c)
}

package local

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"
)

// Bounds of a cleaner beside requests.
const (
	// paceSlice is how long a cleaner works at a time, paceRest how many times as long it rests then. A lone batch that is compressed may take
	// longer.
	paceSlice = 100 * time.Microsecond
	paceRest  = 3
	// paceHurry is after how long a cleaner works half of the time, a millisecond at a time: there is much to do, and more comes meanwhile.
	paceHurry      = time.Minute
	paceHurrySlice = time.Millisecond
	// maxPaceRest bounds a rest: on a disk that is slow by itself the cleaner gets more of the time.
	maxPaceRest = 50 * time.Millisecond
	// paceQuiet is how long after the last request a cleaner stops resting.
	paceQuiet = time.Second
	// paceBytes is how much a cleaner goes through between two looks at the clock.
	paceBytes = 16 << 10
	// paceWrite is how much it writes at a time beside requests. Whatever the disk has in its cache is a burden of the next sync of anybody.
	paceWrite = 64 << 10
)

// traffic notes that a store is used. The zero value is ready.
type traffic struct{ seen atomic.Bool }

// note is called by each request. All but the first since a cleaner looked only load, so that cores don't fight for it.
func (t *traffic) note() {
	if !t.seen.Load() {
		t.seen.Store(true)
	}
}

// pacer keeps a cleaner out of the way of requests: while there are any, it works at most a quarter of the time, in slices of a tenth of a
// millisecond, and reads and writes in small pieces. Nothing is kept waiting for long then: not a request for a processor, of which the cleaner would
// else keep one of few (Go's scheduler looks at the network when a goroutine waits, not when it yields), and not a sync for the
// disk. What a slice waits for the disk counts as work, so that a busy disk gets longer rests as well.
//
// A bound of bytes per second would have to know the machine; a lower priority for the thread would let requests wait for
// locks, and the garbage collector for a stop, that a thread has which doesn't get to run.
//
// A broker that has little to do wakes no earlier than a millisecond after it went to sleep, so the cleaner may get a tenth of the time only. A
// cleaning of which a minute is over gets half of it, so that no log grows faster than it is cleaned; log.cleaner.threads
// multiplies both, as each thread has a pacer of its own. Without requests for a second it doesn't rest at all.
//
// It belongs to one cleaning, or to the remover, which rests by rules of its own.
type pacer struct {
	traffic *traffic
	// began is when the work began, resumed when the slice did, requested when requests were seen last.
	began, resumed, requested time.Time
	// passed is how many bytes the cleaner went through since the last look at the clock.
	passed int
}

func newPacer(t *traffic) pacer {
	now := time.Now()
	p := pacer{traffic: t, began: now, resumed: now}
	p.look(now)
	return p
}

// look reports whether there are requests.
func (p *pacer) look(now time.Time) bool {
	if p.traffic.seen.Swap(false) {
		p.requested = now
	}
	return p.isPaced(now)
}

// isPaced reports whether there were requests, as of the last look.
func (p *pacer) isPaced(now time.Time) bool { return now.Sub(p.requested) < paceQuiet }

// pieceBytes is how much to write at a time, at most bytes.
func (p *pacer) pieceBytes(bytes int) int {
	if p.isPaced(p.resumed) {
		return min(bytes, paceWrite)
	}
	return bytes
}

// rest is called when n more bytes are done, and returns when the cleaner may go on or the context is done.
func (p *pacer) rest(ctx context.Context, n int) error {
	if p.passed += n; p.passed < paceBytes {
		return nil
	}
	p.passed = 0
	now := time.Now()
	worked := now.Sub(p.resumed)
	slice, rest := paceSlice, worked*paceRest
	if now.Sub(p.began) >= paceHurry {
		slice, rest = paceHurrySlice, worked
	}
	if worked < slice {
		return nil
	}
	if !p.look(now) {
		runtime.Gosched()
		p.resumed = now
		return nil
	}
	timer := time.NewTimer(min(rest, maxPaceRest))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	p.resumed = time.Now()
	return nil
}

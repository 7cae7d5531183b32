package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

const (
	// goPercent is the collector's own pace, GOGC's default.
	goPercent = 100
	// garbageRoom is how much garbage in bytes a hurried collector lets come together. Beyond it little is to be gained.
	garbageRoom = 16 << 20
	// maxPercent is where the smallest heap that the runtime collects, 4 MiB at its own pace, is as large as garbageRoom.
	maxPercent = goPercent * garbageRoom / (4 << 20)
	// percentStep is how finely the pace is set: what lives changes a little with each collection.
	percentStep = 25
	// hurry is the time between two collections, at the collector's own pace, below which it is hurried, and how long
	// that must last: thousands of partitions are made in less, and a broker that does nothing after that shouldn't be larger.
	hurry = 250 * time.Millisecond
	// calm is how long a collector with room for garbage has nothing to do until it is set back. It then gets up to five times as
	// much before each collection, so this is above five times hurry: no load is on both sides.
	calm = 1500 * time.Millisecond
	// smallMemory is the memory limit in bytes below which the pace is left alone.
	smallMemory = 128 << 20
)

// gcPace lets the garbage collector have more room while it is hurried. A broker under small requests keeps one to four MiB alive, so
// that at its own pace the collector comes ten to twenty times a second, and empties the pools of buffers each time; with more
// room it comes two or three times. GOGC=400 does the same, and triples the memory of a broker at rest.
//
// Nothing runs while nothing is collected: a finished collection calls, and a timer waits only while the pace is raised. Its owner
// is its lock.
type gcPace struct {
	// What it stands on, apart so that the rule can be tested.
	roots    func() int64 // bytes that the collector starts the next round with
	set      func(percent int)
	giveBack func()

	mu struct {
		sync.Mutex
		percent int
		last    time.Time   // the last collection
		since   time.Time   // when collections began to follow each other fast
		relax   *time.Timer // set while percent is above goPercent
		stopped bool
	}
}

// keepPace watches the collector of this process until stop is called, if it may.
func keepPace(environ []string) (stop func()) {
	if !paceIsFree(environ, debug.SetMemoryLimit(-1)) {
		return func() {}
	}
	p := newGCPace()
	p.roots, p.giveBack = rootBytes, debug.FreeOSMemory
	p.set = func(percent int) { debug.SetGCPercent(percent) }
	onCollections(p.collected)
	return p.stop
}

// paceIsFree says whether the pace may be changed: neither has the environment set it, nor is memory scarce. The limit is the
// runtime's, in bytes.
func paceIsFree(environ []string, limit int64) bool {
	return !isSet(environ, "GOGC") && limit >= smallMemory
}

// newGCPace begins at the collector's own pace.
func newGCPace() *gcPace {
	p := new(gcPace)
	p.mu.percent, p.mu.last, p.mu.since = goPercent, time.Now(), time.Now()
	return p
}

// onCollections has fn called after each collection, or after several, as long as it returns true.
func onCollections(fn func() bool) {
	// The object is garbage at once. It is a pointer, because small ones without pointers share their memory.
	runtime.AddCleanup(new(*gcPace), func(fn func() bool) {
		if fn() {
			onCollections(fn)
		}
	}, fn)
}

// collected is called after a collection, and says whether to call after the next.
func (p *gcPace) collected() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.mu.percent == goPercent && now.Sub(p.mu.last) >= hurry {
		p.mu.since = now
	}
	p.mu.last = now
	if p.mu.stopped || now.Sub(p.mu.since) < hurry {
		return !p.mu.stopped
	}
	p.setLocked(percentFor(p.roots()))
	return true
}

// setLocked sets the pace, and from now on waits for calm if it is raised.
func (p *gcPace) setLocked(percent int) {
	if percent != p.mu.percent {
		p.set(percent)
		p.mu.percent = percent
	}
	switch {
	case percent == goPercent:
		p.endLocked()
	case p.mu.relax == nil:
		p.mu.relax = time.AfterFunc(calm, p.relax)
	default:
		p.mu.relax.Reset(calm)
	}
}

// endLocked ends the wait for calm.
func (p *gcPace) endLocked() {
	if p.mu.relax != nil {
		p.mu.relax.Stop()
		p.mu.relax = nil
	}
}

// relax sets the pace back when there was no collection for a while, and has what has come together collected and given back to the
// system: the runtime would keep half of it.
func (p *gcPace) relax() {
	p.mu.Lock()
	if p.mu.relax == nil || time.Since(p.mu.last) < calm {
		p.mu.Unlock()
		return // A collection or the stop came in between.
	}
	p.setLocked(goPercent)
	p.mu.Unlock()
	p.giveBack()
}

// stop leaves the collector as it was found.
func (p *gcPace) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.stopped = true
	p.setLocked(goPercent)
}

// percentFor is the pace with which a collector that starts with so many bytes lets garbageRoom come together: the collector's own where it
// leaves as much anyhow.
func percentFor(roots int64) int {
	percent := int64(maxPercent)
	if roots > 0 {
		percent = min(percent, goPercent*garbageRoom/roots)
	}
	return int(max(goPercent, percent-percent%percentStep))
}

// rootBytes is what GOGC is a percentage of: the objects that the last collection found alive, stacks and globals.
func rootBytes() int64 {
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	metrics.Read(samples)
	var sum uint64
	for _, s := range samples {
		if s.Value.Kind() == metrics.KindUint64 {
			sum += s.Value.Uint64()
		}
	}
	return int64(min(sum, 1<<62))
}

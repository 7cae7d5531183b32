package main

import (
	"math"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestPaceLeavesRoomForGarbage(t *testing.T) {
	for _, c := range []struct {
		name  string
		roots int64
		want  int
	}{
		{"nothing is known", 0, 400},
		{"the runtime's smallest heap is as large", 1 << 20, 400},
		{"a broker under small requests", 4 << 20, 400},
		{"twice as much lives", 8 << 20, 200},
		{"between two steps", 9 << 20, 175},
		{"the collector's own pace leaves as much", 16 << 20, 100},
		{"much lives", 10 << 30, 100},
		{"more than there is", math.MaxInt64, 100},
	} {
		if got := percentFor(c.roots); got != c.want {
			t.Errorf("%s: %d %%, not %d", c.name, got, c.want)
		}
	}
}

// paceTest is a collector that the test plays. Those who use it are in synctest bubbles: their sleeps take no time, and are how the clock moves.
type paceTest struct {
	*gcPace
	live      int64
	percents  []int
	givenBack int
}

func newPaceTest() *paceTest {
	p := &paceTest{gcPace: newGCPace(), live: 4 << 20}
	p.roots = func() int64 { return p.live }
	p.set = func(percent int) { p.percents = append(p.percents, percent) }
	p.giveBack = func() {
		p.givenBack++
		p.collected()
	}
	return p
}

// collections are n of them, each so long after the one before.
func (p *paceTest) collections(n int, apart time.Duration) {
	for range n {
		time.Sleep(apart)
		p.collected()
		synctest.Wait()
	}
}

func (p *paceTest) expect(t *testing.T, what string, givenBack int, percents ...int) {
	t.Helper()
	synctest.Wait()
	if !slices.Equal(p.percents, percents) || p.givenBack != givenBack {
		t.Errorf("%s: set to %v and given back %d times, not %v and %d", what, p.percents, p.givenBack, percents, givenBack)
	}
}

func TestPaceFollowsTheLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPaceTest()
		p.collections(100, hurry)
		p.expect(t, "collections that aren't fast", 0)
		p.collections(4, hurry/5)
		p.expect(t, "a burst", 0)
		p.collections(1, hurry)
		p.collections(4, hurry/5)
		p.expect(t, "a burst after a pause", 0)
		p.collections(1, hurry/5)
		p.expect(t, "a load that lasts", 0, 400)
		p.collections(100, calm-time.Millisecond)
		p.expect(t, "the load goes on", 0, 400)
		p.live = 8 << 20
		p.collections(1, hurry)
		p.expect(t, "more lives", 0, 400, 200)
		p.collections(1, hurry)
		time.Sleep(calm - time.Millisecond)
		p.expect(t, "the load has gone", 0, 400, 200)
		time.Sleep(time.Millisecond)
		p.expect(t, "and stays away", 1, 400, 200, 100)
		time.Sleep(time.Hour)
		p.collections(5, hurry/5)
		p.expect(t, "later", 1, 400, 200, 100)
		p.collections(1, hurry/5)
		p.expect(t, "the next load", 1, 400, 200, 100, 200)
		p.stop()
	})
}

func TestPaceIsTheCollectorsOwnWhereMuchLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPaceTest()
		p.live = 100 << 20
		p.collections(100, hurry/10)
		p.expect(t, "from the begin", 0)
		p.live = 4 << 20
		p.collections(1, hurry/10)
		p.expect(t, "it goes", 0, 400)
		p.live = 100 << 20
		p.collections(1, hurry/10)
		p.expect(t, "it comes back", 0, 400, 100)
		time.Sleep(time.Hour)
		p.expect(t, "the load has gone", 0, 400, 100)
	})
}

func TestPaceThatIsStoppedIsSetBackAndStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPaceTest()
		p.collections(10, hurry/2)
		p.stop()
		p.expect(t, "stopped", 0, 400, 100)
		if p.collected() {
			t.Error("the next collection is to call again")
		}
		p.collections(10, hurry/2)
		p.stop()
		p.expect(t, "stopped again", 0, 400, 100)
	})
}

func TestCollectionsCallUntilTheyAreToldNotTo(t *testing.T) {
	calls := make(chan int)
	n := 0
	onCollections(func() bool {
		n++
		calls <- n
		return n < 3
	})
	deadline := time.After(20 * time.Second)
	for heard := 0; heard < 3; {
		runtime.GC()
		select {
		case heard = <-calls:
		case <-time.After(10 * time.Millisecond): // it went by before the call after the next was asked for
		case <-deadline:
			t.Fatalf("%d calls", heard)
		}
	}
}

func TestPaceIsLeftToTheEnvironmentAndToSmallMemory(t *testing.T) {
	for _, c := range []struct {
		name    string
		environ []string
		limit   int64
		want    bool
	}{
		{"nothing is said", []string{"HOME=/", "GOGCX=1"}, math.MaxInt64, true},
		{"a pace", []string{"GOGC=100"}, math.MaxInt64, false},
		{"no collector", []string{"GOGC=off"}, math.MaxInt64, false},
		{"memory for it", nil, 128 << 20, true},
		{"small memory", nil, 128<<20 - 1, false},
	} {
		if got := paceIsFree(c.environ, c.limit); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestRootsAreWhatLives(t *testing.T) {
	runtime.GC()
	before := rootBytes()
	kept := make([]byte, 64<<20)
	runtime.GC()
	after := rootBytes()
	runtime.KeepAlive(kept)
	if before <= 0 || after < before+(60<<20) {
		t.Errorf("%d bytes, and with 64 MiB more %d", before, after)
	}
}

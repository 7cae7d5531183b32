package coordinator

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/clatterhq/clatter/logstore/vfs"
)

// counter is what the model knows of a key: values only rise, so after a crash there must be one that was begun, and none older than the last
// that was acknowledged.
type counter struct {
	begun        int
	acknowledged atomic.Int64
}

// TestAcknowledgedStateSurvivesCrashes drives a few keys from one goroutine, crashes the disk at a random moment, and goes on with
// what is left.
func TestAcknowledgedStateSurvivesCrashes(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	disk := vfs.NewMemory()
	values := make([]int, 12) // after the last crash
	for round := range 30 {
		topic := openTopic(t, disk, 3)
		r := newTestRuntime(t, topic)
		counters := make([]*counter, len(values))
		for i := range counters {
			got, err := strconv.Atoi("0" + r.get(fmt.Sprint("key", i)))
			if err != nil {
				t.Fatal(err)
			}
			if got != values[i] {
				t.Fatalf("round %d: key %d is %d, want %d", round, i, got, values[i])
			}
			counters[i] = &counter{begun: got}
			counters[i].acknowledged.Store(int64(got))
		}
		var last *outcome
		for range random.IntN(300) {
			i := random.IntN(len(counters))
			last = count(r, i, counters[i], random.IntN(2) == 0)
			if random.IntN(40) == 0 {
				<-last.done
			}
		}
		if last != nil && random.IntN(3) > 0 {
			<-last.done
		}
		// What is acknowledged before the clone is made must be in it.
		var floors []int
		for _, c := range counters {
			floors = append(floors, int(c.acknowledged.Load()))
		}
		clone := disk.CrashClone(random)
		r.stop()
		topic.Close(t)
		disk = clone
		check := openTopic(t, disk, 3)
		again := newTestRuntime(t, check)
		for i, c := range counters {
			got, _ := strconv.Atoi("0" + again.get(fmt.Sprint("key", i)))
			if got < floors[i] || got > c.begun {
				t.Fatalf("round %d: key %d is %d after a crash, acknowledged %d, begun %d", round, i, got, floors[i], c.begun)
			}
			values[i] = got
		}
		again.stop()
		check.Close(t)
	}
}

// count raises a key by one.
func count(r *testRuntime, i int, c *counter, shared bool) *outcome {
	c.begun++
	value := c.begun
	key := fmt.Sprint("key", i)
	o := &outcome{done: make(chan struct{})}
	r.Submit(key, Command[*pairs, pair]{
		Key: key, Shared: shared,
		Decide: func(*pairs) Decision[pair] {
			return Decision[pair]{
				Records: []pair{{key: key, value: strconv.Itoa(value)}},
				Answer: func(err error) {
					if err == nil {
						c.acknowledged.Store(int64(value))
					}
					o.finish(err)
				},
			}
		},
		Refused: o.finish,
	})
	return o
}

package txnclient

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Codes counts the codes of answers, by request.
type Codes struct {
	mu struct {
		sync.Mutex
		counts map[string]int
		all    map[int16]bool
	}
}

func (c *Codes) add(request string, code int16) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.counts == nil {
		c.mu.counts, c.mu.all = map[string]int{}, map[int16]bool{}
	}
	c.mu.counts[request+" "+Name(code)]++
	c.mu.all[code] = true
}

// retriable are the codes that Kafka's producers try again with, as the protocol documents them (errors.py of the clients, KIP-1050).
var retriable = map[int16]bool{
	kerr.CoordinatorLoadInProgress.Code: true, kerr.CoordinatorNotAvailable.Code: true, kerr.NotCoordinator.Code: true,
	kerr.ConcurrentTransactions.Code: true, kerr.NotLeaderForPartition.Code: true, kerr.LeaderNotAvailable.Code: true,
	kerr.UnknownTopicOrPartition.Code: true, kerr.NotEnoughReplicas.Code: true, kerr.NotEnoughReplicasAfterAppend.Code: true,
	kerr.RequestTimedOut.Code: true, kerr.KafkaStorageError.Code: true, kerr.NetworkException.Code: true,
	kerr.UnstableOffsetCommit.Code: true,
}

// Surprises are the codes that are neither success nor documented as worth trying again, nor among those that the test expects.
func (c *Codes) Surprises(expected ...*kerr.Error) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []string
	for code := range maps.Keys(c.mu.all) {
		if code != 0 && !retriable[code] && !slices.ContainsFunc(expected, func(e *kerr.Error) bool { return e.Code == code }) {
			found = append(found, Name(code))
		}
	}
	slices.Sort(found)
	return found
}

// Count is how often a code came.
func (c *Codes) Count(of *kerr.Error) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for name, count := range c.mu.counts {
		if strings.HasSuffix(name, " "+of.Message) {
			n += count
		}
	}
	return n
}

func (c *Codes) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	lines := make([]string, 0, len(c.mu.counts))
	for _, name := range slices.Sorted(maps.Keys(c.mu.counts)) {
		lines = append(lines, fmt.Sprintf("%s: %d", name, c.mu.counts[name]))
	}
	return strings.Join(lines, ", ")
}

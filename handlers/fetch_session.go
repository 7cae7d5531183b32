package handlers

import (
	"container/list"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire"
)

const (
	// sessionEvictionAge is how long a session may be unused before anyone may take
	// its slot, and how old it must be before a larger one may
	// (min.incremental.fetch.session.eviction.ms, which Kafka fixes at two minutes).
	sessionEvictionAge = 2 * time.Minute
	// maxSessionBytes bounds what all sessions remember together. Kafka counts slots
	// only, so that 1,000 requests of 100 MiB would pin hundreds of gigabytes.
	maxSessionBytes = 64 << 20
	// sessionPartitionBytes is about what one remembered partition costs in memory:
	// the value, its place in the map and its topic's name if no topic has that name.
	sessionPartitionBytes = 192

	initialSessionEpoch = 0  // asks for a new session (KIP-227)
	finalSessionEpoch   = -1 // ends the session and asks for none
	noSession           = 0
)

// nextSessionEpoch is the epoch that must follow epoch; it wraps to 1, because 0 asks
// for a new session.
func nextSessionEpoch(epoch int32) int32 {
	switch {
	case epoch < 0:
		return finalSessionEpoch
	case epoch == math.MaxInt32:
		return 1
	default:
		return epoch + 1
	}
}

// partitionKey names a partition of a fetch: by ID from version 13 on, else by name.
// The other one of the two is left empty.
type partitionKey struct {
	id        logstore.TopicID
	topic     string
	partition int32
}

// sessionPartition is what a session remembers of one partition: what the client
// asks for, and what it was told last.
type sessionPartition struct {
	key   partitionKey
	topic string // name, "" as long as no topic with the ID was seen

	maxBytes         int32
	leaderEpoch      int32
	lastFetchedEpoch int32
	fetchOffset      int64

	toldHighWatermark  int64
	toldLogStartOffset int64

	prev, next *sessionPartition // ring of fetchSession.order
}

// fetchSession is the state of one incremental fetch session (KIP-227).
type fetchSession struct {
	id      int32
	byID    bool // the client addresses topics by ID
	created time.Time

	// Owned by fetchSessionCache.mu.
	lastUsed   time.Time
	cachedSize int // partitions when the session was used last
	bytes      int
	lru        *list.Element

	// mu is never taken together with the lock of the cache.
	mu struct {
		sync.Mutex
		epoch      int32 // of the next request
		partitions map[partitionKey]*sessionPartition
		order      sessionPartition // head of the ring; the order in which partitions are read
	}
}

func newFetchSession(byID bool, size int) *fetchSession {
	s := &fetchSession{byID: byID}
	s.mu.partitions = make(map[partitionKey]*sessionPartition, size)
	s.mu.order.prev, s.mu.order.next = &s.mu.order, &s.mu.order
	return s
}

// pushLocked puts p behind all others.
func (s *fetchSession) pushLocked(p *sessionPartition) {
	tail := s.mu.order.prev
	p.prev, p.next = tail, &s.mu.order
	tail.next, s.mu.order.prev = p, p
}

func (p *sessionPartition) unlink() {
	p.prev.next, p.next.prev = p.next, p.prev
	p.prev, p.next = nil, nil
}

// addLocked remembers t, which isn't in the session, and returns what that costs.
func (s *fetchSession) addLocked(t *fetchTarget) int {
	p := &sessionPartition{
		key:                t.key.clone(t.topic),
		topic:              t.topic,
		toldHighWatermark:  -1,
		toldLogStartOffset: -1,
	}
	p.ask(t)
	s.mu.partitions[p.key] = p
	s.pushLocked(p)
	return sessionPartitionBytes + len(p.key.topic)
}

// clone makes a key that may outlive the request: its name is the one that the catalog
// keeps anyway, or a copy.
func (k partitionKey) clone(known string) partitionKey {
	switch {
	case k.topic == "":
	case known != "":
		k.topic = known
	default:
		k.topic = string([]byte(k.topic))
	}
	return k
}

// ask replaces what the client asks for.
func (p *sessionPartition) ask(t *fetchTarget) {
	p.maxBytes = t.maxBytes
	p.fetchOffset = t.fetchOffset
	p.leaderEpoch = t.currentLeaderEpoch
	p.lastFetchedEpoch = t.lastFetchedEpoch
}

// tell notes what the client is told, and reports whether it must be told at all:
// an incremental answer leaves out partitions of which nothing is new.
func (p *sessionPartition) tell(t *fetchTarget) bool {
	must := t.size() > 0 || t.diverging
	if p.toldHighWatermark != t.highWatermark {
		p.toldHighWatermark = t.highWatermark
		must = true
	}
	if p.toldLogStartOffset != t.logStartOffset {
		p.toldLogStartOffset = t.logStartOffset
		must = true
	}
	if t.err != wire.None {
		// So the partition is told again once the error is gone.
		p.toldHighWatermark = -1
		must = true
	}
	return must
}

// fetchSessionCache keeps the sessions of all connections, as many as
// max.incremental.fetch.session.cache.slots allows, by Kafka's rules of eviction.
// Its lock is a leaf.
//
// A search over all sessions looks for the one to evict. Kafka keeps two trees in
// order for it with every request; a search is needed only when a session is made
// while every slot is taken.
type fetchSessionCache struct {
	slots int

	mu struct {
		sync.Mutex
		sessions map[int32]*fetchSession
		lru      *list.List // of *fetchSession, the least recently used first
		bytes    int
	}
}

func newFetchSessionCache(slots int) *fetchSessionCache {
	c := &fetchSessionCache{slots: slots}
	c.mu.sessions = map[int32]*fetchSession{}
	c.mu.lru = list.New()
	return c
}

func (c *fetchSessionCache) get(id int32) *fetchSession {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.sessions[id]
}

// add gives s an ID and keeps it, or reports that there is no room, which leaves the
// client to send full fetches.
func (c *fetchSessionCache) add(s *fetchSession, size, bytes int, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.bytes+bytes > maxSessionBytes {
		return false
	}
	if len(c.mu.sessions) >= c.slots && !c.evictLocked(size, now) {
		return false
	}
	for s.id == noSession || c.mu.sessions[s.id] != nil {
		s.id = rand.Int32N(math.MaxInt32-1) + 1 //nolint:gosec // An ID must be unique, not secret.
	}
	s.created, s.lastUsed, s.cachedSize, s.bytes = now, now, size, bytes
	s.lru = c.mu.lru.PushBack(s)
	c.mu.sessions[s.id] = s
	c.mu.bytes += bytes
	return true
}

// evictLocked makes room for a session of size partitions: it takes the slot of one
// that nobody used lately, or of the smallest old one if that is smaller.
func (c *fetchSessionCache) evictLocked(size int, now time.Time) bool {
	oldest := c.mu.lru.Front()
	if oldest == nil {
		return false
	}
	if s := oldest.Value.(*fetchSession); now.Sub(s.lastUsed) > sessionEvictionAge {
		c.removeLocked(s)
		return true
	}
	var smallest *fetchSession
	for e := oldest; e != nil; e = e.Next() {
		s := e.Value.(*fetchSession)
		if s.lastUsed.Sub(s.created) <= sessionEvictionAge {
			continue
		}
		if smallest == nil || s.cachedSize < smallest.cachedSize ||
			s.cachedSize == smallest.cachedSize && s.id < smallest.id {
			smallest = s
		}
	}
	if smallest == nil || size <= smallest.cachedSize {
		return false
	}
	c.removeLocked(smallest)
	return true
}

// touch notes that s was used and how large it is now. It reports false if the session
// has to go because all sessions together would take too much memory.
func (c *fetchSessionCache) touch(s *fetchSession, size, grown int, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.sessions[s.id] != s {
		return true // Evicted in the meantime; this one answer is still right.
	}
	if grown > 0 && c.mu.bytes+grown > maxSessionBytes {
		c.removeLocked(s)
		return false
	}
	s.lastUsed, s.cachedSize = now, size
	s.bytes += grown
	c.mu.bytes += grown
	c.mu.lru.MoveToBack(s.lru)
	return true
}

func (c *fetchSessionCache) remove(id int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.mu.sessions[id]; s != nil {
		c.removeLocked(s)
	}
}

func (c *fetchSessionCache) removeLocked(s *fetchSession) {
	delete(c.mu.sessions, s.id)
	c.mu.lru.Remove(s.lru)
	c.mu.bytes -= s.bytes
}

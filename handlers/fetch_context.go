package handlers

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

// sessionKind is what a fetch has to do with sessions.
type sessionKind uint8

const (
	sessionless        sessionKind = iota // answers everything, leaves nothing behind
	sessionNew                            // answers everything and tries to leave a session
	sessionIncremental                    // answers what changed
)

// fetchContext is the part of a fetch that deals with its session.
type fetchContext struct {
	cache   *fetchSessionCache
	kind    sessionKind
	byID    bool
	epoch   int32         // as requested
	session *fetchSession // of an incremental fetch
	room    []fetchTarget // for the targets, if they fit
}

// open finds out which partitions the request is about: those that it names, or those
// of its session. A code other than None is the answer to the whole request.
func (c *fetchContext) open(r *kmsg.FetchRequest, image topics, now time.Time) ([]fetchTarget, wire.ErrorCode) {
	c.epoch = r.SessionEpoch
	c.byID = r.Version >= fetchTopicIDs
	if c.epoch == initialSessionEpoch || c.epoch == finalSessionEpoch {
		if r.SessionID != noSession {
			c.cache.remove(r.SessionID) // Whatever a full fetch names is closed.
		}
		if c.epoch == initialSessionEpoch {
			c.kind = sessionNew
		}
		return c.requestTargets(r, image), wire.None
	}
	s := c.cache.get(r.SessionID)
	if s == nil {
		return nil, wire.FetchSessionIDNotFound
	}
	asked := c.requestTargets(r, image)
	targets, size, grown, code := s.advance(r, c, asked)
	if code != wire.None {
		return nil, code
	}
	if size == 0 {
		c.cache.remove(s.id)
		return asked, wire.None
	}
	if !c.cache.touch(s, size, grown, now) {
		return nil, wire.FetchSessionIDNotFound
	}
	c.kind, c.session = sessionIncremental, s
	return targets, wire.None
}

// advance takes the session to its next epoch: it adds, changes and forgets the
// partitions that the request says, and returns all that it holds then. It reports by
// how many bytes it grew.
func (s *fetchSession) advance(r *kmsg.FetchRequest, c *fetchContext, asked []fetchTarget) (targets []fetchTarget, size, grown int, code wire.ErrorCode) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.mu.epoch != r.SessionEpoch:
		return nil, 0, 0, wire.InvalidFetchSessionEpoch
	case s.byID != c.byID:
		return nil, 0, 0, wire.FetchSessionTopicIDError
	}
	for i := range asked {
		if p := s.mu.partitions[asked[i].key]; p != nil {
			p.ask(&asked[i])
		} else {
			grown += s.addLocked(&asked[i])
		}
	}
	grown -= s.forgetLocked(r)
	size = len(s.mu.partitions)
	if size == 0 {
		return nil, 0, grown, wire.None
	}
	s.mu.epoch = nextSessionEpoch(s.mu.epoch)
	targets = c.targets(size) // May lie where asked lies, which is done with.
	for p := s.mu.order.next; p != &s.mu.order; p = p.next {
		targets = append(targets, p.target())
	}
	return targets, size, grown, wire.None
}

// forgetLocked drops the partitions that the client isn't interested in any more, and returns
// how many bytes that frees.
func (s *fetchSession) forgetLocked(r *kmsg.FetchRequest) (freed int) {
	for i := range r.ForgottenTopics {
		t := &r.ForgottenTopics[i]
		key := partitionKey{id: t.TopicID, topic: t.Topic}
		for _, partition := range t.Partitions {
			key.partition = partition
			if p := s.mu.partitions[key]; p != nil {
				p.unlink()
				delete(s.mu.partitions, key)
				freed += sessionPartitionBytes + len(key.topic)
			}
		}
	}
	return freed
}

func (p *sessionPartition) target() fetchTarget {
	return fetchTarget{
		key:                p.key,
		topic:              p.topic,
		session:            p,
		leader:             noLeader,
		maxBytes:           p.maxBytes,
		currentLeaderEpoch: p.leaderEpoch,
		lastFetchedEpoch:   p.lastFetchedEpoch,
		fetchOffset:        p.fetchOffset,
	}
}

// requestTargets are the partitions that a request names, each once: of a partition
// that it names twice the last wish counts, at the place of the first, as in Kafka's map.
func (c *fetchContext) requestTargets(r *kmsg.FetchRequest, image topics) []fetchTarget {
	n := 0
	for i := range r.Topics {
		n += len(r.Topics[i].Partitions)
	}
	if n == 0 {
		return nil
	}
	targets := c.targets(n)
	var seen duplicates
	for i := range r.Topics {
		rt := &r.Topics[i]
		known := ""
		if t := image.of(rt.Topic, rt.TopicID); t != nil {
			known = t.Name
		}
		for j := range rt.Partitions {
			rp := &rt.Partitions[j]
			key := partitionKey{id: rt.TopicID, topic: rt.Topic, partition: rp.Partition}
			target := fetchTarget{
				key:                key,
				topic:              known,
				leader:             noLeader,
				maxBytes:           rp.PartitionMaxBytes,
				currentLeaderEpoch: rp.CurrentLeaderEpoch,
				lastFetchedEpoch:   rp.LastFetchedEpoch,
				fetchOffset:        rp.FetchOffset,
			}
			if at, ok := seen.find(targets, key, n); ok {
				targets[at] = target
				continue
			}
			targets = append(targets, target)
		}
	}
	return targets
}

// targets has room for n of them.
func (c *fetchContext) targets(n int) []fetchTarget {
	if n <= cap(c.room) {
		return c.room[:0]
	}
	return make([]fetchTarget, 0, n)
}

// duplicates finds partitions that were named before. As long as the partitions of one topic rise there are none.
// Else a few are compared one by one, because a map for the usual fetch of a few partitions costs more than the fetch.
type duplicates struct {
	mixed bool
	index map[partitionKey]int
}

// maxCompared is up to how many partitions comparing is cheaper than a map.
const maxCompared = 16

// find looks for key in targets, of which there will be n, and notes it as the next
// of them if it isn't there.
func (d *duplicates) find(targets []fetchTarget, key partitionKey, n int) (int, bool) {
	if !d.mixed {
		if len(targets) == 0 || targets[len(targets)-1].key.before(key) {
			return 0, false
		}
		d.mixed = true
		if n > maxCompared {
			d.index = make(map[partitionKey]int, n)
			for i := range targets {
				d.index[targets[i].key] = i
			}
		}
	}
	if n <= maxCompared {
		for i := range targets {
			if targets[i].key == key {
				return i, true
			}
		}
		return 0, false
	}
	if at, ok := d.index[key]; ok {
		return at, true
	}
	d.index[key] = len(targets)
	return 0, false
}

// before reports whether o is a later partition of the same topic.
func (k partitionKey) before(o partitionKey) bool {
	return k.partition < o.partition && k.id == o.id && k.topic == o.topic
}

// close ends the part of the session in this fetch: it picks which of the targets are
// told, and what session the answer names. The epoch is looked at again, because another
// connection may have used the session meanwhile.
func (c *fetchContext) close(targets []fetchTarget, room []*fetchTarget, now time.Time) (told []*fetchTarget, sessionID int32, code wire.ErrorCode) {
	told = inOrder(targets, room)
	switch c.kind {
	case sessionNew:
		return told, c.create(told, now), wire.None
	case sessionIncremental:
		told, code = c.session.filter(told, c.epoch)
		return told, c.session.id, code
	default:
		return told, noSession, wire.None
	}
}

// inOrder puts the partitions that were refused before any read behind the others, and among them first those of
// unknown IDs.
func inOrder(targets []fetchTarget, told []*fetchTarget) []*fetchTarget {
	if len(targets) > cap(told) {
		told = make([]*fetchTarget, 0, len(targets))
	}
	for i := range targets {
		if !targets[i].unknown {
			told = append(told, &targets[i])
		}
	}
	if len(told) == len(targets) {
		return told
	}
	for _, ofUnknownID := range []bool{true, false} {
		for i := range targets {
			if t := &targets[i]; t.unknown && (t.err == wire.UnknownTopicID) == ofUnknownID {
				told = append(told, t)
			}
		}
	}
	return told
}

// create leaves a session behind that knows what this answer tells.
func (c *fetchContext) create(told []*fetchTarget, now time.Time) int32 {
	s := newFetchSession(c.byID, len(told))
	s.mu.epoch = nextSessionEpoch(initialSessionEpoch)
	bytes := 0
	for _, t := range told {
		bytes += s.addLocked(t)
		p := s.mu.order.prev
		p.toldHighWatermark, p.toldLogStartOffset = t.highWatermark, t.logStartOffset
	}
	if !c.cache.add(s, len(told), bytes, now) {
		return noSession
	}
	return s.id
}

// filter leaves out what the client knows already. Partitions with data go to the end
// of the order, so that those behind a busy one get their turn under the byte limit.
func (s *fetchSession) filter(all []*fetchTarget, requested int32) ([]*fetchTarget, wire.ErrorCode) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.epoch != nextSessionEpoch(requested) {
		for _, t := range all {
			t.release()
		}
		return nil, wire.InvalidFetchSessionEpoch
	}
	told := all[:0]
	for _, t := range all {
		p := t.session
		p.topic = t.topic
		if !p.tell(t) {
			continue
		}
		told = append(told, t)
		if t.size() > 0 {
			p.unlink()
			s.pushLocked(p)
		}
	}
	return told, wire.None
}

package group

import (
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/clatterhq/clatter/coordinator"
	"github.com/clatterhq/clatter/logstore"
)

// maxExpired bounds the offsets that one look for expired ones deletes, and with it the batch that it writes. What is left is for the
// next look, which follows at once.
const maxExpired = 10_000

// began is when uptime is 0.
var began = time.Now()

// uptime is the clock that expiry trusts, in seconds: monotonic time. The wall clock says when an offset was committed, but it may
// jump, and would take all offsets with it.
func uptime() int32 { return int32(time.Since(began) / time.Second) }

// uptime is that, in the moment of the command at hand.
func (s *Shard) uptime() int32 { return int32(s.timers.Now().Sub(began) / time.Second) }

// armExpiry makes sure that somebody looks for expired offsets as long as there is anything that could expire.
func (s *Shard) armExpiry() {
	if !s.live || len(s.groups) == 0 {
		return
	}
	if s.expiry == nil {
		s.expiry = s.newTimer("", (*Shard).expire)
	}
	if !s.expiry.Pending() {
		s.expiry.Set(time.Duration(s.config().OffsetsRetentionCheckIntervalMs) * time.Millisecond)
	}
}

// expire deletes what nobody needs any more: offsets by the rules of KIP-211, and groups without members and offsets
// (GroupCoordinatorShard.cleanupGroupMetadata).
func (s *Shard) expire() []Record {
	var records []Record
	look := retention{nowMs: s.nowMs(), uptime: uptime(), keepMs: s.config().OffsetsRetentionMs}
	groups := 0
	for id, g := range s.groups {
		if len(records) >= maxExpired {
			break
		}
		expired, all := s.offsets[id].expired(g, s.pending.byGroup[id], look)
		records = append(records, expired...)
		if all && g.isEmpty() {
			records = append(records, g.tombstones()...)
			groups++
		}
	}
	s.armExpiry()
	if len(records) == 0 {
		return nil
	}
	s.later(func(err error) {
		if err != nil {
			return // A full disk, say. The next look finds them again.
		}
		s.coordinator.options.Log.Info("expired offsets and empty groups deleted", slog.Int("shard", int(s.index)),
			slog.Int("offsets", len(records)-groups), slog.Int("groups", groups))
		if len(records) >= maxExpired {
			s.expiry.Set(time.Millisecond)
		}
	})
	return records
}

// retention is what a look for expired offsets goes by.
type retention struct {
	nowMs  int64
	uptime int32
	keepMs int64
}

// over reports whether something has been kept for long enough: by the wall clock since a time of it, and by
// monotonic time since it was seen first, by this process and this shard.
func (r retention) over(sinceMs int64, seen int32, keepMs int64) bool {
	return r.nowMs-sinceMs >= keepMs && (int64(r.uptime)-int64(seen))*1000 >= keepMs
}

// TopicsDeleted drops the offsets of topics that were deleted.
func (c *Coordinator) TopicsDeleted(names []string) {
	shards, err := c.runtime.Shards()
	if err != nil {
		return // There are no offsets.
	}
	deleted := make(map[string]struct{}, len(names))
	for _, name := range names {
		deleted[name] = struct{}{}
	}
	for shard := range shards {
		c.dropOffsets(shard, deleted, c.now().UnixMilli())
	}
}

const (
	// dropLoaded is how long a shard has to load until it is asked again to drop offsets.
	dropLoaded = 100 * time.Millisecond
	// dropAgain is how long it has to get over what made it fail.
	dropAgain = time.Second
)

// passing are failures that a shard gets over. One that breaks down over this very question would do so again.
var passing = []error{coordinator.ErrLost, logstore.ErrDiskFull}

// dropOffsets has a shard drop the offsets of topics that were committed before a time: a topic may be there again under its
// name while the shard still loads.
func (c *Coordinator) dropOffsets(shard int32, topics map[string]struct{}, beforeMs int64) {
	again := func() { c.dropOffsets(shard, topics, beforeMs) }
	failed := func(err error) {
		switch {
		case errors.Is(err, coordinator.ErrLoading):
			time.AfterFunc(dropLoaded, again)
		case slices.ContainsFunc(passing, func(passes error) bool { return errors.Is(err, passes) }):
			time.AfterFunc(dropAgain, again)
		}
	}
	c.runtime.SubmitTo(shard, coordinator.Command[*Shard, Record]{
		Decide: func(s *Shard) coordinator.Decision[Record] {
			records := s.dropped(topics, beforeMs)
			if len(records) == 0 {
				return coordinator.Decision[Record]{}
			}
			return coordinator.Decision[Record]{Records: records, Answer: func(err error) {
				if err != nil {
					failed(err)
					return
				}
				c.options.Log.Info("offsets of deleted topics dropped", slog.Int("shard", int(shard)), slog.Int("offsets", len(records)))
			}}
		},
		Refused: failed,
	})
}

// dropped are the tombstones of offsets of topics.
func (s *Shard) dropped(topics map[string]struct{}, beforeMs int64) []Record {
	var records []Record
	for id, committed := range s.offsets {
		records = append(records, committed.tombstones(id, func(topic string, _ int32, c *Commit) bool {
			_, gone := topics[topic]
			return gone && c.CommitTimestamp <= beforeMs
		})...)
	}
	for id, pending := range s.pending.byGroup {
		records = append(records, pending.tombstones(id, s.offsets[id], func(topic string, newest *Commit) bool {
			_, gone := topics[topic]
			return gone && newest.CommitTimestamp <= beforeMs
		})...)
	}
	return records
}

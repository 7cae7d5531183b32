package group

import (
	"maps"
	"slices"
	"time"

	"github.com/clatterhq/clatter/coordinator"
)

const (
	// regexRefreshMin is the least time between two looks at which topics the regular expressions of a group match, unless it has none
	// that is resolved (REGEX_BATCH_REFRESH_MIN_INTERVAL_MS).
	regexRefreshMin = 10 * time.Second
	// regexRefreshMax is the most time between two of them (group.consumer.regex.refresh.interval.ms).
	regexRefreshMax = 10 * time.Minute
	// regexScans bounds how many groups are looked after at once. Matching happens outside of the shards: other groups go on meanwhile.
	regexScans = 2
)

// regexRefresh is when the regular expressions of a group were last resolved.
type regexRefresh struct {
	running bool
	last    time.Time // zero: not since the group was loaded
	version int64     // of the topics then
}

// regexChange is what a heartbeat does to the regular expression of a member.
type regexChange uint8

const (
	regexUnchanged regexChange = iota
	// regexChanged must be resolved before it has an effect.
	regexChanged
	// regexResolved is known to the group already, or gone.
	regexResolved
)

// subscribeRegex looks at the regular expression of a member, and has all of the group resolved if one isn't, or if there
// are other topics (GroupMetadataManager.maybeUpdateRegularExpressions).
func (u *consumerUpdate) subscribeRegex() (regexChange, *refusalError) {
	old, now, change := u.old.regex(), u.m.regex(), regexUnchanged
	counts := u.g.subscriptions.regexes
	fresh := false
	if old != now {
		change = regexChanged
		if old != "" && counts[old] == 1 {
			u.records = append(u.records, &RegexRecord{Group: u.g.id, Regex: old})
		}
		switch {
		case now == "":
			change = regexResolved
		case counts[now] == 0:
			if u.invalidRegex != nil {
				return 0, u.invalidRegex
			}
			fresh = true
		case u.g.resolved[now] != nil:
			change = regexResolved
		}
	}
	if !fresh && len(counts) == 0 {
		return change, nil
	}
	subscribed := len(counts)
	if old != now {
		if counts[old] == 1 {
			subscribed--
		}
		if now != "" && counts[now] == 0 {
			subscribed++
		}
	}
	unresolved := subscribed != len(u.g.resolved)
	if u.g.regexes.due(unresolved || fresh, len(u.g.resolved) > 0, u.s.topicsVersion()) {
		id := u.g.id
		u.s.later(func(err error) {
			if err == nil {
				u.s.resolveRegexes(id)
			}
		})
	}
	return change, nil
}

// due reports whether regular expressions should be resolved now.
func (r *regexRefresh) due(unresolved, known bool, version int64) bool {
	since := time.Since(r.last)
	if r.running || known && !r.last.IsZero() && since <= regexRefreshMin {
		return false
	}
	return unresolved || r.last.IsZero() || r.version != version || since > regexRefreshMax
}

// resolveRegexes matches all regular expressions of a group with all topics, outside of the shard, and comes back with the result.
func (s *Shard) resolveRegexes(group string) {
	g, ok := s.groups[group].(*consumerGroup)
	if !ok || g.regexes.running || len(g.subscriptions.regexes) == 0 {
		return
	}
	g.regexes.running = true
	texts, known := sortedKeys(g.subscriptions.regexes), maps.Clone(g.resolved)
	c, version := s.coordinator, s.topicsVersion()
	c.background.Go(func() {
		resolved, ok := c.matchTopics(group, texts, known)
		if !ok {
			return
		}
		c.runtime.Submit(group, coordinator.Command[*Shard, Record]{
			Key: group,
			Decide: func(s *Shard) coordinator.Decision[Record] {
				return s.decision(s.takeResolved(group, resolved, version))
			},
		})
	})
}

// takeResolved writes what is new about the regular expressions of a group.
func (s *Shard) takeResolved(group string, resolved map[string][]string, version int64) []Record {
	g, ok := s.groups[group].(*consumerGroup)
	if !ok {
		return nil
	}
	g.regexes = regexRefresh{last: time.Now(), version: version}
	var records []Record
	subscribed, bump := g.subscriptions.clone(), false
	for _, text := range sortedKeys(resolved) {
		old := g.resolved[text]
		if subscribed.regexes[text] == 0 || old != nil && slices.Equal(old.Topics, resolved[text]) {
			continue
		}
		now := &ResolvedRegex{Topics: resolved[text], Version: version, TimestampMs: s.nowMs()}
		subscribed.countRegex(old, -1)
		subscribed.countRegex(now, 1)
		bump = bump || old != nil || len(now.Topics) > 0
		records = append(records, &RegexRecord{Group: group, Regex: text, Value: now})
	}
	seen := s.topicsVersion()
	hash := subscribed.metadataHash(s.topics())
	if !bump && hash == g.metadataHash {
		return records
	}
	epoch := g.epoch + 1
	s.sawTopics(group, seen)
	s.logConsumer("consumer group rebalances", group, "epoch", epoch, "reason", "its regular expressions match other topics")
	return append(records, &ConsumerGroupRecord{Group: group, Value: &ConsumerGroup{Epoch: epoch, MetadataHash: hash}})
}

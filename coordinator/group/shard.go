package group

import (
	"fmt"

	"github.com/clatterhq/clatter/coordinator"
)

// Shard is the groups and offsets of one partition of __consumer_offsets (GroupCoordinatorShard). It belongs to the
// goroutine of the runtime that owns it.
//
// What a record says changes in Replay alone. A classic group has more state than its record, though: who joins, who is waited
// for. That changes while a decision is made, and is lost with the shard: members join again then. Whoever is told something waits in
// the outbox until the decision's records, and all that it could have seen, are durable.
type Shard struct {
	coordinator *Coordinator
	index       int32
	timers      *coordinator.Timers[*Shard, Record]
	live        bool // loading has ended

	groups map[string]anyGroup
	// offsets are what groups have committed, by their IDs. A group without any isn't in there.
	offsets map[string]offsets
	pending pendingOffsets
	// downgraded are classic groups that take the place of consumer groups when their records are in the log.
	downgraded map[string]*classicGroup

	expiry *coordinator.Timer[*Shard, Record] // of the next look for expired offsets; nil until there are groups
	born   int32                              // [uptime] when loading began

	// outbox and undos are of the decision that is made now: whom to tell, and what to take back if its records could not be
	// appended.
	outbox []func(err error)
	undos  []func(err error)
}

func (c *Coordinator) newShard(index int32, timers *coordinator.Timers[*Shard, Record]) *Shard {
	return &Shard{
		coordinator: c, index: index, timers: timers,
		groups: map[string]anyGroup{}, offsets: map[string]offsets{}, downgraded: map[string]*classicGroup{}, born: uptime(),
	}
}

// nowMs is the wall clock.
func (s *Shard) nowMs() int64 {
	if now := s.coordinator.options.Now; now != nil {
		return now().UnixMilli()
	}
	return s.timers.Now().UnixMilli()
}

// config is the configuration as it is now.
func (s *Shard) config() Config { return s.coordinator.options.Config() }

// later has a function called when the decision that is made now is durable, or with the reason why it never will be.
func (s *Shard) later(done func(err error)) { s.outbox = append(s.outbox, done) }

// undo has a function called if the records of the decision that is made now are not appended while the state stands. Nothing has been
// decided on the group since.
func (s *Shard) undo(takeBack func(err error)) { s.undos = append(s.undos, takeBack) }

// decision is made of records, and of what has collected meanwhile.
func (s *Shard) decision(records []Record) coordinator.Decision[Record] {
	d := coordinator.Decision[Record]{Records: records}
	if len(s.outbox) == 1 && len(s.undos) == 0 { // As a rule.
		d.Answer = s.outbox[0]
		s.outbox[0] = nil
		s.outbox = s.outbox[:0]
		return d
	}
	outbox, undos := s.takeOutbox(), s.undos
	s.undos = nil
	switch {
	case len(undos) > 0:
		d.Answer = func(err error) {
			sendAll(outbox, err)
			if err != nil && s.live {
				sendAll(undos, err)
				sendAll(s.takeOutbox(), err)
			}
		}
	case len(outbox) > 0:
		d.Answer = func(err error) { sendAll(outbox, err) }
	}
	return d
}

func (s *Shard) takeOutbox() []func(error) {
	outbox := s.outbox
	s.outbox = nil
	return outbox
}

func sendAll(outbox []func(error), err error) {
	for _, send := range outbox {
		send(err)
	}
}

// newTimer makes a timer of a group, which isn't set.
func (s *Shard) newTimer(group string, fire func(s *Shard) []Record) *coordinator.Timer[*Shard, Record] {
	return s.timers.New(coordinator.Command[*Shard, Record]{
		Key:    group,
		Decide: func(s *Shard) coordinator.Decision[Record] { return s.decision(fire(s)) },
	})
}

// Replay implements [coordinator.Machine].
func (s *Shard) Replay(offset int64, r Record) error {
	switch r := r.(type) {
	case *OffsetRecord:
		s.replayOffset(offset, r)
	case *MetadataRecord:
		s.replayMetadata(r)
	default:
		ok, err := s.replayConsumer(r)
		if !ok {
			return fmt.Errorf("%w: %T", coordinator.ErrUnknownRecord, r)
		}
		if err != nil {
			return err
		}
	}
	s.armExpiry()
	return nil
}

// replayOffset commits or deletes an offset. Who commits without being in a group makes a simple one by that.
func (s *Shard) replayOffset(offset int64, r *OffsetRecord) {
	switch {
	case s.pending.empty(): // As a rule.
	case r.Commit == nil:
		s.pending.drop(r.Group, r.Topic, r.Partition)
	default:
		s.pending.overtake(r.Group, placeOf(r), offset)
	}
	s.setOffset(r)
}

// setOffset commits or deletes an offset that counts.
func (s *Shard) setOffset(r *OffsetRecord) {
	committed := s.offsets[r.Group]
	if committed == nil && r.Commit == nil {
		return
	}
	if r.Commit != nil {
		r.Commit.seen = s.born
		if s.live {
			r.Commit.seen = s.uptime()
		}
	}
	committed.replay(r)
	if len(committed) == 0 {
		delete(s.offsets, r.Group)
		return
	}
	s.offsets[r.Group] = committed
	s.needGroup(r.Group)
}

// needGroup makes a simple group where there is none.
func (s *Shard) needGroup(id string) {
	if s.groups[id] == nil {
		s.groups[id] = newClassicGroup(id, s.nowMs())
	}
}

func (s *Shard) replayMetadata(r *MetadataRecord) {
	if r.Metadata == nil {
		delete(s.groups, r.Group)
		return
	}
	if g, ok := s.groups[r.Group].(*classicGroup); ok && s.live {
		g.replay(r.Metadata, s.nowMs())
		return
	}
	if g := s.downgraded[r.Group]; g != nil {
		delete(s.downgraded, r.Group)
		s.groups[r.Group] = g
		return
	}
	s.groups[r.Group] = loadClassicGroup(r.Group, r.Metadata)
}

// Loaded implements [coordinator.Machine].
func (s *Shard) Loaded() {
	s.live = true
	for _, g := range s.groups {
		g.loaded(s)
	}
	s.armExpiry()
}

// Unloaded implements [coordinator.Machine].
func (s *Shard) Unloaded(err error) {
	s.live = false
	sendAll(s.takeOutbox(), err) // Of a decision that broke down.
	for _, g := range s.groups {
		g.unloaded()
	}
	// Nothing is left to become durable.
	sendAll(s.takeOutbox(), nil)
}

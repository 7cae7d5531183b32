package group

import (
	"slices"

	"github.com/clatterhq/clatter/coordinator/group/assignor"
	"github.com/clatterhq/clatter/wire"
)

// consumerUpdate is a change of one member while it is decided on, by a heartbeat or by a JoinGroup of the classic protocol. The steps are in
// the order of Kafka's: what the member says, the group's epoch, the target, the member's own assignment.
type consumerUpdate struct {
	s *Shard
	g *consumerGroup
	// old is the member as it is, and m as it will be.
	old, m  *consumerMember
	records []Record
	// epoch is that which the group will have, and homogeneous whether all will be subscribed to the same.
	epoch       int32
	homogeneous bool
	// invalidRegex is why the member's regular expression can't be taken.
	invalidRegex *refusalError
	after        []func() // to be done when the change has been decided on
}

// enterConsumerGroup finds a group for a heartbeat. One that joins makes a group, or makes one of a classic group.
func (s *Shard) enterConsumerGroup(id string, create bool) (*consumerUpdate, *refusalError) {
	u := &consumerUpdate{s: s}
	switch g := s.groups[id].(type) {
	case *consumerGroup:
		u.g = g
	case nil:
		if !create {
			return nil, refuse(wire.GroupIDNotFound, "Consumer group %s not found.", id)
		}
		u.g = newConsumerGroup(string([]byte(id)))
	case *classicGroup:
		if !create {
			return nil, refuse(wire.GroupIDNotFound, "Group %s is not a consumer group.", id)
		}
		if err := u.upgrade(g); err != nil {
			return nil, err
		}
	default:
		return nil, refuse(wire.GroupIDNotFound, "Group %s is not a consumer group.", id)
	}
	u.epoch, u.homogeneous = u.g.epoch, u.g.subscriptions.homogeneous(len(u.g.members))
	return u, nil
}

// joining is who comes to a group.
type joining struct {
	memberID   string
	instanceID *string
	create     bool // may become a member
	classic    bool // by the classic protocol: it has no epoch
	epoch      int32
	reported   bool // it says what it owns
	owned      map[assignor.TopicID][]int32
}

// find finds the member, or makes it.
func (u *consumerUpdate) find(j *joining) *refusalError {
	if j.instanceID != nil {
		return u.findStatic(j)
	}
	u.old = u.g.members[j.memberID]
	if u.old == nil {
		if !j.create {
			return unknownMember(j.memberID, u.g.id)
		}
		u.old = newConsumerMember(j.memberID)
		u.after = append(u.after, func() { u.logJoin(j) })
	}
	if j.classic {
		return nil
	}
	return checkMemberEpoch(u.old, j)
}

func (u *consumerUpdate) logJoin(j *joining) {
	protocol := "consumer"
	if j.classic {
		protocol = "classic"
	}
	u.s.logConsumer("member joins the consumer group", u.g.id, "member", j.memberID,
		"instance", orEmpty(j.instanceID), "protocol", protocol)
}

func unknownMember(memberID, group string) *refusalError {
	return refuse(wire.UnknownMemberID, "Member %s is not a member of group %s.", memberID, group)
}

// findStatic finds a static member. Who joins under the instance ID of somebody who has left takes its place, with its assignment.
func (u *consumerUpdate) findStatic(j *joining) *refusalError {
	existing := u.g.static(j.instanceID)
	if !j.create {
		if err := checkInstance(existing, j.memberID, *j.instanceID); err != nil {
			return err
		}
		u.old = existing
		if j.classic {
			return nil
		}
		return checkMemberEpoch(existing, j)
	}
	u.after = append(u.after, func() { u.logJoin(j) })
	if existing == nil {
		if u.old = u.g.members[j.memberID]; u.old == nil {
			u.old = newConsumerMember(j.memberID)
		}
		return nil
	}
	if !j.classic && !existing.classic() && existing.MemberEpoch != staticLeaveEpoch {
		return refuse(wire.UnreleasedInstanceID,
			"Static member %s with instance id %s cannot join the group because the instance id is owned by %s member.", j.memberID, *j.instanceID, existing.id)
	}
	replaced := *existing
	replaced.id, replaced.MemberEpoch, replaced.PreviousMemberEpoch = j.memberID, joinEpoch, joinEpoch
	target := u.g.targets[existing.id]
	if target == nil {
		target = assignor.Partitions{}
	}
	u.records = append(u.records, memberTombstones(u.g.id, existing.id)...)
	u.records = append(u.records, replaced.record(u.g.id), &TargetRecord{Group: u.g.id, Member: replaced.id, Partitions: target}, replaced.currentRecord(u.g.id))
	u.old = &replaced
	return nil
}

// checkInstance checks that an instance ID belongs to a member; existing is its member as far as the group knows.
func checkInstance(existing *consumerMember, memberID, instanceID string) *refusalError {
	if existing == nil {
		return refuse(wire.UnknownMemberID, "Instance id %s is unknown.", instanceID)
	}
	if existing.id != memberID {
		return refuse(wire.FencedInstanceID, "Static member %s with instance id %s was fenced by member %s.", memberID, instanceID, existing.id)
	}
	return nil
}

// checkMemberEpoch fences a member with another epoch than its own. The one before is good, too, if the member hasn't heard of the last
// one: then it has nothing that it has not got.
func checkMemberEpoch(m *consumerMember, j *joining) *refusalError {
	switch {
	case j.epoch == joinEpoch || j.epoch == m.MemberEpoch:
		return nil
	case j.epoch > m.MemberEpoch:
		return refuse(wire.FencedMemberEpoch, "The consumer group member has a greater member epoch (%d) than the one known by the group coordinator (%d). "+
			"The member must abandon all its partitions and rejoin.", j.epoch, m.MemberEpoch)
	case j.epoch == m.PreviousMemberEpoch && j.reported && isSubset(j.owned, m.Assigned):
		return nil
	}
	return refuse(wire.FencedMemberEpoch, "The consumer group member has a smaller member epoch (%d) than the one known by the group coordinator (%d). "+
		"The member must abandon all its partitions and rejoin.", j.epoch, m.MemberEpoch)
}

func isSubset(owned map[assignor.TopicID][]int32, assigned Owned) bool {
	for topic, numbers := range owned {
		if assigned[topic] == nil {
			return false
		}
		for _, number := range numbers {
			if !assigned.has(topic, number) {
				return false
			}
		}
	}
	return true
}

// subscribe writes what the member says, if it is new, and reports whether it names other topics.
func (u *consumerUpdate) subscribe() (changed bool) {
	if u.m.equal(u.old) {
		return false
	}
	u.records = append(u.records, u.m.record(u.g.id))
	return !slices.Equal(u.m.Topics, u.old.Topics)
}

// refresh raises the group's epoch if it must, or if topics have changed.
func (u *consumerUpdate) refresh(bump bool) {
	version := u.s.topicsVersion()
	if !bump && u.g.topicsVersion == version {
		return
	}
	now, members := u.g.with(u.old, u.m), len(u.g.members)
	if u.g.members[u.m.id] == nil && u.g.static(u.m.InstanceID) == nil {
		members++
	}
	u.homogeneous = now.homogeneous(members)
	hash := now.metadataHash(u.s.topics())
	if bump || hash != u.g.metadataHash {
		u.epoch++
		u.records = append(u.records, &ConsumerGroupRecord{Group: u.g.id, Value: &ConsumerGroup{Epoch: u.epoch, MetadataHash: hash}})
		u.after = append(u.after, func() {
			u.s.logConsumer("consumer group rebalances", u.g.id, "epoch", u.epoch, "member", u.m.id)
		})
	}
	u.s.sawTopics(u.g.id, version)
	if u.g.oldMetadata {
		u.records = append(u.records, &SubscriptionMetadataRecord{Group: u.g.id})
	}
}

// sawTopics remembers of which topics the group's hash is, once that is in the log.
func (s *Shard) sawTopics(group string, version int64) {
	s.later(func(err error) {
		if g, ok := s.groups[group].(*consumerGroup); ok && err == nil {
			g.topicsVersion = version
		}
	})
}

// assign makes a new target if the group has moved on. It may have to wait for its turn: then the last one counts (KIP-1263).
func (u *consumerUpdate) assign() (epoch int32, target assignor.Partitions, refusal *refusalError) {
	last, nowMs := u.g.target, u.s.nowMs()
	interval := int64(u.s.consumerConfig(u.g.id).AssignmentIntervalMs)
	early := last.TimestampMs != 0 && interval != 0 && nowMs < last.TimestampMs+interval && nowMs >= last.TimestampMs
	if u.epoch <= last.Epoch || early {
		return last.Epoch, u.g.targetOf(u.m), nil
	}
	config := u.s.config().Consumers
	name := u.g.preferredAssignor(u.old, u.m, config.fallback())
	by := assignor.ByName(name)
	if by == nil {
		by = assignor.Uniform{} // A member that is older than the configuration may prefer what isn't there any more.
	}
	targets, records, err := u.g.computeTarget(&targetInput{
		assignor: by, homogeneous: u.homogeneous, topics: u.s.topics(), epoch: u.epoch, nowMs: nowMs, changed: u.m,
	})
	if err != nil {
		return 0, nil, refuse(wire.UnknownServerError, "Failed to compute a new target assignment for epoch %d: %v", u.epoch, err)
	}
	u.records = append(u.records, records...)
	return u.epoch, targets[u.m.id], nil
}

// reconcile moves the member towards its target.
func (u *consumerUpdate) reconcile(r *reconciliation) *refusalError {
	if !r.changed && u.m.reconciledTo(r.targetEpoch) {
		return nil
	}
	r.member, r.owners = u.m, u.g.owners
	r.subscribed = u.g.topicIDs(u.m, u.s.topics().ByName)
	next, ok := r.next()
	if !ok {
		return refuse(wire.FencedMemberEpoch, "The consumer group member is in a unknown state. The member must abandon all its partitions and rejoin.")
	}
	if next.sameProgress(u.m) {
		return nil
	}
	u.m = next
	u.records = append(u.records, next.currentRecord(u.g.id))
	if !next.classic() {
		u.s.limitRevocation(u.g.id, next)
	}
	return nil
}

// done does what was put off until the change had been decided on.
func (u *consumerUpdate) done() {
	for _, f := range u.after {
		f()
	}
}

func (s *Shard) topics() Topics { return s.coordinator.options.Topics }

func (s *Shard) topicsVersion() int64 {
	if f := s.coordinator.options.TopicsVersion; f != nil {
		return f()
	}
	return 0
}

package groups

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Described is a member as the coordinator describes it.
type Described struct {
	MemberID   string
	ClientID   string
	Partitions []Partition // Sorted.
}

// Members describes the group, which must be stable, by the protocol that the client speaks; sorted by member id.
func (s *Scenario) Members() ([]Described, error) {
	if s.client.Consumer {
		return s.consumerMembers()
	}
	return s.classicMembers()
}

func (s *Scenario) classicMembers() ([]Described, error) {
	all, err := s.admin.DescribeGroups(s.ctx, s.group)
	if err != nil {
		return nil, fmt.Errorf("describe group: %w", err)
	}
	group := all[s.group]
	if group.Err != nil || group.State != "Stable" {
		return nil, fmt.Errorf("%w: group is %q: %w", ErrNotShared, group.State, group.Err)
	}
	var members []Described
	for _, m := range group.Members {
		d := Described{MemberID: m.MemberID, ClientID: m.ClientID}
		assignment, ok := m.Assigned.AsConsumer()
		if !ok {
			return nil, fmt.Errorf("%w: the assignment of %s can't be read", ErrNotShared, m.MemberID)
		}
		d.Partitions = sorted(assignment.Topics)
		members = append(members, d)
	}
	return ordered(members), nil
}

func (s *Scenario) consumerMembers() ([]Described, error) {
	all, err := s.admin.DescribeConsumerGroups(s.ctx, s.group)
	if err != nil {
		return nil, fmt.Errorf("describe consumer group: %w", err)
	}
	group := all[s.group]
	if group.Err != nil || group.State != "Stable" {
		return nil, fmt.Errorf("%w: group is %q: %w", ErrNotShared, group.State, group.Err)
	}
	var members []Described
	for _, m := range group.Members {
		members = append(members, Described{MemberID: m.MemberID, ClientID: m.ClientID, Partitions: sortedSet(m.Assignment)})
	}
	return ordered(members), nil
}

// Shared returns the members if there are n, each with a partition or more, and every partition is assigned exactly once.
func (s *Scenario) Shared(n int) ([]Described, error) {
	members, err := s.Members()
	if err != nil {
		return nil, err
	}
	var assigned []Partition
	for _, m := range members {
		if len(m.Partitions) == 0 {
			return nil, fmt.Errorf("%w: %s has nothing", ErrNotShared, m.MemberID)
		}
		assigned = append(assigned, m.Partitions...)
	}
	slices.SortFunc(assigned, comparePartitions)
	if len(members) != n || !slices.Equal(assigned, s.partitions()) {
		return nil, fmt.Errorf("%w: %d members instead of %d, assigned %v of %v", ErrNotShared, len(members), n, assigned, s.partitions())
	}
	return members, nil
}

// AwaitShared waits until Shared is content, and returns what it says.
func (s *Scenario) AwaitShared(n int) []Described {
	s.t.Helper()
	var members []Described
	s.Await(fmt.Sprintf("%d members share all partitions", n), func() (err error) {
		members, err = s.Shared(n)
		return err
	})
	return members
}

// owned are the partitions of the member with this client id.
func owned(members []Described, clientID string) []Partition {
	for _, m := range members {
		if m.ClientID == clientID {
			return m.Partitions
		}
	}
	return nil
}

// sameIDs says whether the members are those that they were. A client is free to join again under its id, after which
// partitions may be shared out otherwise.
func sameIDs(a, b []Described) bool {
	return slices.EqualFunc(a, b, func(x, y Described) bool { return x.MemberID == y.MemberID })
}

func ordered(members []Described) []Described {
	slices.SortFunc(members, func(a, b Described) int { return strings.Compare(a.MemberID, b.MemberID) })
	return members
}

func sorted(topics []kmsg.ConsumerMemberAssignmentTopic) []Partition {
	var all []Partition
	for _, topic := range topics {
		for _, id := range topic.Partitions {
			all = append(all, Partition{Topic: topic.Topic, ID: id})
		}
	}
	slices.SortFunc(all, comparePartitions)
	return all
}

func sortedSet(topics kadm.TopicsSet) []Partition {
	var all []Partition
	for topic, ids := range topics {
		for id := range maps.Keys(ids) {
			all = append(all, Partition{Topic: topic, ID: id})
		}
	}
	slices.SortFunc(all, comparePartitions)
	return all
}

func comparePartitions(a, b Partition) int {
	if c := strings.Compare(a.Topic, b.Topic); c != 0 {
		return c
	}
	return int(a.ID - b.ID)
}

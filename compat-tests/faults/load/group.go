package load

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Run is a row of offsets of one partition that one member of the group was shown, one after the other.
type Run struct {
	From, End int64
	// Floor is the least offset at which the run may begin: behind the member's last run, or at the greatest commit that had been
	// acknowledged when the member was given the partition.
	Floor int64
}

// Commits is what is known of the group and one partition.
type Commits struct {
	Acked int64 // the greatest offset whose commit was acknowledged
	Tried int64 // the greatest offset whose commit was sent
	Final int64 // what the broker has at the end, 0 if it has nothing
	Shown []Run
}

// groupName is the group of a load.
func (l *Load) groupName() string { return l.settings.Topic + "-readers" }

// member is one member of the group. Its fields belong to the load's lock.
type member struct {
	load *Load
	// last is the place of the last run per partition in Commits.Shown, floors what is due for those that it was shown nothing of since it got them.
	last   map[int32]int
	floors map[int32]int64
}

// readInGroup is one member: it commits what it was shown, and then asks for more.
func (l *Load) readInGroup(ctx context.Context) error {
	m := &member{load: l, last: map[int32]int{}, floors: map[int32]int64{}}
	client, err := newClient(l.settings.ReadAddr,
		kgo.ConsumerGroup(l.groupName()), kgo.ConsumeTopics(l.settings.Topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(), kgo.HeartbeatInterval(500*time.Millisecond), kgo.SessionTimeout(10*time.Second),
		// A commit a second and member or so: the group is a part of the load and not all of it.
		kgo.FetchMinBytes(1<<20), kgo.FetchMaxWait(300*time.Millisecond),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, given map[string][]int32) { m.assigned(given[l.settings.Topic]) }),
	)
	if err != nil {
		return err
	}
	defer client.CloseAllowingRebalance()
	for ctx.Err() == nil {
		fetches := client.PollFetches(ctx)
		seen, err := decodeAll(fetches)
		if err != nil {
			return fmt.Errorf("reader of a group: %w", err)
		}
		if len(seen) > 0 {
			if err := l.commit(ctx, client, m.show(seen)); err != nil {
				return err
			}
		}
		client.AllowRebalance()
	}
	return nil
}

// assigned notes from where on the member may be shown the partitions that it has got.
func (m *member) assigned(partitions []int32) {
	m.load.mu.Lock()
	defer m.load.mu.Unlock()
	for _, p := range partitions {
		delete(m.last, p)
		m.floors[p] = m.load.commitsLocked(p).Acked
	}
}

// commitsLocked is what is known of a partition; the load's lock is held.
func (l *Load) commitsLocked(partition int32) *Commits {
	c := l.mu.history.Commits[partition]
	if c == nil {
		c = &Commits{}
		l.mu.history.Commits[partition] = c
	}
	return c
}

// show notes what the member was shown, and returns the offsets to commit.
func (m *member) show(seen []Seen) map[int32]int64 {
	m.load.mu.Lock()
	defer m.load.mu.Unlock()
	m.load.mu.history.Live = append(m.load.mu.history.Live, seen...)
	commits := map[int32]int64{}
	for _, s := range seen {
		c := m.load.commitsLocked(s.Partition)
		commits[s.Partition] = s.Offset + 1
		c.Tried = max(c.Tried, s.Offset+1)
		floor := m.floors[s.Partition]
		if i, ok := m.last[s.Partition]; ok {
			if run := &c.Shown[i]; run.End == s.Offset {
				run.End++
				continue
			}
			floor = c.Shown[i].End
		}
		m.last[s.Partition] = len(c.Shown)
		c.Shown = append(c.Shown, Run{From: s.Offset, End: s.Offset + 1, Floor: floor})
	}
	m.load.grouped.Add(int64(len(seen)))
	return commits
}

// commit commits offsets and notes which of them were acknowledged. A commit may be refused, because the group has gone on without the
// member, but not for reasons that tell it nothing.
func (l *Load) commit(ctx context.Context, client *kgo.Client, commits map[int32]int64) (err error) {
	offsets := map[int32]kgo.EpochOffset{}
	for p, offset := range commits {
		offsets[p] = kgo.EpochOffset{Epoch: -1, Offset: offset}
	}
	request := map[string]map[int32]kgo.EpochOffset{l.settings.Topic: offsets}
	client.CommitOffsetsSync(ctx, request, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, failure error) {
		if failure != nil {
			return // nobody knows whether it was done
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, topic := range resp.Topics {
			for _, p := range topic.Partitions {
				switch {
				case p.ErrorCode == 0:
					c := l.commitsLocked(p.Partition)
					c.Acked = max(c.Acked, commits[p.Partition])
					l.committed.Add(1)
				case errors.Is(kerr.ErrorForCode(p.ErrorCode), kerr.UnknownServerError):
					err = fmt.Errorf("commit of partition %d: %w", p.Partition, kerr.UnknownServerError)
				}
			}
		}
	})
	return err
}

// readCommits asks the broker for what the group has committed.
func (l *Load) readCommits(ctx context.Context) error {
	client, err := newClient(l.settings.ReadAddr)
	if err != nil {
		return err
	}
	defer client.Close()
	offsets, err := l.offsets(ctx, client, l.groupName(), l.partitions())
	if err != nil {
		return fmt.Errorf("committed offsets: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for p, c := range maps.All(l.mu.history.Commits) {
		c.Final = max(offsets[p], 0)
	}
	return nil
}

// partitions are those of the topic.
func (l *Load) partitions() (all []int32) {
	for p := range l.settings.Partitions {
		all = append(all, p)
	}
	return all
}

// offsets asks for what a group has committed, -1 where it has nothing; commits that are pending in a transaction are waited for. It asks for
// topic and partitions by name: the client drops what it has no metadata of from an answer about everything.
func (l *Load) offsets(ctx context.Context, client *kgo.Client, group string, partitions []int32) (map[int32]int64, error) {
	topic := kmsg.NewOffsetFetchRequestGroupTopic()
	topic.Topic, topic.TopicID, topic.Partitions = l.settings.Topic, l.topicID, partitions
	of := kmsg.NewOffsetFetchRequestGroup()
	of.Group, of.Topics = group, append(of.Topics, topic)
	request := kmsg.NewPtrOffsetFetchRequest()
	request.RequireStable, request.Groups = true, append(request.Groups, of)
	for {
		offsets, err := committed(request.RequestWith(ctx, client))
		if err == nil && len(offsets) != len(partitions) {
			err = fmt.Errorf("%d of %d partitions are answered", len(offsets), len(partitions))
		}
		if !kerr.IsRetriable(err) || ctx.Err() != nil {
			return offsets, err
		}
		wait(ctx, 20*time.Millisecond)
	}
}

// committed reads the answer about one group.
func committed(resp *kmsg.OffsetFetchResponse, err error) (map[int32]int64, error) {
	if err != nil {
		return nil, err
	}
	offsets := map[int32]int64{}
	for _, group := range resp.Groups {
		if err := kerr.ErrorForCode(group.ErrorCode); err != nil {
			return nil, err
		}
		for _, topic := range group.Topics {
			for _, p := range topic.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return nil, fmt.Errorf("partition %d: %w", p.Partition, err)
				}
				offsets[p.Partition] = p.Offset
			}
		}
	}
	return offsets, nil
}

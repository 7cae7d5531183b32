package group

import (
	"context"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

// DeleteGroups deletes groups that nobody is in, with their offsets (GroupCoordinatorShard.deleteGroups).
func (c *Coordinator) DeleteGroups(ctx context.Context, req *kmsg.DeleteGroupsRequest) *kmsg.DeleteGroupsResponse {
	resp := req.ResponseKind().(*kmsg.DeleteGroupsResponse)
	resp.Groups = askEach(ctx, c, once(req.Groups), func(id string) question[kmsg.DeleteGroupsResponseGroup] {
		answer := func(code wire.ErrorCode) kmsg.DeleteGroupsResponseGroup {
			return kmsg.DeleteGroupsResponseGroup{Group: id, ErrorCode: int16(code)}
		}
		return question[kmsg.DeleteGroupsResponseGroup]{
			decide: func(s *Shard, reply func(kmsg.DeleteGroupsResponseGroup)) []Record {
				records, code := s.deleteGroup(id)
				reply(answer(code))
				return records
			},
			refused: answer,
		}
	})
	return resp
}

// once is a list without repetitions.
func once(ids []string) []string {
	seen := make(map[string]struct{}, len(ids))
	kept := make([]string, 0, len(ids))
	for _, id := range ids {
		if _, again := seen[id]; !again {
			seen[id] = struct{}{}
			kept = append(kept, id)
		}
	}
	return kept
}

// deleteGroup is the records that delete a group, its offsets first. Those of open transactions go, too.
func (s *Shard) deleteGroup(id string) ([]Record, wire.ErrorCode) {
	g := s.groups[id]
	if g == nil {
		return nil, wire.GroupIDNotFound
	}
	if code := g.checkDelete(); code != wire.None {
		return nil, code
	}
	committed := s.offsets[id]
	records := committed.tombstones(id, func(string, int32, *Commit) bool { return true })
	records = append(records, s.pending.byGroup[id].tombstones(id, committed, func(string, *Commit) bool { return true })...)
	offsets := len(records)
	s.later(func(err error) {
		if err == nil {
			s.coordinator.options.Log.Info("group deleted", slog.String("group", id), slog.Int("offsets", offsets))
		}
	})
	return append(records, g.tombstones()...), wire.None
}

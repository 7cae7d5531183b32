package group

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/coordinator"
	"github.com/clatterhq/clatter/wire"
)

// ListGroups lists the groups of all shards that are in certain states and of certain kinds (GroupMetadataManager.listGroups).
func (c *Coordinator) ListGroups(ctx context.Context, req *kmsg.ListGroupsRequest) *kmsg.ListGroupsResponse {
	resp := req.ResponseKind().(*kmsg.ListGroupsResponse)
	shards, err := c.runtime.Shards()
	if err != nil {
		// Without the topic there is no group.
		if !errors.Is(err, coordinator.ErrNotAvailable) {
			resp.ErrorCode = int16(wire.CoordinatorNotAvailable)
		}
		return resp
	}
	filter := newGroupFilter(req)
	calls := make([]*call[shardGroups], shards)
	for i := range calls {
		calls[i] = newCall(question[shardGroups]{
			decide: func(s *Shard, reply func(shardGroups)) []Record {
				reply(shardGroups{groups: s.list(filter)})
				return nil
			},
			refused: func(code wire.ErrorCode) shardGroups { return shardGroups{code: code} },
		})
		c.runtime.SubmitTo(int32(i), calls[i].command)
	}
	for _, k := range calls {
		listed := k.wait(ctx)
		switch listed.code {
		case wire.None:
			resp.Groups = append(resp.Groups, listed.groups...)
		case wire.NotCoordinator: // Its groups are elsewhere.
		default:
			resp.ErrorCode = int16(listed.code)
		}
	}
	if resp.ErrorCode != 0 {
		resp.Groups = nil
	}
	return resp
}

// shardGroups is what one shard has.
type shardGroups struct {
	groups []kmsg.ListGroupsResponseGroup
	code   wire.ErrorCode
}

// groupFilter chooses groups. A filter without states or kinds lets all pass; one with names that nobody knows, none.
type groupFilter struct{ states, kinds []string }

func newGroupFilter(req *kmsg.ListGroupsRequest) groupFilter {
	var f groupFilter
	for _, state := range req.StatesFilter {
		f.states = append(f.states, strings.TrimSpace(strings.ToLower(state)))
	}
	for _, kind := range req.TypesFilter {
		f.kinds = append(f.kinds, strings.ToLower(kind))
	}
	return f
}

func (f groupFilter) passes(g anyGroup) bool {
	return (len(f.states) == 0 || slices.Contains(f.states, strings.ToLower(g.stateName()))) &&
		(len(f.kinds) == 0 || slices.Contains(f.kinds, g.kind()))
}

func (s *Shard) list(f groupFilter) []kmsg.ListGroupsResponseGroup {
	var listed []kmsg.ListGroupsResponseGroup
	for id, g := range s.groups {
		if f.passes(g) {
			listed = append(listed, kmsg.ListGroupsResponseGroup{
				Group: id, ProtocolType: g.listedType(), GroupState: g.stateName(), GroupType: g.kind(),
			})
		}
	}
	return listed
}

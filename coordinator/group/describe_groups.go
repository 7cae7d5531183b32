package group

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

// describeGroupsNotFound is the version from which DescribeGroups has an error for a group that doesn't exist.
const describeGroupsNotFound = 6

// DescribeGroups describes classic groups and their members (GroupMetadataManager.describeGroups).
func (c *Coordinator) DescribeGroups(ctx context.Context, req *kmsg.DescribeGroupsRequest) *kmsg.DescribeGroupsResponse {
	resp := req.ResponseKind().(*kmsg.DescribeGroupsResponse)
	resp.Groups = askEach(ctx, c, req.Groups, func(id string) question[kmsg.DescribeGroupsResponseGroup] {
		return question[kmsg.DescribeGroupsResponseGroup]{
			decide: func(s *Shard, reply func(kmsg.DescribeGroupsResponseGroup)) []Record {
				reply(s.describe(id, req.Version))
				return nil
			},
			refused: func(code wire.ErrorCode) kmsg.DescribeGroupsResponseGroup {
				g := kmsg.NewDescribeGroupsResponseGroup()
				g.Group, g.ErrorCode = id, int16(code)
				return g
			},
		}
	})
	return resp
}

// describe describes one group.
func (s *Shard) describe(id string, version int16) kmsg.DescribeGroupsResponseGroup {
	described := kmsg.NewDescribeGroupsResponseGroup()
	described.Group = id
	g, classic := s.groups[id].(*classicGroup)
	if !classic {
		described.State = classicDead.String()
		if version >= describeGroupsNotFound {
			message := fmt.Sprintf("Group %s not found.", id)
			if s.groups[id] != nil {
				message = fmt.Sprintf("Group %s is not a classic group.", id)
			}
			described.ErrorCode, described.ErrorMessage = int16(wire.GroupIDNotFound), &message
		}
		return described
	}
	described.State, described.ProtocolType = g.state.String(), g.protocolType
	stable := g.state == classicStable
	if stable {
		described.Protocol = g.protocol
	}
	described.Members = make([]kmsg.DescribeGroupsResponseGroupMember, len(g.members))
	for i, m := range g.members {
		told := &described.Members[i]
		told.MemberID, told.InstanceID = m.id, m.instanceID
		told.ClientID, told.ClientHost = m.clientID, m.clientHost
		told.MemberAssignment = m.assignment
		if stable {
			told.ProtocolMetadata = m.metadata(g.protocol)
		}
	}
	return described
}

package group

import (
	"math"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

// memberIDRequired is the version of ConsumerGroupHeartbeat from which on members make up their IDs (KIP-1082).
const memberIDRequired = 1

// validateHeartbeat checks what a request says without knowing the group (GroupCoordinatorService).
func validateHeartbeat(req *kmsg.ConsumerGroupHeartbeatRequest, c ConsumersConfig) *refusalError {
	if req.Version >= memberIDRequired || req.MemberEpoch > joinEpoch || req.MemberEpoch == leaveEpoch {
		if isBlank(&req.MemberID) {
			return refuse(wire.InvalidRequest, "MemberId can't be empty.")
		}
	}
	switch {
	case isBlank(&req.Group):
		return refuse(wire.InvalidRequest, "GroupId can't be empty.")
	case isBlank(req.InstanceID):
		return refuse(wire.InvalidRequest, "InstanceId can't be empty.")
	case isBlank(req.RackID):
		return refuse(wire.InvalidRequest, "RackId can't be empty.")
	}
	if err := validateEpoch(req); err != nil {
		return err
	}
	if req.ServerAssignor != nil && !c.has(*req.ServerAssignor) {
		return refuse(wire.UnsupportedAssignor, "ServerAssignor %s is not supported. Supported assignors: %s.",
			*req.ServerAssignor, strings.Join(c.Assignors, ", "))
	}
	// Kafka fails where such a key doesn't fit into a record.
	for _, s := range []*string{&req.Group, &req.MemberID, req.SubscribedTopicRegex} {
		if s != nil && len(*s) > math.MaxInt16 {
			return refuse(wire.InvalidRequest, "A text of %d bytes is too long.", len(*s))
		}
	}
	return nil
}

// validateEpoch checks what goes with a member epoch.
func validateEpoch(req *kmsg.ConsumerGroupHeartbeatRequest) *refusalError {
	switch {
	case req.MemberEpoch == joinEpoch:
		switch {
		case req.RebalanceTimeoutMillis == -1:
			return refuse(wire.InvalidRequest, "RebalanceTimeoutMs must be provided in first request.")
		case req.Topics == nil || len(req.Topics) > 0:
			return refuse(wire.InvalidRequest, "TopicPartitions must be empty when (re-)joining.")
		case req.SubscribedTopicNames == nil && req.SubscribedTopicRegex == nil:
			return refuse(wire.InvalidRequest, "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.")
		}
	case req.MemberEpoch == staticLeaveEpoch && req.InstanceID == nil:
		return refuse(wire.InvalidRequest, "InstanceId can't be null.")
	case req.MemberEpoch < staticLeaveEpoch:
		return refuse(wire.InvalidRequest, "MemberEpoch is invalid.")
	}
	return nil
}

// isBlank reports whether a text is there, with nothing in it.
func isBlank(s *string) bool { return s != nil && strings.TrimSpace(*s) == "" }

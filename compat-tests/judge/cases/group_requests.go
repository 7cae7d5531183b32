package cases

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
)

// The limits within which the conversations with groups stay: no session ends and no rebalance gives up while one is held.
const (
	longSession   = 60_000
	longRebalance = 60_000
)

// as asks as the client of a name: with that client id and on a connection of its own, because a join that waits for others holds up all that
// follows on its connection. Clients are called a, b, c and so on.
func as(client string, build func(r *script.Run) kmsg.Request) script.Ask {
	return script.Ask{Conn: connOf(client), ClientID: &client, Build: build}
}

func connOf(client string) int { return int(client[0]-'a') + 1 }

// answerTo reads the answer to what a client sent.
func answerTo(client string) script.Receive { return script.Receive{Conn: connOf(client)} }

// subscription is the metadata of a member of protocol type "consumer" that subscribes to topics, by logical names.
func subscription(r *script.Run, topics ...string) []byte {
	m := kmsg.NewConsumerMemberMetadata()
	m.Version = 1
	for _, t := range topics {
		m.Topics = append(m.Topics, r.Name("~"+t))
	}
	return m.AppendTo(nil)
}

// share is what a leader of protocol type "consumer" assigns: partitions of topic t.
func share(r *script.Run, partitions ...int32) []byte {
	a := kmsg.NewConsumerMemberAssignment()
	a.Version = 1
	a.Topics = []kmsg.ConsumerMemberAssignmentTopic{{Topic: r.Name("~t"), Partitions: partitions}}
	return a.AppendTo(nil)
}

type joinOption func(r *script.Run, req *kmsg.JoinGroupRequest)

// joinRequest joins group g with the protocol "range" and a subscription to topic t.
func joinRequest(v int16, options ...joinOption) func(r *script.Run) kmsg.Request {
	return func(r *script.Run) kmsg.Request {
		req := kmsg.NewPtrJoinGroupRequest()
		req.Version, req.Group = v, "~g"
		req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = longSession, longRebalance
		req.ProtocolType = "consumer"
		req.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: subscription(r, "t")}}
		for _, o := range options {
			o(r, req)
		}
		return req
	}
}

func join(v int16, client string, options ...joinOption) script.Ask {
	return as(client, joinRequest(v, options...))
}

// rejoin joins with the id that the client was given.
func rejoin(v int16, client string, options ...joinOption) script.Ask {
	return join(v, client, append([]joinOption{memberID("@" + client)}, options...)...)
}

func memberID(id string) joinOption {
	return func(_ *script.Run, req *kmsg.JoinGroupRequest) { req.MemberID = id }
}

func instanceID(id string) joinOption {
	return func(_ *script.Run, req *kmsg.JoinGroupRequest) { req.InstanceID = &id }
}

func group(name string) joinOption {
	return func(_ *script.Run, req *kmsg.JoinGroupRequest) { req.Group = name }
}

func protocolType(name string) joinOption {
	return func(_ *script.Run, req *kmsg.JoinGroupRequest) { req.ProtocolType = name }
}

// protocols are protocols by name, each with its name as metadata.
func protocols(names ...string) joinOption {
	return func(_ *script.Run, req *kmsg.JoinGroupRequest) {
		req.Protocols = nil
		for _, name := range names {
			req.Protocols = append(req.Protocols, kmsg.JoinGroupRequestProtocol{Name: name, Metadata: []byte("metadata of " + name)})
		}
	}
}

// subscribed is the protocol "range" with a subscription to other topics.
func subscribed(topics ...string) joinOption {
	return func(r *script.Run, req *kmsg.JoinGroupRequest) {
		req.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: subscription(r, topics...)}}
	}
}

func timeouts(session, rebalance int32) joinOption {
	return func(_ *script.Run, req *kmsg.JoinGroupRequest) {
		req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = session, rebalance
	}
}

func joinReason(text string) joinOption {
	return func(_ *script.Run, req *kmsg.JoinGroupRequest) { req.Reason = &text }
}

type syncOption func(r *script.Run, req *kmsg.SyncGroupRequest)

// sync is the SyncGroup of a client in a generation of group g; options make it the leader's.
func sync(v int16, client string, generation int32, options ...syncOption) script.Ask {
	return as(client, syncRequest(v, client, generation, options...))
}

func syncRequest(v int16, client string, generation int32, options ...syncOption) func(r *script.Run) kmsg.Request {
	return func(r *script.Run) kmsg.Request {
		req := kmsg.NewPtrSyncGroupRequest()
		req.Version, req.Group, req.Generation, req.MemberID = v, "~g", generation, "@"+client
		if v >= 5 {
			req.ProtocolType, req.Protocol = new("consumer"), new("range")
		}
		for _, o := range options {
			o(r, req)
		}
		return req
	}
}

// assigns gives members, by their ids, partitions of topic t: the first one partition 0 and so on.
func assigns(ids ...string) syncOption {
	return func(r *script.Run, req *kmsg.SyncGroupRequest) {
		for i, id := range ids {
			req.GroupAssignment = append(req.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: id, MemberAssignment: share(r, int32(i))})
		}
	}
}

func heartbeat(v int16, client string, generation int32, options ...func(req *kmsg.HeartbeatRequest)) script.Ask {
	return as(client, func(*script.Run) kmsg.Request {
		req := kmsg.NewPtrHeartbeatRequest()
		req.Version, req.Group, req.Generation, req.MemberID = v, "~g", generation, "@"+client
		for _, o := range options {
			o(req)
		}
		return req
	})
}

// leave is the LeaveGroup of a client for itself.
func leave(v int16, client string, options ...func(req *kmsg.LeaveGroupRequest)) script.Ask {
	return as(client, func(*script.Run) kmsg.Request {
		req := kmsg.NewPtrLeaveGroupRequest()
		req.Version, req.Group, req.MemberID = v, "~g", "@"+client
		if v >= 3 {
			req.MemberID = ""
			req.Members = []kmsg.LeaveGroupRequestMember{{MemberID: "@" + client}}
		}
		for _, o := range options {
			o(req)
		}
		return req
	})
}

// leaving lists members for a batch, as id or as id/instance.
func leaving(members ...kmsg.LeaveGroupRequestMember) func(req *kmsg.LeaveGroupRequest) {
	return func(req *kmsg.LeaveGroupRequest) {
		req.Members = append([]kmsg.LeaveGroupRequestMember(nil), members...)
	}
}

func describe(v int16, groups ...string) script.Ask {
	return ask(func(*script.Run) kmsg.Request {
		req := kmsg.NewPtrDescribeGroupsRequest()
		req.Version, req.Groups = v, append([]string{}, groups...)
		return req
	})
}

func list(v int16, options ...func(req *kmsg.ListGroupsRequest)) script.Ask {
	return ask(func(*script.Run) kmsg.Request {
		req := kmsg.NewPtrListGroupsRequest()
		req.Version = v
		for _, o := range options {
			o(req)
		}
		return req
	})
}

func deleteGroups(v int16, groups ...string) script.Ask {
	return ask(func(*script.Run) kmsg.Request {
		req := kmsg.NewPtrDeleteGroupsRequest()
		req.Version, req.Groups = v, append([]string{}, groups...)
		return req
	})
}

// offsetDelete deletes the offsets of partitions of topics of group g.
func offsetDelete(name string, topics map[string][]int32) script.Ask {
	return ask(func(*script.Run) kmsg.Request {
		req := kmsg.NewPtrOffsetDeleteRequest()
		req.Group = name
		for _, t := range topicNames(topics) {
			topic := kmsg.OffsetDeleteRequestTopic{Topic: t}
			for _, p := range topics[t] {
				topic.Partitions = append(topic.Partitions, kmsg.OffsetDeleteRequestTopicPartition{Partition: p})
			}
			req.Topics = append(req.Topics, topic)
		}
		return req
	})
}

func findCoordinator(v int16, kind int8, keys ...string) func(r *script.Run) kmsg.Request {
	return func(*script.Run) kmsg.Request {
		req := kmsg.NewPtrFindCoordinatorRequest()
		req.Version, req.CoordinatorType = v, kind
		if v >= 4 {
			req.CoordinatorKeys = append([]string{}, keys...)
		} else if len(keys) > 0 {
			req.CoordinatorKey = keys[0]
		}
		return req
	}
}

package cases

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
)

type beatOption func(r *script.Run, req *kmsg.ConsumerGroupHeartbeatRequest)

// beat is the heartbeat of a consumer (KIP-848) in group g that has nothing to say but its epoch. Its member id is that of the client: member-a.
func beat(v int16, client string, epoch int32, options ...beatOption) script.Ask {
	return as(client, beatRequest(v, client, epoch, options...))
}

func beatRequest(v int16, client string, epoch int32, options ...beatOption) func(r *script.Run) kmsg.Request {
	return func(r *script.Run) kmsg.Request {
		req := kmsg.NewPtrConsumerGroupHeartbeatRequest()
		req.Version, req.Group, req.MemberID, req.MemberEpoch, req.RebalanceTimeoutMillis = v, "~g", "member-"+client, epoch, -1
		for _, o := range options {
			o(r, req)
		}
		return req
	}
}

// enter is a consumer's first heartbeat, with a subscription to topic t.
func enter(v int16, client string, options ...beatOption) script.Ask {
	return beat(v, client, 0, append([]beatOption{complete("t")}, options...)...)
}

// complete says all that a first heartbeat must say.
func complete(topics ...string) beatOption {
	return func(r *script.Run, req *kmsg.ConsumerGroupHeartbeatRequest) {
		req.RebalanceTimeoutMillis, req.Topics = longRebalance, []kmsg.ConsumerGroupHeartbeatRequestTopic{}
		to(topics...)(r, req)
	}
}

// to subscribes to topics.
func to(topics ...string) beatOption {
	return func(_ *script.Run, req *kmsg.ConsumerGroupHeartbeatRequest) {
		req.SubscribedTopicNames = []string{}
		for _, t := range topics {
			req.SubscribedTopicNames = append(req.SubscribedTopicNames, "~"+t)
		}
	}
}

// matching subscribes to the topics that match a pattern, instead of names (version 1).
func matching(pattern string) beatOption {
	return func(r *script.Run, req *kmsg.ConsumerGroupHeartbeatRequest) {
		text := pattern
		if text != "" {
			text = r.Name("~" + pattern)
		}
		req.SubscribedTopicNames, req.SubscribedTopicRegex = nil, &text
	}
}

// owns says which partitions of topic t the consumer has.
func owns(numbers ...int32) beatOption {
	return func(r *script.Run, req *kmsg.ConsumerGroupHeartbeatRequest) {
		req.Topics = []kmsg.ConsumerGroupHeartbeatRequestTopic{}
		if len(numbers) > 0 {
			req.Topics = append(req.Topics, kmsg.ConsumerGroupHeartbeatRequestTopic{TopicID: topicID(r, "t"), Partitions: append([]int32{}, numbers...)})
		}
	}
}

func consumerInstance(name string) beatOption {
	return func(_ *script.Run, req *kmsg.ConsumerGroupHeartbeatRequest) { req.InstanceID = &name }
}

func consumerID(id string) beatOption {
	return func(_ *script.Run, req *kmsg.ConsumerGroupHeartbeatRequest) { req.MemberID = id }
}

func rack(name string) beatOption {
	return func(_ *script.Run, req *kmsg.ConsumerGroupHeartbeatRequest) { req.RackID = &name }
}

func assignor(name string) beatOption {
	return func(_ *script.Run, req *kmsg.ConsumerGroupHeartbeatRequest) { req.ServerAssignor = &name }
}

func rebalanceTimeout(ms int32) beatOption {
	return func(_ *script.Run, req *kmsg.ConsumerGroupHeartbeatRequest) { req.RebalanceTimeoutMillis = ms }
}

// consumers makes clients members of group g, each with its part of topic t, which has four partitions: all in the epoch that is the
// number of clients and one: a new group begins with epoch 1.
func consumers(clients ...string) []script.Step {
	return steps(ready("g"), topic("t", 4), barrier(), script.Setup(func(r *script.Run) error {
		epochs, owned := map[string]int32{}, map[string][]int32{}
		for i := range clients {
			if err := settle(r, clients[:i+1], epochs, owned); err != nil {
				return err
			}
		}
		return nil
	}))
}

// settle sends heartbeats of clients, which do what they are told, until all are in their last epoch and have their share.
func settle(r *script.Run, clients []string, epochs map[string]int32, owned map[string][]int32) error {
	target, partitions := int32(len(clients))+1, 4
	return r.Poll(func() (bool, error) {
		done, total := true, 0
		for _, c := range clients {
			options := []beatOption{owns(owned[c]...)}
			if epochs[c] == 0 {
				options = []beatOption{complete("t")}
			}
			resp, err := r.DoOn(connOf(c), c, beatRequest(1, c, epochs[c], options...)(r))
			answer, ok := resp.(*kmsg.ConsumerGroupHeartbeatResponse)
			if err != nil || !ok || answer.ErrorCode != 0 {
				return false, fmt.Errorf("heartbeat of %s: %w: %+v: %w", c, errAnswer, resp, err)
			}
			epochs[c] = answer.MemberEpoch
			if answer.Assignment != nil {
				owned[c], done = nil, false // To be acknowledged.
				for _, t := range answer.Assignment.Topics {
					owned[c] = append(owned[c], t.Partitions...)
				}
			}
			done = done && answer.MemberEpoch == target
			total += len(owned[c])
		}
		return done && total == partitions, nil
	})
}

func describeConsumers(v int16, groups ...string) script.Ask {
	return ask(func(*script.Run) kmsg.Request {
		req := kmsg.NewPtrConsumerGroupDescribeRequest()
		req.Version, req.Groups = v, append([]string{}, groups...)
		return req
	})
}

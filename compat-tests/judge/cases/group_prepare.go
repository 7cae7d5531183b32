package cases

import (
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
)

// ready waits until groups, by their logical names, have a coordinator that answers. On Kafka that creates the internal topic and loads it.
func ready(groups ...string) script.Setup {
	return func(r *script.Run) error {
		for _, g := range groups {
			err := r.Poll(func() (bool, error) {
				resp, err := r.Do(findCoordinator(1, 0, "~"+g)(r))
				answer, ok := resp.(*kmsg.FindCoordinatorResponse)
				if err != nil || !ok || answer.ErrorCode != 0 {
					return false, err
				}
				described, err := describedGroup(r, "~"+g)
				return err == nil && described.ErrorCode == 0, err
			})
			if err != nil {
				return fmt.Errorf("coordinator of %s: %w", g, err)
			}
		}
		return nil
	}
}

func describedGroup(r *script.Run, name string) (kmsg.DescribeGroupsResponseGroup, error) {
	resp, err := r.Do(describe(0, name).Build(r))
	answer, ok := resp.(*kmsg.DescribeGroupsResponse)
	if err != nil || !ok || len(answer.Groups) != 1 {
		return kmsg.DescribeGroupsResponseGroup{}, fmt.Errorf("describe: %w: %w", errAnswer, err)
	}
	return answer.Groups[0], nil
}

// groupIs waits until group g is in a state with a number of members, some of which may be waiting in a join.
func groupIs(state string, members int) script.Setup {
	return func(r *script.Run) error {
		var last kmsg.DescribeGroupsResponseGroup
		err := r.Poll(func() (bool, error) {
			var err error
			last, err = describedGroup(r, "~g")
			return err == nil && last.State == state && len(last.Members) == members, err
		})
		if err != nil {
			return fmt.Errorf("group in state %s with %d members, want %s with %d: %w", last.State, len(last.Members), state, members, err)
		}
		return nil
	}
}

// stable makes group g stable with members that were never asked for their ids: a single one in generation 1, more of them in generation 2, the
// first being the leader. The n-th is assigned partition n of topic t.
func stable(clients ...string) script.Setup {
	return func(r *script.Run) error {
		if err := joinedAlone(r, clients[0]); err != nil || len(clients) == 1 {
			return err
		}
		return joinedBy(r, clients)
	}
}

// joinedAlone makes a client the only member of group g, in its first generation.
func joinedAlone(r *script.Run, client string, options ...joinOption) error {
	resp, err := r.DoOn(connOf(client), client, joinRequest(5, append([]joinOption{}, options...)...)(r))
	if err != nil {
		return err
	}
	answer, ok := resp.(*kmsg.JoinGroupResponse)
	if ok && answer.ErrorCode == kerr.MemberIDRequired.Code {
		resp, err = r.DoOn(connOf(client), client, joinRequest(5, append([]joinOption{memberID(answer.MemberID)}, options...)...)(r))
		answer, ok = resp.(*kmsg.JoinGroupResponse)
	}
	if err != nil || !ok || answer.ErrorCode != 0 {
		return fmt.Errorf("join of %s: %w: %+v: %w", client, errAnswer, resp, err)
	}
	return synced(r, client, answer.Generation, answer.MemberID)
}

func synced(r *script.Run, client string, generation int32, ids ...string) error {
	sync := syncRequest(3, client, generation, assigns(ids...), func(_ *script.Run, req *kmsg.SyncGroupRequest) { req.MemberID = ids[0] })
	resp, err := r.DoOn(connOf(client), client, sync(r))
	answer, ok := resp.(*kmsg.SyncGroupResponse)
	if err != nil || !ok || answer.ErrorCode != 0 {
		return fmt.Errorf("sync of %s: %w: %+v: %w", client, errAnswer, resp, err)
	}
	return nil
}

// joinedBy lets further clients join the group of the first.
func joinedBy(r *script.Run, clients []string) error {
	for i, client := range clients[1:] {
		if err := r.Send(connOf(client), client, joinRequest(3)(r)); err != nil {
			return err
		}
		if err := groupIs("PreparingRebalance", i+2)(r); err != nil {
			return err
		}
	}
	if err := r.Send(connOf(clients[0]), clients[0], joinRequest(3, memberID("@"+clients[0]))(r)); err != nil {
		return err
	}
	var ids []string
	for _, client := range clients {
		resp, err := r.Take(connOf(client))
		answer, ok := resp.(*kmsg.JoinGroupResponse)
		if err != nil || !ok || answer.ErrorCode != 0 {
			return fmt.Errorf("join of %s: %w: %+v: %w", client, errAnswer, resp, err)
		}
		ids = append(ids, answer.MemberID)
	}
	if err := synced(r, clients[0], 2, ids...); err != nil {
		return err
	}
	for i, client := range clients[1:] {
		if err := synced(r, client, 2, ids[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// static makes a client the only member of group g, under the name of a static member, in generation 1.
func static(client, instance string) script.Setup {
	return func(r *script.Run) error { return joinedAlone(r, client, instanceID(instance)) }
}

// typed makes a client the only member of group g with another protocol type.
func typed(client, protocolTypeName string) script.Setup {
	return func(r *script.Run) error {
		return joinedAlone(r, client, protocolType(protocolTypeName), protocols("p"))
	}
}

// committed commits offsets of group g as one who is no member: offset 5 of partition 0 of topic t, and what options add.
func committed(options ...commitOption) script.Setup {
	return func(r *script.Run) error {
		resp, err := r.Do(commitRequest(8, options...)(r))
		answer, ok := resp.(*kmsg.OffsetCommitResponse)
		if err != nil || !ok {
			return fmt.Errorf("commit: %w: %w", errAnswer, err)
		}
		for _, t := range answer.Topics {
			for _, p := range t.Partitions {
				if p.ErrorCode != 0 {
					return fmt.Errorf("commit of %s: %w", t.Topic, kerr.ErrorForCode(p.ErrorCode))
				}
			}
		}
		return nil
	}
}

// left takes the only member out of group g, which leaves it empty.
func left(client string) script.Setup {
	return func(r *script.Run) error {
		resp, err := r.DoOn(connOf(client), client, leave(1, client).Build(r))
		answer, ok := resp.(*kmsg.LeaveGroupResponse)
		if err != nil || !ok || answer.ErrorCode != 0 {
			return fmt.Errorf("leave of %s: %w: %+v: %w", client, errAnswer, resp, err)
		}
		return nil
	}
}

// waiting sends a join that must wait for others and waits until the group of then so many members has taken it.
func waiting(members int, a script.Ask) []script.Step {
	return []script.Step{send(a), groupIs("PreparingRebalance", members)}
}

// steps joins steps and lists of steps.
func steps(parts ...any) []script.Step {
	var all []script.Step
	for _, p := range parts {
		switch p := p.(type) {
		case script.Step:
			all = append(all, p)
		case []script.Step:
			all = append(all, p...)
		default:
			panic(fmt.Sprintf("%T is no step", p))
		}
	}
	return all
}

// longText is a text of a length in bytes.
func longText(n int) string { return strings.Repeat("x", n) }

package cases

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
)

func describeGroupsCases(b *book) {
	b.in("groups", func() {
		for _, v := range versions(0, 6) {
			with := b.with("DescribeGroups", v)
			with("stable", stable("a", "b"), describe(v, "~g"))
			with("completing", completing(), describe(v, "~g"))
			with("preparing", preparing(), describe(v, "~g"))
			with("empty", stable("a"), left("a"), describe(v, "~g"))
			with("group-of-offsets-only", topic("t", 1), committed(), describe(v, "~g"))
			with("other-type", typed("a", "sr"), describe(v, "~g"))
			with("unknown", describe(v, "~g"))
			with("empty-name", describe(v, ""))
			with("two", ready("h"), stable("a"), describe(v, "~g", "~h"))
			with("same-twice", stable("a"), describe(v, "~g", "~g"))
			with("same-unknown-twice", describe(v, "~g", "~g"))
			with("none", describe(v))
			with("pending-member", join(4, "a"), groupIs("Empty", 0), describe(v, "~g"))
			with("deleted", stable("a"), left("a"), deleteGroups(2, "~g"), describe(v, "~g"))
			if v >= 3 {
				operations := describe(v, "~g")
				operations.Build = allOperations(operations.Build)
				with("operations", stable("a"), operations)
				with("operations-of-unknown", operations)
			}
			if v >= 4 {
				with("static", static("a", "s"), describe(v, "~g"))
			}
		}
	})
}

func allOperations(build func(r *script.Run) kmsg.Request) func(r *script.Run) kmsg.Request {
	return func(r *script.Run) kmsg.Request {
		req := build(r)
		switch req := req.(type) {
		case *kmsg.DescribeGroupsRequest:
			req.IncludeAuthorizedOperations = true
		case *kmsg.ConsumerGroupDescribeRequest:
			req.IncludeAuthorizedOperations = true
		default:
		}
		return req
	}
}

// states filters a list of groups by their states.
func states(names ...string) func(req *kmsg.ListGroupsRequest) {
	return func(req *kmsg.ListGroupsRequest) { req.StatesFilter = append([]string{}, names...) }
}

// types filters it by their types.
func types(names ...string) func(req *kmsg.ListGroupsRequest) {
	return func(req *kmsg.ListGroupsRequest) { req.TypesFilter = append([]string{}, names...) }
}

func listGroupsCases(b *book) {
	b.in("groups", func() {
		// Three groups: g is stable, h has offsets only, i is of another type and empty.
		three := steps(ready("g", "h", "i"), topic("t", 1), stable("a"), committed(commitGroup("~h")), script.Setup(func(r *script.Run) error {
			return joinedAndLeft(r, "c", "~i")
		}))
		for _, v := range versions(0, 5) {
			with := func(what string, parts ...any) { b.add("ListGroups", v, what, steps(parts...)...) }
			with("all", three, list(v))
			with("none", ready("g"), list(v))
			with("pending-member", ready("g"), join(4, "a"), groupIs("Empty", 0), list(v))
			with("during-a-rebalance", ready("g"), preparing(), list(v))
			with("before-the-sync", ready("g"), completing(), list(v))
			with("after-deletion", three, deleteGroups(2, "~h", "~i"), list(v))
			if v >= 4 {
				for _, names := range [][]string{{"Stable"}, {"Empty"}, {"stable"}, {"EMPTY", "STABLE"}, {"Dead"}, {"nonsense"}, {"Stable", "nonsense"}, {""}, {"PreparingRebalance"}, {"Assigning"}, {"not_ready"}} {
					with("states="+strings.Join(names, "+"), three, list(v, states(names...)))
				}
				with("states=CompletingRebalance", ready("g"), completing(), list(v, states("CompletingRebalance")))
				with("states=preparingrebalance-during-one", ready("g"), preparing(), list(v, states("preparingrebalance")))
			}
			if v >= 5 {
				for _, names := range [][]string{{"classic"}, {"consumer"}, {"Classic"}, {"CLASSIC", "consumer"}, {"share"}, {"streams"}, {"nonsense"}, {"classic", "nonsense"}, {""}, {"unknown"}, {"simple"}} {
					with("types="+strings.Join(names, "+"), three, list(v, types(names...)))
				}
				with("types-and-states", three, list(v, types("classic"), states("Empty")))
				with("types-and-states-that-exclude-each-other", three, list(v, types("consumer"), states("Stable")))
			}
		}
	})
}

// joinedAndLeft makes an empty group that had a member with another protocol type.
func joinedAndLeft(r *script.Run, client, name string) error {
	if err := joinedAs(r, client, name); err != nil {
		return err
	}
	resp, err := r.DoOn(connOf(client), client, leave(1, client, func(req *kmsg.LeaveGroupRequest) { req.Group = name }).Build(r))
	if answer, ok := resp.(*kmsg.LeaveGroupResponse); err != nil || !ok || answer.ErrorCode != 0 {
		return errAnswer
	}
	return nil
}

// joinedAs makes a client a member of a group that never gets its assignment.
func joinedAs(r *script.Run, client, name string) error {
	resp, err := r.DoOn(connOf(client), client, joinRequest(3, group(name), protocolType("connect"), protocols("p"))(r))
	if answer, ok := resp.(*kmsg.JoinGroupResponse); err != nil || !ok || answer.ErrorCode != 0 {
		return errAnswer
	}
	return nil
}

func deleteGroupsCases(b *book) {
	b.in("groups", func() {
		for _, v := range versions(0, 3) {
			with := b.with("DeleteGroups", v)
			with("empty", stable("a"), left("a"), deleteGroups(v, "~g"), describe(0, "~g"), list(5))
			with("with-members", stable("a"), deleteGroups(v, "~g"), heartbeat(0, "a", 1))
			with("during-a-rebalance", preparing(), deleteGroups(v, "~g"))
			with("before-the-sync", completing(), deleteGroups(v, "~g"))
			with("pending-member", join(4, "a"), groupIs("Empty", 0), deleteGroups(v, "~g"), rejoin(4, "a"))
			with("group-of-offsets-only", topic("t", 2), committed(), deleteGroups(v, "~g"), see(), list(5))
			with("empty-with-offsets", topic("t", 2), committed(), stable("a"), left("a"), deleteGroups(v, "~g"), see())
			with("unknown", deleteGroups(v, "~g"))
			with("empty-name", deleteGroups(v, ""))
			with("two", ready("h"), topic("t", 1), committed(), deleteGroups(v, "~g", "~h"))
			with("one-full-one-empty", ready("h"), topic("t", 1), stable("a"), committed(commitGroup("~h")), deleteGroups(v, "~g", "~h"))
			with("same-twice", topic("t", 1), committed(), deleteGroups(v, "~g", "~g"))
			with("none", deleteGroups(v))
			with("again", topic("t", 1), committed(), deleteGroups(v, "~g"), deleteGroups(v, "~g"))
		}
	})
}

func findCoordinatorCases(b *book) {
	b.in("groups", func() {
		for _, v := range versions(0, 6) {
			with := func(what string, kind int8, keys ...string) {
				b.with("FindCoordinator", v)(what, ask(findCoordinator(v, kind, keys...)))
			}
			with("group", 0, "~g")
			with("empty-name", 0, "")
			with("long-name", 0, longText(1000))
			if v >= 1 {
				for _, kind := range []int8{-1, 3, 127} {
					with("type="+itoa(int32(kind)), kind, "~g")
				}
			}
			if v >= 4 {
				with("two", 0, "~g", "~h")
				with("same-twice", 0, "~g", "~g")
				with("none", 0)
				with("type-3-two-keys", 3, "~g", "~h")
				with("empty-name-among-others", 0, "~g", "")
			}
			if v >= 1 && v < 6 {
				with("share-before-its-version", 2, "~g:AAAAAAAAAAAAAAAAAAAAAQ:0")
			}
		}
		for what, key := range map[string]string{"no-colon": "~g", "no-id": "~g:x:0", "no-partition": "~g:AAAAAAAAAAAAAAAAAAAAAQ:x", "negative-partition": "~g:AAAAAAAAAAAAAAAAAAAAAQ:-1", "empty-group": ":AAAAAAAAAAAAAAAAAAAAAQ:0", "empty": "", "one-colon": "~g:x"} {
			b.with("FindCoordinator", 6)("share-key-with-"+what, ask(findCoordinator(6, 2, key)))
		}
	})
	b.in("first-group", func() {
		b.add("FindCoordinator", 4, "first-of-all", ask(findCoordinator(4, 0, "~g")), ready("g"), ask(findCoordinator(4, 0, "~g")), ask(metadata(9, internalTopic)),
			ask(describeConfigs(4, onTopic, internalTopic, "cleanup.policy", "compression.type", "segment.bytes")))
	})
}

package tools

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
)

const perPartition = 10

// groupTools is a broker with the topic orders (three partitions with ten records each, a minute apart, the first one at
// midday of the first day of 2024) and the tools for groups.
type groupTools struct {
	t  *testing.T
	at string
}

var firstRecord = time.Date(2024, time.January, 1, 12, 0, 0, 0, time.UTC)

func startGroups(t *testing.T, overrides map[string]string) groupTools {
	t.Helper()
	g := groupTools{t: t, at: brokertest.Start(t, overrides).Addr()}
	createTopic(t, g.at, "orders", "--partitions", "3", "--config", "retention.ms=-1")
	client := g.client(kgo.RecordPartitioner(kgo.ManualPartitioner()))
	for p := range int32(3) {
		for i := range perPartition {
			r := &kgo.Record{Topic: "orders", Partition: p, Value: []byte("v"), Timestamp: firstRecord.Add(time.Duration(i) * time.Minute)}
			if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	return g
}

func (g groupTools) client(options ...kgo.Opt) *kgo.Client {
	g.t.Helper()
	return brokertest.Client(g.t, g.at, options...)
}

// consumer joins a group, reads all of orders, commits it and stays.
func (g groupTools) consumer(group string, options ...kgo.Opt) *kgo.Client {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(g.t.Context(), timeLimit)
	defer cancel()
	client := g.client(append([]kgo.Opt{
		kgo.ConsumerGroup(group), kgo.ConsumeTopics("orders"), kgo.ClientID("watcher"), kgo.DisableAutoCommit(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	}, options...)...)
	for n := 0; n < 3*perPartition; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			g.t.Fatalf("after %d records: %v", n, err)
		}
		n += fetches.NumRecords()
	}
	if err := client.CommitUncommittedOffsets(ctx); err != nil {
		g.t.Fatal(err)
	}
	return client
}

// tool runs kafka-consumer-groups and returns both outputs: what it says is spread over them.
func (g groupTools) tool(args ...string) string {
	g.t.Helper()
	r := tool(g.t, "", "kafka-consumer-groups", append([]string{"--bootstrap-server", g.at}, args...)...)
	return r.stdout + r.stderr
}

func (g groupTools) list(args ...string) string {
	g.t.Helper()
	return run(g.t, "", "kafka-groups", append([]string{"--bootstrap-server", g.at, "--list"}, args...)...)
}

// hasRow fails the test if no line of text consists of these words; * stands for any word.
func (g groupTools) hasRow(text string, words ...string) {
	g.t.Helper()
	if !findRow(text, words) {
		g.t.Errorf("no row %q in:\n%s", words, text)
	}
}

func (g groupTools) hasNoRow(text string, words ...string) {
	g.t.Helper()
	if findRow(text, words) {
		g.t.Errorf("row %q in:\n%s", words, text)
	}
}

func findRow(text string, words []string) bool {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		matches := len(fields) == len(words)
		for i := 0; matches && i < len(words); i++ {
			matches = words[i] == "*" || words[i] == fields[i]
		}
		if matches {
			return true
		}
	}
	return false
}

func TestConsumerGroupsWithAMember(t *testing.T) {
	g := startGroups(t, map[string]string{"group.initial.rebalance.delay.ms": "0"})
	g.consumer("active", kgo.Balancers(kgo.RangeBalancer()))

	g.hasRow(g.tool("--list"), "active")
	g.hasRow(g.tool("--list", "--state"), "active", "Stable")
	g.hasRow(g.tool("--list", "--state", "--type"), "active", "Classic", "Stable")
	g.hasNoRow(g.tool("--list", "--state", "empty"), "active", "*")
	g.hasRow(g.tool("--list", "--type", "classic"), "active", "Classic")
	g.hasNoRow(g.tool("--list", "--type", "consumer"), "active", "*")

	offsets := g.tool("--describe", "--group", "active")
	for _, p := range []string{"0", "1", "2"} {
		g.hasRow(offsets, "active", "orders", p, "10", "10", "0", "*", "/127.0.0.1", "watcher")
	}
	g.hasRow(g.tool("--describe", "--group", "active", "--offsets", "--verbose"), "active", "orders", "1", "*", "10", "10", "0", "*", "/127.0.0.1", "watcher")
	g.hasRow(g.tool("--describe", "--group", "active", "--members"), "active", "*", "/127.0.0.1", "watcher", "3")
	contains(t, g.tool("--describe", "--group", "active", "--members", "--verbose"), "orders:0,1,2")
	g.hasRow(g.tool("--describe", "--group", "active", "--state"), "active", g.at, "(1)", "range", "Stable", "1")
	g.hasRow(g.tool("--describe", "--all-groups", "--state", "--verbose"), "active", g.at, "(1)", "range", "Stable", "*", "*", "1")

	contains(t, g.tool("--reset-offsets", "--group", "active", "--topic", "orders", "--to-earliest", "--execute"),
		"Assignments can only be reset if the group 'active' is inactive, but the current state is Stable.")
	contains(t, g.tool("--delete", "--group", "active"), "Group 'active' could not be deleted due to", "The group is not empty")
	contains(t, g.tool("--delete-offsets", "--group", "active", "--topic", "orders"), "Encountered some partition-level error", "the consumer group is actively subscribed to it")

	for _, args := range [][]string{nil, {"--group-type", "classic"}, {"--consumer"}, {"--protocol", "consumer"}} {
		g.hasRow(g.list(args...), "active", "Classic", "consumer")
	}
	for _, args := range [][]string{{"--share"}, {"--group-type", "consumer"}, {"--protocol", "connect"}} {
		g.hasNoRow(g.list(args...), "active", "*", "*")
	}
}

func TestConsumerGroupsWithoutMembers(t *testing.T) {
	g := startGroups(t, map[string]string{"group.initial.rebalance.delay.ms": "0"})
	g.consumer("idle").Close()

	g.hasRow(g.tool("--list", "--state", "empty"), "idle", "Empty")
	described := g.tool("--describe", "--group", "idle")
	contains(t, described, "Consumer group 'idle' has no active members.")
	g.hasRow(described, "idle", "orders", "2", "10", "10", "0", "-", "-", "-")
	contains(t, g.tool("--describe", "--group", "idle", "--members"), "Consumer group 'idle' has no active members.")
	g.hasRow(g.tool("--describe", "--group", "idle", "--state"), "idle", g.at, "(1)", "-", "Empty", "0")
	for _, form := range []string{"--offsets", "--members", "--state"} {
		contains(t, g.tool("--describe", "--group", "never-was", form), "Group never-was not found.")
	}
	contains(t, g.tool("--delete", "--group", "never-was"), "Group 'never-was' could not be deleted due to", "never-was")

	deleted := g.tool("--delete-offsets", "--group", "idle", "--topic", "orders:0,1")
	contains(t, deleted, "Request succeeded for deleting offsets from group idle.")
	g.hasRow(deleted, "orders", "1", "Successful")
	described = g.tool("--describe", "--group", "idle")
	g.hasNoRow(described, "idle", "orders", "0", "10", "10", "0", "-", "-", "-")
	g.hasRow(described, "idle", "orders", "2", "10", "10", "0", "-", "-", "-")
	contains(t, g.tool("--delete-offsets", "--group", "never-was", "--topic", "orders"), "Error: ")
	contains(t, g.tool("--delete-offsets", "--group", "idle", "--topic", "no-such-topic"), "This server does not host this topic-partition.")

	contains(t, g.tool("--delete", "--group", "idle"), "Deletion of requested consumer groups ('idle') was successful.")
	g.hasNoRow(g.tool("--list"), "idle")
	contains(t, g.tool("--describe", "--group", "idle"), "Group idle not found.")
}

// TestResetOffsets takes every form of --reset-offsets, each as a dry run that changes nothing and then in earnest.
func TestResetOffsets(t *testing.T) {
	g := startGroups(t, map[string]string{"group.initial.rebalance.delay.ms": "0"})
	file := filepath.Join(t.TempDir(), "offsets.csv")
	writeFile(t, file, "orders,0,1\norders,1,2\norders,2,3\n")
	for _, each := range []struct {
		form []string
		want [3]string
	}{
		{[]string{"--topic", "orders", "--to-latest"}, [3]string{"10", "10", "10"}}, // The group appears with this one.
		{[]string{"--topic", "orders", "--to-earliest"}, [3]string{"0", "0", "0"}},
		{[]string{"--topic", "orders", "--to-offset", "6"}, [3]string{"6", "6", "6"}},
		{[]string{"--topic", "orders:0,2", "--shift-by", "-2"}, [3]string{"4", "6", "4"}},
		{[]string{"--all-topics", "--shift-by", "1"}, [3]string{"5", "7", "5"}},
		{[]string{"--all-topics", "--to-current"}, [3]string{"5", "7", "5"}},
		{[]string{"--topic", "orders", "--to-offset", "99"}, [3]string{"10", "10", "10"}},
		{[]string{"--topic", "orders", "--to-datetime", "2024-01-01T12:03:30.000"}, [3]string{"4", "4", "4"}},
		{[]string{"--topic", "orders", "--by-duration", "PT1S"}, [3]string{"10", "10", "10"}},
		{[]string{"--topic", "orders:1", "--by-duration", "P10000D"}, [3]string{"10", "0", "10"}},
		{[]string{"--from-file", file}, [3]string{"1", "2", "3"}},
	} {
		args := append([]string{"--reset-offsets", "--group", "resettable"}, each.form...)
		before := g.tool("--describe", "--group", "resettable")
		g.tool(append(args, "--dry-run")...)
		if after := g.tool("--describe", "--group", "resettable"); after != before {
			t.Errorf("%q changed something in a dry run:\n%s\n%s", each.form, before, after)
		}
		g.tool(append(args, "--execute")...)
		after := g.tool("--describe", "--group", "resettable")
		for p, offset := range each.want {
			g.hasRow(after, "resettable", "orders", string(rune('0'+p)), offset, "10", "*", "-", "-", "-")
		}
	}
	exported := g.tool("--reset-offsets", "--group", "resettable", "--all-topics", "--to-current", "--export", "--dry-run")
	contains(t, exported, "orders,0,1\n", "orders,1,2\n", "orders,2,3\n")
	g.hasRow(g.tool("--reset-offsets", "--group", "resettable", "--topic", "orders:1", "--to-earliest", "--dry-run"), "resettable", "orders", "1", "0")
}

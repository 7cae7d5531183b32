package tools

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/clatterhq/clatter/compat-tests/groups"
)

// TestConsumerGroupsOfTheConsumerProtocol shows what the tools say of a group whose broker assigns.
func TestConsumerGroupsOfTheConsumerProtocol(t *testing.T) {
	g := startGroups(t, nil)
	client := g.consumer("modern", kgo.Balancers(kgo.StickyBalancer()), kgo.ServerSideBalancer())

	g.hasRow(g.tool("--list", "--state", "--type"), "modern", "Consumer", "Stable")
	g.hasRow(g.tool("--list", "--type", "consumer"), "modern", "Consumer")
	g.hasNoRow(g.tool("--list", "--type", "classic"), "modern", "*")
	g.hasRow(g.tool("--describe", "--group", "modern"), "modern", "orders", "1", "10", "10", "0", "*", "/127.0.0.1", "watcher")
	g.hasRow(g.tool("--describe", "--group", "modern", "--members"), "modern", "*", "/127.0.0.1", "watcher", "3")
	members := g.tool("--describe", "--group", "modern", "--members", "--verbose")
	contains(t, members, "CURRENT-EPOCH", "TARGET-EPOCH")
	g.hasRow(members, "modern", "*", "/127.0.0.1", "watcher", "3", "*", "orders:0,1,2", "*", "orders:0,1,2")
	g.hasRow(g.tool("--describe", "--group", "modern", "--state"), "modern", g.at, "(1)", "uniform", "Stable", "1")
	contains(t, g.tool("--describe", "--group", "modern", "--state", "--verbose"), "GROUP-EPOCH", "TARGET-ASSIGNMENT-EPOCH")
	contains(t, g.tool("--reset-offsets", "--group", "modern", "--topic", "orders", "--to-earliest", "--execute"),
		"Assignments can only be reset if the group 'modern' is inactive, but the current state is Stable.")
	contains(t, g.tool("--delete", "--group", "modern"), "Group 'modern' could not be deleted due to", "The group is not empty")
	contains(t, g.tool("--delete-offsets", "--group", "modern", "--topic", "orders"), "the consumer group is actively subscribed to it")
	for _, args := range [][]string{nil, {"--group-type", "consumer"}, {"--consumer"}} {
		g.hasRow(g.list(args...), "modern", "Consumer", "consumer")
	}

	client.Close()
	contains(t, g.tool("--describe", "--group", "modern"), "Consumer group 'modern' has no active members.")
	g.hasRow(g.tool("--describe", "--group", "modern", "--state"), "modern", g.at, "(1)", "uniform", "Empty", "0")
	g.tool("--reset-offsets", "--group", "modern", "--topic", "orders", "--shift-by", "-1", "--execute")
	g.hasRow(g.tool("--describe", "--group", "modern"), "modern", "orders", "2", "9", "10", "1", "-", "-", "-")
	contains(t, g.tool("--delete", "--group", "modern"), "Deletion of requested consumer groups ('modern') was successful.")
}

func TestConsoleConsumerOfTheConsumerProtocol(t *testing.T) {
	t.Parallel()
	c := consoleConsumer("shared", "group.protocol=consumer")
	c.Consumer = true
	groups.Share(t, c)
}

func TestVerifiableConsumerOfTheConsumerProtocol(t *testing.T) {
	t.Parallel()
	c := verifiableConsumer("--group-protocol", "consumer", "--group-remote-assignor", "range")
	c.Consumer = true
	groups.Share(t, c)
}

package tools

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// formatted is a record of __consumer_offsets as Kafka's formatters print it.
type formatted struct {
	Key struct {
		Type int
		Data struct {
			Group, Topic string
			Partition    int
		}
	}
	Value *struct {
		Version int
		Data    struct {
			Offset       int64
			ProtocolType string
			Generation   int
			Protocol     string
			Leader       string
			Members      []struct{ MemberID, ClientID, ClientHost string }
		}
	}
}

// readFormatted reads the whole topic of offsets with a formatter of Kafka's.
func (g groupTools) readFormatted(formatter string) []formatted {
	g.t.Helper()
	text := run(g.t, "", "kafka-console-consumer", "--bootstrap-server", g.at, "--topic", "__consumer_offsets", "--from-beginning",
		"--timeout-ms", "10000", "--formatter", "org.apache.kafka.tools.consumer."+formatter)
	var all []formatted
	for d := json.NewDecoder(strings.NewReader(text)); ; { // There is nothing between one record and the next.
		var f formatted
		switch err := d.Decode(&f); {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			g.t.Fatalf("%v in %s", err, text)
		}
		all = append(all, f)
	}
}

// TestFormattersReadTheTopicOfOffsets: what reads __consumer_offsets as a topic like any other, as lag exporters do, finds there what Kafka writes.
func TestFormattersReadTheTopicOfOffsets(t *testing.T) {
	g := startGroups(t, map[string]string{"group.initial.rebalance.delay.ms": "0", "offsets.topic.num.partitions": "2"})
	g.consumer("read", kgo.Balancers(kgo.RangeBalancer()))

	committed := map[int]int64{}
	for _, f := range g.readFormatted("OffsetsMessageFormatter") {
		if f.Key.Type != 1 || f.Key.Data.Group != "read" || f.Key.Data.Topic != "orders" || f.Value == nil {
			t.Errorf("%+v", f)
			continue
		}
		committed[f.Key.Data.Partition] = f.Value.Data.Offset
	}
	for p := range 3 {
		if committed[p] != perPartition {
			t.Errorf("partition %d: offset %d, want %d", p, committed[p], perPartition)
		}
	}

	metadata := g.readFormatted("GroupMetadataMessageFormatter")
	stable := slices.IndexFunc(metadata, func(f formatted) bool { return f.Value != nil && len(f.Value.Data.Members) == 1 })
	if stable < 0 {
		t.Fatalf("no group with a member in %+v", metadata)
	}
	f := metadata[stable]
	member := f.Value.Data.Members[0]
	if f.Key.Type != 2 || f.Key.Data.Group != "read" || f.Value.Version != 3 || f.Value.Data.ProtocolType != "consumer" || f.Value.Data.Protocol != "range" ||
		f.Value.Data.Generation != 1 || f.Value.Data.Leader != member.MemberID || member.ClientID != "watcher" || member.ClientHost != "/127.0.0.1" {
		t.Errorf("%+v", f)
	}
}

// TestGroupConfigs sets what one group has for itself (resource type GROUP).
func TestGroupConfigs(t *testing.T) {
	g := startGroups(t, map[string]string{"group.consumer.min.session.timeout.ms": "6000"})
	configs := func(args ...string) result {
		t.Helper()
		return tool(t, "", "kafka-configs", append([]string{"--bootstrap-server", g.at, "--entity-type", "groups", "--entity-name", "modern"}, args...)...)
	}
	set := configs("--alter", "--add-config", "consumer.session.timeout.ms=7000,consumer.heartbeat.interval.ms=5500,consumer.assignment.interval.ms=100")
	contains(t, set.stdout+set.stderr, "Completed updating config for group modern.")
	described := configs("--describe").stdout
	contains(t, described, "Dynamic configs for group modern are:", "consumer.session.timeout.ms=7000", "consumer.heartbeat.interval.ms=5500", "consumer.assignment.interval.ms=100")
	contains(t, configs("--describe", "--all").stdout, "streams.session.timeout.ms=", "share.record.lock.duration.ms=")
	refused := configs("--alter", "--add-config", "consumer.session.timeout.ms=5999")
	contains(t, refused.stdout+refused.stderr, "consumer.session.timeout.ms must be in the range 6000 to 60000 inclusive.")
	configs("--alter", "--delete-config", "consumer.session.timeout.ms")
	described = configs("--describe").stdout
	if strings.Contains(described, "consumer.session.timeout.ms") || !strings.Contains(described, "consumer.heartbeat.interval.ms=5500") {
		t.Errorf("after a deletion: %s", described)
	}
}

// TestConsumerGroupsSeveralAtOnce names several groups, or all.
func TestConsumerGroupsSeveralAtOnce(t *testing.T) {
	g := startGroups(t, map[string]string{"group.initial.rebalance.delay.ms": "0"})
	for _, group := range []string{"first", "second", "third"} {
		g.tool("--reset-offsets", "--group", group, "--topic", "orders", "--to-offset", "4", "--execute", "--timeout", "30000")
	}
	described := g.tool("--describe", "--group", "first", "--group", "third")
	g.hasRow(described, "first", "orders", "0", "4", "10", "6", "-", "-", "-")
	g.hasRow(described, "third", "orders", "2", "4", "10", "6", "-", "-", "-")
	g.hasNoRow(described, "second", "orders", "0", "4", "10", "6", "-", "-", "-")
	g.tool("--reset-offsets", "--group", "first", "--group", "second", "--all-topics", "--shift-by", "2", "--execute")
	all := g.tool("--describe", "--all-groups", "--offsets")
	for group, offset := range map[string]string{"first": "6", "second": "6", "third": "4"} {
		g.hasRow(all, group, "orders", "1", offset, "10", "*", "-", "-", "-")
	}
	file := g.t.TempDir() + "/offsets.csv"
	writeFile(t, file, "first,orders,0,1\nsecond,orders,2,3\n")
	g.tool("--reset-offsets", "--group", "first", "--group", "second", "--from-file", file, "--execute")
	all = g.tool("--describe", "--all-groups")
	g.hasRow(all, "first", "orders", "0", "1", "10", "9", "-", "-", "-")
	g.hasRow(all, "second", "orders", "2", "3", "10", "7", "-", "-", "-")
	contains(t, g.tool("--delete", "--group", "first", "--group", "second"), "Deletion of requested consumer groups ('first', 'second') was successful.")
	contains(t, g.tool("--delete", "--all-groups"), "Deletion of requested consumer groups ('third') was successful.")
	if left := strings.TrimSpace(g.tool("--list")); left != "" {
		t.Errorf("left: %s", left)
	}
}

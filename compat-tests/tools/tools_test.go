package tools

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
)

// contains fails the test for each of want that text doesn't contain.
func contains(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("no %q in:\n%s", w, text)
		}
	}
}

// eventually runs a tool until its output contains want: Apache Kafka answers some requests before it has done them.
func eventually(t *testing.T, want, name string, args ...string) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		r := tool(t, "", name, args...)
		if strings.Contains(r.stdout, want) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s %s never said %q:\n%s\n%s", name, strings.Join(args, " "), want, r.stdout, r.stderr)
		}
	}
}

// lines are n numbered lines.
func lines(n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "line %d\n", i)
	}
	return text.String()
}

// createTopic creates a topic and waits until it can be described and its log asked for offsets. Apache Kafka needs the
// latter: it describes partitions before it has their logs, and takes a second produce after it has refused the first, which
// leaves an idempotent producer out of order for ever.
func createTopic(t *testing.T, at, topic string, more ...string) {
	t.Helper()
	run(t, "", "kafka-topics", append([]string{"--bootstrap-server", at, "--create", "--topic", topic}, more...)...)
	eventually(t, "Topic: "+topic, "kafka-topics", "--bootstrap-server", at, "--describe", "--topic", topic)
	eventually(t, topic+":0:0", "kafka-get-offsets", "--bootstrap-server", at, "--topic", topic)
}

func TestTopics(t *testing.T) {
	at := brokertest.Start(t, nil).Addr()
	server := []string{"--bootstrap-server", at}
	topics := func(args ...string) result { return tool(t, "", "kafka-topics", append(server, args...)...) }
	createTopic(t, at, "orders", "--partitions", "3", "--replication-factor", "1", "--config", "retention.ms=1000000", "--config", "cleanup.policy=delete")
	contains(t, topics("--list").stdout, "orders\n")
	contains(t, topics("--describe", "--topic", "orders").stdout, "PartitionCount: 3", "ReplicationFactor: 1", "retention.ms=1000000", "Leader: 1", "Isr: 1")
	if r := topics("--create", "--topic", "orders"); r.code == 0 || !strings.Contains(r.stdout+r.stderr, "Topic 'orders' already exists.") {
		t.Errorf("creating it again: %+v", r)
	}
	if r := topics("--create", "--topic", "orders", "--if-not-exists"); r.code != 0 {
		t.Errorf("--if-not-exists: %+v", r)
	}
	if r := topics("--create", "--topic", "refused", "--replication-factor", "3"); r.code == 0 || !strings.Contains(r.stdout+r.stderr, "only 1 broker(s) are registered") {
		t.Errorf("replication factor 3: %+v", r)
	}
	if r := topics("--create", "--topic", "refused", "--config", "retention.ms=soon"); r.code == 0 || !strings.Contains(r.stdout+r.stderr, "Invalid value soon for configuration retention.ms") {
		t.Errorf("bad value: %+v", r)
	}
	if r := topics("--alter", "--topic", "orders", "--partitions", "5"); r.code != 0 {
		t.Errorf("--alter: %+v", r)
	}
	eventually(t, "PartitionCount: 5", "kafka-topics", append(server, "--describe", "--topic", "orders")...)
	if r := topics("--alter", "--topic", "orders", "--partitions", "2"); r.code == 0 || !strings.Contains(r.stdout+r.stderr, "currently has 5 partition") {
		t.Errorf("fewer partitions: %+v", r)
	}
	if r := topics("--delete", "--topic", "orders"); r.code != 0 {
		t.Errorf("--delete: %+v", r)
	}
	if r := topics("--delete", "--topic", "never-was"); r.code == 0 {
		t.Errorf("deleting what isn't there: %+v", r)
	}
	for _, filter := range []string{"--unavailable-partitions", "--under-replicated-partitions", "--under-min-isr-partitions"} {
		if r := topics("--describe", filter); r.code != 0 || r.stdout != "" {
			t.Errorf("%s: %+v", filter, r)
		}
	}
}

func TestConfigs(t *testing.T) {
	at := brokertest.Start(t, nil).Addr()
	createTopic(t, at, "configured")
	configs := func(args ...string) result {
		return tool(t, "", "kafka-configs", append([]string{"--bootstrap-server", at}, args...)...)
	}
	topic := []string{"--entity-type", "topics", "--entity-name", "configured"}
	if r := configs(append(topic, "--alter", "--add-config", "retention.ms=5000,cleanup.policy=[compact,delete]")...); r.code != 0 {
		t.Errorf("--add-config: %+v", r)
	}
	eventually(t, "retention.ms=5000", "kafka-configs", append([]string{"--bootstrap-server", at, "--describe"}, topic...)...)
	contains(t, configs(append(topic, "--describe")...).stdout, "cleanup.policy=compact,delete", "DYNAMIC_TOPIC_CONFIG:retention.ms=5000", "DEFAULT_CONFIG:log.cleanup.policy=delete")
	contains(t, configs(append(topic, "--describe", "--all")...).stdout, "segment.bytes=1073741824", "max.message.bytes=1048588")
	if r := configs(append(topic, "--alter", "--delete-config", "retention.ms")...); r.code != 0 {
		t.Errorf("--delete-config: %+v", r)
	}
	if r := configs(append(topic, "--alter", "--add-config", "no.such.key=1")...); r.code == 0 || !strings.Contains(r.stdout+r.stderr, "Unknown topic config name: no.such.key") {
		t.Errorf("an unknown key: %+v", r)
	}
	broker := []string{"--entity-type", "brokers", "--entity-name", "1"}
	contains(t, configs(append(broker, "--describe", "--all")...).stdout, "log.retention.hours=168", "num.partitions=1", "listeners=")
	if r := configs("--entity-type", "brokers", "--entity-default", "--alter", "--add-config", "log.retention.bytes=123456789"); r.code != 0 {
		t.Errorf("a dynamic broker key: %+v", r)
	}
	eventually(t, "log.retention.bytes=123456789", "kafka-configs", "--bootstrap-server", at, "--entity-type", "brokers", "--entity-default", "--describe")
	if r := configs("--entity-type", "brokers", "--entity-default", "--alter", "--delete-config", "log.retention.bytes"); r.code != 0 {
		t.Errorf("deleting it: %+v", r)
	}
	if r := configs(append(broker, "--alter", "--add-config", "log.dirs=/elsewhere")...); r.code == 0 || !strings.Contains(r.stdout+r.stderr, "Cannot update these configs dynamically") {
		t.Errorf("a read-only key: %+v", r)
	}
}

func TestConsole(t *testing.T) {
	at := brokertest.Start(t, nil).Addr()
	createTopic(t, at, "console")
	text := lines(1000)
	run(t, text, "kafka-console-producer", "--bootstrap-server", at, "--topic", "console")
	consume := []string{"--bootstrap-server", at, "--topic", "console", "--partition", "0", "--timeout-ms", "60000"}
	got := run(t, "", "kafka-console-consumer", append(consume, "--offset", "earliest", "--max-messages", "1000")...)
	if got != text {
		t.Errorf("%d bytes came back of %d", len(got), len(text))
	}
	got = run(t, "", "kafka-console-consumer", append(consume, "--offset", "997", "--max-messages", "3",
		"--formatter-property", "print.offset=true", "--formatter-property", "print.partition=true")...)
	contains(t, got, "Partition:0\tOffset:997\tline 997\n", "Partition:0\tOffset:999\tline 999\n")
	run(t, "a:1\nb:2\n", "kafka-console-producer", "--bootstrap-server", at, "--topic", "console-keys", "--reader-property", "parse.key=true",
		"--reader-property", "key.separator=:", "--compression-codec", "zstd", "--command-property", "acks=1")
	got = run(t, "", "kafka-console-consumer", "--bootstrap-server", at, "--topic", "console-keys", "--partition", "0", "--offset", "earliest",
		"--max-messages", "2", "--timeout-ms", "60000", "--formatter-property", "print.key=true")
	contains(t, got, "a\t1\n", "b\t2\n")
}

func TestProducerPerf(t *testing.T) {
	at := brokertest.Start(t, nil).Addr()
	createTopic(t, at, "perf", "--partitions", "4")
	for i, properties := range [][]string{{}, {"acks=1"}, {"acks=all", "compression.type=lz4"}, {"acks=0", "enable.idempotence=false"}} {
		args := append([]string{
			"--topic", "perf", "--num-records", "50000", "--record-size", "200", "--throughput", "-1", "--bootstrap-server", at,
		}, "--command-property", "linger.ms=5")
		for _, p := range properties {
			args = append(args, "--command-property", p)
		}
		contains(t, run(t, "", "kafka-producer-perf-test", args...), "50000 records sent")
		if i == 0 {
			eventually(t, "perf:", "kafka-get-offsets", "--bootstrap-server", at, "--topic", "perf")
		}
	}
	deadline := time.Now().Add(time.Minute)
	for total := 0; total != 200_000; total = sumOffsets(t, run(t, "", "kafka-get-offsets", "--bootstrap-server", at, "--topic", "perf")) {
		if time.Now().After(deadline) {
			t.Fatalf("%d records in the topic, want 200000", total)
		}
	}
}

// sumOffsets adds the offsets of kafka-get-offsets' lines TOPIC:PARTITION:OFFSET.
func sumOffsets(t *testing.T, text string) int {
	t.Helper()
	sum := 0
	for line := range strings.Lines(text) {
		var offset int
		if _, err := fmt.Sscanf(line[strings.LastIndex(line, ":")+1:], "%d", &offset); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		sum += offset
	}
	return sum
}

func TestVerifiableProducer(t *testing.T) {
	at := brokertest.Start(t, nil).Addr()
	createTopic(t, at, "verifiable")
	out := runAlone(t, "org.apache.kafka.tools.VerifiableProducer", "--bootstrap-server", at, "--topic", "verifiable", "--max-messages", "500", "--acks", "-1")
	if n := strings.Count(out, `"name":"producer_send_success"`); n != 500 {
		t.Errorf("%d successes, want 500:\n%s", n, out[:min(len(out), 2000)])
	}
	contains(t, out, `"acked":500`)
}

func TestOffsets(t *testing.T) {
	at := brokertest.Start(t, nil).Addr()
	createTopic(t, at, "offsets", "--partitions", "2")
	var keyed strings.Builder // keys spread the records over both partitions
	for i := range 50 {
		fmt.Fprintf(&keyed, "key %d:value\n", i)
	}
	run(t, keyed.String(), "kafka-console-producer", "--bootstrap-server", at, "--topic", "offsets", "--reader-property", "parse.key=true", "--reader-property", "key.separator=:")
	get := func(time string) string {
		return run(t, "", "kafka-get-offsets", "--bootstrap-server", at, "--topic", "offsets", "--time", time)
	}
	if sum := sumOffsets(t, get("-1")); sum != 50 {
		t.Errorf("end offsets: %s", get("-1"))
	}
	for time, want := range map[string]string{
		"earliest": "offsets:0:0\noffsets:1:0\n", "-2": "offsets:0:0\noffsets:1:0\n", "earliest-local": "offsets:0:0\noffsets:1:0\n", "0": "offsets:0:0\noffsets:1:0\n",
	} {
		if got := get(time); got != want {
			t.Errorf("--time %s: %q, want %q", time, got, want)
		}
	}
	contains(t, get("max-timestamp"), "offsets:0:", "offsets:1:")
	get("latest-tiered")
	file := filepath.Join(t.TempDir(), "delete.json")
	writeFile(t, file, `{"partitions":[{"topic":"offsets","partition":0,"offset":3},{"topic":"offsets","partition":1,"offset":-1}],"version":1}`)
	contains(t, run(t, "", "kafka-delete-records", "--bootstrap-server", at, "--offset-json-file", file), "partition: offsets-0\tlow_watermark: 3")
	contains(t, get("earliest"), "offsets:0:3\n")
	writeFile(t, file, `{"partitions":[{"topic":"offsets","partition":0,"offset":3000}],"version":1}`)
	r := tool(t, "", "kafka-delete-records", "--bootstrap-server", at, "--offset-json-file", file)
	contains(t, r.stdout+r.stderr, "The requested offset is not within the range of offsets")
}

func TestLogDirs(t *testing.T) {
	broker := brokertest.Start(t, nil)
	at := broker.Addr()
	createTopic(t, at, "dirs")
	run(t, lines(10), "kafka-console-producer", "--bootstrap-server", at, "--topic", "dirs")
	out := run(t, "", "kafka-log-dirs", "--bootstrap-server", at, "--describe", "--topic-list", "dirs")
	contains(t, out, `"partition":"dirs-0"`, `"error":null`, broker.DataDir())
	if m := regexp.MustCompile(`"size":([0-9]+)`).FindStringSubmatch(out); m == nil || m[1] == "0" {
		t.Errorf("size of the partition: %s", out)
	}
}

func TestAPIVersions(t *testing.T) {
	at := brokertest.Start(t, nil).Addr()
	contains(t, run(t, "", "kafka-broker-api-versions", "--bootstrap-server", at), at, "Produce(0): 0 to 13", "Fetch(1): 4 to 18", "Metadata(3): 0 to 13")
}

func TestQuorum(t *testing.T) {
	at := brokertest.Start(t, nil).Addr()
	contains(t, run(t, "", "kafka-metadata-quorum", "--bootstrap-server", at, "describe", "--status"), "LeaderId:", "CurrentVoters:")
	contains(t, run(t, "", "kafka-metadata-quorum", "--bootstrap-server", at, "describe", "--replication"), "Leader")
}

func TestCluster(t *testing.T) {
	at := brokertest.Start(t, nil).Addr()
	contains(t, run(t, "", "kafka-cluster", "cluster-id", "--bootstrap-server", at), "Cluster ID: ")
}

package config

import (
	"math"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/clatterhq/clatter/broker/configdef"
	"github.com/clatterhq/clatter/logstore"
)

func dynamic(t *testing.T, c *Config, scope Scope, values map[string]string) []string {
	t.Helper()
	ignored, err := c.SetDynamic(scope, values)
	if err != nil {
		t.Fatal(err)
	}
	return ignored
}

func TestDynamicGoesBeforeStaticBeforeDefault(t *testing.T) {
	c := fromMap(t, map[string]string{"log.retention.hours": "1", "message.max.bytes": "10", "log.segment.bytes": "2000000"})
	check := func(retention int64, message, segment int32) {
		t.Helper()
		got := c.Current().TopicConfig(nil)
		if got.RetentionMs != retention || got.MaxMessageBytes != message || got.SegmentBytes != segment {
			t.Errorf("%+v", got)
		}
	}
	check(3600_000, 10, 2000000)
	dynamic(t, c, AllBrokers, map[string]string{"log.retention.ms": "5", "message.max.bytes": "20", "log.segment.bytes": "3000000"})
	check(5, 20, 3000000)
	dynamic(t, c, ThisBroker, map[string]string{"message.max.bytes": "30"})
	check(5, 30, 3000000)
	dynamic(t, c, AllBrokers, nil)
	check(3600_000, 30, 2000000)
	dynamic(t, c, ThisBroker, nil)
	check(3600_000, 10, 2000000)
}

func TestSubscribersSeeBothSidesOfAChange(t *testing.T) {
	c := fromMap(t, nil)
	var seen []int32
	c.Subscribe(func(old, current *Snapshot) {
		if current != c.Current() {
			t.Error("told of a change before it is in force")
		}
		seen = append(seen, old.MaxConnections, current.MaxConnections)
	})
	dynamic(t, c, ThisBroker, map[string]string{"max.connections": "5"})
	dynamic(t, c, ThisBroker, nil)
	if !slices.Equal(seen, []int32{10000, 5, 5, 10000}) {
		t.Error(seen)
	}
}

func TestStoredValuesThatAreNoLongerValidAreLeftOut(t *testing.T) {
	c := fromMap(t, nil)
	ignored := dynamic(t, c, AllBrokers, map[string]string{
		"log.retention.ms": "x", "log.segment.bytes": "2000000", "num.partitions": "4", "listeners": "PLAINTEXT://:1", "plugin.key": "kept",
	})
	if len(ignored) != 3 || c.Current().TopicConfig(nil).SegmentBytes != 2000000 || c.Current().NumPartitions != 1 {
		t.Error(ignored)
	}
	before := c.Current()
	if _, err := c.SetDynamic(AllBrokers, map[string]string{"log.retention.ms": "0"}); err == nil || c.Current() != before {
		t.Errorf("a broken rule took effect: %v", err)
	}
}

func TestReadersSeeOneMoment(t *testing.T) {
	c := fromMap(t, nil)
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				s := c.Current()
				if s.MaxConnections != 10000 && s.MaxConnections != s.MaxConnectionsPerIP {
					t.Errorf("%d and %d", s.MaxConnections, s.MaxConnectionsPerIP)
					return
				}
			}
		})
	}
	for i := range 200 {
		n := string(rune('1' + i%9))
		dynamic(t, c, ThisBroker, map[string]string{"max.connections": n, "max.connections.per.ip": n})
	}
	close(stop)
	readers.Wait()
}

func TestTopicWithoutKeysSharesOneConfiguration(t *testing.T) {
	s := fromMap(t, nil).Current()
	if s.TopicConfig(nil) != s.TopicConfig(map[string]string{}) {
		t.Error("two values")
	}
	want := logstore.Config{
		CleanupPolicy: logstore.CleanupDelete, SegmentBytes: 1 << 30, SegmentMs: 604800000, SegmentIndexBytes: 10485760, IndexIntervalBytes: 4096,
		RetentionMs: 604800000, RetentionBytes: -1, FileDeleteDelayMs: 60000, FlushMessages: logstore.NoFlushInterval, FlushMs: math.MaxInt64,
		MaxMessageBytes: 1048588, TimestampBeforeMaxMs: math.MaxInt64, TimestampAfterMaxMs: 3600000, CompressionType: "producer",
		CompressionGzipLevel: -1, CompressionLZ4Level: 9, CompressionZstdLevel: 3, MinInsyncReplicas: 1,
		DeleteRetentionMs: 86400000, MaxCompactionLagMs: math.MaxInt64, MinCleanableDirtyRatio: 0.5,
	}
	if got := *s.TopicConfig(nil); got != want {
		t.Errorf("%+v", got)
	}
}

func TestTopicKeysReachTheStore(t *testing.T) {
	s := fromMap(t, nil).Current()
	got := *s.TopicConfig(map[string]string{
		"cleanup.policy": "compact,delete", "segment.bytes": "1048576", "segment.ms": "1", "segment.jitter.ms": "2", "segment.index.bytes": "12", "index.interval.bytes": "3",
		"preallocate": "true", "retention.ms": "-1", "retention.bytes": "-7", "file.delete.delay.ms": "4", "flush.messages": "9223372036854775807", "flush.ms": "5",
		"max.message.bytes": "6", "message.timestamp.type": "LogAppendTime", "message.timestamp.before.max.ms": "7", "message.timestamp.after.max.ms": "8",
		"compression.type": "zstd", "compression.gzip.level": "1", "compression.lz4.level": "2", "compression.zstd.level": "-3", "min.insync.replicas": "2",
		"delete.retention.ms": "9", "min.compaction.lag.ms": "10", "max.compaction.lag.ms": "11", "min.cleanable.dirty.ratio": "0.25", "unclean.leader.election.enable": "true",
	})
	want := logstore.Config{
		CleanupPolicy: logstore.CleanupDelete | logstore.CleanupCompact, SegmentBytes: 1048576, SegmentMs: 1, SegmentJitterMs: 2, SegmentIndexBytes: 12, IndexIntervalBytes: 3,
		Preallocate: true, RetentionMs: -1, RetentionBytes: -1, FileDeleteDelayMs: 4, FlushMessages: math.MaxInt64, FlushMs: 5,
		MaxMessageBytes: 6, LogAppendTime: true, TimestampBeforeMaxMs: 7, TimestampAfterMaxMs: 8, CompressionType: "zstd",
		CompressionGzipLevel: 1, CompressionLZ4Level: 2, CompressionZstdLevel: -3, MinInsyncReplicas: 2,
		DeleteRetentionMs: 9, MinCompactionLagMs: 10, MaxCompactionLagMs: 11, MinCleanableDirtyRatio: 0.25,
	}
	if got != want {
		t.Errorf("%+v", got)
	}
	if keepAll := s.TopicConfig(map[string]string{"cleanup.policy": ""}); keepAll.CleanupPolicy != 0 {
		t.Error("an empty policy keeps everything")
	}
	if spoiled := s.TopicConfig(map[string]string{"segment.ms": "spoiled"}); spoiled.SegmentMs != 604800000 {
		t.Error("a stored value that can't be read must count as not set")
	}
}

func TestInternalSegmentBytesGoesFirst(t *testing.T) {
	s := fromMap(t, nil).Current()
	if got := s.TopicConfig(map[string]string{"segment.bytes": "1048576", "internal.segment.bytes": "100"}).SegmentBytes; got != 100 {
		t.Error(got)
	}
}

// Whether the key is set is what decides, not its value.
func TestFlushMessagesSetAnywhereIsKafkasMeaning(t *testing.T) {
	const never = "9223372036854775807"
	for _, set := range []func(c *Config) *logstore.Config{
		func(c *Config) *logstore.Config {
			return c.Current().TopicConfig(map[string]string{"flush.messages": never})
		},
		func(c *Config) *logstore.Config {
			dynamic(t, c, AllBrokers, map[string]string{"log.flush.interval.messages": never})
			return c.Current().TopicConfig(nil)
		},
	} {
		if got := set(fromMap(t, nil)).FlushMessages; got != math.MaxInt64 {
			t.Error(got)
		}
	}
	if got := fromMap(t, map[string]string{"log.flush.interval.messages": never}).Current().TopicConfig(nil).FlushMessages; got != math.MaxInt64 {
		t.Error(got)
	}
	if got := fromMap(t, nil).Current().TopicConfig(map[string]string{"segment.ms": "1"}).FlushMessages; got != logstore.NoFlushInterval {
		t.Error(got)
	}
}

func TestDecompressedLimitIsZeroUnlessSet(t *testing.T) {
	s := fromMap(t, nil).Current()
	if got := s.MaxDecompressedBytes(map[string]string{"segment.ms": "1"}); got != 0 {
		t.Error(got)
	}
	if got := s.MaxDecompressedBytes(map[string]string{"max.decompressed.message.bytes": "77"}); got != 77 {
		t.Error(got)
	}
	if got := fromMap(t, map[string]string{"max.decompressed.message.bytes": "88"}).Current().MaxDecompressedBytes(nil); got != 88 {
		t.Error(got)
	}
}

func TestConnectionLimitsPerAddress(t *testing.T) {
	s := fromMap(t, map[string]string{"max.connections.per.ip.overrides": "localhost:1, 10.0.0.1:2,[2001:db8::1]:3"}).Current()
	want := map[netip.Addr]int{
		netip.MustParseAddr("127.0.0.1"): 1, netip.MustParseAddr("::1"): 1, netip.MustParseAddr("10.0.0.1"): 2, netip.MustParseAddr("2001:db8::1"): 3,
	}
	if len(s.MaxConnectionsPerIPOverrides) != len(want) {
		t.Error(s.MaxConnectionsPerIPOverrides)
	}
	for addr, n := range want {
		if s.MaxConnectionsPerIPOverrides[addr] != n {
			t.Errorf("%s: %d", addr, s.MaxConnectionsPerIPOverrides[addr])
		}
	}
}

// A key that calls itself implemented must be read by somebody.
func TestEveryImplementedKeyIsRead(t *testing.T) {
	var source strings.Builder
	for _, file := range []string{"load.go", "snapshot.go", "listeners.go", "topic.go", "groups.go", "groups_consumer.go", "transactions.go", "alter_group.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(text)
	}
	read := func(name string) bool { return strings.Contains(source.String(), `"`+name+`"`) }
	behindTopics := map[string]bool{}
	for _, key := range configdef.Topic.Keys() {
		for _, s := range key.Synonyms {
			behindTopics[s.Name] = true
		}
		if key.Honour == configdef.Implemented && !read(key.Name) {
			t.Errorf("topic key %s is implemented, and nobody reads it", key.Name)
		}
	}
	for _, key := range configdef.Broker.Keys() {
		if key.Honour == configdef.Implemented && !read(key.Name) && !behindTopics[key.Name] {
			t.Errorf("broker key %s is implemented, and nobody reads it", key.Name)
		}
	}
	for name := range topicFields {
		if configdef.Topic.Lookup(name) == nil {
			t.Errorf("%s is no topic key", name)
		}
	}
}

func TestTopicNames(t *testing.T) {
	for name, want := range map[string]string{
		"a": "", "A-b_c.9": "", strings.Repeat("a", 249): "", "...": "", "__consumer_offsets": "",
		"":                       "Topic name is invalid: the empty string is not allowed",
		".":                      "Topic name is invalid: '.' is not allowed",
		"..":                     "Topic name is invalid: '..' is not allowed",
		"a b":                    "Topic name is invalid: 'a b' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'",
		"ä":                      "Topic name is invalid: 'ä' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'",
		strings.Repeat("a", 250): "Topic name is invalid: the length of '" + strings.Repeat("a", 250) + "' is longer than the max allowed length 249",
		// Java counts UTF-16 units, so 200 letters of two bytes are not too long, only wrong.
		strings.Repeat("ä", 200): "Topic name is invalid: '" + strings.Repeat("ä", 200) + "' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'",
	} {
		err := ValidateTopicName(name)
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestDescribeKeepsSecrets(t *testing.T) {
	s := fromMap(t, map[string]string{"ssl.key.password": "hunter2", "listener.name.a.plain.sasl.jaas.config": "hunter2", "unknown.key": "hunter2"}).Current()
	entries, err := s.Describe(Resource{BrokerResource, "1"}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, e := range entries {
		values := []*string{e.Value}
		for _, s := range e.Synonyms {
			values = append(values, s.Value)
		}
		for _, v := range values {
			if v != nil && strings.Contains(*v, "hunter2") {
				t.Errorf("%s is shown", e.Name)
			}
		}
		if e.Sensitive && e.Source == FromStatic {
			found++
		}
	}
	if found != 3 {
		t.Errorf("%d secrets", found)
	}
}

func TestDescribeListsWhatKafkaLists(t *testing.T) {
	s := fromMap(t, nil).Current()
	for _, c := range []struct {
		resource Resource
		keys     int
	}{{Resource{BrokerResource, "1"}, 350}, {Resource{TopicResource, "t"}, 37}, {Resource{GroupResource, "g"}, 21}, {Resource{ClientMetricsResource, "m"}, 3}, {Resource{BrokerResource, ""}, 0}} {
		entries, err := s.Describe(c.resource, nil, nil)
		if err != nil || len(entries) != c.keys {
			t.Errorf("%v: %d entries, %v", c.resource, len(entries), err)
		}
		if !slices.IsSortedFunc(entries, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) }) {
			t.Errorf("%v: not sorted", c.resource)
		}
		for _, e := range entries {
			if e.Documentation == nil || *e.Documentation == "" {
				t.Errorf("%s is not documented", e.Name)
			}
		}
	}
	if _, err := s.Describe(Resource{99, "x"}, nil, nil); err == nil {
		t.Error("an unknown type is described")
	}
	loggers, err := s.Describe(Resource{BrokerLoggerResource, "1"}, map[string]string{RootLogger: "INFO"}, nil)
	if err != nil || len(loggers) != 1 || *loggers[0].Value != "INFO" || loggers[0].Source != FromLogger {
		t.Errorf("%v, %v", loggers, err)
	}
}

func TestAlterDoesNotChangeWhatItIsGiven(t *testing.T) {
	s := fromMap(t, nil).Current()
	current := map[string]string{"retention.ms": "1", "segment.ms": "2"}
	value := "5"
	altered, err := s.Alter(Resource{TopicResource, "t"}, current, []Change{{"retention.ms", Set, &value}, {"segment.ms", Delete, nil}})
	if err != nil || altered["retention.ms"] != "5" || len(altered) != 1 {
		t.Errorf("%v, %v", altered, err)
	}
	if current["retention.ms"] != "1" || len(current) != 2 {
		t.Error(current)
	}
	if altered, err = s.Alter(Resource{TopicResource, "t"}, nil, nil); err != nil || altered == nil {
		t.Errorf("%v, %v", altered, err)
	}
}

// A new topic's overrides are what the catalog stores; of a key given twice the last counts.
func TestNewTopicTakesTheLastOfTwo(t *testing.T) {
	s := fromMap(t, nil).Current()
	one, two := "1", "2"
	got, err := s.NewTopic([]Setting{{"retention.ms", &one}, {"retention.ms", &two}})
	if err != nil || got["retention.ms"] != "2" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestDescribeNewTopicShowsWhatWasSentAndWhereDefaultsAreFrom(t *testing.T) {
	s := fromMap(t, map[string]string{"log.retention.hours": "1", "num.partitions": "2"}).Current()
	entries := map[string]Entry{}
	for _, e := range s.DescribeNewTopic(map[string]string{"segment.ms": " +7 "}) {
		entries[e.Name] = e
	}
	for name, want := range map[string]struct {
		value  string
		source Source
	}{
		"segment.ms":        {" +7 ", FromTopic},
		"retention.ms":      {"3600000", FromStatic},
		"max.message.bytes": {"1048588", FromDefault},
	} {
		if e := entries[name]; *e.Value != want.value || e.Source != want.source {
			t.Errorf("%s: %q from %d", name, *e.Value, e.Source)
		}
	}
}

func TestListenersCantChangeWhileTheBrokerRuns(t *testing.T) {
	s := fromMap(t, nil).Current()
	more := "PLAINTEXT://localhost:9092,B://:9093"
	_, err := s.Alter(Resource{BrokerResource, "1"}, nil, []Change{{"listeners", Set, &more}})
	if err == nil {
		t.Error("accepted, though the server binds once")
	}
}

func BenchmarkTopicConfig(b *testing.B) {
	static, err := FromMap(nil)
	if err != nil {
		b.Fatal(err)
	}
	s := New(static).Current()
	overrides := map[string]string{"retention.ms": "1", "cleanup.policy": "compact", "segment.bytes": "2000000"}
	b.ReportAllocs()
	for b.Loop() {
		s.TopicConfig(overrides)
	}
}

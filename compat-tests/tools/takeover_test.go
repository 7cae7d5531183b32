package tools

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/launch"
)

// takeover is a log directory that goes from an Apache Kafka to Clatter and back.
type takeover struct {
	*testing.T
	ctx    context.Context //nolint:containedctx // It is the test's.
	topics []string
}

// TestDirectoryGoesFromKafkaToClatterAndBack has an Apache Kafka write topics of every kind, takes its directory over after a kill, compares what
// both tell of it, appends, and gives the directory back; then the same after a clean stop. No byte of a segment that Kafka
// wrote changes on the way.
func TestDirectoryGoesFromKafkaToClatterAndBack(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	x := takeover{T: t, ctx: ctx, topics: []string{"codecs", "compacted", "java", "stamped", "transactions"}}
	kafka := brokertest.StartWith(t, launch.Options{Kind: launch.Kafka, Overrides: map[string]string{"num.partitions": "1"}})
	x.fill(kafka)
	want := x.read(kafka)
	if err := kafka.Kill(); err != nil {
		t.Fatal(err)
	}
	x.decoders(kafka.DataDir())
	x.takeOver(kafka, want, "codecs: 2 partitions, 2 keys\n", "compacted: 1 partitions, 1 keys\n", "transactions: 1 partitions, 1 keys\n")
	if err := kafka.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	x.sameRecords("Apache Kafka, after a kill", x.read(kafka), want)
	x.fillMore(kafka)
	want = x.read(kafka)
	if err := kafka.Stop(); err != nil {
		t.Fatal(err)
	}
	x.takeOver(kafka, want, "codecs: left out: topic exists\n", "later: 1 partitions, 0 keys\n")
	if err := kafka.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	x.sameRecords("Apache Kafka, after a clean stop", x.read(kafka), want)
}

func (x *takeover) client(b *launch.Broker, options ...kgo.Opt) *kgo.Client {
	x.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(b.Addr()), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MetadataMinAge(100 * time.Millisecond),
	}, options...)...)
	if err != nil {
		x.Fatal(err)
	}
	return client
}

// fill makes topics and leaves a transaction open.
func (x *takeover) fill(b *launch.Broker) {
	x.Helper()
	createTopic(x.T, b.Addr(), "codecs", "--partitions", "2", "--config", "segment.bytes=1048576", "--config", "retention.ms=-1")
	createTopic(x.T, b.Addr(), "compacted", "--config", "cleanup.policy=compact")
	createTopic(x.T, b.Addr(), "stamped", "--config", "message.timestamp.type=LogAppendTime")
	createTopic(x.T, b.Addr(), "transactions", "--config", "index.interval.bytes=100")
	createTopic(x.T, b.Addr(), "java")
	contains(x.T, run(x.T, "", "kafka-producer-perf-test", "--topic", "java", "--num-records", "2000", "--record-size", "100", "--throughput", "-1",
		"--bootstrap-server", b.Addr(), "--transactional-id", "java", "--transaction-duration-ms", "500", "--command-property", "compression.type=zstd"),
		"2000 records sent")
	x.write(b, 0)
	x.transact(b, "left-open", nil)
	for _, protocol := range []string{"classic", "consumer"} {
		run(x.T, "", "kafka-console-consumer", "--topic", "java", "--bootstrap-server", b.Addr(), "--group", "of "+protocol, "--from-beginning",
			"--max-messages", "10", "--command-property", "group.protocol="+protocol)
	}
}

// fillMore adds to the topics in a later leader epoch, deletes records, and makes another topic. Kafka would forget deletions in a kill.
func (x *takeover) fillMore(b *launch.Broker) {
	x.Helper()
	x.write(b, 1)
	createTopic(x.T, b.Addr(), "later")
	client := x.client(b)
	defer client.Close()
	before := kadm.Offsets{}
	before.Add(kadm.Offset{Topic: "codecs", Partition: 1, At: 100})
	deleted, err := kadm.NewClient(client).DeleteRecords(x.ctx, before)
	if err = errors.Join(err, deleted.Error()); err != nil {
		x.Fatal(err)
	}
}

// write writes records of every codec, keyed ones and transactions.
func (x *takeover) write(b *launch.Broker, round int) {
	x.Helper()
	for i, codec := range []kgo.CompressionCodec{
		kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression(),
	} {
		client := x.client(b, kgo.ProducerBatchCompression(codec), kgo.ProducerLinger(10*time.Millisecond))
		for batch := range 8 {
			var records []*kgo.Record
			for r := range 60 {
				value := make([]byte, 1000)
				for j := range value {
					value[j] = byte((j*r + batch*j*j + i) % 61)
				}
				records = append(records,
					&kgo.Record{Topic: "codecs", Partition: int32(r % 2), Value: value, Headers: []kgo.RecordHeader{{Key: "h", Value: value[:3]}}},
					&kgo.Record{Topic: "compacted", Key: fmt.Appendf(nil, "key %d", r%7), Value: value[:r]},
					&kgo.Record{Topic: "stamped", Value: value[:r], Timestamp: time.UnixMilli(int64(r + round))})
			}
			if err := client.ProduceSync(x.ctx, records...).FirstErr(); err != nil {
				x.Fatal(err)
			}
		}
		client.Close()
	}
	for i, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort, kgo.TryCommit} {
		x.transact(b, fmt.Sprintf("transactional-%d-%d", round, i), &end)
	}
}

// transact runs a transaction, and leaves it open without an end.
func (x *takeover) transact(b *launch.Broker, id string, end *kgo.TransactionEndTry) {
	x.Helper()
	client := x.client(b, kgo.TransactionalID(id), kgo.TransactionTimeout(15*time.Minute))
	if err := client.BeginTransaction(); err != nil {
		x.Fatal(err)
	}
	for r := range 20 {
		if err := client.ProduceSync(x.ctx, &kgo.Record{Topic: "transactions", Value: fmt.Appendf(nil, "%s %d", id, r)}).FirstErr(); err != nil {
			x.Fatal(err)
		}
	}
	defer client.Close()
	if end == nil {
		return
	}
	if err := client.EndTransaction(x.ctx, *end); err != nil {
		x.Fatal(err)
	}
}

// takeOver runs Clatter on the directory of an Apache Kafka that was stopped.
func (x *takeover) takeOver(kafka *launch.Broker, want map[string]string, says ...string) {
	x.Helper()
	segments := x.segments(kafka.DataDir())
	binary, err := launch.ClatterBinary()
	if err != nil {
		x.Fatal(err)
	}
	out, err := exec.CommandContext(x.ctx, binary, "import", "--override", "log.dirs="+kafka.DataDir()).CombinedOutput()
	if err != nil {
		x.Fatalf("import: %v\n%s", err, out)
	}
	contains(x.T, string(out), says...)
	clatter := brokertest.StartWith(x.T, launch.Options{Kind: launch.Clatter, Overrides: map[string]string{"log.dirs": kafka.DataDir()}})
	x.same("Clatter", x.read(clatter), want)
	for path, before := range segments {
		content, err := os.ReadFile(path)
		if err != nil || len(content) < len(before) || string(content[:len(before)]) != before {
			x.Errorf("%s has changed: %v", path, err)
		}
	}
	client := x.client(clatter)
	for _, topic := range []string{"codecs", "compacted", "stamped"} {
		if err := client.ProduceSync(x.ctx, &kgo.Record{Topic: topic, Key: []byte("key 1"), Value: []byte("of Clatter")}).FirstErr(); err != nil {
			x.Errorf("%s: %v", topic, err)
		}
	}
	// A producer ID that Kafka gave out must not come again.
	if id, _, err := client.ProducerID(x.ctx); err != nil || strings.Contains(want["producers"], fmt.Sprintf("id %d ", id)) {
		x.Errorf("producer ID %d: %v", id, err)
	}
	client.Close()
	after := x.read(clatter)
	for key, text := range after {
		if strings.Contains(key, "records of") {
			if !strings.HasPrefix(text, want[key]) {
				x.Errorf("%s are not those that were there, and more", key)
			}
			want[key] = text
		}
	}
	if err := clatter.Stop(); err != nil {
		x.Fatal(err)
	}
}

// decoders compares what clatter dump and kafka-dump-log make of the records of Kafka's coordinators.
func (x *takeover) decoders(dir string) {
	x.Helper()
	binary, err := launch.ClatterBinary()
	if err != nil {
		x.Fatal(err)
	}
	for topic, flag := range map[string]string{"__consumer_offsets": "--offsets-decoder", "__transaction_state": "--transaction-log-decoder"} {
		paths, err := filepath.Glob(filepath.Join(dir, topic+"-*", "*.log"))
		if err != nil {
			x.Fatal(err)
		}
		compared := 0
		for _, path := range paths {
			if info, err := os.Stat(path); err != nil || info.Size() == 0 {
				continue
			}
			want := withoutTrailingSpaces(tool(x.T, "", "kafka-dump-log", "--files", path, flag).stdout)
			out, err := exec.CommandContext(x.ctx, binary, "dump", flag, path).Output()
			if got := withoutTrailingSpaces(string(out)); err != nil || got != want {
				ours, theirs := firstDifference(got, want)
				x.Errorf("%s: %v\n%s\nwant\n%s", path, err, ours, theirs)
			}
			compared += strings.Count(want, "payload: ")
		}
		x.Logf("%s: %d records compared", topic, compared)
		if compared == 0 {
			x.Errorf("no records in %s", topic)
		}
	}
}

// segments is the content of every segment but those of Kafka's own metadata.
func (x *takeover) segments(dir string) map[string]string {
	x.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*", "*.log"))
	if err != nil || len(paths) == 0 {
		x.Fatalf("segments in %s: %v", dir, err)
	}
	contents := map[string]string{}
	for _, path := range paths {
		if strings.Contains(path, "__") {
			continue // Coordinators write there as soon as they start.
		}
		content, err := os.ReadFile(path)
		if err != nil {
			x.Fatal(err)
		}
		contents[path] = string(content)
	}
	return contents
}

// read asks a broker for everything that it knows of the topics. Keys name what is compared.
func (x *takeover) read(b *launch.Broker) map[string]string {
	x.Helper()
	client := x.client(b)
	defer client.Close()
	admin := kadm.NewClient(client)
	found := map[string]string{}
	starts, err := admin.ListStartOffsets(x.ctx, x.topics...)
	ends, err1 := admin.ListEndOffsets(x.ctx, x.topics...)
	stable, err2 := admin.ListCommittedOffsets(x.ctx, x.topics...)
	byTime, err3 := admin.ListOffsetsAfterMilli(x.ctx, time.Now().Add(-time.Hour).UnixMilli(), x.topics...)
	if err = errors.Join(err, err1, err2, err3, starts.Error(), ends.Error(), stable.Error()); err != nil {
		x.Fatal(err)
	}
	for _, o := range ends.Offsets().Sorted() {
		start, _ := starts.Lookup(o.Topic, o.Partition)
		lso, _ := stable.Lookup(o.Topic, o.Partition)
		first, _ := byTime.Lookup(o.Topic, o.Partition)
		at := fmt.Sprintf("%s-%d", o.Topic, o.Partition)
		found["offsets of "+at] = fmt.Sprint(start.Offset, o.At, lso.Offset, first.Offset, first.Timestamp)
		found["records of "+at] = x.records(b, o.Topic, o.Partition, start.Offset, o.At, kgo.ReadUncommitted())
		found["committed records of "+at] = x.records(b, o.Topic, o.Partition, start.Offset, lso.Offset, kgo.ReadCommitted())
	}
	x.producers(admin, found)
	x.epochs(admin, ends, found)
	return found
}

// records reads a partition up to an offset, control records included.
func (x *takeover) records(b *launch.Broker, topic string, partition int32, start, end int64, isolation kgo.IsolationLevel) string {
	x.Helper()
	var text strings.Builder
	if start == end {
		return ""
	}
	client := x.client(b, kgo.FetchIsolationLevel(isolation), kgo.KeepControlRecords(), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{
		topic: {partition: kgo.NewOffset().At(start)},
	}))
	defer client.Close()
	for next := start; next < end; {
		fetches := client.PollFetches(x.ctx)
		if err := fetches.Err(); err != nil {
			x.Fatalf("%s-%d at %d of %d: %v", topic, partition, next, end, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			next = r.Offset + 1
			if r.Offset < end {
				fmt.Fprintf(&text, "%d %d %d %v %s %x\n", r.Offset, r.LeaderEpoch, r.Timestamp.UnixMilli(), r.Attrs, r.Key, sha256.Sum256(fmt.Append(nil, r.Value, r.Headers)))
			}
		})
	}
	return text.String()
}

// producers describes the state of producers.
func (x *takeover) producers(admin *kadm.Client, found map[string]string) {
	x.Helper()
	var set kadm.TopicsSet
	for _, topic := range x.topics {
		set.Add(topic, 0)
	}
	described, err := admin.DescribeProducers(x.ctx, set)
	if err != nil {
		x.Fatal(err)
	}
	for _, p := range described.SortedProducers() {
		found["producers"] += fmt.Sprintf("%s-%d: id %d epoch %d sequence %d time %d coordinator %d transaction %d\n",
			p.Topic, p.Partition, p.ProducerID, p.ProducerEpoch, p.LastSequence, p.LastTimestamp, p.CoordinatorEpoch, p.CurrentTxnStartOffset)
	}
}

// epochs asks where the first leader epoch ends.
func (x *takeover) epochs(admin *kadm.Client, ends kadm.ListedOffsets, found map[string]string) {
	x.Helper()
	req := kadm.OffsetForLeaderEpochRequest{}
	ends.Each(func(o kadm.ListedOffset) { req.Add(o.Topic, o.Partition, 0) })
	resp, err := admin.OffsetForLeaderEpoch(x.ctx, req)
	if err != nil {
		x.Fatal(err)
	}
	for topic, partitions := range resp {
		for partition, o := range partitions {
			found[fmt.Sprintf("end of the first epoch of %s-%d", topic, partition)] = fmt.Sprint(o.LeaderEpoch, o.EndOffset, o.Err)
		}
	}
}

func (x *takeover) same(who string, got, want map[string]string) {
	x.Helper()
	for _, key := range slices.Sorted(func(yield func(string) bool) {
		for key := range want {
			if !yield(key) {
				return
			}
		}
	}) {
		if got[key] != want[key] {
			a, b := firstDifference(got[key], want[key])
			x.Errorf("%s: %s:\n%s\nwant\n%s", who, key, a, b)
		}
	}
}

func (x *takeover) sameRecords(who string, got, want map[string]string) {
	x.Helper()
	records := map[string]string{}
	for key, text := range want {
		if strings.Contains(key, "records of ") {
			records[key] = text
		}
	}
	x.same(who, got, records)
}

// firstDifference is the first lines that differ.
func firstDifference(a, b string) (string, string) {
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(as), len(bs)) {
		if as[i] != bs[i] {
			return as[i], bs[i]
		}
	}
	return fmt.Sprintf("%d lines", len(as)), fmt.Sprintf("%d lines", len(bs))
}

package handlers

import (
	"math/rand/v2"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire"
	"github.com/clatterhq/clatter/wire/record"
)

// The tests of this file alter the keys of a topic that is in use, and look at what becomes of the next records.

// set gives topic t a key.
func (b *testBroker) set(key, value string) {
	b.t.Helper()
	wantCode(b.t, key+"="+value, b.alter(topicResource, "t", key, opSet, value).ErrorCode, wire.None)
	wantEqual(b.t, key, b.configValue(topicResource, "t", key), value)
}

// files are the names in the folder of partition 0 of topic t that end like this.
func files(tb testing.TB, disk vfs.FS, suffix string) []string {
	tb.Helper()
	names, err := disk.List("t-0")
	if err != nil {
		tb.Fatal(err)
	}
	return slices.DeleteFunc(names, func(name string) bool { return !strings.HasSuffix(name, suffix) })
}

// last is the newest batch of partition 0 of topic t.
func (b *testBroker) last() record.Batch {
	b.t.Helper()
	batches := b.fetchBatches("t", b.offsets(0).LogEndOffset-1)
	return batches[len(batches)-1]
}

func TestCompressionKeysTakeEffectAtOnce(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	for name, want := range map[string]record.Codec{
		"gzip": record.Gzip, "snappy": record.Snappy, "lz4": record.LZ4, "zstd": record.Zstd, "uncompressed": record.None,
	} {
		b.set("compression.type", name)
		b.produce("t", b.batch("a"))
		wantEqual(t, name, b.last().Attributes().Codec(), want)
	}
	b.set("compression.type", "producer")
	b.produce("t", b.compressed(record.LZ4, "a"))
	wantEqual(t, "producer", b.last().Attributes().Codec(), record.LZ4)
	// Text that a high level compresses better than a low one.
	random := rand.New(rand.NewPCG(1, 2))
	var text strings.Builder
	for text.Len() < 200_000 {
		text.WriteString([]string{"clatter ", "jackdaw ", "flock ", "record ", strconv.Itoa(random.IntN(500))}[random.IntN(5)])
	}
	for codec, levels := range map[string][2]string{"gzip": {"1", "9"}, "lz4": {"1", "17"}, "zstd": {"1", "19"}} {
		b.set("compression.type", codec)
		var sizes [2]int
		for i, level := range levels {
			b.set("compression."+codec+".level", level)
			b.produce("t", b.batch(text.String()))
			sizes[i] = len(b.last())
		}
		if sizes[0] <= sizes[1] {
			t.Errorf("%s: levels %v make %v bytes", codec, levels, sizes)
		}
	}
}

func TestTimestampKeysTakeEffectAtOnce(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	now := b.clock.UnixMilli()
	at := func(timestamp int64) wire.ErrorCode {
		return wire.ErrorCode(produceOne(b, b.produceRequest(9, "t", b.batchAt(timestamp, nil, "a"))).ErrorCode)
	}
	wantEqual(t, "a day old", at(now-86_400_000), wire.None)
	wantEqual(t, "half an hour ahead", at(now+1_800_000), wire.None)
	b.set("message.timestamp.before.max.ms", "3600000")
	wantEqual(t, "a day old, an hour allowed", at(now-86_400_000), wire.InvalidTimestamp)
	b.set("message.timestamp.after.max.ms", "60000")
	wantEqual(t, "half an hour ahead, a minute allowed", at(now+1_800_000), wire.InvalidTimestamp)
	wantEqual(t, "within both", at(now-60_000), wire.None)
	wantEqual(t, "timestamp type", b.last().Attributes().TimestampType(), record.CreateTime)
	b.set("message.timestamp.type", "LogAppendTime")
	wantEqual(t, "a day old, stamped by the broker", at(now-86_400_000), wire.None)
	wantEqual(t, "timestamp type", b.last().Attributes().TimestampType(), record.LogAppendTime)
	wantEqual(t, "timestamp", b.last().MaxTimestamp(), now)
}

func TestSizeKeysTakeEffectAtOnce(t *testing.T) {
	disk := vfs.NewMemory()
	b := newTestBrokerOn(t, disk)
	b.createTopic("t", 1)
	large := func() []byte { return b.batch(strings.Repeat("x", 900_000)) }
	b.produce("t", large(), large())
	wantEqual(t, "segments", len(files(t, disk, ".log")), 1)
	b.set("segment.bytes", "1048576")
	b.produce("t", large(), large())
	wantEqual(t, "segments of 1 MiB", len(files(t, disk, ".log")), 3)
	b.set("max.message.bytes", "1000")
	wantCode(t, "more than 1000 bytes", produceOne(b, b.produceRequest(9, "t", large())).ErrorCode, wire.MessageTooLarge)
	b.set("max.message.bytes", "2000000")
	wantCode(t, "more than a segment", produceOne(b, b.produceRequest(9, "t", b.batch(strings.Repeat("x", 1_100_000)))).ErrorCode, wire.RecordListTooLarge)
}

func TestPreallocateTakesEffectAtOnce(t *testing.T) {
	reserved := &vfs.Rule{Ops: vfs.OpPreallocate, Path: "*.log"}
	b := newTestBrokerOn(t, vfs.Inject(vfs.NewMemory(), reserved))
	b.createTopic("t", 1, "segment.bytes", "1048576")
	b.produce("t", b.batch(strings.Repeat("x", 900_000)))
	wantEqual(t, "reservations", reserved.Seen(), int64(0))
	b.set("preallocate", "true")
	b.produce("t", b.batch(strings.Repeat("x", 900_000)))
	wantEqual(t, "reservations for the next segment", reserved.Seen(), int64(1))
}

func TestSegmentMsTakesEffectAtOnce(t *testing.T) {
	disk := vfs.NewMemory()
	b := newTestBrokerOn(t, disk)
	b.createTopic("t", 1)
	b.produce("t", b.batch("a"))
	b.clock = b.clock.Add(time.Hour)
	b.produce("t", b.batch("b"))
	wantEqual(t, "segments", len(files(t, disk, ".log")), 1)
	b.set("segment.ms", "60000")
	b.clock = b.clock.Add(time.Hour)
	b.produce("t", b.batch("c"))
	wantEqual(t, "segments of a minute", len(files(t, disk, ".log")), 2)
}

// indexBytes is the size of the offset indexes of all segments but the active one.
func indexBytes(tb testing.TB, disk vfs.FS) (total int64) {
	tb.Helper()
	for _, name := range files(tb, disk, ".index") {
		info, err := disk.Stat(path.Join("t-0", name))
		if err != nil {
			tb.Fatal(err)
		}
		total += info.Size
	}
	return total
}

func TestIndexKeysTakeEffectAtOnce(t *testing.T) {
	const entry = 8
	disk := vfs.NewMemory()
	b := newTestBrokerOn(t, disk)
	b.createTopic("t", 1, "segment.ms", "60000", "index.interval.bytes", "1000000")
	fill := func() {
		t.Helper()
		for range 10 {
			b.produce("t", b.batch("a"))
		}
		b.clock = b.clock.Add(time.Hour)
		b.produce("t", b.batch("of the next segment"))
	}
	fill()
	wantEqual(t, "index of a sparse interval", indexBytes(t, disk), int64(0))
	b.set("index.interval.bytes", "0")
	fill()
	if got := indexBytes(t, disk); got < 9*entry {
		t.Errorf("index of every batch has %d bytes", got)
	}
	before := len(files(t, disk, ".log"))
	b.set("segment.index.bytes", "24") // room for three entries
	for range 9 {
		b.produce("t", b.batch("a"))
	}
	if got := len(files(t, disk, ".log")) - before; got < 2 {
		t.Errorf("a full index makes %d new segments of 9 batches", got)
	}
}

func TestRetentionKeysTakeEffectAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := vfs.NewMemory()
		b := newTestBrokerOn(t, disk)
		b.clock = time.Now()
		b.createTopic("t", 1, "segment.bytes", "1048576", "file.delete.delay.ms", "60000")
		for range 4 {
			b.produce("t", b.batch(strings.Repeat("x", 900_000)))
		}
		log, _ := b.dispatcher.partition(b.dispatcher.topics().TopicByName("t"), 0)
		retain := func() int64 {
			t.Helper()
			if err := log.Maintain(t.Context(), logstore.Retention); err != nil {
				t.Fatal(err)
			}
			return b.offsets(0).LogStartOffset
		}
		wantEqual(t, "log start offset", retain(), int64(0))
		b.set("retention.bytes", "1900000")
		wantEqual(t, "log start offset of two segments", retain(), int64(1))
		time.Sleep(time.Hour)
		wantEqual(t, "log start offset after an hour", retain(), int64(1))
		b.set("retention.ms", "1000")
		wantEqual(t, "log start offset of a second", retain(), int64(4))
		wantCode(t, "fetch below", fetchOne(b, b.fetchRequest(12, "t", 0, 0)).ErrorCode, wire.OffsetOutOfRange)
		// The files stay for readers, and go after file.delete.delay.ms.
		if got := files(t, disk, ".deleted"); len(got) == 0 {
			t.Error("no file waits for its removal")
		}
		time.Sleep(time.Minute + time.Second) // There were requests: files go one after the other.
		synctest.Wait()
		wantEqual(t, "files after file.delete.delay.ms", len(files(t, disk, ".deleted")), 0)
		wantEqual(t, "segments", len(files(t, disk, ".log")), 1)
	})
}

func TestFlushKeysTakeEffectAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		syncs := &vfs.Rule{Ops: vfs.OpSync, Path: "*.log"}
		b := newTestBrokerOn(t, vfs.Inject(vfs.NewMemory(), syncs))
		b.clock = time.Now()
		b.createTopic("t", 1)
		// more is how many times the log was synced since it was asked last.
		seen := int64(0)
		more := func() int64 {
			synctest.Wait()
			was := seen
			seen = syncs.Seen()
			return seen - was
		}
		b.produce("t", b.batch("a"), b.batch("b"))
		wantEqual(t, "syncs", more(), int64(0))
		b.set("flush.ms", "1000")
		b.produce("t", b.batch("c"))
		wantEqual(t, "syncs before flush.ms", more(), int64(0))
		time.Sleep(time.Second)
		wantEqual(t, "syncs after flush.ms", more(), int64(1))
		b.set("flush.ms", "9223372036854775807")
		b.set("flush.messages", "2")
		b.produce("t", b.batch("d"))
		wantEqual(t, "syncs before flush.messages", more(), int64(0))
		b.produce("t", b.batch("e"))
		wantEqual(t, "syncs after flush.messages", more(), int64(1))
	})
}

func TestCleanupPolicyTakesEffectAtOnce(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	keyless := func() wire.ErrorCode {
		builder := record.NewBuilder()
		builder.Append(b.clock.UnixMilli(), nil, []byte("a"))
		batch, err := builder.Build(nil)
		if err != nil {
			t.Fatal(err)
		}
		return wire.ErrorCode(produceOne(b, b.produceRequest(9, "t", batch)).ErrorCode)
	}
	for policy, want := range map[string]wire.ErrorCode{
		"delete": wire.None, "compact": wire.InvalidRecord, "compact,delete": wire.InvalidRecord, "delete,compact": wire.InvalidRecord, "": wire.None,
	} {
		b.set("cleanup.policy", policy)
		wantEqual(t, policy, keyless(), want)
	}
	for _, policy := range []string{"shred", "delete,shred"} {
		wantCode(t, policy, b.alter(topicResource, "t", "cleanup.policy", opSet, policy).ErrorCode, wire.InvalidConfig)
	}
}

func TestRemoteStorageIsRefused(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	got := b.alter(topicResource, "t", "remote.storage.enable", opSet, "true")
	wantCode(t, "alter", got.ErrorCode, wire.InvalidConfig)
	wantEqual(t, "message", deref(got.ErrorMessage), "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.")
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version = 7
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = "u", 1, 1
	topic.Configs = []kmsg.CreateTopicsRequestTopicConfig{{Name: "remote.storage.enable", Value: new("true")}}
	req.Topics = append(req.Topics, topic)
	wantCode(t, "create", ask[*kmsg.CreateTopicsResponse](b, req).Topics[0].ErrorCode, wire.InvalidConfig)
}

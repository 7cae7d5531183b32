package franz

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// compacted is a topic of one partition that is compacted, and its producer.
type compacted struct {
	session
	topic    string
	producer *kgo.Client
	ticks    int
}

func newCompacted(t *testing.T, s session, name string, configs map[string]string) *compacted {
	t.Helper()
	c := &compacted{session: s, topic: name}
	pointers := map[string]*string{}
	for key, value := range configs {
		pointers[key] = &value
	}
	c.session.topic(t, name, 1, pointers)
	c.producer = c.client(t, kgo.DefaultProduceTopic(name))
	return c
}

func (c *compacted) produce(t *testing.T, records ...*kgo.Record) (last int64) {
	t.Helper()
	results := c.producer.ProduceSync(c.ctx, records...)
	if err := results.FirstErr(); err != nil {
		t.Fatal(err)
	}
	return results[len(results)-1].Record.Offset
}

// tick appends a record with which the active segment is closed, as Apache Kafka needs it, and returns its offset.
func (c *compacted) tick(t *testing.T) int64 {
	t.Helper()
	c.ticks++
	return c.produce(t, keyed("tick", fmt.Sprint(c.ticks)))
}

// keyed is a record; without a value it is a tombstone.
func keyed(key, value string) *kgo.Record {
	r := &kgo.Record{Key: []byte(key)}
	if value != "" {
		r.Value = []byte(value)
	}
	return r
}

// read reads the topic from its beginning up to an offset that is there, without the ticks.
func (c *compacted) read(t *testing.T, last int64) (records []string) {
	t.Helper()
	consumer := c.client(t, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{c.topic: {0: kgo.NewOffset().AtStart()}}))
	defer consumer.Close()
	for done := false; !done; {
		fetches := consumer.PollFetches(c.ctx)
		if err := errors.Join(fetches.Err(), c.ctx.Err()); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if string(r.Key) != "tick" {
				text := fmt.Sprintf("%d:%s=%s", r.Offset, r.Key, r.Value)
				if r.Value == nil {
					text = fmt.Sprintf("%d:%s deleted", r.Offset, r.Key)
				}
				records = append(records, text)
			}
			done = done || r.Offset == last
		})
	}
	return records
}

// awaitRecords ticks until the topic holds exactly these records besides the ticks.
func (c *compacted) awaitRecords(t *testing.T, want []string) {
	t.Helper()
	c.await(t, "compaction of "+c.topic, func() error {
		time.Sleep(200 * time.Millisecond) // so that segment.ms has passed
		if got := c.read(t, c.tick(t)); !slices.Equal(got, want) {
			return fmt.Errorf("%d records, want %d: %.500q", len(got), len(want), got)
		}
		return nil
	})
}

// compactedWithin allows for the round of the cleaner after the next, where a busy machine is late for that: there is one every 15 s by default.
const compactedWithin = 35 * time.Second

// TestRecordsAreCompactedInTime is what users see of compaction with default settings of the broker, while nobody else asks for anything and while others
// produce and fetch.
func TestRecordsAreCompactedInTime(t *testing.T) {
	s := start(t, nil)
	compact := func(t *testing.T, name string) {
		t.Helper()
		c := newCompacted(t, s, name, map[string]string{"cleanup.policy": "compact", "segment.ms": "500", "max.compaction.lag.ms": "100"})
		c.produce(t, keyed("a", "1"), keyed("b", "1"))
		last := c.produce(t, keyed("a", "2"))
		began := time.Now()
		c.awaitRecords(t, []string{"1:b=1", fmt.Sprintf("%d:a=2", last)})
		took := time.Since(began)
		if t.Logf("compacted after %s", took.Round(time.Millisecond)); took > compactedWithin {
			t.Errorf("compacted after %v", took)
		}
	}
	t.Run("at rest", func(t *testing.T) { compact(t, "live") })
	t.Run("beside a load", func(t *testing.T) {
		stop := s.load(t)
		compact(t, "live-beside-load")
		produced, fetched := stop()
		t.Logf("%d records produced and %d fetched meanwhile", produced, fetched)
		if produced == 0 || fetched == 0 {
			t.Errorf("%d records were produced and %d fetched meanwhile: there was no load", produced, fetched)
		}
	})
}

// load produces up to 5 MB/s to a topic of its own, every batch awaited, and reads it, until stop is called.
func (s session) load(t *testing.T) (stop func() (produced, fetched int64)) {
	t.Helper()
	const topic = "beside"
	s.topic(t, topic, 4, nil)
	ctx, cancel := context.WithCancel(s.ctx)
	var group sync.WaitGroup
	var acknowledged, read atomic.Int64
	producer := s.client(t, kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(kgo.NoCompression()))
	group.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			var records []*kgo.Record
			for i := range 100 {
				records = append(records, &kgo.Record{Key: fmt.Append(nil, i), Value: make([]byte, 1024)})
			}
			if err := producer.ProduceSync(ctx, records...).FirstErr(); err == nil {
				acknowledged.Add(int64(len(records)))
			} else if ctx.Err() == nil {
				t.Errorf("load: %v", err)
				return
			}
			<-tick.C
		}
	})
	consumer := s.client(t, kgo.ConsumeTopics(topic))
	group.Go(func() {
		for ctx.Err() == nil {
			read.Add(int64(consumer.PollFetches(ctx).NumRecords()))
		}
	})
	stopped := func() (produced, fetched int64) {
		cancel()
		group.Wait()
		return acknowledged.Load(), read.Load()
	}
	t.Cleanup(func() { stopped() })
	return stopped
}

// TestCompactionLeavesTheSameOnEveryBroker runs on Clatter and on Apache Kafka alike: the offsets and values that stay are the same.
func TestCompactionLeavesTheSameOnEveryBroker(t *testing.T) {
	s := start(t, map[string]string{"log.cleaner.backoff.ms": "200"})
	for _, codec := range []string{"uncompressed", "gzip", "snappy", "lz4", "zstd"} {
		t.Run(codec, func(t *testing.T) {
			c := newCompacted(t, s, "compacted-"+codec, map[string]string{
				"cleanup.policy": "compact", "segment.ms": "100", "min.cleanable.dirty.ratio": "0.01", "delete.retention.ms": "0",
				"compression.type": codec,
			})
			want := map[string]string{}
			var records []*kgo.Record
			for i := range 600 {
				key, value := fmt.Sprintf("k%02d", i*7%60), fmt.Sprintf("%d %0200d", i, i)
				if i%60 == 41 {
					value = "" // keys that are deleted, and some that come back
				}
				records = append(records, keyed(key, value))
			}
			for chunk := range slices.Chunk(records, 25) {
				first := c.produce(t, chunk...) - int64(len(chunk)) + 1
				for i, r := range chunk {
					delete(want, string(r.Key))
					if r.Value != nil {
						want[string(r.Key)] = fmt.Sprintf("%010d:%s=%s", first+int64(i), r.Key, r.Value)
					}
				}
				c.tick(t)
			}
			var lines []string
			for _, line := range slices.Sorted(maps.Values(want)) {
				var offset int64
				var rest string
				if _, err := fmt.Sscanf(line, "%d:%s", &offset, &rest); err != nil {
					t.Fatal(err)
				}
				lines = append(lines, fmt.Sprint(offset)+line[10:])
			}
			c.awaitRecords(t, lines)
			offsets, err := c.admin.ListStartOffsets(c.ctx, c.topic)
			if err != nil {
				t.Fatal(err)
			}
			if o, _ := offsets.Lookup(c.topic, 0); o.Offset != 0 {
				t.Errorf("log starts at %d", o.Offset)
			}
		})
	}
}

func TestKeylessRecordsDoNotEnterACompactedTopic(t *testing.T) {
	c := newCompacted(t, start(t, nil), "keys-only", map[string]string{"cleanup.policy": "compact"})
	if err := c.producer.ProduceSync(c.ctx, keyed("k", "1")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := c.producer.ProduceSync(c.ctx, &kgo.Record{Value: []byte("no key")}).FirstErr(); err == nil {
		t.Error("a record without a key was taken")
	}
	ends, err := c.admin.ListEndOffsets(c.ctx, c.topic)
	if o, _ := ends.Lookup(c.topic, 0); err != nil || o.Offset != 1 {
		t.Errorf("ends at %d, %v", o.Offset, err)
	}
}

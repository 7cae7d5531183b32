package franz

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
)

const timeLimit = 2 * time.Minute

// session is one test's broker with an admin client.
type session struct {
	ctx   context.Context //nolint:containedctx // It is the test's.
	addr  string
	admin *kadm.Client
}

func start(t *testing.T, overrides map[string]string) session {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeLimit)
	t.Cleanup(cancel)
	s := session{ctx: ctx, addr: brokertest.Start(t, overrides).Addr()}
	s.admin = kadm.NewClient(s.client(t))
	return s
}

func (s session) client(t *testing.T, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	return brokertest.Client(t, s.addr, append([]kgo.Opt{kgo.RecordPartitioner(kgo.ManualPartitioner())}, options...)...)
}

// topic creates a topic and waits until its partitions answer: Apache Kafka needs a moment.
func (s session) topic(t *testing.T, name string, partitions int32, configs map[string]*string) {
	t.Helper()
	if _, err := s.admin.CreateTopic(s.ctx, partitions, 1, configs, name); err != nil {
		t.Fatalf("create %s: %v", name, err)
	}
	s.await(t, "topic "+name, func() error {
		offsets, err := s.admin.ListEndOffsets(s.ctx, name)
		return errors.Join(err, offsets.Error())
	})
}

// await tries until it works.
func (s session) await(t *testing.T, what string, try func() error) {
	t.Helper()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-s.ctx.Done():
			t.Fatalf("%s: %v", what, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// drain reads n records of a topic's partitions from the beginning.
func (s session) drain(t *testing.T, topic string, partitions int32, n int) map[int32][]*kgo.Record {
	t.Helper()
	offsets := map[int32]kgo.Offset{}
	for p := range partitions {
		offsets[p] = kgo.NewOffset().AtStart()
	}
	client := s.client(t, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: offsets}))
	got := map[int32][]*kgo.Record{}
	for n > 0 {
		fetches := client.PollFetches(s.ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("%d records missing: %v", n, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			got[r.Partition] = append(got[r.Partition], r)
			n--
		})
	}
	return got
}

func value(partition int32, i int) []byte {
	return fmt.Appendf(nil, "value %d of %d %s", i, partition, bytes.Repeat([]byte{byte('a' + i%26)}, 100))
}

func TestEveryCodecKeepsOrder(t *testing.T) {
	s := start(t, nil)
	for name, codec := range map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	} {
		t.Run(name, func(t *testing.T) {
			const partitions, each = 4, 5000
			topic := "codec-" + name
			s.topic(t, topic, partitions, nil)
			client := s.client(t, kgo.ProducerBatchCompression(codec))
			for i := range each {
				for p := range int32(partitions) {
					client.Produce(s.ctx, &kgo.Record{Topic: topic, Partition: p, Value: value(p, i)}, func(r *kgo.Record, err error) {
						if err != nil {
							t.Error(err)
						}
						if r.Offset != int64(i) {
							t.Errorf("partition %d: offset %d told for record %d", r.Partition, r.Offset, i)
						}
					})
				}
			}
			if err := client.Flush(s.ctx); err != nil {
				t.Fatal(err)
			}
			for p, records := range s.drain(t, topic, partitions, partitions*each) {
				for i, r := range records {
					if r.Offset != int64(i) || !bytes.Equal(r.Value, value(p, i)) {
						t.Fatalf("partition %d offset %d: %q", p, r.Offset, r.Value)
					}
				}
			}
		})
	}
}

// TestFetchSessionOverManyTopics keeps one incremental session over 100 topics while records come to a few at a time.
func TestFetchSessionOverManyTopics(t *testing.T) {
	s := start(t, nil)
	const topics = 100
	assign := map[string]map[int32]kgo.Offset{}
	var names []string
	for i := range topics {
		names = append(names, fmt.Sprintf("many-%d", i))
		assign[names[i]] = map[int32]kgo.Offset{0: kgo.NewOffset().AtStart()}
	}
	if _, err := s.admin.CreateTopics(s.ctx, 1, 1, nil, names...); err != nil {
		t.Fatal(err)
	}
	s.await(t, "topics", func() error {
		offsets, err := s.admin.ListEndOffsets(s.ctx, names...)
		return errors.Join(err, offsets.Error())
	})
	consumer, producer := s.client(t, kgo.ConsumePartitions(assign)), s.client(t)
	for round := range 20 {
		var records []*kgo.Record
		for i := round; i < topics; i += 7 {
			records = append(records, &kgo.Record{Topic: names[i], Value: fmt.Appendf(nil, "%d", round)})
		}
		if err := producer.ProduceSync(s.ctx, records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
		for missing := len(records); missing > 0; {
			fetches := consumer.PollFetches(s.ctx)
			if err := fetches.Err(); err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			fetches.EachRecord(func(r *kgo.Record) {
				if string(r.Value) != fmt.Sprint(round) {
					t.Errorf("round %d: %s has %s", round, r.Topic, r.Value)
				}
				missing--
			})
		}
		if round == 10 { // some partitions leave the session
			consumer.PauseFetchTopics(names[99])
			consumer.ResumeFetchTopics(names[99])
		}
	}
}

func TestOffsetsAndDeletedRecords(t *testing.T) {
	s := start(t, nil)
	s.topic(t, "offsets", 1, nil)
	producer := s.client(t)
	base := time.UnixMilli(1_000_000)
	for i := range 100 {
		r := &kgo.Record{Topic: "offsets", Value: value(0, i), Timestamp: base.Add(time.Duration(i) * time.Second)}
		if err := producer.ProduceSync(s.ctx, r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(what string, want int64, offsets kadm.ListedOffsets, err error) {
		t.Helper()
		got, ok := offsets.Lookup("offsets", 0)
		if err = errors.Join(err, got.Err); err != nil || !ok || got.Offset != want {
			t.Errorf("%s: offset %d, want %d: %v", what, got.Offset, want, err)
		}
	}
	offsets, err := s.admin.ListStartOffsets(s.ctx, "offsets")
	expect("start", 0, offsets, err)
	offsets, err = s.admin.ListCommittedOffsets(s.ctx, "offsets")
	expect("last stable", 100, offsets, err)
	offsets, err = s.admin.ListOffsetsAfterMilli(s.ctx, 1_000_000+42_500, "offsets")
	expect("after a time", 43, offsets, err)
	var ask kadm.Offsets
	ask.AddOffset("offsets", 0, 60, -1)
	deleted, err := s.admin.DeleteRecords(s.ctx, ask)
	if err != nil || deleted.Error() != nil {
		t.Fatalf("delete records: %v, %v", err, deleted.Error())
	}
	offsets, err = s.admin.ListStartOffsets(s.ctx, "offsets")
	expect("start after the deletion", 60, offsets, err)
	if first := s.drain(t, "offsets", 1, 40)[0][0]; first.Offset != 60 {
		t.Errorf("first record is at offset %d", first.Offset)
	}
	consumer := s.client(t, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"offsets": {0: kgo.NewOffset().At(10)}}), kgo.ConsumeResetOffset(kgo.NoResetOffset()))
	if err := consumer.PollFetches(s.ctx).Err(); !errors.Is(err, kerr.OffsetOutOfRange) {
		t.Errorf("fetching a deleted record: %v", err)
	}
}

func TestRecreatedTopicIsAnother(t *testing.T) {
	s := start(t, nil)
	ids := map[kadm.TopicID]bool{}
	for round := range 5 {
		s.topic(t, "again", 2, nil)
		producer := s.client(t)
		if err := producer.ProduceSync(s.ctx, &kgo.Record{Topic: "again", Partition: 1, Value: fmt.Appendf(nil, "%d", round)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if got := s.drain(t, "again", 2, 1)[1][0]; got.Offset != 0 || string(got.Value) != fmt.Sprint(round) {
			t.Errorf("round %d: offset %d has %s", round, got.Offset, got.Value)
		}
		details, err := kadm.NewClient(s.client(t)).ListTopics(s.ctx, "again") // s.admin may remember the last incarnation
		if err != nil {
			t.Fatal(err)
		}
		ids[details["again"].ID] = true
		if _, err := s.admin.DeleteTopic(s.ctx, "again"); err != nil {
			t.Fatal(err)
		}
		s.await(t, "deletion", func() error {
			left, err := s.admin.ListTopics(s.ctx)
			if left.Has("again") {
				return errors.New("still there")
			}
			return err
		})
	}
	if len(ids) != 5 {
		t.Errorf("%d topic IDs, want 5", len(ids))
	}
}

func TestLimitsOfSize(t *testing.T) {
	s := start(t, nil)
	limit := "2000000"
	s.topic(t, "large", 1, map[string]*string{"max.message.bytes": &limit})
	producer := s.client(t, kgo.ProducerBatchMaxBytes(5_000_000), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.BrokerMaxWriteBytes(50_000_000))
	big := bytes.Repeat([]byte("x"), 1_900_000)
	if err := producer.ProduceSync(s.ctx, &kgo.Record{Topic: "large", Value: big}).FirstErr(); err != nil {
		t.Errorf("a record below max.message.bytes: %v", err)
	}
	err := producer.ProduceSync(s.ctx, &kgo.Record{Topic: "large", Value: append(big, big...)}).FirstErr()
	if !errors.Is(err, kerr.MessageTooLarge) {
		t.Errorf("a record above it: %v", err)
	}
	consumer := s.client(t, kgo.FetchMaxBytes(1000), kgo.FetchMaxPartitionBytes(1000),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"large": {0: kgo.NewOffset().AtStart()}}))
	records := consumer.PollFetches(s.ctx).Records()
	if len(records) != 1 || len(records[0].Value) != len(big) {
		t.Errorf("%d records through small limits", len(records))
	}
}

func TestConfigsOfTopicsAndBroker(t *testing.T) {
	s := start(t, nil)
	s.topic(t, "configured", 1, nil)
	value := "123456"
	if _, err := s.admin.AlterTopicConfigs(s.ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: &value}}, "configured"); err != nil {
		t.Fatal(err)
	}
	s.await(t, "new value", func() error {
		configs, err := s.admin.DescribeTopicConfigs(s.ctx, "configured")
		if err != nil {
			return err
		}
		for _, c := range configs[0].Configs {
			if c.Key == "retention.ms" && c.MaybeValue() == value {
				return nil
			}
		}
		return errors.New("not there")
	})
	all, err := s.admin.DescribeBrokerConfigs(s.ctx, 1)
	if err != nil || len(all) != 1 || len(all[0].Configs) < 300 {
		t.Errorf("broker configs: %v", err)
	}
}

// TestAutomaticCreation produces to a topic that nobody created.
func TestAutomaticCreation(t *testing.T) {
	s := start(t, map[string]string{"num.partitions": "3"})
	producer := s.client(t, kgo.AllowAutoTopicCreation())
	if err := producer.ProduceSync(s.ctx, &kgo.Record{Topic: "made", Partition: 2, Value: []byte("x")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if got := s.drain(t, "made", 3, 1); len(got[2]) != 1 {
		t.Errorf("records: %v", got)
	}
}

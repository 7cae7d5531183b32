package faults

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/launch"
)

// TestCleanerLetsTheDataPathBe measures produces (acks=all, 1 KiB) and fetches (64 KiB anywhere) of one topic while another one is compacted, and
// while nothing is, in turn. Memory goes back when a cleaning is done. FAULT_CLEANINGS sets how many cleanings are measured; with 10 or more, on a
// machine that does nothing else, the 99th percentile may be 1.5 times of what it is without (the median of all rounds). One by default, for
// which the memory counts alone.
//
// Negative control: the time without a cleaner is measured twice, before and after; what differs between these is noise.
func TestCleanerLetsTheDataPathBe(t *testing.T) {
	cleanings := long(t, "FAULT_CLEANINGS", 1)
	megabytes := 64
	if cleanings > 1 {
		megabytes = 512
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(cleanings)*time.Minute+time.Minute)
	defer cancel()
	m := newCleaningMeter(ctx, t)
	m.fill(ctx, megabytes/8)
	resident := statusBytes(t, m.broker.PID(), "VmRSS:")
	ratios := map[string][]float64{}
	for round := range cleanings {
		m.fill(ctx, megabytes)
		var length time.Duration
		before := m.measure(ctx, func() { wait(ctx, t, time.Second) })
		during := m.measure(ctx, func() { length = m.clean(ctx) })
		after := m.measure(ctx, func() { wait(ctx, t, time.Second) })
		t.Logf("round %d, %s of cleaning; 99th percentile of produces %s, cleaning %s, %s; of fetches %s, cleaning %s, %s", round, length.Round(time.Millisecond),
			before.produce, during.produce, after.produce, before.fetch, during.fetch, after.fetch)
		for name, ratio := range map[string]float64{
			"produce": 2 * during.produce.Seconds() / (before.produce + after.produce).Seconds(), "produce noise": after.produce.Seconds() / before.produce.Seconds(),
			"fetch": 2 * during.fetch.Seconds() / (before.fetch + after.fetch).Seconds(), "fetch noise": after.fetch.Seconds() / before.fetch.Seconds(),
		} {
			ratios[name] = append(ratios[name], ratio)
		}
	}
	for _, name := range []string{"produce", "produce noise", "fetch", "fetch noise"} {
		all := ratios[name]
		slices.Sort(all)
		median := all[len(all)/2]
		t.Logf("%s: %.2f times (a quarter of the rounds below %.2f, a quarter above %.2f)", name, median, all[len(all)/4], all[len(all)*3/4])
		if cleanings >= 10 && median > 1.5 && !strings.HasSuffix(name, "noise") {
			t.Errorf("%s: %.2f times, want at most 1.5", name, median)
		}
	}
	back := until(ctx, 20*time.Second, func() bool { return statusBytes(t, m.broker.PID(), "VmRSS:") < resident+16<<20 })
	now, most := statusBytes(t, m.broker.PID(), "VmRSS:"), statusBytes(t, m.broker.PID(), "VmHWM:")
	t.Logf("resident: %d MiB before, %d at most, %d at last", resident>>20, most>>20, now>>20)
	if !back {
		t.Errorf("%d MiB are resident after the last cleaning, %d were before the first", now>>20, resident>>20)
	}
}

// latencies are the 99th percentiles of two kinds of requests.
type latencies struct{ produce, fetch time.Duration }

// cleaningMeter is a broker with a topic that is compacted when asked to, and one that is measured.
type cleaningMeter struct {
	*testing.T
	broker *launch.Broker
	client *kgo.Client
	admin  *kadm.Client
	random *rand.Rand
	end    int64 // of the measured topic
}

func newCleaningMeter(ctx context.Context, t *testing.T) *cleaningMeter {
	t.Helper()
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(int16(kmsg.Fetch), 12) // which names topics
	broker := brokertest.Start(t, map[string]string{"log.cleaner.backoff.ms": "50", "log.segment.delete.delay.ms": "100"})
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Addr()), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MaxVersions(versions),
		kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	m := &cleaningMeter{T: t, broker: broker, client: client, admin: kadm.NewClient(client), random: rand.New(rand.NewPCG(1, 1))}
	// 9223372036854775807 leaves the filling to the page cache. Nothing is filthy enough until clean says so.
	configs := map[string]*string{
		"cleanup.policy": new("compact"), "min.cleanable.dirty.ratio": new("1.0"), "segment.bytes": new("33554432"), "flush.messages": new(neverSync),
	}
	_, err = m.admin.CreateTopic(ctx, 1, 1, configs, "cleaned")
	if _, err1 := m.admin.CreateTopic(ctx, 1, 1, nil, "measured"); errors.Join(err, err1) != nil {
		t.Fatal(err, err1)
	}
	for range 10 {
		m.produceTo(ctx, "measured", 1000, func(int) []byte { return nil })
	}
	m.end = 10_000
	return m
}

// fill makes so many megabytes to compact, of which half a record for each stays.
func (m *cleaningMeter) fill(ctx context.Context, megabytes int) {
	m.Helper()
	for range megabytes {
		m.produceTo(ctx, "cleaned", 1024, func(int) []byte {
			return binary.BigEndian.AppendUint64(nil, m.random.Uint64N(uint64(megabytes)*512))
		})
	}
}

// produceTo produces records of 1 KiB and waits for them.
func (m *cleaningMeter) produceTo(ctx context.Context, topic string, records int, key func(i int) []byte) {
	m.Helper()
	batch := make([]*kgo.Record, records)
	for i := range batch {
		value := make([]byte, 1000)
		for j := 0; j < len(value); j += 8 {
			binary.BigEndian.PutUint64(value[j:], m.random.Uint64())
		}
		batch[i] = &kgo.Record{Topic: topic, Key: key(i), Value: value}
	}
	if err := m.client.ProduceSync(ctx, batch...).FirstErr(); err != nil {
		m.Fatal(err)
	}
}

// clean has the topic compacted, waits until that is done, and says how long it took.
func (m *cleaningMeter) clean(ctx context.Context) time.Duration {
	m.Helper()
	done := func() int { return strings.Count(m.broker.Log(), `msg="compacted a log" topic=cleaned`) }
	before, began := done(), time.Now()
	m.setRatio(ctx, "0.01")
	if !until(ctx, time.Minute, func() bool { return done() > before }) {
		m.Fatal("nothing is compacted")
	}
	took := time.Since(began)
	m.setRatio(ctx, "1.0")
	return took
}

func (m *cleaningMeter) setRatio(ctx context.Context, ratio string) {
	m.Helper()
	change := []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "min.cleanable.dirty.ratio", Value: &ratio}}
	if responses, err := m.admin.AlterTopicConfigs(ctx, change, "cleaned"); err != nil || responses[0].Err != nil {
		m.Fatal(responses, err)
	}
}

// measure produces and fetches every two milliseconds as long as something goes on.
func (m *cleaningMeter) measure(ctx context.Context, something func()) latencies {
	m.Helper()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	failed := make(chan error, 2)
	probe := func(request func() error) chan time.Duration {
		result := make(chan time.Duration, 1)
		go func() {
			var took []time.Duration
			tick := time.NewTicker(2 * time.Millisecond)
			defer tick.Stop()
			for ctx.Err() == nil {
				began := time.Now()
				if err := request(); err != nil && ctx.Err() == nil {
					failed <- err
					break
				}
				took = append(took, time.Since(began))
				<-tick.C
			}
			slices.Sort(took)
			result <- took[len(took)*99/100].Round(10 * time.Microsecond)
		}()
		return result
	}
	value := make([]byte, 1000)
	produced := probe(func() error {
		return m.client.ProduceSync(ctx, &kgo.Record{Topic: "measured", Value: value}).FirstErr()
	})
	fetched := probe(func() error { return m.fetch(ctx) })
	something()
	cancel()
	l := latencies{produce: <-produced, fetch: <-fetched}
	select {
	case err := <-failed:
		m.Fatal(err)
	default:
	}
	return l
}

// fetch reads 64 KiB from somewhere.
func (m *cleaningMeter) fetch(ctx context.Context) error {
	req := kmsg.NewPtrFetchRequest()
	topic, partition := kmsg.NewFetchRequestTopic(), kmsg.NewFetchRequestTopicPartition()
	topic.Topic, partition.FetchOffset, partition.PartitionMaxBytes = "measured", rand.Int64N(m.end), 64<<10
	topic.Partitions = append(topic.Partitions, partition)
	req.Topics, req.MaxBytes, req.MinBytes = append(req.Topics, topic), 64<<10, 1
	resp, err := req.RequestWith(ctx, m.client)
	if err != nil {
		return err
	}
	got := resp.Topics[0].Partitions[0]
	if err := kerr.ErrorForCode(got.ErrorCode); err != nil || len(got.RecordBatches) == 0 {
		return fmt.Errorf("fetch: %d bytes, %w", len(got.RecordBatches), err)
	}
	return nil
}

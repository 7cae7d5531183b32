package faults

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/launch"
)

// TestMemoryModeTakesLittleMoreThanItsData fills a broker that keeps everything in memory, deletes what it has, and fills it again.
func TestMemoryModeTakesLittleMoreThanItsData(t *testing.T) {
	if brokertest.Kind() != launch.Clatter {
		t.Skip("Apache Kafka has no such mode")
	}
	const size, most = 512 << 20, 512 << 20 / 100 * 115
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	broker := brokertest.StartWith(t, launch.Options{Args: []string{"--memory"}, Overrides: map[string]string{"log.segment.delete.delay.ms": "0"}})
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Addr()), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerBatchMaxBytes(1<<20))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	for _, topic := range []string{"first", "second"} {
		if _, err := admin.CreateTopic(ctx, 8, 1, map[string]*string{"file.delete.delay.ms": new("0")}, topic); err != nil {
			t.Fatal(err)
		}
		value := bytes.Repeat([]byte("0123456789abcdef"), 1000)
		for sent := 0; sent < size; sent += len(value) {
			client.Produce(ctx, &kgo.Record{Topic: topic, Value: value}, func(_ *kgo.Record, err error) {
				if err != nil {
					t.Error(err)
				}
			})
		}
		if err := client.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		resident := statusBytes(t, broker.PID(), "VmRSS:")
		t.Logf("%s: %d MiB resident for %d MiB", topic, resident>>20, size>>20)
		if resident > most {
			t.Errorf("%s: %d MiB resident for %d MiB of data", topic, resident>>20, size>>20)
		}
		if _, err := admin.DeleteTopics(ctx, topic); err != nil {
			t.Fatal(err)
		}
	}
}

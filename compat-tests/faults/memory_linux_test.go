package faults

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
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
	client := brokertest.Client(t, broker.Addr(), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerBatchMaxBytes(1<<20))
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

// TestMemoryModeTakesLessCPUThanThePageCache fills a broker that keeps everything in memory, and one that leaves syncs to the operating system.
func TestMemoryModeTakesLessCPUThanThePageCache(t *testing.T) {
	if brokertest.Kind() != launch.Clatter {
		t.Skip("Apache Kafka has no such mode")
	}
	const size = 256 << 20
	memory := cpuToFill(t, size, launch.Options{Args: []string{"--memory"}})
	cache := cpuToFill(t, size, launch.Options{Overrides: map[string]string{"log.flush.interval.messages": neverSync}})
	t.Logf("%d MiB produced: %s of CPU in memory, %s in the page cache", size>>20, memory, cache)
	if memory > cache {
		t.Error("memory mode takes more CPU than the page cache")
	}
}

// cpuToFill is the CPU time that a broker spends on records of 1 KiB, so many bytes of them.
func cpuToFill(t *testing.T, size int, options launch.Options) time.Duration {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	broker := brokertest.StartWith(t, options)
	client := brokertest.Client(t, broker.Addr(), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerBatchMaxBytes(1<<20))
	if _, err := kadm.NewClient(client).CreateTopic(ctx, 8, 1, nil, "filled"); err != nil {
		t.Fatal(err)
	}
	value := bytes.Repeat([]byte("0123456789abcdef"), 64)
	before := cpuTime(t, broker.PID())
	for sent := 0; sent < size; sent += len(value) {
		client.Produce(ctx, &kgo.Record{Topic: "filled", Value: value}, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	if err := client.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	return cpuTime(t, broker.PID()) - before
}

// cpuTime is what a process has spent in both modes, as the kernel tells it in hundredths of a second (proc(5)).
func cpuTime(t *testing.T, pid int) (spent time.Duration) {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	// utime and stime are fields 14 and 15; the name, field 2, is in parentheses.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	for _, field := range fields[11:13] {
		ticks, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		spent += time.Duration(ticks) * 10 * time.Millisecond
	}
	return spent
}

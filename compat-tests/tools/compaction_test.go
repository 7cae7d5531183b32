package tools

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/launch"
)

// compactedTopics are topics with the same records and different rules. A dirty ratio of 1 keeps them as they are until both brokers have them.
// Old records are retained until then as well.
var compactedTopics = map[string]map[string]string{
	"kept":    {"cleanup.policy": "compact"},
	"dropped": {"cleanup.policy": "compact", "delete.retention.ms": "0"},
	"aged":    {"cleanup.policy": "compact,delete", "delete.retention.ms": "0", "retention.ms": "-1"},
}

// TestCompactionLeavesWhatKafkasDoes has an Apache Kafka write topics with committed, aborted and interleaved transactions, tombstones and old records,
// gives a copy of its directory to Clatter, and lets both compact them, twice. What both leave is compared batch by batch and record by record, with
// all that is in the headers of batches but the times of the cleaning itself.
func TestCompactionLeavesWhatKafkasDoes(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	x := &takeover{T: t, ctx: ctx}
	overrides := map[string]string{"log.cleaner.backoff.ms": "100", "log.retention.check.interval.ms": "300", "num.partitions": "1"}
	kafka := brokertest.StartWith(t, launch.Options{Kind: launch.Kafka, Overrides: overrides})
	x.makeCompacted(kafka)
	x.writeTransactions(kafka)
	if err := kafka.Stop(); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "data")
	if err := os.CopyFS(copied, os.DirFS(kafka.DataDir())); err != nil {
		t.Fatal(err)
	}
	if err := kafka.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	want := x.compactTwice(kafka, kafka.DataDir())
	binary, err := launch.ClatterBinary()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(ctx, binary, "import", "--override", "log.dirs="+copied).CombinedOutput(); err != nil {
		t.Fatalf("import: %v\n%s", err, out)
	}
	overrides["log.dirs"] = copied
	clatter := brokertest.StartWith(t, launch.Options{Kind: launch.Clatter, Overrides: overrides})
	got := x.compactTwice(clatter, copied)
	for pass := range want {
		for topic := range compactedTopics {
			theirs, ours := want[pass][topic], got[pass][topic]
			t.Logf("pass %d, %s: %d lines of batches and records", pass+1, topic, strings.Count(theirs, "\n"))
			if strings.Count(theirs, "\n") < 20 {
				t.Errorf("pass %d, %s: there is little to compare:\n%s", pass+1, topic, theirs)
			}
			if ours != theirs {
				a, b := firstDifference(ours, theirs)
				t.Errorf("pass %d, %s:\n%s\nwant\n%s", pass+1, topic, a, b)
			}
		}
	}
}

func (x *takeover) makeCompacted(b *launch.Broker) {
	x.Helper()
	client := x.client(b)
	defer client.Close()
	for topic, configs := range compactedTopics {
		values := map[string]*string{"segment.ms": new("1000"), "min.cleanable.dirty.ratio": new("1.0")}
		for key, value := range configs {
			values[key] = new(value)
		}
		if _, err := kadm.NewClient(client).CreateTopic(x.ctx, 1, 1, values, topic); err != nil {
			x.Fatal(err)
		}
	}
}

// writeTransactions writes the same to every topic: in rounds, each of which is a segment at least.
func (x *takeover) writeTransactions(b *launch.Broker) {
	x.Helper()
	for topic := range compactedTopics {
		var writers []*kgo.Client
		for i := range 3 {
			writers = append(writers, x.client(b, kgo.TransactionalID(fmt.Sprint(topic, i)), kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(kgo.NoCompression())))
		}
		plain := x.client(b, kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(kgo.Lz4Compression()))
		for round := range 4 {
			at := time.Now()
			if round == 0 {
				at = at.Add(-2 * time.Hour)
			}
			produce := func(client *kgo.Client, keys ...string) {
				var records []*kgo.Record
				for i, key := range keys {
					r := &kgo.Record{Key: []byte(strings.TrimPrefix(key, "-")), Value: fmt.Appendf(nil, "%s %d %d", topic, round, i), Timestamp: at.Add(time.Duration(i) * time.Millisecond)}
					if strings.HasPrefix(key, "-") {
						r.Value = nil
					}
					records = append(records, r)
				}
				if err := client.ProduceSync(x.ctx, records...).FirstErr(); err != nil {
					x.Fatal(err)
				}
			}
			for _, w := range writers {
				if err := w.BeginTransaction(); err != nil {
					x.Fatal(err)
				}
			}
			// The first and the second one interleave, the third one writes after the others have ended.
			produce(writers[0], "a", "b", "c", fmt.Sprint("first ", round))
			produce(writers[1], "b", "d", "-e", "aborted always")
			produce(plain, "a", "f", "-g", "h", fmt.Sprint("plain ", round))
			produce(writers[0], "-d", "e", "a")
			x.end(writers[1], kgo.TryAbort)
			x.end(writers[0], kgo.TransactionEndTry(round%2 == 0))
			produce(writers[2], "c", "g", "-h", fmt.Sprint("third ", round))
			produce(plain, "c", "-f")
			x.end(writers[2], kgo.TryCommit)
			wait := time.NewTimer(1100 * time.Millisecond) // segment.ms
			<-wait.C
		}
		// What nobody ever compacts: it is in the active segment.
		if err := plain.ProduceSync(x.ctx, &kgo.Record{Key: []byte("tick"), Value: []byte("0")}).FirstErr(); err != nil {
			x.Fatal(err)
		}
		for _, client := range append(writers, plain) {
			client.Close()
		}
	}
}

func (x *takeover) end(client *kgo.Client, how kgo.TransactionEndTry) {
	x.Helper()
	if err := client.EndTransaction(x.ctx, how); err != nil {
		x.Fatal(err)
	}
}

// compactTwice lets a broker compact, writes some more, and lets it compact again. It returns what was there after each, by topic.
func (x *takeover) compactTwice(b *launch.Broker, dir string) (passes []map[string]string) {
	x.Helper()
	client := x.client(b, kgo.DisableIdempotentWrite(), kgo.ProducerBatchCompression(kgo.NoCompression()))
	admin := kadm.NewClient(client)
	// Retention comes first: a compacted segment has old and new records, and is as young as its youngest.
	x.alter(admin, "aged", "retention.ms", "3600000")
	for deadline := time.Now().Add(time.Minute); x.startOf(admin, "aged") == 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			x.Fatal("old records stay")
		}
	}
	for topic := range compactedTopics {
		x.alter(admin, topic, "min.cleanable.dirty.ratio", "0.0001")
	}
	passes = append(passes, x.awaitCompacted(dir))
	for topic := range compactedTopics {
		// How often a log is cleaned decides what goes, so nothing is cleaned before all is written.
		x.alter(admin, topic, "min.cleanable.dirty.ratio", "1.0")
		for i, key := range []string{"a", "tick", "-c", "tick"} {
			r := &kgo.Record{Topic: topic, Key: []byte(strings.TrimPrefix(key, "-")), Timestamp: time.Now().Add(time.Duration(i) * 2 * time.Second)}
			if key[0] != '-' {
				r.Value = fmt.Appendf(nil, "later %d", i)
			}
			if err := client.ProduceSync(x.ctx, r).FirstErr(); err != nil {
				x.Fatal(err)
			}
		}
		x.alter(admin, topic, "min.cleanable.dirty.ratio", "0.0001")
	}
	passes = append(passes, x.awaitCompacted(dir))
	client.Close()
	if err := b.Stop(); err != nil {
		x.Fatal(err)
	}
	return passes
}

func (x *takeover) alter(admin *kadm.Client, topic, key, value string) {
	x.Helper()
	responses, err := admin.AlterTopicConfigs(x.ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: key, Value: &value}}, topic)
	if err != nil || responses[0].Err != nil {
		x.Fatal(responses, err)
	}
}

func (x *takeover) startOf(admin *kadm.Client, topic string) int64 {
	x.Helper()
	starts, err := admin.ListStartOffsets(x.ctx, topic)
	if err = errors.Join(err, starts.Error()); err != nil {
		x.Fatal(err)
	}
	start, _ := starts.Lookup(topic, 0)
	return start.Offset
}

// awaitCompacted waits until every topic is compacted up to its active segment. It returns what is left.
func (x *takeover) awaitCompacted(dir string) map[string]string {
	x.Helper()
	left := map[string]string{}
	for topic := range compactedTopics {
		segments := func() []string {
			paths, err := filepath.Glob(filepath.Join(dir, topic+"-0", "*.log"))
			if err != nil || len(paths) == 0 {
				x.Fatalf("segments of %s: %v, %v", topic, paths, err)
			}
			slices.Sort(paths)
			return paths
		}
		done := func() bool {
			paths := segments()
			var active int64
			if _, err := fmt.Sscanf(filepath.Base(paths[len(paths)-1]), "%d.log", &active); err != nil {
				x.Fatal(err)
			}
			checkpoint, err := os.ReadFile(filepath.Join(dir, "cleaner-offset-checkpoint"))
			return err == nil && strings.Contains(string(checkpoint), fmt.Sprintf("\n%s 0 %d\n", topic, active))
		}
		for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(50 * time.Millisecond) {
			if time.Now().After(deadline) {
				x.Fatalf("%s is not compacted", topic)
			}
		}
		left[topic] = x.dumped(segments())
	}
	return left
}

// varying is what may differ in a dump: where a batch is, its checksum, when its tombstones go, who led, and what a later pass of the test stamps.
var varying = regexp.MustCompile(`( position: \d+| crc: \d+|deleteHorizonMs: (OptionalLong\[\d+\]|\d+)| partitionLeaderEpoch: \d+|(CreateTime|LogAppendTime): -?\d+)`)

// horizonSize is the size of a batch with a delete horizon: its timestamps count from there, and so have more digits the later it was cleaned.
var horizonSize = regexp.MustCompile(`(deleteHorizonMs: some.*) size: \d+`)

// dumped is what clatter dump tells of segments.
func (x *takeover) dumped(paths []string) string {
	x.Helper()
	binary, err := launch.ClatterBinary()
	if err != nil {
		x.Fatal(err)
	}
	var b strings.Builder
	for _, path := range paths {
		out, err := exec.CommandContext(x.ctx, binary, "dump", "--print-data-log", path).Output()
		if err != nil {
			x.Fatalf("dump of %s: %v", path, err)
		}
		for line := range strings.Lines(string(out)) {
			if strings.HasPrefix(line, "Dumping ") {
				line = "Dumping " + filepath.Base(path) + "\n"
			}
			line = varying.ReplaceAllStringFunc(line, func(s string) string {
				name, value, _ := strings.Cut(s, ":")
				if strings.Contains(value, "[") {
					return name + ": some"
				}
				return name
			})
			b.WriteString(horizonSize.ReplaceAllString(line, "$1"))
		}
	}
	return b.String()
}

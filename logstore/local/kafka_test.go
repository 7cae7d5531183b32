package local

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/logstoretest"
	"github.com/clatterhq/clatter/logstore/producer"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire/record"
)

// kafkaDisk is a disk with the log directory of an Apache Kafka 4.4.0: a topic with transactions, some of them
// aborted and one open, and one whose metadata is missing.
func kafkaDisk(t *testing.T) *vfs.Memory {
	t.Helper()
	root := filepath.Join("format", "testdata", "kafka-4.4")
	disk := vfs.NewMemory()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return disk.MkdirAll(filepath.ToSlash(name))
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return writeFile(disk, filepath.ToSlash(name), content)
	})
	if err != nil {
		t.Fatal(err)
	}
	return disk
}

func content(t *testing.T, disk vfs.FS, path string) []byte {
	t.Helper()
	p, err := format.ReadAll(disk, path, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const (
	kafkaSegment = "transactions-0/00000000000000000000.log"
	kafkaTxn     = "transactions-0/00000000000000000000.txnindex"
)

// openKafka opens the disk as node 1, with both topics.
func openKafka(t *testing.T, disk vfs.FS) (s *Store, transactions, plain logstore.Partition) {
	t.Helper()
	s, err := Open(context.Background(), Options{Dirs: []vfs.FS{disk}, NodeID: 1, ClusterID: "MkU3OEVBNTcwNTJENDM2Qk", Log: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	id, err := format.DecodePartitionMetadata(content(t, disk, "transactions-0/partition.metadata"))
	if err != nil {
		t.Fatal(err)
	}
	config := logstoretest.Config()
	config.IndexIntervalBytes = 200
	topics := []logstore.TopicPartitions{
		{ID: logstore.TopicID(id), Topic: "transactions", Partitions: 1, Config: config},
		{ID: logstore.TopicID{7}, Topic: "plain", Partitions: 1, Config: config},
	}
	if err := s.Create(topics...); err != nil {
		t.Fatal(err)
	}
	if transactions, err = s.Partition(topics[0].ID, 0); err != nil {
		t.Fatal(err)
	}
	if plain, err = s.Partition(topics[1].ID, 0); err != nil {
		t.Fatal(err)
	}
	return s, transactions, plain
}

// readRun reads everything from an offset on that one read may return.
func readRun(t *testing.T, p logstore.Partition, offset int64, isolation logstore.Isolation) ([]byte, []logstore.AbortedTransaction) {
	t.Helper()
	fetched, err := p.Read(offset, logstore.ReadOptions{MaxBytes: 1 << 20, Isolation: isolation})
	if err != nil {
		t.Fatal(err)
	}
	if fetched.Records == nil {
		return nil, fetched.Aborted
	}
	defer fetched.Records.Release()
	var b bytes.Buffer
	if _, err := fetched.Records.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), fetched.Aborted
}

// TestOpensDirectoryOfApacheKafka opens what Kafka left, after a clean stop or not, and with side files missing.
func TestOpensDirectoryOfApacheKafka(t *testing.T) {
	grow := func(t *testing.T, disk *vfs.Memory, name string, size int64) {
		t.Helper()
		f, err := disk.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := f.Truncate(size); err != nil {
			t.Fatal(err)
		}
	}
	remove := func(t *testing.T, disk *vfs.Memory, names ...string) {
		t.Helper()
		for _, name := range names {
			if err := disk.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		name   string
		change func(t *testing.T, disk *vfs.Memory)
	}{
		{"clean stop", func(t *testing.T, disk *vfs.Memory) {
			t.Helper()
			if err := writeFile(disk, kafkaCleanFile, []byte(`{"version":0,"brokerEpoch":49}`)); err != nil {
				t.Fatal(err)
			}
		}},
		{"killed, with preallocated indexes", func(t *testing.T, disk *vfs.Memory) {
			t.Helper()
			grow(t, disk, "transactions-0/00000000000000000000.index", 1<<20)
			grow(t, disk, "transactions-0/00000000000000000000.timeindex", 1<<20)
			remove(t, disk, format.RecoveryPointFile)
		}},
		{"preallocated segment", func(t *testing.T, disk *vfs.Memory) {
			t.Helper()
			grow(t, disk, kafkaSegment, 100_000)
		}},
		{"torn tail", func(t *testing.T, disk *vfs.Memory) {
			t.Helper()
			log := content(t, disk, kafkaSegment)
			if err := writeFile(disk, kafkaSegment, append(log, log[:200]...)); err != nil {
				t.Fatal(err)
			}
		}},
		{"without side files", func(t *testing.T, disk *vfs.Memory) {
			t.Helper()
			remove(t, disk, format.RecoveryPointFile, format.LogStartOffsetFile, kafkaTxn, "transactions-0/00000000000000000081.snapshot",
				"transactions-0/00000000000000000000.index", "transactions-0/00000000000000000000.timeindex",
				"transactions-0/leader-epoch-checkpoint")
		}},
		{"damaged side files", func(t *testing.T, disk *vfs.Memory) {
			t.Helper()
			for _, name := range []string{
				format.RecoveryPointFile, format.LogStartOffsetFile, kafkaTxn, "transactions-0/00000000000000000081.snapshot",
				"transactions-0/00000000000000000000.index", "transactions-0/00000000000000000000.timeindex",
				"transactions-0/leader-epoch-checkpoint",
			} {
				p := content(t, disk, name)
				for i := range p {
					p[i] ^= 0x41
				}
				if err := writeFile(disk, name, p); err != nil {
					t.Fatal(err)
				}
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			original := kafkaDisk(t)
			disk := kafkaDisk(t)
			c.change(t, disk)
			s, transactions, plain := openKafka(t, disk)
			checkKafka(t, original, transactions, plain)
			logAppend(t, plain, logstoretest.Batch{}.Build(t))
			if err := s.Close(context.Background()); err != nil {
				t.Fatal(err)
			}
			s, transactions, plain = openKafka(t, disk)
			checkKafka(t, original, transactions, plain)
			if o := plain.Offsets(); o.LogEndOffset != 101 {
				t.Errorf("plain after an append and a restart: %+v", o)
			}
			if err := s.Close(context.Background()); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// checkKafka compares both logs with the files of Kafka.
func checkKafka(t *testing.T, original vfs.FS, transactions, plain logstore.Partition) {
	t.Helper()
	want := content(t, original, kafkaSegment)
	if got, aborted := readRun(t, transactions, 0, logstore.ReadUncommitted); !bytes.Equal(got, want) || aborted != nil {
		t.Errorf("%d bytes, want %d; aborted %v", len(got), len(want), aborted)
	}
	var table producer.Table
	if err := table.LoadSnapshot(content(t, original, "transactions-0/00000000000000000081.snapshot"), 0, 1<<62); err != nil {
		t.Fatal(err)
	}
	stable := table.LastStableOffset(0, 81)
	o := transactions.Offsets()
	if o.HighWatermark != 81 || o.LogEndOffset != 81 || o.LastStableOffset != stable || stable == 81 {
		t.Errorf("%+v, want last stable offset %d", o, stable)
	}
	if got := transactions.Producers(); !slices.Equal(got, table.States()) {
		t.Errorf("producers %+v, want %+v", got, table.States())
	}
	entries, err := producer.DecodeTxnIndex(content(t, original, kafkaTxn), 0)
	if err != nil || len(entries) == 0 {
		t.Fatal(err)
	}
	for at := range stable {
		got, aborted := readRun(t, transactions, at, logstore.ReadCommitted)
		var end int64
		for rest := got; len(rest) > 0; {
			b, err := record.First(rest)
			if err != nil {
				t.Fatal(err)
			}
			rest, end = rest[len(b):], b.NextOffset()
		}
		if end != stable {
			t.Errorf("read of committed records from %d ends at %d, want %d", at, end, stable)
		}
		wantAborted, _ := producer.CollectAborted(nil, entries, at, stable)
		producer.SortAborted(wantAborted)
		if !slices.Equal(aborted, wantAborted) {
			t.Errorf("read from %d: aborted %+v, want %+v", at, aborted, wantAborted)
		}
	}
	if got, _ := readRun(t, transactions, stable, logstore.ReadCommitted); got != nil {
		t.Errorf("read of committed records at the last stable offset: %d bytes", len(got))
	}
	want = content(t, original, "plain-0/00000000000000000000.log")
	if got, _ := readRun(t, plain, 0, logstore.ReadUncommitted); !bytes.HasPrefix(got, want) {
		t.Errorf("plain: %d bytes, want %d", len(got), len(want))
	}
	if epoch, end := transactions.EpochEnd(0); epoch != 0 || end != 81 {
		t.Errorf("epoch 0 ends at %d, %d", epoch, end)
	}
}

// TestKafkaMayRunInBetween has another program append to a log after our clean stop: batches with the gaps of a compaction, and a log that we
// know nothing of. Whether it was stopped cleanly or not, all of it is there, and later deletions of it count.
func TestKafkaMayRunInBetween(t *testing.T) {
	for _, cleanly := range []bool{true, false} {
		disk := vfs.NewMemory()
		f := newFixture(t, on(disk), 2, logstoretest.Config())
		logAppend(t, f.log(0), logstoretest.Batch{Records: 10}.Build(t))
		f.close()
		appendForeign(t, disk, "t-0/"+fileName(0, logSuffix), 10, 20, 50, 51)
		if err := disk.MkdirAll("t-1"); err != nil {
			t.Fatal(err)
		}
		if err := writeFile(disk, "t-1/partition.metadata", format.AppendPartitionMetadata(nil, format.UUID(f.topic.ID))); err != nil {
			t.Fatal(err)
		}
		appendForeign(t, disk, "t-1/"+fileName(0, logSuffix), 3, 30, 31)
		start := int64(0)
		if cleanly {
			start = 12
			if err := writeFile(disk, kafkaCleanFile, []byte(`{"version":0,"brokerEpoch":49}`)); err != nil {
				t.Fatal(err)
			}
			if err := writeFile(disk, format.LogStartOffsetFile, format.AppendOffsets(nil, []format.PartitionOffset{{Topic: "t", Partition: 0, Offset: start}})); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			f = newFixture(t, on(disk), 2, logstoretest.Config())
			if got := logAppend(t, f.log(0), logstoretest.Batch{}.Build(t)); got.BaseOffset < 52 || got.LogStartOffset != start {
				t.Errorf("clean %t: %+v", cleanly, got)
			}
			got, _ := readRun(t, f.log(0), 12, logstore.ReadUncommitted)
			var bases []int64
			for _, b := range split(t, got)[:3] {
				bases = append(bases, b.BaseOffset())
			}
			if !slices.Equal(bases, []int64{20, 50, 51}) {
				t.Errorf("clean %t: batches at %v", cleanly, bases)
			}
			if got := logAppend(t, f.log(1), logstoretest.Batch{}.Build(t)); got.BaseOffset < 32 {
				t.Errorf("clean %t: unknown log: %+v", cleanly, got)
			}
			f.close()
		}
	}
}

// appendForeign appends batches of one record with the given offsets to a segment.
func appendForeign(t *testing.T, disk vfs.FS, path string, offsets ...int64) {
	t.Helper()
	file, err := openOrCreate(disk, path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, offset := range offsets {
		batch := logstoretest.Batch{Records: 1}.Build(t)
		batch.SetBaseOffset(offset)
		size, err := file.Size()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.WriteAt(batch, size); err != nil {
			t.Fatal(err)
		}
	}
}

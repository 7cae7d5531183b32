package local

import (
	"bytes"
	"context"
	"testing"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/logstoretest"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire/record"
)

// maxFuzzedBytes bounds what one run has to recover.
const maxFuzzedBytes = 64 << 10

// fuzzedTopic is the topic whose folder is made of the fuzzer's bytes.
func fuzzedTopic() logstore.TopicPartitions {
	return logstore.TopicPartitions{ID: logstore.TopicID{0xf, 1}, Topic: "t", Partitions: 1, Config: logstoretest.Config()}
}

// fuzzedSegment is a segment of n batches, one of them of a producer.
func fuzzedSegment(tb testing.TB, n int) []byte {
	tb.Helper()
	var content []byte
	next := int64(0)
	for i := range n {
		b := logstoretest.Batch{Records: 1 + i%3, Size: 20, Tag: i, Timestamp: 1000 + 10*int64(i), Codec: record.Codec(i % 5)}
		if i == 1 {
			b.ProducerID = 9
		}
		batch := b.Build(tb)
		batch.SetBaseOffset(next)
		batch.SetPartitionLeaderEpoch(0)
		content, next = append(content, batch...), batch.NextOffset()
	}
	return content
}

// fuzzedPrefix are the batches at the beginning of a segment that nobody may lose: whole, and one behind the other.
func fuzzedPrefix(content []byte) (batches []record.Batch, size int) {
	next := int64(0)
	for {
		batch, err := record.First(content[size:])
		if err != nil || batch.BaseOffset() != next || batch.LastOffset() > 1<<31-1 || batch.LastOffsetDelta() < 0 || batch.VerifyCRC() != nil {
			return batches, size
		}
		batches, next, size = append(batches, batch), batch.NextOffset(), size+len(batch)
	}
}

// fuzzedDisk is a log directory after a kill: one folder with a segment and the caches beside it. A durable end below 0 is
// one that nobody knows, as in a directory of an old Kafka.
func fuzzedDisk(tb testing.TB, durableEnd int64, segment []byte, caches map[string][]byte) *vfs.Memory {
	tb.Helper()
	disk, topic := vfs.NewMemory(), fuzzedTopic()
	put := func(name string, content []byte) {
		if err := writeFile(disk, name, content); err != nil {
			tb.Fatal(err)
		}
	}
	if err := disk.MkdirAll("t-0"); err != nil {
		tb.Fatal(err)
	}
	put("t-0/"+format.PartitionMetadataFile, format.AppendPartitionMetadata(nil, format.UUID(topic.ID)))
	put("t-0/"+fileName(0, logSuffix), segment)
	for name, content := range caches {
		put("t-0/"+name, content)
	}
	if durableEnd >= 0 {
		kept := format.Kept{TopicID: topic.ID, DurableEnd: durableEnd}
		offsets := append(format.OffsetsHeader(), make([]byte, format.SlotSize)...)
		slot := kept.Encode(1)
		copy(offsets[format.SlotCopyAt(0, 1):], slot[:])
		put(format.OffsetsFile, offsets)
	}
	return disk
}

// FuzzSegmentRecover recovers a folder of arbitrary bytes. Whatever the segment and the caches beside it hold, the store
// opens, batches that are valid up to the first damage are where they were and can be read, and a log that takes
// writes takes them behind its end.
func FuzzSegmentRecover(f *testing.F) {
	whole := fuzzedSegment(f, 5)
	_, second := fuzzedPrefix(whole[:len(whole)/2])
	flipped := bytes.Clone(whole)
	flipped[second+70] ^= 1
	none := []byte(nil)
	f.Add(int64(-1), whole, none, none, none, none, none)
	f.Add(int64(0), whole[:len(whole)-7], none, none, none, none, none)
	f.Add(int64(1), flipped, none, none, none, none, none)
	f.Add(int64(0), flipped, none, none, none, none, none)
	f.Add(int64(-1), flipped, none, none, none, none, none)
	f.Add(int64(100), whole, none, none, none, none, none)
	f.Add(int64(2), append(bytes.Clone(whole), make([]byte, 300)...), bytes.Repeat([]byte{0, 0, 1, 0}, 8), bytes.Repeat([]byte{0, 0, 1}, 12), bytes.Repeat([]byte{1}, 34), []byte{0, 1}, []byte("0\n1\n0 0\n"))
	f.Fuzz(func(t *testing.T, durableEnd int64, segment, index, timeIndex, txnIndex, snapshot, epochs []byte) {
		if len(segment) > maxFuzzedBytes {
			t.Skip()
		}
		caches := map[string][]byte{
			fileName(0, indexSuffix): index, fileName(0, timeIndexSuffix): timeIndex, fileName(0, txnIndexSuffix): txnIndex,
			fileName(1, snapshotSuffix): snapshot, format.LeaderEpochFile: epochs,
		}
		for name, content := range caches {
			if len(content) == 0 {
				delete(caches, name)
			}
		}
		disk := fuzzedDisk(t, durableEnd, segment, caches)
		s := openStore(t, disk)
		defer s.Close(context.Background())
		topic := fuzzedTopic()
		if err := s.Create(topic); err != nil {
			t.Fatal(err)
		}
		p, err := s.Partition(topic.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		batches, size := fuzzedPrefix(segment)
		fuzzedStays(t, disk, segment[:size])
		for _, want := range batches {
			fuzzedReads(t, p, want)
		}
		fuzzedAppends(t, p)
	})
}

// fuzzedStays checks that the bytes are still the beginning of the segment.
func fuzzedStays(t *testing.T, disk vfs.FS, prefix []byte) {
	t.Helper()
	if len(prefix) == 0 {
		return
	}
	content, err := format.ReadAll(disk, "t-0/"+fileName(0, logSuffix), 2*maxFuzzedBytes)
	if err != nil || !bytes.HasPrefix(content, prefix) {
		t.Fatalf("%d valid bytes became %d: %v", len(prefix), len(content), err)
	}
}

// fuzzedReads checks that a batch is read where it was.
func fuzzedReads(t *testing.T, p logstore.Partition, want record.Batch) {
	t.Helper()
	fetched, err := p.Read(want.BaseOffset(), logstore.ReadOptions{MaxBytes: 1, AtLeast1: true})
	if err != nil || fetched.Records == nil {
		t.Fatalf("batch at %d of a log from %+v: %v", want.BaseOffset(), fetched.Offsets, err)
	}
	defer fetched.Records.Release()
	var got bytes.Buffer
	if _, err := fetched.Records.WriteTo(&got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Fatalf("read at %d: %d bytes, want %d", want.BaseOffset(), got.Len(), len(want))
	}
}

// fuzzedAppends appends a batch, which goes behind the end or is refused because the log is damaged.
func fuzzedAppends(t *testing.T, p logstore.Partition) {
	t.Helper()
	before := p.Offsets()
	batch := logstoretest.Batch{Timestamp: 1}.Build(t)
	ticket, err := p.Append(batch, logstore.AppendOptions{Now: 1})
	if err != nil {
		return
	}
	got, err := ticket.Wait(context.Background())
	if err != nil || got.BaseOffset != before.LogEndOffset {
		t.Fatalf("appended at %d to a log from %+v: %v", got.BaseOffset, before, err)
	}
	fuzzedReads(t, p, batch)
}

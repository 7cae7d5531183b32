package local

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/logstoretest"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire/record"
)

// validPrefix is what recovery must keep of a segment at offset 0: the batches before the first one that is wrong.
func validPrefix(p []byte) (batches []record.Batch) {
	next := int64(0)
	for len(p) > 0 {
		b, err := record.First(p)
		if err != nil || len(b) < record.HeaderSize || b.VerifyCRC() != nil || b.LastOffsetDelta() < 0 ||
			b.BaseOffset() < next || b.LastOffset() > maxRelativeOffset {
			return batches
		}
		batches, p, next = append(batches, b), p[len(b):], b.NextOffset()
	}
	return batches
}

// seal gives the batches checksums that fit, so that what is behind the check is reached.
func seal(p []byte) []byte {
	for rest := p; len(rest) > 0; {
		b, err := record.First(rest)
		if err != nil || len(b) < record.HeaderSize {
			break
		}
		binary.BigEndian.PutUint32(b[17:], b.ComputeCRC())
		rest = rest[len(b):]
	}
	return p
}

// FuzzSegmentRecover gives recovery a segment and side files of any content: it never panics, keeps every valid batch
// before the first damage, serves nothing else in their place, and comes to the same result when it is repeated.
func FuzzSegmentRecover(f *testing.F) {
	var segment []byte
	for i := range 4 {
		b := record.NewBuilder()
		b.BaseOffset = int64(2 * i)
		b.Codec = record.Codec(i)
		b.ProducerID, b.ProducerEpoch, b.BaseSequence = 5, 0, int32(2*i)
		b.Append(1000, nil, bytes.Repeat([]byte{byte(i)}, 30))
		b.Append(1001, nil, nil)
		batch, err := b.Build(nil)
		if err != nil {
			f.Fatal(err)
		}
		segment = append(segment, batch...)
	}
	index := format.OffsetEntry{Offset: 3, Position: int32(len(segment) / 2)}.AppendTo(nil, 0)
	f.Add(segment, index, []byte(nil), int64(-1), false)
	f.Add(segment[:len(segment)-5], index, []byte("0\n1\n0 0\n"), int64(4), true)
	f.Add(append(bytes.Clone(segment), make([]byte, 200)...), []byte(nil), []byte(nil), int64(0), false)
	f.Add(append(make([]byte, 100), segment...), index, []byte("x"), int64(8), true)
	f.Add(append(segment[:100:100], segment...), index, []byte(nil), int64(100), true)
	f.Fuzz(func(t *testing.T, segment, side, epochs []byte, durable int64, sealed bool) {
		if len(segment)+len(side)+len(epochs) > 1<<16 {
			return
		}
		if sealed {
			segment = seal(bytes.Clone(segment))
		}
		disk := fuzzDisk(t, segment, side, epochs, durable)
		want := validPrefix(segment)
		var end logstore.Offsets
		for round := range 2 {
			s := openStore(t, disk)
			topic := logstore.TopicPartitions{ID: logstore.TopicID{1}, Topic: "t", Partitions: 1, Config: logstoretest.Config()}
			p := create(t, s, topic)[0]
			checkPrefix(t, p, want)
			p.Producers()
			_, _, _ = p.OffsetForTime(1001, logstore.ReadUncommitted)
			_, _, _ = p.MaxTimestamp()
			o := p.Offsets()
			o.LeaderEpoch = 0
			if round == 1 && o != end {
				t.Fatalf("recovered again: %+v, then %+v", end, o)
			}
			end = o
			if round == 1 {
				if ticket, err := p.Append(logstoretest.Batch{}.Build(t), logstore.AppendOptions{}); err == nil {
					if ticket.Result.BaseOffset != end.LogEndOffset {
						t.Fatalf("appended at %d to a log that ends at %d", ticket.Result.BaseOffset, end.LogEndOffset)
					}
				} else if !errors.Is(err, logstore.ErrOffline) {
					t.Fatal(err)
				}
			}
			if err := s.Close(context.Background()); err != nil {
				t.Fatal(err)
			}
			if err := disk.Remove(format.CleanShutdownFile); err != nil && round == 0 {
				continue // damaged: there is no marker
			}
		}
	})
}

// fuzzDisk is a directory with one log, t-0.
func fuzzDisk(t *testing.T, segment, side, epochs []byte, durable int64) *vfs.Memory {
	t.Helper()
	disk := vfs.NewMemory()
	meta := format.MetaProperties{ClusterID: "test", NodeID: 1, DirectoryID: format.UUID{1}}
	files := map[string][]byte{
		format.MetaPropertiesFile:               meta.AppendTo(nil),
		"t-0/" + format.PartitionMetadataFile:   format.AppendPartitionMetadata(nil, format.UUID{1}),
		"t-0/" + fileName(0, logSuffix):         segment,
		"t-0/" + fileName(0, indexSuffix):       side,
		"t-0/" + fileName(0, timeIndexSuffix):   side,
		"t-0/" + fileName(0, txnIndexSuffix):    side,
		"t-0/" + fileName(2, snapshotSuffix):    side,
		"t-0/" + format.LeaderEpochFile:         epochs,
		format.LogStartOffsetFile:               epochs,
		"t-0/00000000000000000000.log.7" + ".x": side,
	}
	if durable >= 0 {
		k := format.Kept{TopicID: logstore.TopicID{1}, DurableEnd: durable}
		slot := k.Encode(1)
		files[format.OffsetsFile] = append(append(format.OffsetsHeader(), make([]byte, format.SlotCopySize)...), slot[:]...)
	}
	if err := disk.MkdirAll("t-0"); err != nil {
		t.Fatal(err)
	}
	for name, p := range files {
		if err := writeFile(disk, name, p); err != nil {
			t.Fatal(err)
		}
	}
	return disk
}

// checkPrefix reads the batches that must be there.
func checkPrefix(t *testing.T, p logstore.Partition, want []record.Batch) {
	t.Helper()
	for _, b := range want {
		fetched, err := p.Read(b.BaseOffset(), logstore.ReadOptions{MaxBytes: 1, AtLeast1: true})
		if err != nil || fetched.Records == nil {
			t.Fatalf("batch at %d of %d valid ones: %v, %+v", b.BaseOffset(), len(want), err, fetched.Offsets)
		}
		var got bytes.Buffer
		_, err = fetched.Records.WriteTo(io.Writer(&got))
		fetched.Records.Release()
		if err != nil || !bytes.Equal(got.Bytes(), b) {
			t.Fatalf("batch at %d: %v, %x, want %x", b.BaseOffset(), err, got.Bytes(), b)
		}
	}
}

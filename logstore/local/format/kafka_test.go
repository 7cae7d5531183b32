package format_test

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/clatterhq/clatter/logstore/epoch"
	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/producer"
	"github.com/clatterhq/clatter/wire/record"
)

// testdata/kafka-4.4 is the log directory of an Apache Kafka 4.4.0 after a clean shutdown. Three
// transactional producers and an idempotent one wrote to transactions-0, several transactions were aborted, and
// one is open still; index.interval.bytes was 200.

func kafkaFile(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", "kafka-4.4", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// placed is a batch of a segment and where it begins.
type placed struct {
	record.Batch
	position int32
}

func batches(t *testing.T, segment []byte) []placed {
	t.Helper()
	var all []placed
	for at := 0; at < len(segment); {
		b, err := record.First(segment[at:])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, placed{b, int32(at)})
		at += b.Size()
	}
	return all
}

func TestReplayOfAKafkaLogGivesItsSnapshotAndTransactionIndex(t *testing.T) {
	var table producer.Table
	var txnIndex []byte
	end := int64(0)
	for _, b := range batches(t, kafkaFile(t, "transactions-0/00000000000000000000.log")) {
		info, err := producer.InfoOf(b.Batch)
		if err != nil {
			t.Fatal(err)
		}
		if done, ok := table.Update(info); ok && done.Aborted {
			txnIndex = done.Entry().AppendTo(txnIndex)
		}
		end = b.NextOffset()
	}
	if want := kafkaFile(t, "transactions-0/00000000000000000000.txnindex"); !bytes.Equal(txnIndex, want) {
		t.Errorf("transaction index:\ngot  %x\nwant %x", txnIndex, want)
	}
	name := "transactions-0/" + format.SegmentName(end, format.SnapshotSuffix)
	content := kafkaFile(t, name)
	// The CRC differs, because more than Kafka keeps may follow Kafka's part.
	const crcEnd = 6
	if got := table.AppendSnapshot(nil); len(got) < len(content) || !bytes.Equal(got[crcEnd:len(content)], content[crcEnd:]) {
		t.Errorf("snapshot:\ngot  %x\nwant %x", got, content)
	}
	var loaded producer.Table
	if err := loaded.LoadSnapshot(content, 0, math.MaxInt64); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(loaded.States(), table.States()) || !slices.Equal(loaded.OpenTransactions(), table.OpenTransactions()) {
		t.Errorf("loaded  %+v\nreplayed %+v", loaded.States(), table.States())
	}
	if len(table.OpenTransactions()) != 1 || table.LastStableOffset(0, end) != table.OpenTransactions()[0].FirstOffset {
		t.Errorf("open %v, last stable offset %d", table.OpenTransactions(), table.LastStableOffset(0, end))
	}
	entries, err := producer.DecodeTxnIndex(txnIndex, 0)
	if err != nil || len(entries) != 5 {
		t.Errorf("entries %+v, %v", entries, err)
	}
}

func TestIndexesOfKafkaAreRead(t *testing.T) {
	for _, folder := range []string{"transactions-0", "plain-0"} {
		segment := kafkaFile(t, folder+"/00000000000000000000.log")
		all := batches(t, segment)
		offsets := format.OffsetIndex(kafkaFile(t, folder+"/00000000000000000000.index"))
		if valid := offsets.Valid(0, int64(len(segment))); len(valid) != len(offsets) || len(valid) == 0 {
			t.Fatalf("%s: %d entries of %d bytes", folder, valid.Len(), len(offsets))
		}
		times := format.TimeIndex(kafkaFile(t, folder+"/00000000000000000000.timeindex"))
		if valid := times.Valid(0, all[len(all)-1].NextOffset()); len(valid) != len(times) || len(valid) == 0 {
			t.Fatalf("%s: %d entries of %d bytes", folder, valid.Len(), len(times))
		}
		var greatest format.TimeEntry
		for _, b := range all {
			if b.MaxTimestamp() > greatest.Timestamp {
				greatest = format.TimeEntry{Timestamp: b.MaxTimestamp(), Offset: b.LastOffset()}
			}
		}
		for i := range offsets.Len() {
			e := offsets.At(i, 0)
			if !slices.ContainsFunc(all, func(b placed) bool { return b.position == e.Position && b.LastOffset() == e.Offset }) {
				t.Errorf("%s: %+v is no batch", folder, e)
			}
		}
		if got := times.At(times.Len()-1, 0); got != greatest {
			t.Errorf("%s: last time %+v, want %+v", folder, got, greatest)
		}
	}
}

func TestCheckpointsAndMetadataOfKafkaAreRead(t *testing.T) {
	content := kafkaFile(t, "recovery-point-offset-checkpoint")
	offsets, err := format.DecodeOffsets(content)
	if err != nil || len(offsets) != 3 || !bytes.Equal(format.AppendOffsets(nil, offsets), content) {
		t.Errorf("recovery points %+v, %v", offsets, err)
	}
	for _, name := range []string{"log-start-offset-checkpoint", "cleaner-offset-checkpoint"} { // no entries; no bytes
		if offsets, err := format.DecodeOffsets(kafkaFile(t, name)); err != nil || len(offsets) != 0 {
			t.Errorf("%s: %+v, %v", name, offsets, err)
		}
	}
	content = kafkaFile(t, "transactions-0/leader-epoch-checkpoint")
	epochs, err := epoch.Decode(content)
	if err != nil || !slices.Equal(epochs.Entries(), []epoch.Entry{{LeaderEpoch: 0, StartOffset: 0}}) ||
		!bytes.Equal(epochs.AppendTo(nil), content) {
		t.Errorf("leader epochs %+v, %v", epochs, err)
	}
	content = kafkaFile(t, "transactions-0/partition.metadata")
	topicID, err := format.DecodePartitionMetadata(content)
	if err != nil || !bytes.Equal(format.AppendPartitionMetadata(nil, topicID), content) {
		t.Errorf("topic ID %v, %v", topicID, err)
	}
	meta, err := format.DecodeMetaProperties(kafkaFile(t, "meta.properties"))
	if err != nil || meta.ClusterID != "MkU3OEVBNTcwNTJENDM2Qk" || meta.NodeID != 1 || meta.DirectoryID.IsZero() {
		t.Errorf("meta properties %+v, %v", meta, err)
	}
}

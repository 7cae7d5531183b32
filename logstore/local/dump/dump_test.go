package dump

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/producer"
	"github.com/clatterhq/clatter/wire/record"
)

// write makes a file and returns its path.
func write(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// dumped prints a file.
func dumped(t *testing.T, path string, options Options) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := File(&out, path, options)
	return out.String(), err
}

// kafkas is a file that an Apache Kafka wrote.
func kafkas(path string) string { return filepath.Join("..", "format", "testdata", "kafka-4.4", path) }

// batch is a compressed batch of two records.
func batch(t *testing.T, baseOffset int64) []byte {
	t.Helper()
	b := record.NewBuilder()
	b.BaseOffset, b.ProducerID, b.ProducerEpoch, b.BaseSequence, b.Codec = baseOffset, 77, 3, 5, record.LZ4
	b.Append(1000, []byte("k"), []byte("one"), record.RecordHeader{Key: "h"})
	b.Append(1001, nil, []byte("two"))
	built, err := b.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	return built
}

func TestKafkasFilesArePrinted(t *testing.T) {
	for path, want := range map[string]string{
		"transactions-0/00000000000000000000.log":       "endTxnMarker: COMMIT",
		"transactions-0/00000000000000000000.txnindex":  "lastStableOffset: ",
		"transactions-0/00000000000000000081.snapshot":  "producerId: ",
		"transactions-0/00000000000000000000.timeindex": "offset: ",
		"transactions-0/leader-epoch-checkpoint":        "leaderEpoch: 0 startOffset: 0",
		"transactions-0/partition.metadata":             "topicId: ",
		"plain-0/00000000000000000000.log":              "baseOffset: 0 lastOffset: ",
		"plain-0/00000000000000000000.index":            "position: ",
		"meta.properties":                               "directoryId: ",
		"log-start-offset-checkpoint":                   "Dumping",
		"recovery-point-offset-checkpoint":              "plain-0: ",
	} {
		text, err := dumped(t, kafkas(path), Options{Data: true})
		if err != nil || !strings.Contains(text, want) {
			t.Errorf("%s: %v\n%s", path, err, text)
		}
		if strings.Contains(text, "isvalid: false") {
			t.Errorf("%s: a batch of Kafka's is called invalid", path)
		}
	}
}

func TestSegmentsArePrintedBatchByBatch(t *testing.T) {
	path := write(t, format.SegmentName(10, format.LogSuffix), append(append(batch(t, 10), batch(t, 12)...), make([]byte, 100)...))
	text, err := dumped(t, path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"baseOffset: 10 lastOffset: 11 count: 2 baseSequence: 5 lastSequence: 6 producerId: 77 producerEpoch: 3",
		"baseOffset: 12 lastOffset: 13", "compresscodec: lz4", "isvalid: true", "Found 100 invalid bytes at the end of 00000000000000000010.log",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "payload:") {
		t.Errorf("records are printed though nobody asked for them:\n%s", text)
	}
	text, err = dumped(t, path, Options{Data: true})
	if want := "| offset: 10 CreateTime: 1000 keySize: 1 valueSize: 3 sequence: 5 headerKeys: [h] key: k payload: one\n"; err != nil || !strings.Contains(text, want) {
		t.Errorf("%v: no %q in\n%s", err, want, text)
	}
	if want := "| offset: 13 CreateTime: 1001 keySize: -1 valueSize: 3 sequence: 6 headerKeys: [] payload: two\n"; !strings.Contains(text, want) {
		t.Errorf("no %q in\n%s", want, text)
	}
}

func TestWhatIsDamagedIsPrintedAsFarAsItGoes(t *testing.T) {
	good := batch(t, 0)
	flipped := batch(t, 2)
	flipped[len(flipped)-1] ^= 1
	text, err := dumped(t, write(t, format.SegmentName(0, format.LogSuffix), append(good, flipped...)), Options{Data: true})
	if err != nil || !strings.Contains(text, "isvalid: false") {
		t.Errorf("flipped bit: %v\n%s", err, text)
	}
	text, err = dumped(t, write(t, format.SegmentName(0, format.LogSuffix), append(good, flipped[:70]...)), Options{})
	if !errors.Is(err, record.ErrTruncated) || strings.Count(text, "baseOffset") != 1 {
		t.Errorf("torn batch: %v\n%s", err, text)
	}
	text, err = dumped(t, write(t, format.SegmentName(0, format.LogSuffix), append(good, flipped[:30]...)), Options{})
	if err == nil || strings.Count(text, "baseOffset") != 1 {
		t.Errorf("torn header: %v\n%s", err, text)
	}
	snapshot, err := os.ReadFile(kafkas("transactions-0/00000000000000000081.snapshot"))
	if err != nil {
		t.Fatal(err)
	}
	snapshot[20] ^= 1
	if _, err := dumped(t, write(t, format.SegmentName(81, format.SnapshotSuffix), snapshot), Options{}); !errors.Is(err, producer.ErrCorruptSnapshot) {
		t.Errorf("snapshot: %v", err)
	}
}

func TestOurOwnFilesArePrinted(t *testing.T) {
	id := format.UUID{1, 2, 3}
	marks := []format.PartitionMark{{TopicID: logstore.TopicID{9}, Partition: 4, LogEndOffset: 1234, Slot: 2, HasProducers: true}}
	marker := format.AppendShutdown(nil, id, marks)
	text, err := dumped(t, write(t, format.CleanShutdownFile, marker), Options{})
	if err != nil || !strings.Contains(text, "directoryId: "+id.String()) || !strings.Contains(text, "partition: 4 ") || !strings.Contains(text, "logEndOffset: 1234") {
		t.Errorf("marker: %v\n%s", err, text)
	}
	marker[len(marker)-1] ^= 1
	for _, damaged := range [][]byte{marker, marker[:5], nil} {
		if _, err := dumped(t, write(t, format.CleanShutdownFile, damaged), Options{}); err == nil {
			t.Errorf("a damaged marker of %d bytes is no error", len(damaged))
		}
	}
	kept := format.Kept{TopicID: logstore.TopicID{9}, Partition: 4, DurableEnd: 55}
	slot := kept.Encode(7)
	file := append(format.OffsetsHeader(), make([]byte, 2*format.SlotSize)...)
	copy(file[format.SlotCopyAt(1, 7):], slot[:])
	text, err = dumped(t, write(t, format.OffsetsFile, file), Options{})
	if err != nil || !strings.Contains(text, "slot: 1 ") || !strings.Contains(text, "durableEnd: 55") || strings.Contains(text, "slot: 0") {
		t.Errorf("offsets: %v\n%s", err, text)
	}
	for _, damaged := range [][]byte{file[:10], file[:len(file)-1], make([]byte, len(file))} {
		if _, err := dumped(t, write(t, format.OffsetsFile, damaged), Options{}); err == nil {
			t.Errorf("a damaged file of %d bytes is no error", len(damaged))
		}
	}
}

func TestOtherFilesAreRefused(t *testing.T) {
	folder := filepath.Join(t.TempDir(), format.SegmentName(0, format.LogSuffix))
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{write(t, "readme.txt", nil), folder} {
		if _, err := dumped(t, path, Options{}); !errors.Is(err, ErrUnknownFile) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, name := range []string{format.MetaPropertiesFile, "nowhere"} {
		if _, err := dumped(t, filepath.Join(t.TempDir(), name), Options{}); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("missing %s: %v", name, err)
		}
	}
}

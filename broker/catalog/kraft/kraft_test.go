package kraft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire/record"
)

func text(s string) []byte { return append(binary.AppendUvarint(nil, uint64(len(s))+1), s...) }

// message is the value of a record: frame, type, version, fields, no tags.
func message(kind byte, fields ...[]byte) []byte {
	value := []byte{frameVersion, kind, 0}
	for _, f := range fields {
		value = append(value, f...)
	}
	return append(value, 0)
}

func topicMessage(name string, id byte) []byte {
	return message(topicRecord, text(name), append(make([]byte, 15), id))
}

func partitionMessage(partition uint32, id byte) []byte {
	return message(partitionRecord, binary.BigEndian.AppendUint32(nil, partition), append(make([]byte, 15), id), []byte{1, 1, 1, 1})
}

func configMessage(resource byte, name, key, value string) []byte {
	return message(configRecord, []byte{resource}, text(name), text(key), text(value))
}

func batchOf(tb testing.TB, baseOffset int64, values ...[]byte) []byte {
	tb.Helper()
	b := record.NewBuilder()
	b.BaseOffset = baseOffset
	for _, v := range values {
		b.Append(1, nil, v)
	}
	built, err := b.Build(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return built
}

func file(batches ...[]byte) *fstest.MapFile {
	var f fstest.MapFile
	for _, b := range batches {
		f.Data = append(f.Data, b...)
	}
	return &f
}

func TestSnapshotAndLogBehindItAreRead(t *testing.T) {
	folder := fstest.MapFS{
		"00000000000000000000.log":                   file(batchOf(t, 0, topicMessage("forgotten", 9))),
		"00000000000000000002-0000000001.checkpoint": file(batchOf(t, 0, topicMessage("old", 1))),
		"00000000000000000010-0000000001.checkpoint": file(batchOf(t, 0,
			topicMessage("a", 1), partitionMessage(0, 1), partitionMessage(2, 1), partitionMessage(1, 1), topicMessage("b", 2), partitionMessage(0, 2),
			configMessage(topicResource, "a", "retention.ms", "5"), configMessage(topicResource, "a", "segment.ms", "7"), configMessage(brokerResource, "1", "x", "y"), configMessage(brokerResource, "", "x", "z"), configMessage(brokerResource, "1", "gone", "y"))),
		// Of this batch, offsets 8 and 9 are in the snapshot.
		"00000000000000000008.log": file(
			batchOf(t, 8, topicMessage("in the snapshot", 8), topicMessage("too", 7), message(topicRecord+50, []byte("unknown")), message(removeTopicRecord, append(make([]byte, 15), 2))),
			batchOf(t, 12, message(producerIDsRecord, make([]byte, 12), binary.BigEndian.AppendUint64(nil, 3000)), message(configRecord, []byte{topicResource}, text("a"), text("segment.ms"), []byte{0}),
				message(configRecord, []byte{brokerResource}, text("1"), text("gone"), []byte{0})),
			batchOf(t, 15, message(beginTransactionRecord), topicMessage("aborted", 3), message(abortTransactionRecord)),
			batchOf(t, 18, message(beginTransactionRecord), topicMessage("c", 4), partitionMessage(0, 4), message(endTransactionRecord), message(beginTransactionRecord), topicMessage("never", 5)),
			batchOf(t, 24, topicMessage("torn", 6))[:80]),
		"leader-epoch-checkpoint": file([]byte("0\n0\n")),
	}
	m, err := Read(folder)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("%v", &Metadata{NextProducerID: 3000, BrokerConfigs: []string{"x"}, Topics: []Topic{
		{Name: "a", ID: logstore.TopicID{15: 1}, Partitions: 3, Configs: map[string]string{"retention.ms": "5"}},
		{Name: "c", ID: logstore.TopicID{15: 4}, Partitions: 1},
	}})
	if got := fmt.Sprintf("%v", m); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestWhatIsNoMetadataLogIsRefused(t *testing.T) {
	whole := batchOf(t, 0, topicMessage("a", 1))
	damaged := batchOf(t, 0, topicMessage("a", 1))
	damaged[len(damaged)-1] ^= 1
	for name, test := range map[string]struct {
		folder fstest.MapFS
		want   error
	}{
		"empty":                  {fstest.MapFS{}, ErrNoMetadata},
		"other files":            {fstest.MapFS{"1.log": file(whole), "x.checkpoint": file(whole)}, ErrNoMetadata},
		"beginning is missing":   {fstest.MapFS{"00000000000000000005.log": file(whole)}, ErrMalformed},
		"damaged":                {fstest.MapFS{"00000000000000000000.log": file(damaged)}, ErrMalformed},
		"torn snapshot":          {fstest.MapFS{"00000000000000000002-0000000001.checkpoint": file(whole[:70])}, ErrMalformed},
		"short record":           {fstest.MapFS{"00000000000000000000.log": file(batchOf(t, 0, topicMessage("abc", 1)[:6]))}, ErrMalformed},
		"other frame":            {fstest.MapFS{"00000000000000000000.log": file(batchOf(t, 0, []byte{0, 2, 0}))}, ErrMalformed},
		"no value":               {fstest.MapFS{"00000000000000000000.log": file(batchOf(t, 0, nil))}, ErrMalformed},
		"partition of nothing":   {fstest.MapFS{"00000000000000000000.log": file(batchOf(t, 0, partitionMessage(0, 1)))}, ErrMalformed},
		"impossible partition":   {fstest.MapFS{"00000000000000000000.log": file(batchOf(t, 0, topicMessage("a", 1), partitionMessage(1<<31, 1)))}, ErrMalformed},
		"text longer than there": {fstest.MapFS{"00000000000000000000.log": file(batchOf(t, 0, message(topicRecord, binary.AppendUvarint(nil, 1<<40))))}, ErrMalformed},
	} {
		if _, err := Read(test.folder); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}

func FuzzReplay(f *testing.F) {
	for _, seed := range [][]byte{
		topicMessage("a", 1), partitionMessage(0, 1), configMessage(topicResource, "a", "k", "v"), message(producerIDsRecord, make([]byte, 20)),
		message(beginTransactionRecord), message(endTransactionRecord),
	} {
		f.Add(seed, topicMessage("b", 2))
	}
	f.Fuzz(func(_ *testing.T, first, second []byte) {
		r := newReplay()
		_ = r.apply(first)
		_ = r.apply(second)
		r.metadata()
	})
}

package txn

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"runtime"
	"testing"

	"github.com/clatterhq/clatter/coordinator"
)

func formatOf(version int16) Format { return Format{Version: func() int16 { return version }} }

// testMetadata is a transaction with something in each field.
func testMetadata() Metadata {
	return Metadata{
		ProducerID: 7, PreviousProducerID: 6, NextProducerID: 8, ProducerEpoch: 32767, LastProducerEpoch: 32766, TimeoutMs: 60_000,
		State: PrepareCommit, ClientVersion: 2, Partitions: partitionsOf([]TopicPartition{{"b", 1}, {"a", 3}, {"a", 0}}),
		LastUpdateMs: 1_700_000_000_001, StartMs: 1_700_000_000_000,
	}
}

// TestRecordsAreKafkas: bytes are what Kafka's generated code writes for the same values, but for the last tag.
func TestRecordsAreKafkas(t *testing.T) {
	const fields = "0000000000000007" + "7fff" + "0000ea60" + "02"
	const times = "0000018bcfe56801" + "0000018bcfe56800"
	for _, c := range []struct {
		version int16
		value   string
	}{
		{0, "0000" + fields + "00000002" + "000161" + "00000002" + "0000000000000003" + "000162" + "00000001" + "00000001" + times},
		{2, "0001" + fields + "03" + "0261" + "03" + "0000000000000003" + "00" + "0262" + "02" + "00000001" + "00" + times +
			"04" + "00080000000000000006" + "01080000000000000008" + "02020002" + "904e027ffe"},
	} {
		key, value := formatOf(c.version).Encode(nil, nil, Record{ID: "tx", Metadata: testMetadata()})
		if got := hex.EncodeToString(key); got != "000000027478" {
			t.Errorf("key %s", got)
		}
		if got := hex.EncodeToString(value); got != c.value {
			t.Errorf("version %d\n got %s\nwant %s", c.version, got, c.value)
		}
	}
}

func TestEmptyIDHasNoPartitions(t *testing.T) {
	m := begunMetadata(5, noProducerEpoch, 1000, 1)
	_, flat := formatOf(0).Encode(nil, nil, Record{ID: "tx", Metadata: m})
	_, flexible := formatOf(1).Encode(nil, nil, Record{ID: "tx", Metadata: m})
	if !bytes.Contains(flat, []byte{0, 0xff, 0xff, 0xff, 0xff}) || flexible[2+8+2+4+1] != 0 {
		t.Errorf("not null: %x %x", flat, flexible)
	}
}

func TestRecordsComeBack(t *testing.T) {
	full, flat := testMetadata(), testMetadata()
	flat.PreviousProducerID, flat.NextProducerID, flat.LastProducerEpoch, flat.ClientVersion = -1, -1, -1, 0
	for _, c := range []struct {
		version      int16
		record, want Record
	}{
		{0, Record{ID: "tx", Metadata: full}, Record{ID: "tx", Metadata: flat}},
		{1, Record{ID: "tx", Metadata: full}, Record{ID: "tx", Metadata: full}},
		{2, Record{ID: "tx", Metadata: full}, Record{ID: "tx", Metadata: full}},
		{2, Record{ID: "tx", Forgotten: true}, Record{ID: "tx", Forgotten: true}},
	} {
		key, value := formatOf(c.version).Encode(nil, nil, c.record)
		got, err := Format{}.Decode(key, value)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("version %d: %+v %v", c.version, got, err)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	key, value := formatOf(2).Encode(nil, nil, Record{ID: "tx", Metadata: testMetadata()})
	for _, c := range []struct {
		what       string
		key, value []byte
		err        error
	}{
		{"type", []byte{0, 1}, value, coordinator.ErrUnknownRecord},
		{"no type", []byte{0}, value, coordinator.ErrMalformed},
		{"short key", key[:3], value, coordinator.ErrMalformed},
		{"version", key, []byte{0, 2}, coordinator.ErrUnknownVersion},
		{"no version", key, []byte{}, coordinator.ErrMalformed},
		{"state", key, append(append([]byte{}, value[:16]...), append([]byte{8}, value[17:]...)...), coordinator.ErrMalformed},
	} {
		if _, err := (Format{}).Decode(c.key, c.value); !errors.Is(err, c.err) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
	for n := range value {
		if _, err := (Format{}).Decode(key, value[:n]); err == nil {
			t.Errorf("%d bytes of %d are taken for a record", n, len(value))
		}
	}
}

// FuzzDecode: whatever the log holds, it is read without a panic, in memory that its bytes bound, and what was read can be written and
// read again.
func FuzzDecode(f *testing.F) {
	for _, version := range []int16{0, 2} {
		key, value := formatOf(version).Encode(nil, nil, Record{ID: "tx", Metadata: testMetadata()})
		f.Add(key, value)
		key, value = formatOf(version).Encode(nil, nil, Record{ID: "tx", Metadata: begunMetadata(5, 3, 1000, 1)})
		f.Add(key, value)
	}
	f.Fuzz(func(t *testing.T, key, value []byte) {
		if len(key)+len(value) > 1<<16 {
			return
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r, err := Format{}.Decode(key, value)
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > uint64(64*(len(key)+len(value))+1<<16) {
			t.Errorf("%d bytes for %d", used, len(key)+len(value))
		}
		if err != nil || r.Forgotten {
			return
		}
		if r.Metadata.State == Empty {
			r.Metadata.Partitions = nil // What is empty has none.
		}
		key, value = formatOf(2).Encode(nil, nil, r)
		again, err := Format{}.Decode(key, value)
		if err != nil || !reflect.DeepEqual(r, again) {
			t.Errorf("%+v became %+v, %v", r.Metadata, again, err)
		}
	})
}

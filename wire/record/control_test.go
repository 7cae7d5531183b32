package record

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"testing"
)

func TestMarkersRoundTrip(t *testing.T) {
	for _, m := range []EndTransactionMarker{
		{ControlAbort, 0}, {ControlCommit, 1}, {ControlCommit, math.MaxInt32}, {ControlAbort, -1},
	} {
		b, err := NewMarkerBatch(m, 4711, 9, caseTime)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := b.Marker(); err != nil || got != m {
			t.Errorf("%+v came back as %+v, %v", m, got, err)
		}
		a := b.Attributes()
		if !a.IsControl() || !a.IsTransactional() || b.ProducerID() != 4711 || b.ProducerEpoch() != 9 || b.BaseSequence() != NoSequence || b.VerifyCRC() != nil {
			t.Errorf("%+v: header is %x", m, b[:HeaderSize])
		}
		builder := NewBuilder()
		builder.ProducerID, builder.ProducerEpoch, builder.Transactional, builder.Control = 4711, 9, true, true
		builder.Append(caseTime, m.AppendKey(nil), m.AppendValue(nil))
		if built, err := builder.Build(nil); err != nil || !bytes.Equal(built, b) {
			t.Errorf("%+v: %x, a builder makes %x, %v", m, b, built, err)
		}
	}
}

func TestMarkerBytes(t *testing.T) {
	// KIP-98: key is version 0 and type, value version 0 and coordinator epoch.
	m := EndTransactionMarker{ControlCommit, 0x01020304}
	if got := m.AppendKey(nil); !bytes.Equal(got, []byte{0, 0, 0, 1}) {
		t.Errorf("key %x", got)
	}
	if got := m.AppendValue(nil); !bytes.Equal(got, []byte{0, 0, 1, 2, 3, 4}) {
		t.Errorf("value %x", got)
	}
}

func TestControlKeysOfAllTypes(t *testing.T) {
	names := []string{"ABORT", "COMMIT", "LEADER_CHANGE", "SNAPSHOT_HEADER", "SNAPSHOT_FOOTER", "KRAFT_VERSION", "KRAFT_VOTERS"}
	for i, name := range names {
		got, err := ParseControlKey([]byte{0, 0, 0, byte(i)})
		if err != nil || got != ControlType(i) || got.String() != name {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for _, key := range [][]byte{{0, 0, 0, 7}, {0, 0, 0xff, 0xff}, {0, 9, 0x12, 0x34, 5, 6}} {
		if got, err := ParseControlKey(key); err != nil || got != ControlUnknown || got.String() != "UNKNOWN" {
			t.Errorf("%x: %v, %v", key, got, err)
		}
	}
}

func TestLaterVersionsOfMarkersAreRead(t *testing.T) {
	got, err := ParseEndTransactionMarker([]byte{0, 5, 0, 1, 9, 9}, []byte{0, 3, 0, 0, 0, 8, 1, 2, 3})
	if err != nil || got != (EndTransactionMarker{ControlCommit, 8}) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestInvalidMarkersAreRefused(t *testing.T) {
	key, value := []byte{0, 0, 0, 1}, []byte{0, 0, 0, 0, 0, 1}
	for name, kv := range map[string][2][]byte{
		"no key":                 {nil, value},
		"short key":              {key[:3], value},
		"negative key version":   {{0xff, 0xff, 0, 1}, value},
		"leader change":          {{0, 0, 0, 2}, value},
		"unknown type":           {{0, 0, 0, 99}, value},
		"no value":               {key, nil},
		"short value":            {key, value[:5]},
		"negative value version": {key, {0x80, 0, 0, 0, 0, 1}},
	} {
		if m, err := ParseEndTransactionMarker(kv[0], kv[1]); !errors.Is(err, ErrInvalidMarker) {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
	if _, err := NewMarkerBatch(EndTransactionMarker{Type: ControlLeaderChange}, 1, 1, 1); !errors.Is(err, ErrInvalidMarker) {
		t.Error(err)
	}
}

func TestMarkerOfOtherBatchesIsRefused(t *testing.T) {
	good, err := NewMarkerBatch(EndTransactionMarker{Type: ControlAbort}, 1, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func(b Batch){
		"no control":  func(b Batch) { put16(b, attributesAt, uint16(transactionalBit)) },
		"compressed":  func(b Batch) { put16(b, attributesAt, uint16(controlBit)|uint16(LZ4)) },
		"no records":  func(b Batch) { put32(b, countAt, 0) },
		"two records": func(b Batch) { b[HeaderSize] = 0xff },
	} {
		b := slices.Clone(good)
		damage(b)
		if m, err := b.Marker(); !errors.Is(err, ErrInvalidMarker) && !errors.Is(err, ErrInvalidRecord) {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
}

package format

import (
	"errors"
	"slices"
	"testing"
)

func TestSumsOfTransactionIndexes(t *testing.T) {
	content := []byte("an index")
	want := []TxnIndexSum{SumTxnIndex(0, content), SumTxnIndex(7, nil), SumTxnIndex(1<<40, content[:3])}
	encoded := AppendTxnIndexSums([]byte("x"), want)[1:]
	got, err := DecodeTxnIndexSums(encoded)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	for at := range encoded {
		flipped := slices.Clone(encoded)
		flipped[at] ^= 4
		if got, err := DecodeTxnIndexSums(flipped); err == nil {
			t.Fatalf("bit flipped in byte %d: %+v", at, got)
		}
		if _, err := DecodeTxnIndexSums(encoded[:at]); err == nil {
			t.Fatalf("%d bytes are read", at)
		}
	}
	if _, err := DecodeTxnIndexSums(AppendTxnIndexSums(nil, []TxnIndexSum{{BaseOffset: 3}, {BaseOffset: 3}})); !errors.Is(err, ErrCorruptMarker) {
		t.Errorf("two sums of a segment: %v", err)
	}
	if _, err := DecodeShutdown(encoded, UUID{}); !errors.Is(err, ErrCorruptMarker) {
		t.Errorf("as a clean-shutdown marker: %v", err)
	}
	if s := want[0]; !s.Fits(content) || !s.Fits([]byte("an index that grew")) || s.Fits([]byte("an inde")) || s.Fits([]byte("an Index")) || s.Fits(nil) {
		t.Error("a sum fits what it doesn't, or not what it does")
	}
}

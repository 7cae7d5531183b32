package record

import (
	"fmt"
	"iter"
)

// Records yields the records of the batch in order. An error ends it and comes with a zero
// Record. Records of an uncompressed batch are views of b; those of a compressed one are
// views of memory allocated for this iteration, at most limit bytes, that nobody reuses.
//
// Errors: [ErrInvalidRecord], [ErrUndecodable], [ErrUnknownCodec], [ErrDecompressedTooLarge].
func (b Batch) Records(limit int) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		payload, err := b.Decompressed(nil, limit)
		if err != nil {
			yield(Record{}, err)
			return
		}
		for r, err := range b.RecordsIn(payload) {
			if !yield(r, err) {
				return
			}
		}
	}
}

// Decompressed is the payload without compression: the one of b itself if it has none, else appended to
// dst. With [Batch.RecordsIn] it makes Records for callers that reuse their
// memory. Errors: as [Decompress].
func (b Batch) Decompressed(dst []byte, limit int) ([]byte, error) {
	codec := b.Attributes().Codec()
	if codec == None {
		return b.Payload(), nil
	}
	return Decompress(dst, codec, b.Payload(), limit)
}

// RecordsIn yields the records of the batch from its decompressed payload, as views of it.
// Offsets need not be consecutive: compaction leaves gaps. Errors: [ErrInvalidRecord].
func (b Batch) RecordsIn(payload []byte) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		count, at := b.Count(), 0
		if count < 0 {
			yield(Record{}, fmt.Errorf("%w: count of records is %d", ErrInvalidRecord, count))
			return
		}
		var r Record
		var f flaw
		for n := range count {
			if at, f = readRecord(payload, at, &r); f != flawNone {
				yield(Record{}, invalidRecord(n, f))
				return
			}
			if !yield(r, nil) {
				return
			}
		}
		if at != len(payload) {
			yield(Record{}, invalidRecord(count, flawTrailing))
		}
	}
}

func invalidRecord(index int32, f flaw) error {
	return fmt.Errorf("%w %d: %v", ErrInvalidRecord, index, f)
}

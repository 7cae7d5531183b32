package compaction

import (
	"fmt"

	"github.com/clatterhq/clatter/logstore/producer"
	"github.com/clatterhq/clatter/wire/record"
)

// Filter copies what stays of a log, batch by batch in the order of offsets.
type Filter struct {
	Map          *OffsetMap
	Transactions *Transactions
	// Producers are the last records of the live producers.
	Producers map[int64]producer.LastRecord
	// End is the offset behind everything that this cleaning may touch. The batch that ends there stays, so that the end of the
	// log can be read from it.
	End int64
	// Now is the time of the cleaning, DeleteRetentionMs how long tombstones and markers stay from it on; both ms.
	Now               int64
	DeleteRetentionMs int64
	// Limit bounds what one batch may become when it is decompressed, in bytes.
	Limit int
	Rest  Rest

	Stats Stats

	builder *record.Builder
	scratch []byte
	built   []byte
	keep    []bool
	keys    []keyHash
	last    []int64 // offsets of the keys of the batch
}

// Stats is what a filter has done.
type Stats struct {
	BatchesRead, BatchesKept int64
	RecordsRead, RecordsKept int64
	BytesRead, BytesKept     int64
	// Rewritten are the batches that stayed in part.
	Rewritten int64
	// Keyless are records without a key, which have no place in a compacted log and go.
	Keyless int64
}

// retention is what happens to a batch of which no record stays.
type retention uint8

const (
	dropEmpty retention = iota
	keepEmpty
)

// verdict is what is decided of a batch before its records are looked at.
type verdict struct {
	// discard says that no record stays.
	discard bool
	empty   retention
	// horizon says that the batch holds a marker that may go once a horizon has passed.
	horizon bool
}

// Append appends what stays of a batch to dst: the batch as it is, with some of its records, without any, or nothing. Its CRC
// was verified. Errors: those of [record.Batch.Records] and [record.Builder.Build]; nothing was appended then.
func (f *Filter) Append(dst []byte, b record.Batch) ([]byte, error) {
	before := len(dst)
	v, err := f.judge(b)
	if err != nil {
		return dst, fmt.Errorf("batch at offset %d: %w", b.BaseOffset(), err)
	}
	f.Stats.BatchesRead++
	f.Stats.BytesRead += int64(len(b))
	kept := 0
	if v.discard {
		f.Stats.RecordsRead += int64(max(b.Count(), 0))
	} else {
		if dst, kept, err = f.records(dst, b, v); err != nil {
			return dst[:before], fmt.Errorf("batch at offset %d: %w", b.BaseOffset(), err)
		}
	}
	if kept == 0 && v.empty == keepEmpty {
		dst = record.AppendEmpty(dst, b.Header())
	}
	if len(dst) > before {
		f.Stats.BatchesKept++
		f.Stats.BytesKept += int64(len(dst) - before)
	}
	f.Stats.RecordsKept += int64(kept)
	return dst, nil
}

// judge decides by the header and the transactions.
func (f *Filter) judge(b record.Batch) (v verdict, err error) {
	control := b.Attributes().IsControl()
	if control {
		empty, err := f.Transactions.marker(b)
		if err != nil {
			return v, err
		}
		horizon, set := b.DeleteHorizon()
		v.discard = empty && set && horizon <= f.Now
		v.horizon = empty
	} else {
		v.discard = f.Transactions.data(b)
	}
	if f.isLastOfProducer(b, control) || b.NextOffset() == f.End {
		v.empty = keepEmpty
	}
	return v, nil
}

// isLastOfProducer reports whether a batch is what the log must tell of its producer: the last data, with the sequence number that
// the next batch has to follow, or else a marker of the present epoch, which fences the older ones.
func (f *Filter) isLastOfProducer(b record.Batch, control bool) bool {
	if !b.HasProducerID() {
		return false
	}
	last, live := f.Producers[b.ProducerID()]
	switch {
	case !live:
		return false
	case last.LastOffset >= 0:
		return b.LastOffset() == last.LastOffset
	default:
		return control && b.ProducerEpoch() == last.ProducerEpoch
	}
}

// records appends the batch with the records that stay, and returns how many these are.
func (f *Filter) records(dst []byte, b record.Batch, v verdict) ([]byte, int, error) {
	payload, err := decompressed(b, &f.scratch, f.Limit)
	if err != nil {
		return dst, 0, err
	}
	f.keep = f.keep[:0]
	kept, tombstones := 0, false
	control := b.Attributes().IsControl()
	horizon, hasHorizon := b.DeleteHorizon()
	keepTombstones := !hasHorizon || f.Now < horizon
	if !control {
		if err := f.lookUp(b, payload); err != nil {
			return dst, 0, err
		}
	}
	for r, err := range b.RecordsIn(payload) {
		if err != nil {
			return dst, 0, err
		}
		stays := control || f.stays(b, &r, f.last[len(f.keep)], keepTombstones)
		f.keep = append(f.keep, stays)
		f.Rest.after(len(f.keep))
		if stays {
			kept++
			tombstones = tombstones || r.Value == nil
		}
	}
	f.Stats.RecordsRead += int64(len(f.keep))
	if kept == 0 {
		return dst, 0, nil
	}
	setHorizon := (tombstones || v.horizon) && !hasHorizon
	if kept == len(f.keep) && !setHorizon {
		return append(dst, b...), kept, nil
	}
	f.Stats.Rewritten++
	if setHorizon {
		horizon = horizonAfter(f.Now, f.DeleteRetentionMs)
	} else if !hasHorizon {
		horizon = record.NoTimestamp
	}
	dst, err = f.rebuild(dst, b, payload, horizon)
	return dst, kept, err
}

// lookUp finds the last offsets of the keys of a batch, hashing all of them first, as [Indexer] does.
func (f *Filter) lookUp(b record.Batch, payload []byte) error {
	f.keys, f.last = f.keys[:0], f.last[:0]
	for r, err := range b.RecordsIn(payload) {
		if err != nil {
			return err
		}
		f.keys = append(f.keys, hashOf(r.Key))
		f.Rest.after(len(f.keys))
	}
	for i := range f.keys {
		f.Rest.after(i)
		f.last = append(f.last, f.Map.offset(f.keys[i]))
	}
	return nil
}

// horizonAfter is a time in ms, at the end of time at the latest.
func horizonAfter(now, ms int64) int64 {
	if horizon := now + ms; horizon >= now {
		return horizon
	}
	return 1<<63 - 1
}

// stays decides about a record of data that wasn't aborted, whose key was last seen at an offset.
func (f *Filter) stays(b record.Batch, r *record.Record, last int64, keepTombstones bool) bool {
	offset := b.RecordOffset(*r)
	switch {
	case offset > f.Map.Latest():
		return true
	case r.Key == nil:
		f.Stats.Keyless++
		return false
	default:
		return (r.Value != nil || keepTombstones) && offset >= last
	}
}

// rebuild appends the batch with the records that stay. Its range of offsets, and with it that of the sequence numbers, is
// what it was, or the producer's next batch would seem to leave a gap.
func (f *Filter) rebuild(dst []byte, b record.Batch, payload []byte, horizon int64) ([]byte, error) {
	if f.builder == nil {
		f.builder = record.NewBuilder()
	}
	n, attributes := f.builder, b.Attributes()
	n.Codec, n.BaseOffset, n.PartitionLeaderEpoch = attributes.Codec(), b.BaseOffset(), b.PartitionLeaderEpoch()
	n.ProducerID, n.ProducerEpoch, n.BaseSequence = b.ProducerID(), b.ProducerEpoch(), b.BaseSequence()
	n.Transactional, n.Control = attributes.IsTransactional(), attributes.IsControl()
	n.LogAppendTime = record.NoTimestamp
	if attributes.TimestampType() == record.LogAppendTime {
		n.LogAppendTime = b.MaxTimestamp()
	}
	n.DeleteHorizon, n.LastOffset = horizon, b.LastOffset()
	i := 0
	for r, err := range b.RecordsIn(payload) {
		if err != nil {
			return dst, err
		}
		if f.keep[i] {
			n.AppendAt(b.RecordOffset(r), b.RecordTimestamp(r), r)
		}
		i++
		f.Rest.after(i)
	}
	built, err := n.Build(f.built[:0])
	if err != nil {
		return dst, err
	}
	f.built = built[:0]
	return append(dst, built...), nil
}

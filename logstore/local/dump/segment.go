package dump

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/clatterhq/clatter/wire/record"
)

// segment prints every batch of a segment, with its position in the file, as kafka-dump-log does.
func (p *printer) segment(r io.ReaderAt, size int64) error {
	p.printf("Log starting offset: %d\n", p.baseOffset)
	var buf []byte
	position := int64(0)
	for position < size {
		batch, err := readBatch(r, buf, position, size)
		if err != nil {
			p.printf("Found %d invalid bytes at the end of %s\n", size-position, filepath.Base(p.path))
			if errors.Is(err, record.ErrEnd) {
				return nil // Zeros, as Kafka preallocates.
			}
			return fmt.Errorf("position %d: %w", position, err)
		}
		p.batch(batch, position)
		position += int64(batch.Size())
		buf = batch[:0]
	}
	return nil
}

// readBatch reads the batch at a position into buf, or a larger one if the file holds as much.
func readBatch(r io.ReaderAt, buf []byte, position, size int64) (record.Batch, error) {
	left := size - position
	buf = grow(buf, int(min(left, record.HeaderSize)))
	if _, err := r.ReadAt(buf, position); err != nil {
		return nil, err
	}
	header, err := record.ReadHeader(buf)
	if err != nil {
		return nil, err
	}
	if int64(header.Size()) > left {
		return nil, fmt.Errorf("%w: %d bytes of %d are there", record.ErrTruncated, left, header.Size())
	}
	buf = grow(buf, header.Size())
	if _, err := r.ReadAt(buf, position); err != nil {
		return nil, err
	}
	return record.First(buf)
}

// grow returns buf with n bytes, or a new one.
func grow(buf []byte, n int) []byte {
	if cap(buf) < n {
		return make([]byte, n)
	}
	return buf[:n]
}

// batch prints one line about a batch, and its records if they are wanted.
func (p *printer) batch(b record.Batch, position int64) {
	a := b.Attributes()
	p.printf("baseOffset: %d lastOffset: %d count: %d baseSequence: %d lastSequence: %d producerId: %d producerEpoch: %d"+
		" partitionLeaderEpoch: %d isTransactional: %t isControl: %t deleteHorizonMs: %s position: %d %s: %d size: %d magic: %d"+
		" compresscodec: %s crc: %d isvalid: %t\n",
		b.BaseOffset(), b.LastOffset(), b.Count(), b.BaseSequence(), b.LastSequence(), b.ProducerID(), b.ProducerEpoch(),
		b.PartitionLeaderEpoch(), a.IsTransactional(), a.IsControl(), optional(b.DeleteHorizon()), position, a.TimestampType(), b.MaxTimestamp(),
		b.Size(), b.Magic(), a.Codec(), b.CRC(), b.VerifyCRC() == nil)
	if p.options.Deep {
		p.records(b)
	}
}

// optional is how Java prints a number that may be missing.
func optional(n int64, ok bool) string {
	if !ok {
		return "OptionalLong.empty"
	}
	return fmt.Sprintf("OptionalLong[%d]", n)
}

// records prints the records of a batch.
func (p *printer) records(b record.Batch) {
	a := b.Attributes()
	for r, err := range b.Records(record.DefaultLimit(b.Size())) {
		if err != nil {
			p.printf("| %v\n", err)
			return
		}
		if !p.options.SkipMetadata {
			p.printf("| offset: %d %s: %d keySize: %d valueSize: %d sequence: %d headerKeys: [", b.RecordOffset(r), a.TimestampType(),
				b.RecordTimestamp(r), sizeOf(r.Key), sizeOf(r.Value), sequenceOf(b, r.OffsetDelta))
			separator := ""
			for key := range r.Headers.All() {
				p.printf("%s%s", separator, key)
				separator = ","
			}
			p.printf("]")
			if a.IsControl() {
				p.control(b)
			}
		}
		if p.options.Data && !a.IsControl() {
			p.data(b.RecordOffset(r), r)
		}
		p.printf("\n")
	}
}

// control prints the marker that a control batch is.
func (p *printer) control(b record.Batch) {
	if marker, err := b.Marker(); err == nil {
		p.printf(" endTxnMarker: %s coordinatorEpoch: %d", marker.Type, marker.CoordinatorEpoch)
	} else {
		p.printf(" control record is not understood: %v", err)
	}
}

// data prints key and value of a record. Neither is printed where it is null.
func (p *printer) data(offset int64, r record.Record) {
	key, value, hasKey, hasValue := string(r.Key), string(r.Value), r.Key != nil, r.Value != nil
	if p.options.Decode != nil {
		key, value, hasKey, hasValue = p.options.Decode(offset, r.Key, r.Value)
	}
	if p.options.SkipMetadata && (hasKey || hasValue) {
		p.printf("|")
	}
	if hasKey {
		p.printf(" key: %s", strings.ToValidUTF8(key, "\ufffd"))
	}
	if hasValue {
		p.printf(" payload: %s", strings.ToValidUTF8(value, "\ufffd"))
	}
}

// sizeOf is the size of a key or value, -1 if it is null.
func sizeOf(b []byte) int {
	if b == nil {
		return -1
	}
	return len(b)
}

// sequenceOf is the sequence number of a record, which wraps at 2^31 (DefaultRecordBatch.incrementSequence).
func sequenceOf(b record.Batch, delta int32) int32 {
	if b.BaseSequence() < 0 {
		return -1
	}
	return int32((int64(b.BaseSequence()) + int64(delta)) & 0x7fffffff)
}

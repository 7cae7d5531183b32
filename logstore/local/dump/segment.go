package dump

import (
	"errors"
	"fmt"
	"io"

	"github.com/clatterhq/clatter/wire/record"
)

// segment prints every batch of a segment, with its position in the file.
func (p *printer) segment(r io.ReaderAt, size int64) error {
	var buf []byte
	for position := int64(0); position < size; {
		batch, err := readBatch(r, buf, position, size)
		if errors.Is(err, record.ErrEnd) {
			p.printf("position: %d: only zeros from here on\n", position)
			return nil
		}
		if err != nil {
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
		" partitionLeaderEpoch: %d isTransactional: %t isControl: %t %s: %d maxTimestamp: %d position: %d size: %d"+
		" compression: %s crc: %d isValid: %t\n",
		b.BaseOffset(), b.LastOffset(), b.Count(), b.BaseSequence(), b.LastSequence(), b.ProducerID(), b.ProducerEpoch(),
		b.PartitionLeaderEpoch(), a.IsTransactional(), a.IsControl(), a.TimestampType(), b.BaseTimestamp(), b.MaxTimestamp(),
		position, b.Size(), a.Codec(), b.CRC(), b.VerifyCRC() == nil)
	if a.IsControl() {
		if marker, err := b.Marker(); err == nil {
			p.printf("  endTxnMarker: %s coordinatorEpoch: %d\n", marker.Type, marker.CoordinatorEpoch)
		}
	}
	if p.options.Records {
		p.records(b)
	}
}

// records prints the records of a batch. Keys and values are quoted, because they can hold anything.
func (p *printer) records(b record.Batch) {
	for r, err := range b.Records(record.DefaultLimit(b.Size())) {
		if err != nil {
			p.printf("  %v\n", err)
			return
		}
		p.printf("  offset: %d timestamp: %d key: %s value: %s", b.RecordOffset(r), b.RecordTimestamp(r), quoted(r.Key), quoted(r.Value))
		for key, value := range r.Headers.All() {
			p.printf(" header %q: %s", key, quoted(value))
		}
		p.printf("\n")
	}
}

// quoted shows bytes, and null as such.
func quoted(b []byte) string {
	if b == nil {
		return "null"
	}
	return fmt.Sprintf("%q", b)
}

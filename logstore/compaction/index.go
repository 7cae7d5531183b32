package compaction

import "github.com/clatterhq/clatter/wire/record"

// Indexer puts the keys of a log into a map, batch by batch.
type Indexer struct {
	Map          *OffsetMap
	Transactions *Transactions
	// From is the offset at which the keys begin that count.
	From int64
	// Limit bounds what one batch may become when it is decompressed, in bytes.
	Limit int
	Rest  Rest

	scratch []byte
	found   []foundKey
}

// Rest is called within a batch of many records, and returns when the work on it may go on. nil doesn't rest.
type Rest func()

// restRecords is how many records lie between two rests. Hashing and looking up their keys takes some ten microseconds.
const restRecords = 128

// after is called when i records are behind.
func (r Rest) after(i int) {
	if r != nil && i > 0 && i%restRecords == 0 {
		r()
	}
}

// foundKey is a key of a record at an offset.
type foundKey struct {
	hash   keyHash
	offset int64
}

// Add adds the keys of a batch whose CRC was verified. full says that the map has no room for the next key:
// [OffsetMap.Latest] tells how far it came. Errors: those of [record.Batch.Records].
func (x *Indexer) Add(b record.Batch) (full bool, err error) {
	if b.LastOffset() < x.From {
		if b.Attributes().IsControl() {
			_, err = x.Transactions.marker(b)
		} else {
			x.Transactions.data(b)
		}
		return false, err
	}
	if b.Attributes().IsControl() {
		if _, err := x.Transactions.marker(b); err != nil {
			return false, err
		}
	} else if !x.Transactions.data(b) {
		if full, err = x.keys(b); full || err != nil {
			return full, err
		}
	}
	x.Map.Passed(b.LastOffset())
	return false, nil
}

func (x *Indexer) keys(b record.Batch) (full bool, err error) {
	payload, err := decompressed(b, &x.scratch, x.Limit)
	if err != nil {
		return false, err
	}
	// All keys are hashed before the first is looked up: the processor waits for memory, and so does it for several at once.
	x.found = x.found[:0]
	for r, err := range b.RecordsIn(payload) {
		if err != nil {
			return false, err
		}
		if offset := b.RecordOffset(r); r.Key != nil && offset >= x.From {
			x.found = append(x.found, foundKey{hashOf(r.Key), offset})
			x.Rest.after(len(x.found))
		}
	}
	for i := range x.found {
		x.Rest.after(i)
		if !x.Map.put(x.found[i].hash, x.found[i].offset) {
			return true, nil
		}
	}
	return false, nil
}

// maxScratch is the most memory in bytes that is kept from one batch to the next.
const maxScratch = 4 << 20

// decompressed is the payload of a batch, in memory that is used again for the next one.
func decompressed(b record.Batch, scratch *[]byte, limit int) ([]byte, error) {
	if b.Attributes().Codec() == record.None {
		return b.Payload(), nil
	}
	payload, err := b.Decompressed((*scratch)[:0], limit)
	if err != nil {
		return nil, err
	}
	if cap(payload) <= maxScratch {
		*scratch = payload
	}
	return payload, nil
}

package compaction

import (
	"strconv"
	"testing"

	"github.com/clatterhq/clatter/wire/record"
)

func TestWorkOnBatchOfManyRecordsRests(t *testing.T) {
	const records = 20 * restRecords
	b := record.NewBuilder()
	for i := range records {
		b.Append(int64(i), []byte(strconv.Itoa(i%(records/2))), []byte("value"))
	}
	batch, err := b.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewOffsetMap(1<<20, 0.9, records)
	if err != nil {
		t.Fatal(err)
	}
	rests := 0
	rest := func() { rests++ }
	x := Indexer{Map: m, Transactions: NewTransactions(nil), Limit: 1 << 20, Rest: rest}
	if full, err := x.Add(batch); full || err != nil {
		t.Fatal(full, err)
	}
	// Keys are hashed and put, and then hashed, looked up, judged and copied.
	if want := 2 * 19; rests < want {
		t.Errorf("%d rests while %d keys are put into the map, want at least %d", rests, records, want)
	}
	rests = 0
	f := Filter{Map: m, Transactions: NewTransactions(nil), End: records + 1, Limit: 1 << 20, Rest: rest}
	out, err := f.Append(nil, batch)
	if err != nil || f.Stats.RecordsKept != records/2 {
		t.Fatalf("%d records stay of %d: %v", f.Stats.RecordsKept, records, err)
	}
	if want := 4 * 19; rests < want {
		t.Errorf("%d rests while a batch is filtered, want at least %d", rests, want)
	}
	if err := record.Batch(out).VerifyCRC(); err != nil {
		t.Error(err)
	}
}

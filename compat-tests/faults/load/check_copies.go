package load

import (
	"fmt"
	"slices"
)

// TransactionID names one transaction: its copier, and its number among those of this copier, from 0.
type TransactionID struct {
	Copier, Number int32
}

func (id TransactionID) String() string { return fmt.Sprintf("%d of copier %d", id.Number, id.Copier) }

// Outcome is what a copier knows of the end of a transaction.
type Outcome int

// The outcomes.
const (
	Aborted   Outcome = iota // No commit was asked for, or the broker was asked for an abort.
	Committed                // The commit was acknowledged.
	Unknown                  // A commit was asked for, and there was no answer. All of it is there, or nothing.
)

// Transaction is one transaction of a copier.
type Transaction struct {
	Outcome Outcome
	Records int // how many it wrote
}

// Copy is the content of a copied record.
type Copy struct {
	ID     TransactionID
	Source Place
	Value  Value // of the source
}

// Copied is a copy that a reader was shown.
type Copied struct {
	Place
	Copy
}

// The kinds of anomalies of transactions.
const (
	AbortedRead AnomalyKind = "aborted-read" // shown to a reader of committed records, though its transaction was not committed
	Torn        AnomalyKind = "torn"         // a part of a transaction is there and another part isn't
	Hanging     AnomalyKind = "hanging"      // readers of committed records don't come further, though no transaction is under way
)

// checkCopies looks at what copiers have left: the committed copies of a partition must be its records from the first on, each once and in order,
// as far as the copiers' group has committed; of each transaction all is there or nothing.
func (c *checker) checkCopies() {
	found := map[TransactionID]int{}
	at := map[Place]TransactionID{}
	for _, partition := range slices.Sorted(mapKeys(c.history.Copies)) {
		for _, copied := range c.history.Copies[partition] {
			found[copied.ID]++
			at[copied.Place] = copied.ID
		}
		c.checkCopiesOf(partition, c.history.Copies[partition])
	}
	for partition, offset := range c.history.CopierOffsets {
		if offset > 0 && len(c.history.Copies[partition]) == 0 {
			c.report(Torn, Place{Partition: partition}, "the copiers are at %d, and nothing is copied", offset)
		}
	}
	for _, place := range c.history.Hanging {
		c.report(Hanging, place, "copies end here for readers of committed records")
	}
	c.checkOutcomes(found)
	for _, copied := range c.history.LiveCopies {
		id, ok := at[copied.Place]
		switch {
		case ok && id == copied.ID:
		case !ok && c.history.Transactions[copied.ID].Outcome != Committed:
			c.report(AbortedRead, copied.Place, "a reader was shown a record of transaction %s, which was not committed", copied.ID)
		default:
			c.report(Inconsistent, copied.Place, "a reader was shown a copy of %s by transaction %s, which isn't there", copied.Source, copied.ID)
		}
	}
}

// checkOutcomes compares what is there of each transaction with how it ended.
func (c *checker) checkOutcomes(found map[TransactionID]int) {
	for id, transaction := range c.history.Transactions {
		n := found[id]
		switch {
		case transaction.Outcome == Aborted && n > 0:
			c.report(AbortedRead, Place{}, "transaction %s was aborted, and %d of %d records are there", id, n, transaction.Records)
		case transaction.Outcome == Committed && n == 0:
			c.report(Lost, Place{}, "transaction %s was committed, and nothing of it is there", id)
		case n > 0 && n < transaction.Records:
			c.report(Torn, Place{}, "of transaction %s, %d of %d records are there", id, n, transaction.Records)
		}
	}
	for id, n := range found {
		if _, ok := c.history.Transactions[id]; !ok {
			c.report(Invented, Place{}, "there was no transaction %s, of which %d records are there", id, n)
		}
	}
}

// checkCopiesOf looks at the copies of one partition.
func (c *checker) checkCopiesOf(partition int32, copies []Copied) {
	seen := map[int64]bool{}
	next := int64(0)
	for _, copied := range copies {
		if got, ok := c.at[copied.Source]; !ok || copied.Source.Partition != partition || got != copied.Value {
			c.report(Inconsistent, copied.Place, "a copier was shown %s at %s", copied.Value, copied.Source)
		}
		switch offset := copied.Source.Offset; {
		case seen[offset]:
			c.report(Duplicated, copied.Place, "%s is copied again, by transaction %s", copied.Source, copied.ID)
		case offset < next:
			c.report(Reordered, copied.Place, "%s is copied after offset %d", copied.Source, next-1)
		case offset > next:
			c.report(Skipped, copied.Place, "%s is copied after offset %d", copied.Source, next-1)
		}
		seen[copied.Source.Offset] = true
		next = max(next, copied.Source.Offset+1)
	}
	if offset := c.history.CopierOffsets[partition]; offset != next {
		c.report(Torn, Place{Partition: partition, Offset: next}, "the copiers are at %d, and the last copy is of offset %d", offset, next-1)
	}
}

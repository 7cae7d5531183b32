package producer

import (
	"cmp"
	"slices"
)

// CompletedTransaction is a transaction whose marker is in the log.
type CompletedTransaction struct {
	ProducerID  int64
	FirstOffset int64
	LastOffset  int64 // of the marker
	// LastStableOffset is what the last stable offset may rise to once everything up
	// to the marker is below the high watermark.
	LastStableOffset int64
	Aborted          bool // its entry belongs into the transaction index
}

// OpenTransaction is a transaction whose marker isn't in the log yet.
type OpenTransaction struct {
	ProducerID  int64
	FirstOffset int64
}

// transactions are those that hold the last stable offset back.
type transactions struct {
	open []OpenTransaction // sorted by first offset
	// decided have a marker that was at or beyond the high watermark when last looked
	// at; sorted by first offset. A reader of committed records may not see their
	// records before the marker is durable, or a crash could take the decision back.
	decided []decidedTransaction
}

type decidedTransaction struct {
	firstOffset, lastOffset int64
}

func byFirstOffset(o OpenTransaction, offset int64) int { return cmp.Compare(o.FirstOffset, offset) }

// begin notes an open transaction.
func (t *Table) begin(producerID, firstOffset int64) {
	if t.transactions == nil {
		t.transactions = &transactions{}
	}
	open := &t.transactions.open
	at, _ := slices.BinarySearchFunc(*open, firstOffset, byFirstOffset)
	*open = slices.Insert(*open, at, OpenTransaction{ProducerID: producerID, FirstOffset: firstOffset})
}

// complete moves the open transaction with a first offset to the decided ones. It belongs to the producer of the marker.
func (t *transactions) complete(b *BatchInfo, firstOffset int64) CompletedTransaction {
	done := CompletedTransaction{ProducerID: b.ProducerID, LastOffset: b.LastOffset, Aborted: b.Aborts}
	done.FirstOffset = firstOffset
	at, _ := slices.BinarySearchFunc(t.open, firstOffset, byFirstOffset)
	t.open = slices.Delete(t.open, at, at+1)
	done.LastStableOffset = b.LastOffset + 1
	if len(t.open) > 0 {
		done.LastStableOffset = t.open[0].FirstOffset
	}
	at, _ = slices.BinarySearchFunc(t.decided, done.FirstOffset,
		func(d decidedTransaction, offset int64) int { return cmp.Compare(d.firstOffset, offset) })
	t.decided = slices.Insert(t.decided, at, decidedTransaction{done.FirstOffset, done.LastOffset})
	return done
}

// LastStableOffset is the end of what a reader of committed records may see, given
// the log start offset and the high watermark. It forgets the decided transactions
// whose marker is below the high watermark, so the high watermark must not move back.
func (t *Table) LastStableOffset(logStartOffset, highWatermark int64) int64 {
	if t.transactions == nil {
		return highWatermark
	}
	unstable := highWatermark
	open, decided := t.transactions.open, t.transactions.decided
	decided = slices.DeleteFunc(decided, func(d decidedTransaction) bool { return d.lastOffset < highWatermark })
	t.transactions.decided = decided
	if len(open) > 0 {
		unstable = min(unstable, open[0].FirstOffset)
	}
	if len(decided) > 0 {
		unstable = min(unstable, decided[0].firstOffset)
	}
	return max(unstable, min(logStartOffset, highWatermark))
}

// OpenTransactions are the transactions whose marker isn't in the log yet, sorted
// by first offset.
func (t *Table) OpenTransactions() []OpenTransaction {
	if t.transactions == nil {
		return nil
	}
	return slices.Clone(t.transactions.open)
}

package compaction

import (
	"cmp"
	"errors"
	"slices"

	"github.com/clatterhq/clatter/logstore/producer"
	"github.com/clatterhq/clatter/wire/record"
)

// Transactions follows the transactions of a log from its first batch on, and tells which data was aborted and which
// markers have nothing left that they would decide about.
type Transactions struct {
	// aborted are those whose first record is still to come, by first offset.
	aborted []producer.AbortedTransaction
	// ongoing are the aborted transactions of which the marker is still to come, by producer ID.
	ongoing map[int64]*abortedTransaction
	// committed are the producers with data of a transaction that isn't aborted, and no marker since.
	committed map[int64]struct{}
	kept      []producer.AbortedTransaction
}

type abortedTransaction struct {
	producer.AbortedTransaction
	hasData bool // some was seen in this cleaning
}

// NewTransactions follows transactions of which these are aborted: all that overlap what will be read.
func NewTransactions(aborted []producer.AbortedTransaction) *Transactions {
	aborted = slices.Clone(aborted)
	slices.SortFunc(aborted, func(a, b producer.AbortedTransaction) int { return cmp.Compare(a.FirstOffset, b.FirstOffset) })
	return &Transactions{aborted: aborted, ongoing: map[int64]*abortedTransaction{}, committed: map[int64]struct{}{}}
}

// reach begins the aborted transactions up to an offset.
func (t *Transactions) reach(offset int64) {
	for len(t.aborted) > 0 && t.aborted[0].FirstOffset <= offset {
		a := t.aborted[0]
		t.aborted = t.aborted[1:]
		if o := t.ongoing[a.ProducerID]; o == nil || o.LastOffset < a.FirstOffset {
			t.ongoing[a.ProducerID] = &abortedTransaction{AbortedTransaction: a}
		}
	}
}

// data notes a batch of data and reports whether it was aborted.
func (t *Transactions) data(b record.Batch) (aborted bool) {
	if !b.Attributes().IsTransactional() {
		return false
	}
	t.reach(b.LastOffset())
	id := b.ProducerID()
	if o := t.ongoing[id]; o != nil {
		if b.BaseOffset() < o.LastOffset {
			o.hasData = true
			return true
		}
		// The marker went in an earlier cleaning, so the batch belongs to a later transaction.
		delete(t.ongoing, id)
	}
	t.committed[id] = struct{}{}
	return false
}

// marker notes a control batch and reports whether this cleaning saw no data of its transaction. Error: a
// control batch that isn't understood.
func (t *Transactions) marker(b record.Batch) (empty bool, err error) {
	t.reach(b.LastOffset())
	if b.Count() == 0 {
		return true, nil // its marker went before
	}
	m, err := b.Marker()
	if errors.Is(err, record.ErrInvalidMarker) {
		// Of another kind, which only later versions know.
		return false, nil
	}
	if err != nil {
		return false, err
	}
	id := b.ProducerID()
	if m.Type == record.ControlCommit {
		_, hasData := t.committed[id]
		delete(t.committed, id)
		return !hasData, nil
	}
	o := t.ongoing[id]
	delete(t.ongoing, id)
	if o == nil || !o.hasData {
		return true, nil
	}
	// Readers may have some of the data, or of the marker, at hand: both go in different cleanings.
	t.kept = append(t.kept, o.AbortedTransaction)
	return false, nil
}

// Kept returns the aborted transactions whose marker stays and belongs into the transaction index of the segment that was
// written since the last call, in the order of the markers.
func (t *Transactions) Kept() []producer.AbortedTransaction {
	kept := t.kept
	t.kept = nil
	return kept
}

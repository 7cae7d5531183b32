package local

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"slices"

	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/producer"
	"github.com/clatterhq/clatter/wire/record"
)

// txnAudit compares the transaction indexes of a log with its batches. It has one owner.
//
// Compaction leaves entries of transactions whose records or markers are gone, and retention takes the begin of transactions away. So an
// entry needs no batches, but readers must be told of every aborted record, and of no transaction that was committed.
type txnAudit struct {
	table producer.Table
	// entries are those of all indexes by producer ID, in the order of their markers.
	entries map[int64][]producer.AbortedTransaction
	// wrong are the segments whose indexes proved wrong.
	wrong map[*segment]struct{}
	// gaps says that batches are damaged: what they had to say about transactions isn't known.
	gaps bool
	// readAgain is where the newest producer snapshot is. A start reads the markers behind it again, whatever the indexes have, and a broker that runs
	// has a part of its last index in memory alone: what is missing of those markers is no damage.
	readAgain int64
}

var (
	errNotIndexed   = errors.New("aborted transactions of the segment are not in its transaction index as they are in the log")
	errCommitted    = errors.New("transaction index has transactions that were committed")
	errUnreadMarker = errors.New("control batch is longer than any")
)

// openTxnAudit reads the transaction indexes of a log, and reports those that are damaged in themselves.
func (a *audit) openTxnAudit(ld *loading) (*txnAudit, error) {
	x := &txnAudit{entries: map[int64][]producer.AbortedTransaction{}, wrong: map[*segment]struct{}{}}
	if n := len(ld.snapshots); n > 0 {
		x.readAgain = ld.snapshots[n-1]
	}
	for _, s := range ld.segments {
		content, err := format.ReadAll(a.dir.fs, s.path(txnIndexSuffix), maxTxnIndexBytes)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, format.ErrTooLarge) {
			return nil, err
		}
		var entries []producer.AbortedTransaction
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			entries, err = s.decodeTxnIndex(content)
		}
		if err != nil {
			a.whole(s.path(txnIndexSuffix), err)
			x.wrong[s] = struct{}{} // That is enough.
			entries = nil
		}
		for _, e := range entries {
			x.entries[e.ProducerID] = append(x.entries[e.ProducerID], e)
		}
	}
	return x, nil
}

// add takes a batch in, and reports the index of its segment if that contradicts it.
func (x *txnAudit) add(c *segmentAudit, h *record.Header, at int64) error {
	if x.gaps || !h.HasProducerID() || !h.Attributes().IsTransactional() || h.Count() == 0 {
		return nil
	}
	batch := record.Batch(h[:])
	if h.Attributes().IsControl() {
		if h.Size() > maxMarkerBatch {
			c.whole(c.segment.path(logSuffix), errUnreadMarker)
			return nil
		}
		batch = make(record.Batch, h.Size())
		if _, err := c.scan.file.ReadAt(batch, at); err != nil && !errors.Is(err, io.EOF) {
			return c.scan.wrap(err)
		}
	}
	info, err := producer.InfoOf(batch)
	if err != nil {
		return nil //nolint:nilerr // No marker that anybody understands, so nobody acts on it.
	}
	done, ok := x.table.Update(info)
	if !ok {
		return nil
	}
	switch _, told := x.wrong[c.segment]; {
	case told:
	case done.Aborted && h.BaseOffset() < x.readAgain && !x.has(done.Entry()):
		c.contradicts(errNotIndexed)
	case !done.Aborted && x.covers(done.Entry()):
		c.contradicts(errCommitted)
	}
	return nil
}

func (c *segmentAudit) contradicts(err error) {
	c.txns.wrong[c.segment] = struct{}{}
	c.whole(c.segment.path(txnIndexSuffix), err)
}

// has reports whether readers are told of an aborted transaction. Of one that began before the log does, and of what was open then, the index
// knows more than the log.
func (x *txnAudit) has(aborted producer.AbortedTransaction) bool {
	entries := x.entries[aborted.ProducerID]
	i, found := slices.BinarySearchFunc(entries, aborted.LastOffset, byMarker)
	return found && entries[i].FirstOffset <= aborted.FirstOffset && entries[i].LastStableOffset <= aborted.LastStableOffset
}

// covers reports whether readers are told that something of a committed transaction was aborted.
func (x *txnAudit) covers(committed producer.AbortedTransaction) bool {
	entries := x.entries[committed.ProducerID]
	i, _ := slices.BinarySearchFunc(entries, committed.FirstOffset, byMarker)
	return i < len(entries) && entries[i].FirstOffset <= committed.LastOffset
}

func byMarker(a producer.AbortedTransaction, lastOffset int64) int {
	return cmp.Compare(a.LastOffset, lastOffset)
}

package local

import (
	"errors"
	"io/fs"
	"log/slog"
	"slices"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/producer"
)

// maxTxnIndexBytes bounds what is read of a transaction index.
const maxTxnIndexBytes = 256 << 20

// loadAborted returns the aborted transactions whose markers are in the segment.
func (s *segment) loadAborted(rebuild func(*segment) ([]producer.AbortedTransaction, error)) ([]producer.AbortedTransaction, error) {
	if a := s.aborted.Load(); a != nil {
		return *a, nil
	}
	content, err := format.ReadAll(s.folder.dir.fs, s.path(txnIndexSuffix), maxTxnIndexBytes)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if s.replaced.Load() {
		return nil, errReplaced
	}
	aborted, err := producer.DecodeTxnIndex(content, s.baseOffset)
	if err != nil {
		s.folder.dir.store.log.Warn("transaction index is damaged and rebuilt from the log",
			slog.String("file", s.path(txnIndexSuffix)), slog.Any("error", err))
		if aborted, err = rebuild(s); err != nil {
			return nil, err
		}
	}
	s.aborted.Store(&aborted)
	return aborted, nil
}

// abortedIn returns the aborted transactions that overlap the offsets from offset up to next, for readers of committed records.
func (l *log) abortedIn(v *view, offset, next int64) ([]logstore.AbortedTransaction, error) {
	var aborted []logstore.AbortedTransaction
	for i := v.segmentIndexOf(offset); i < len(v.segments); i++ {
		entries, err := l.abortedOf(v, v.segments[i])
		if err != nil {
			return nil, err
		}
		var more bool
		if aborted, more = producer.CollectAborted(aborted, entries, offset, next); !more {
			break
		}
	}
	producer.SortAborted(aborted)
	return aborted, nil
}

// rebuildAborted finds the aborted transactions of a segment in the log, without its transaction index.
func (ld *loading) rebuildAborted(s *segment, e extent) ([]producer.AbortedTransaction, error) {
	var (
		table   producer.Table
		aborted []producer.AbortedTransaction
	)
	before := *ld
	before.snapshots = slices.DeleteFunc(slices.Clone(ld.snapshots), func(at int64) bool { return at > s.baseOffset })
	err := before.producers(&table, 0, e.endOffset, func(i int, a producer.AbortedTransaction) {
		if ld.segments[i] == s {
			aborted = append(aborted, a)
		}
	})
	return aborted, err
}

// mergeAborted puts the entries that were rebuilt into the transaction index, behind those that were there before
// the first of them.
func (ld *loading) mergeAborted(s *segment, rebuilt []producer.AbortedTransaction, e extent) error {
	path := s.path(txnIndexSuffix)
	content, err := format.ReadAll(ld.folder.dir.fs, path, maxTxnIndexBytes)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing && !errors.Is(err, format.ErrTooLarge) {
		return err
	}
	entries, err := producer.DecodeTxnIndex(content, s.baseOffset)
	if err != nil {
		if entries, err = ld.rebuildAborted(s, e); err != nil {
			return err
		}
	}
	limit := e.endOffset
	if len(rebuilt) > 0 {
		limit = rebuilt[0].LastOffset
	}
	kept := slices.DeleteFunc(slices.Clone(entries), func(a producer.AbortedTransaction) bool { return a.LastOffset >= limit })
	merged := slices.Concat(kept, rebuilt)
	if missing && len(merged) == 0 {
		return nil
	}
	var encoded []byte
	for _, a := range merged {
		encoded = a.AppendTo(encoded)
	}
	if slices.Equal(encoded, content) {
		return nil
	}
	return writeCache(ld.folder.dir.fs, path, encoded)
}

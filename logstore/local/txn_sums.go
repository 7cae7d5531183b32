package local

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/producer"
	"github.com/clatterhq/clatter/logstore/vfs"
)

// What a log knows of its transaction indexes besides them: a sum of each, in a file of its own. An index that is gone, or has other bytes than
// were written, shows where it is loaded, and is rebuilt; without the sum it would say that nothing was aborted. The file may be missing or
// out of date: where there is no sum an index is believed, and one that is rebuilt without need says the same as before.

// maxTxnSumsBytes bounds what is read of the sums: of two million segments.
const maxTxnSumsBytes = 32 << 20

// errTxnIndexChanged says that a transaction index isn't what was written.
var errTxnIndexChanged = fmt.Errorf("%w: not what was written, or gone", producer.ErrCorruptTxnIndex)

// readTxnSums gives the segments the sums of their transaction indexes.
func (ld *loading) readTxnSums() error {
	path := ld.folder.path(format.TxnIndexSumsFile)
	content, err := format.ReadAll(ld.folder.dir.fs, path, maxTxnSumsBytes)
	if err != nil && !errors.Is(err, format.ErrTooLarge) && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	sums, err := format.DecodeTxnIndexSums(content)
	if err != nil {
		ld.log.Warn("sums of the transaction indexes are damaged; the indexes are believed as they are",
			slog.String("file", ld.folder.dir.fs.Name()+"/"+path), slog.Any("error", err))
		return nil
	}
	for _, sum := range sums {
		if len(ld.segments) == 0 {
			return nil
		}
		if s := ld.segments[ld.segmentAt(sum.BaseOffset)]; s.baseOffset == sum.BaseOffset {
			s.txnSum.Store(&sum)
		}
	}
	return nil
}

// decodeTxnIndex reads the content of the segment's transaction index, nil if there is none.
func (s *segment) decodeTxnIndex(content []byte) ([]producer.AbortedTransaction, error) {
	if sum := s.txnSum.Load(); sum != nil && !sum.Fits(content) {
		return nil, errTxnIndexChanged
	}
	return producer.DecodeTxnIndex(content, s.baseOffset)
}

// sumAborted notes the sum of the segment's transaction index, which has these entries now, and reports whether it is
// another one than before.
func (s *segment) sumAborted(entries []producer.AbortedTransaction) (changed bool) {
	before := s.txnSum.Load()
	if len(entries) == 0 {
		s.txnSum.Store(nil)
		return before != nil
	}
	var content []byte
	for _, a := range entries {
		content = a.AppendTo(content)
	}
	sum := format.SumTxnIndex(s.baseOffset, content)
	s.txnSum.Store(&sum)
	return before == nil || *before != sum
}

// sumActive notes what the transaction index of the active segment has. It must be written.
func (w *writer) sumActive() {
	if entries := w.active.aborted.pinned.Load(); entries != nil && w.active.sumAborted(*entries) {
		w.txnSumsDirty = true
	}
}

// repairAborted writes the transaction indexes that were found to be wrong, at the end of the log's use, and notes the sum of the
// active segment's.
func (w *writer) repairAborted(segments []*segment) error {
	for _, s := range segments {
		if !s.wrongAborted.Load() {
			continue
		}
		var content []byte
		entries := *s.aborted.pinned.Load()
		for _, a := range entries {
			content = a.AppendTo(content)
		}
		if err := w.folder.writeDurable(fileName(s.baseOffset, txnIndexSuffix), content); err != nil {
			return err
		}
		w.txnSumsDirty = s.sumAborted(entries) || w.txnSumsDirty
	}
	if w.active != nil {
		w.sumActive()
	}
	return nil
}

// writeTxnSums writes the sums of the segments if one of them has changed.
func (w *writer) writeTxnSums(segments []*segment) error {
	if !w.txnSumsDirty {
		return nil
	}
	if err := w.folder.writeTxnSums(segments); err != nil {
		return err
	}
	w.txnSumsDirty = false
	return nil
}

// writeTxnSums writes the sums of segments.
func (f *folder) writeTxnSums(segments []*segment) error {
	var sums []format.TxnIndexSum
	for _, s := range segments {
		if sum := s.txnSum.Load(); sum != nil {
			sums = append(sums, *sum)
		}
	}
	err := format.WriteAtomic(f.dir.fs, f.path(format.TxnIndexSumsFile), format.AppendTxnIndexSums(nil, sums))
	if vfs.IsNoSpace(err) {
		return nil // It can be done without.
	}
	return err
}

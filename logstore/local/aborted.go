package local

import (
	"errors"
	"io/fs"
	"log/slog"
	"slices"
	"sync/atomic"
	"weak"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/producer"
	"github.com/clatterhq/clatter/logstore/vfs"
)

// maxTxnIndexBytes bounds what is read of a transaction index.
const maxTxnIndexBytes = 256 << 20

// abortedTailBytes is how much of a transaction index is held back in memory before it is written.
const abortedTailBytes = 4080 / producer.TxnIndexEntrySize * producer.TxnIndexEntrySize

// abortedList is the aborted transactions of a segment, in memory. Each slice is immutable: that of the active segment grows behind what a
// reader has of it.
//
// A log keeps as many entries as transactions were aborted in it, so memory has only those that the file hasn't, and those of the active
// segment. Others are remembered until the next garbage collection.
type abortedList struct {
	pinned atomic.Pointer[[]producer.AbortedTransaction]
	cached atomic.Pointer[weak.Pointer[[]producer.AbortedTransaction]]
}

// load returns nil if the entries are in the file alone.
func (a *abortedList) load() *[]producer.AbortedTransaction {
	if entries := a.pinned.Load(); entries != nil {
		return entries
	}
	if w := a.cached.Load(); w != nil {
		return w.Value()
	}
	return nil
}

// pin keeps entries.
func (a *abortedList) pin(entries []producer.AbortedTransaction) { a.pinned.Store(&entries) }

// cache remembers what the file has.
func (a *abortedList) cache(entries *[]producer.AbortedTransaction) {
	w := weak.Make(entries)
	a.cached.Store(&w)
}

// unpin says that the file has all entries.
func (a *abortedList) unpin() {
	if entries := a.pinned.Load(); entries != nil {
		a.cache(entries)
		a.pinned.Store(nil)
	}
}

// loadAborted returns the aborted transactions whose markers are in the segment, by marker. pinned keeps them in memory: the file is
// about to be written.
func (s *segment) loadAborted(
	pinned bool, rebuild func(*segment) ([]producer.AbortedTransaction, error),
) ([]producer.AbortedTransaction, error) {
	if a := s.aborted.load(); a != nil && !pinned {
		return *a, nil
	}
	// While the file is read it must not be written.
	s.loadingAborted.Lock()
	defer s.loadingAborted.Unlock()
	aborted, err := s.loadAbortedLocked(rebuild)
	if err != nil {
		return nil, err
	}
	if pinned && s.aborted.pinned.Load() == nil {
		s.aborted.pin(aborted)
	}
	return aborted, nil
}

// loadAbortedLocked is loadAborted for the holder of loadingAborted.
func (s *segment) loadAbortedLocked(rebuild func(*segment) ([]producer.AbortedTransaction, error)) ([]producer.AbortedTransaction, error) {
	if a := s.aborted.load(); a != nil {
		return *a, nil
	}
	content, err := format.ReadAll(s.folder.dir.fs, s.path(txnIndexSuffix), maxTxnIndexBytes)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if s.replaced.Load() {
		return nil, errReplaced
	}
	aborted, err := s.decodeTxnIndex(content)
	if err == nil {
		s.aborted.cache(&aborted)
		return aborted, nil
	}
	s.folder.dir.store.log.Warn("transaction index is damaged or gone, and rebuilt from the log",
		slog.String("file", s.path(txnIndexSuffix)), slog.Any("error", err))
	if aborted, err = rebuild(s); err != nil {
		return nil, err
	}
	s.wrongAborted.Store(true)
	s.aborted.pin(aborted)
	return aborted, nil
}

// abortedIn returns the aborted transactions that overlap the offsets from offset up to next, for readers of committed records.
func (l *log) abortedIn(v *view, offset, next int64) ([]logstore.AbortedTransaction, error) {
	var aborted []logstore.AbortedTransaction
	for i := v.segmentIndexOf(offset); i < len(v.segments); i++ {
		entries, err := v.segments[i].loadAborted(false, l.rebuilder(v))
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

// makeRoomForAborted loads the transaction index of the active segment before it grows, and writes it if much of it is in memory alone.
func (l *log) makeRoomForAborted(w *writer) error {
	v := l.view.load()
	entries, err := w.active.loadAborted(true, l.rebuilder(v))
	if err != nil {
		return err
	}
	if (len(entries)-w.abortedWritten)*producer.TxnIndexEntrySize < abortedTailBytes {
		return nil
	}
	if err := w.writeAborted(false); err != nil && !vfs.IsNoSpace(err) {
		return err
	}
	return nil
}

// addAborted notes a transaction whose marker was appended to the active segment. What it had before is loaded.
func (w *writer) addAborted(a producer.AbortedTransaction) {
	w.active.aborted.pin(append(*w.active.aborted.pinned.Load(), a))
	w.abortedDirty = true
}

// writeAborted writes the entries of the active segment that aren't in its transaction index yet. No producer snapshot may be written
// before the index is durable: with it, recovery doesn't look at the markers before it again.
func (w *writer) writeAborted(durable bool) error {
	if !w.abortedDirty {
		return nil
	}
	var tail []byte
	entries := *w.active.aborted.pinned.Load()
	for _, a := range entries[w.abortedWritten:] {
		tail = a.AppendTo(tail)
	}
	name := fileName(w.active.baseOffset, txnIndexSuffix)
	part := indexPart{onDisk: int32(w.abortedWritten), size: producer.TxnIndexEntrySize, tail: tail}
	if err := w.active.writeEntries(txnIndexSuffix, &part); err != nil {
		return err
	}
	w.abortedWritten, w.newNames = len(entries), true
	if !durable {
		return nil
	}
	// Once a segment with aborted transactions, so it need not be the next commit's.
	if err := w.folder.syncFile(name); err != nil {
		return err
	}
	w.abortedDirty = false
	return w.folder.dir.fs.SyncDir(w.folder.name)
}

// rebuilder reads the aborted transactions of a segment from the log.
func (l *log) rebuilder(v *view) func(*segment) ([]producer.AbortedTransaction, error) {
	return func(s *segment) ([]producer.AbortedTransaction, error) {
		ld, err := listFolder(s.folder)
		if err != nil {
			return nil, err
		}
		ld.segments = slices.Clone(v.segments)
		return ld.rebuildAborted(s, extent{v.limitOf(s), v.nextAfter(s, logstore.ReadUncommitted)})
	}
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

// mergeAborted are the entries of a segment whose markers are before an offset, from its transaction index, and those that were rebuilt
// from there on. content is what the index has, nil without one.
func (ld *loading) mergeAborted(
	s *segment, from int64, rebuilt []producer.AbortedTransaction, e extent,
) (merged []producer.AbortedTransaction, content []byte, err error) {
	content, err = format.ReadAll(ld.folder.dir.fs, s.path(txnIndexSuffix), maxTxnIndexBytes)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, format.ErrTooLarge) {
		return nil, nil, err
	}
	var entries []producer.AbortedTransaction
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		entries, err = s.decodeTxnIndex(content)
	}
	if err != nil && from > s.baseOffset {
		if entries, err = ld.rebuildAborted(s, e); err != nil {
			return nil, nil, err
		}
	}
	limit := min(from, e.endOffset)
	kept := slices.DeleteFunc(slices.Clone(entries), func(a producer.AbortedTransaction) bool { return a.LastOffset >= limit })
	return slices.Concat(kept, rebuilt), content, nil
}

// repairAborted writes the transaction index of a segment if it isn't what recovery found, durably: the producer snapshot that
// follows lets no later recovery look again. Without room for it the index stays in memory.
func (r *recovery) repairAborted(f *found, s *segment, merged []producer.AbortedTransaction, content []byte) error {
	var encoded []byte
	for _, a := range merged {
		encoded = a.AppendTo(encoded)
	}
	r.sumsChanged = s.sumAborted(merged) || r.sumsChanged
	if slices.Equal(encoded, content) {
		return nil
	}
	err := writeFile(r.folder.dir.fs, s.path(txnIndexSuffix), encoded)
	if err == nil {
		err = r.folder.syncFile(fileName(s.baseOffset, txnIndexSuffix))
	}
	if vfs.IsNoSpace(err) {
		s.txnSum.Store(nil)
		if f.aborted == nil {
			f.aborted = map[int64][]producer.AbortedTransaction{}
		}
		f.aborted[s.baseOffset] = merged
		return nil
	}
	if err != nil {
		return err
	}
	return r.folder.dir.fs.SyncDir(r.folder.name)
}

package local

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/epoch"
	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/producer"
)

// writer is what an append needs to know of a loaded log and readers don't. It belongs to the holder
// of the writer lock.
type writer struct {
	folder    *folder
	active    *segment
	producers producer.Table

	// index builds the indexes of the active segment; readers get copies.
	index indexBuilder
	// abortedWritten is how many entries of the active segment's transaction index are in its file, as far as is known; abortedDirty
	// says that there are others, or that the file was not synced since. unindexed says that the index of some segment is in
	// memory alone: then no clean stop may spare the next start from rebuilding it.
	abortedWritten int
	abortedDirty   bool
	unindexed      bool
	// txnSumsDirty says that the file of sums of the transaction indexes is out of date.
	txnSumsDirty bool

	// firstTimestamp is the largest timestamp of the first batch of the active segment in ms, from which on segment.ms
	// counts; -1 if there is none, then created counts.
	firstTimestamp int64
	created        int64 // of the active segment, ms
	jitterMs       int64 // taken off segment.ms

	leaderEpoch int32
	epochs      epoch.Cache
	// snapshots are the offsets of the producer snapshots, rising.
	snapshots []int64
	// slot is the place of the log in the offsets file, or noSlot.
	slot int32
	// keptStart is the log start offset that was written there last by a raise. It is ahead of the view until the raise is durable:
	// who writes the slot meanwhile must not take it back.
	keptStart int64
	// damaged says that recovery found damage that is still there.
	damaged bool
	// missing is the durable end of a damaged log that ends before it; else 0.
	missing int64
	// deletions are the deletions of segments whose files are not removed yet.
	deletions atomic.Int32
	// maintaining is held by a deletion from its decision to its end. It is taken before the writer lock.
	maintaining sync.Mutex
	// cleaning is held by the one who compacts the log, from the first file it makes to the last one it
	// renames. It is taken before maintaining. stopCleaning tells that one to stop.
	cleaning     sync.Mutex
	stopCleaning context.CancelFunc
	// uncleanable says that compaction of the log failed, and waits for an operator.
	uncleanable atomic.Bool
	// offsetsDue says that the offsets file is to be told of the durable end.
	offsetsDue bool
	// appended says that there was an append since the log was loaded, newEpochs that the leader epochs were written and not
	// synced since.
	appended  bool
	newEpochs bool

	// flushedOffset is the durable end: everything below it was synced.
	flushedOffset int64
	// durableAt is where in the active segment that was, as of the last commit; its segment is nil before the first one.
	durableAt position
	// unsynced are closed segments that were not synced yet, each held open.
	unsynced []*segment
	// activeDirty says that the active segment has unsynced batches, activePinned that it is held open for
	// their sync: the error of a failed writeback must find the descriptor that wrote. Where
	// the page cache is good enough it isn't held, since that would be for ever.
	activeDirty  bool
	activePinned bool
	// newNames says that the folder has files, newFolder that it has a name itself, that a power cut would
	// take away.
	newNames  bool
	newFolder bool
	// noFolder says that the folder is gone and to be made again.
	noFolder bool
	// newSnapshots are the offsets of snapshots that were not synced yet.
	newSnapshots []int64
	// flushDue is set while a flush by flush.ms is scheduled.
	flushDue bool
}

// dirty reports whether a commit has something to do for the log.
func (w *writer) dirty(v *view) bool {
	return w.activeDirty || w.newNames || len(w.unsynced) > 0 || v.LogEndOffset > w.flushedOffset
}

// raise moves the high watermark and the last stable offset.
func (v *view) raise(highWatermark int64, at position, producers *producer.Table) {
	v.previous = noOffset
	if at.segment == v.highWatermarkAt.segment {
		v.previous = offsetAt{v.HighWatermark, v.highWatermarkAt.pos}
	}
	v.HighWatermark, v.highWatermarkAt = highWatermark, at
	v.LastStableOffset = producers.LastStableOffset(v.LogStartOffset, highWatermark)
}

// pin holds the active segment, which is acquired, open until it was synced.
func (w *writer) pin() {
	if !w.activePinned {
		w.activePinned = w.active.data.tryAcquire() != nil
	}
}

// drawJitter decides by how much the active segment is rolled early.
func (w *writer) drawJitter(config *logstore.Config, random uint64) {
	w.jitterMs = 0
	if jitter := min(config.SegmentJitterMs, config.SegmentMs); jitter > 0 {
		w.jitterMs = int64(random % uint64(jitter))
	}
}

// writeEpochs writes the leader epochs before the first append of a new one. A file with nothing but the
// first epoch would tell what its absence does.
func (w *writer) writeEpochs() error {
	if w.appended {
		return nil
	}
	if latest, _ := w.epochs.Latest(); latest.StartOffset > 0 {
		if err := writeFile(w.folder.dir.fs, w.folder.path(format.LeaderEpochFile), w.epochs.AppendTo(nil)); err != nil {
			return err
		}
		w.newEpochs, w.newNames = true, true
	}
	w.appended = true
	return nil
}

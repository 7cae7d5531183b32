package local

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"

	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/vfs"
)

// Suffixes of the files of a segment, after its base offset in 20 digits.
const (
	logSuffix       = ".log"
	indexSuffix     = ".index"
	timeIndexSuffix = ".timeindex"
	txnIndexSuffix  = ".txnindex"
	snapshotSuffix  = ".snapshot"
	deletedSuffix   = ".deleted"
)

// fileName is the name of a file of a segment.
func fileName(baseOffset int64, suffix string) string {
	return format.SegmentName(baseOffset, format.Suffix(suffix))
}

// segment is a part of a log: a .log file of whole batches and the indexes of it.
// The last one, to which batches are appended, is the active segment.
//
// Readers take it from a view and need no lock. What changes is either atomic or belongs to the
// holder of the log's writer lock, as said.
type segment struct {
	folder     *folder
	baseOffset int64
	// size is the end of the last whole batch. It belongs to the writer and never
	// changes once there is a later segment; readers bound the active one by their view.
	size int64

	data handle // of the .log file

	// index is nil until somebody needed it.
	index atomic.Pointer[segmentIndex]
	// loading is held by the one who loads or rebuilds the index.
	loading        sync.Mutex
	aborted        abortedList // what the transaction index has
	loadingAborted sync.Mutex
	// wrongAborted says that the transaction index on the disk was found to be wrong.
	wrongAborted atomic.Bool
	// txnSum is what the transaction index must have at least, nil if nobody knows. It is stored by who reads the folder, and then by the
	// holder of the log's writer lock.
	txnSum atomic.Pointer[format.TxnIndexSum]
	// holes are damaged places that recovery found. Immutable.
	holes []hole
	// replaced says that compaction put another segment in the place of this one, or that the log is deleted: a file of its name is
	// another one's.
	replaced atomic.Bool
	// firstTimestamp is the greatest timestamp of the first batch + 2, 0 until somebody asked.
	firstTimestamp atomic.Int64
	// trustedFrom is from where on this process wrote the bytes. Those before it are verified when they are read first.
	// Immutable.
	trustedFrom int64
	checked     atomic.Pointer[checkedSpans]
}

// folder is where the files of a log are. It is renamed when its topic is deleted.
type folder struct {
	dir  *logDir
	name string
}

func (f *folder) path(name string) string { return f.name + "/" + name }

// timestampAt is a timestamp in ms and the last offset of the first batch that has it.
type timestampAt struct {
	timestamp int64
	offset    int64
}

// segmentIndex is both indexes of a segment, immutable.
type segmentIndex struct {
	offsets indexPart
	times   indexPart
	// file is the offset index on disk, kept among the open files because cold reads go through it.
	file *handle
	// largest covers the whole segment if it isn't active, else what the indexes know.
	largest timestampAt
	// indexedTime is the timestamp of the last entry of the time index, -1 without one.
	indexedTime int64
	// unindexed is how many bytes follow the batch of the last entry and include it.
	unindexed int64
	// holes are the damaged places, by position.
	holes []hole
}

func (s *segment) path(suffix string) string { return s.folder.path(fileName(s.baseOffset, suffix)) }

// acquire opens the .log file; release with s.data.release.
func (s *segment) acquire() (vfs.File, error) {
	if f := s.data.tryAcquire(); f != nil {
		return f, nil
	}
	return s.folder.dir.store.files.acquire(&s.data, func() (vfs.File, error) { return s.open(logSuffix) })
}

// open opens a file of the segment, unless it is that of another one which took its place. Then the error is an
// fs.ErrNotExist, as for one that retention took: the reader tries again with a new view.
func (s *segment) open(suffix string) (vfs.File, error) {
	f, err := s.folder.dir.fs.Open(s.path(suffix))
	if err != nil || !s.replaced.Load() {
		return f, err
	}
	return nil, errors.Join(errReplaced, f.Close())
}

var errReplaced = fmt.Errorf("segment was replaced by compaction, or deleted: %w", fs.ErrNotExist)

// lookup finds the last entry of the offset index by a key; without one the segment
// is searched from its start. The caller must verify what lies at the position.
func (s *segment) lookup(x *segmentIndex, key indexKey, target int64) (entry, bool, error) {
	opened := false
	e, ok, err := x.offsets.search(key, target, func() (vfs.File, error) {
		f, err := s.folder.dir.store.files.acquire(x.file, func() (vfs.File, error) { return s.open(indexSuffix) })
		opened = err == nil
		return f, err
	})
	if opened {
		x.file.release()
	}
	return e, ok, err
}

// lookupTime finds the last entry of the time index at or before a timestamp.
func (s *segment) lookupTime(x *segmentIndex, timestamp int64) (e entry, ok bool, err error) {
	var file vfs.File
	e, ok, err = x.times.search(byTimestamp, timestamp, func() (f vfs.File, err error) {
		file, err = s.open(timeIndexSuffix)
		return file, err
	})
	if file != nil {
		err = errors.Join(err, file.Close())
	}
	return e, ok, err
}

// extent is the content of a segment: its size in bytes, and the offset behind its last batch or a
// bound of that.
type extent struct {
	size      int64
	endOffset int64
}

package local

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/checkpoint"
	"github.com/clatterhq/clatter/logstore/epoch"
	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/producer"
	"github.com/clatterhq/clatter/wire/record"
)

// Bounds of what is read into memory at once, in bytes. The files are ours or Kafka's, but a disk
// may have made anything of them.
const (
	maxMetadataBytes = 64 << 10
	maxSnapshotBytes = 256 << 20
	maxMarkerBatch   = 1 << 20 // of a control batch
)

// loading is a log that is being read from its folder, after a clean stop or in recovery. It has
// one owner.
type loading struct {
	log       *slog.Logger
	folder    *folder
	segments  []*segment // by base offset
	snapshots []int64    // offsets of producer snapshots, rising
	deleted   []string   // files that wait for their removal
	// missing says that there is no folder.
	missing bool
	// orphans are index files without a segment.
	orphans []string
	// unfinished are the files of a compaction: one that is going on, or was interrupted.
	unfinished unfinished
	// worthless are the offsets of snapshots that proved damaged.
	worthless []int64
}

// listFolder reads which files a log has.
func listFolder(f *folder) (*loading, error) {
	names, err := f.dir.fs.List(f.name)
	if err != nil {
		return nil, err
	}
	ld := &loading{log: f.dir.store.log, folder: f}
	var unknown []string
	indexes := map[int64][]string{}
	for _, name := range names {
		baseOffset, suffix, stage, ok := format.ParseSegmentName(name)
		switch {
		case !ok && !ours(name):
			unknown = append(unknown, name)
		case !ok:
		case stage == format.Deleted:
			ld.deleted = append(ld.deleted, name)
		case stage != format.Live:
			ld.unfinished.note(baseOffset, suffix, stage)
		case suffix == format.SnapshotSuffix:
			ld.snapshots = append(ld.snapshots, baseOffset)
		case suffix == format.LogSuffix:
			info, err := f.dir.fs.Stat(f.path(name))
			if err != nil {
				return nil, err
			}
			ld.segments = append(ld.segments, &segment{folder: f, baseOffset: baseOffset, size: info.Size, trustedFrom: info.Size})
		default:
			indexes[baseOffset] = append(indexes[baseOffset], name)
		}
	}
	for _, s := range ld.segments {
		delete(indexes, s.baseOffset)
	}
	for _, names := range indexes {
		ld.orphans = append(ld.orphans, names...)
	}
	slices.Sort(ld.orphans)
	if slices.Contains(names, format.TxnIndexSumsFile) {
		if err := ld.readTxnSums(); err != nil {
			return nil, err
		}
	}
	if len(unknown) > 0 {
		ld.log.Warn("files in the folder of a log are not known and left alone",
			slog.String("folder", f.dir.fs.Name()+"/"+f.name), slog.Any("files", unknown))
	}
	return ld, nil
}

// lostSuffix is of bytes that recovery set aside.
const lostSuffix = ".lost"

// ours tells the names of files in a folder that belong to no segment.
func ours(name string) bool {
	return name == format.PartitionMetadataFile || name == format.LeaderEpochFile || name == format.TxnIndexSumsFile ||
		strings.HasSuffix(name, ".tmp") || strings.HasSuffix(name, lostSuffix)
}

// topicID reads which topic the folder belongs to. The ID is zero if the file is missing or damaged.
func (ld *loading) topicID() (logstore.TopicID, error) {
	path := ld.folder.path(format.PartitionMetadataFile)
	content, err := format.ReadAll(ld.folder.dir.fs, path, maxMetadataBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return logstore.TopicID{}, nil
	}
	if err != nil && !errors.Is(err, format.ErrTooLarge) {
		return logstore.TopicID{}, err
	}
	id, err := format.DecodePartitionMetadata(content)
	if err != nil {
		ld.log.Warn("partition metadata is damaged; the folder is taken by its name",
			slog.String("file", ld.folder.dir.fs.Name()+"/"+path), slog.Any("error", err))
		return logstore.TopicID{}, nil
	}
	return logstore.TopicID(id), nil
}

// extentOf is the content of segment i, in a log that ends at logEndOffset.
func (ld *loading) extentOf(i int, logEndOffset int64) extent {
	e := extent{size: ld.segments[i].size, endOffset: logEndOffset}
	if i+1 < len(ld.segments) {
		e.endOffset = ld.segments[i+1].baseOffset
	}
	return e
}

// segmentAt is the index of the segment that an offset is in.
func (ld *loading) segmentAt(offset int64) int {
	i, found := slices.BinarySearchFunc(ld.segments, offset, func(s *segment, offset int64) int {
		return compareOffsets(s.baseOffset, offset)
	})
	if !found {
		i--
	}
	return max(i, 0)
}

func compareOffsets(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	default:
		return 0
	}
}

// producers rebuilds the state of the producers at the end of the log: from the newest snapshot
// that is whole, and the batches behind it. collect is called for each transaction that was aborted there.
func (ld *loading) producers(table *producer.Table, logStartOffset, logEndOffset int64, collect func(segment int, a producer.AbortedTransaction)) error {
	from, err := ld.loadSnapshot(table, logEndOffset)
	if err != nil {
		return err
	}
	return ld.replayFrom(table, max(from, logStartOffset), logEndOffset, collect)
}

// producersAndAborted is producers from a snapshot at or before an offset, up to which the transaction indexes are to be trusted. take is called for each segment with all of its aborted transactions, and the content of its index.
func (ld *loading) producersAndAborted(
	table *producer.Table, f *found, trusted int64, take func(s *segment, merged []producer.AbortedTransaction, content []byte) error,
) error {
	snapshot, err := ld.loadSnapshot(table, min(trusted, f.LogEndOffset))
	if err != nil {
		return err
	}
	from := max(snapshot, f.LogStartOffset)
	aborted := map[int][]producer.AbortedTransaction{}
	err = ld.replayFrom(table, from, f.LogEndOffset, func(i int, a producer.AbortedTransaction) { aborted[i] = append(aborted[i], a) })
	if err != nil {
		return err
	}
	for i, s := range ld.segments {
		merged, content, err := ld.mergeAborted(s, from, aborted[i], ld.extentOf(i, f.LogEndOffset))
		if err != nil {
			return err
		}
		if err := take(s, merged, content); err != nil {
			return err
		}
	}
	return nil
}

// openDamaged rebuilds in memory what recovery has not written.
func (ld *loading) openDamaged(w *writer, f *found) error {
	return ld.producersAndAborted(&w.producers, f, maxOffset, func(s *segment, merged []producer.AbortedTransaction, _ []byte) error {
		s.aborted.pin(merged)
		return nil
	})
}

// replayFrom applies the batches from an offset on to the producers.
func (ld *loading) replayFrom(table *producer.Table, from, logEndOffset int64, collect func(segment int, a producer.AbortedTransaction)) error {
	if from >= logEndOffset {
		return nil
	}
	for i := ld.segmentAt(from); i < len(ld.segments); i++ {
		if err := ld.replay(table, i, from, ld.extentOf(i, logEndOffset), collect); err != nil {
			return err
		}
	}
	return nil
}

// loadSnapshot loads the newest snapshot at or before an offset, and returns its offset; 0 without one.
func (ld *loading) loadSnapshot(table *producer.Table, offset int64) (int64, error) {
	now := time.Now().UnixMilli()
	expiration := ld.folder.dir.store.options.ProducerIDExpirationMs()
	for _, at := range slices.Backward(ld.snapshots) {
		if at > offset {
			continue
		}
		path := ld.folder.path(fileName(at, snapshotSuffix))
		content, err := format.ReadAll(ld.folder.dir.fs, path, maxSnapshotBytes)
		if err != nil && !errors.Is(err, format.ErrTooLarge) {
			return 0, err
		}
		if err == nil {
			err = table.LoadSnapshot(content, now, expiration)
		}
		if err == nil {
			return at, nil
		}
		ld.log.Warn("producer snapshot is damaged; the producers are rebuilt from the log",
			slog.String("file", ld.folder.dir.fs.Name()+"/"+path), slog.Any("error", err))
		ld.worthless = append(ld.worthless, at)
	}
	return 0, nil
}

// replay applies the batches of a segment from an offset on to the producers.
func (ld *loading) replay(table *producer.Table, i int, from int64, e extent, collect func(int, producer.AbortedTransaction)) error {
	s := ld.segments[i]
	data, err := s.acquire()
	if err != nil {
		return err
	}
	defer s.data.release()
	scan := newScanner(data, s, 0, e.size, scanWindow)
	defer scan.close()
	scan.holes = s.holes
	if from > s.baseOffset {
		if scan.pos, err = ld.positionBefore(s, from, e); err != nil {
			return err
		}
	}
	for {
		at := scan.pos
		h, err := scan.next()
		switch {
		case errors.Is(err, errScanEnd):
			return nil
		case errors.Is(err, errHole):
			scan.pos = scan.inHole().to
			continue
		case isCorrupt(err):
			// Not in the range that recovery looked at. What is behind it is lost to the producers only.
			ld.log.Error("damaged batch in a log segment; producers are rebuilt without what follows in it",
				slog.String("file", s.path(logSuffix)), slog.Int64("byte", at), slog.Any("error", err))
			return nil
		case err != nil:
			return err
		}
		if !h.HasProducerID() || h.LastOffset() < from {
			continue
		}
		if err := ld.apply(table, i, &scan, at, h, collect); err != nil {
			return err
		}
	}
}

// apply applies one batch of a producer.
func (ld *loading) apply(table *producer.Table, i int, scan *scanner, at int64, h record.Header, collect func(int, producer.AbortedTransaction)) error {
	batch := record.Batch(h[:])
	if h.Attributes().IsControl() {
		// Whether a transaction was committed or aborted stands in the payload.
		if h.Size() > maxMarkerBatch {
			return nil
		}
		batch = make(record.Batch, h.Size())
		if _, err := scan.file.ReadAt(batch, at); err != nil {
			return scan.wrap(err)
		}
	}
	var info producer.BatchInfo
	err := error(nil)
	if len(batch) > record.HeaderSize {
		err = batch.VerifyCRC()
	}
	if err == nil {
		info, err = producer.InfoOf(batch)
	}
	if err != nil {
		ld.log.Warn("control batch is not understood and has no effect", slog.String("file", scan.path()), slog.Any("error", err))
		return nil
	}
	if done, ok := table.Update(info); ok && done.Aborted && collect != nil {
		collect(i, done.Entry())
	}
	return nil
}

// positionBefore is the position of a batch that isn't behind an offset, as close to it as the index knows.
func (ld *loading) positionBefore(s *segment, offset int64, e extent) (int64, error) {
	data, err := s.acquire()
	if err != nil {
		return 0, err
	}
	defer s.data.release()
	x, err := s.readIndex(data, e)
	if err != nil {
		return 0, err
	}
	entry, ok, err := s.lookup(x, byOffset, offset-s.baseOffset)
	if err != nil || !ok || !s.holds(data, &entry, e.size) {
		return 0, err
	}
	return entry.position(), nil
}

// epochs reads the leader epochs, or rebuilds them from the batches.
func (ld *loading) epochs(logEndOffset int64) (epoch.Cache, error) {
	path := ld.folder.path(format.LeaderEpochFile)
	content, err := format.ReadAll(ld.folder.dir.fs, path, maxSnapshotBytes)
	if err == nil {
		cache, failed := epoch.Decode(content)
		if failed == nil && (cache.Len() > 0 || len(ld.segments) == 0) {
			cache, _ = cache.TruncateEnd(logEndOffset)
			return cache, nil
		}
		err = failed
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, format.ErrTooLarge) && !errors.Is(err, checkpoint.ErrMalformed) {
		return epoch.Cache{}, err
	}
	return ld.rebuildEpochs(logEndOffset)
}

// rebuildEpochs finds where leader epochs change. Epochs never fall, so a segment that begins in
// the same epoch as the next one need not be read.
func (ld *loading) rebuildEpochs(logEndOffset int64) (epoch.Cache, error) {
	var cache epoch.Cache
	firsts := make([]record.Header, len(ld.segments))
	for i, s := range ld.segments {
		h, err := ld.firstBatch(s)
		if err != nil {
			return cache, err
		}
		firsts[i] = h
	}
	for i, s := range ld.segments {
		if s.size == 0 {
			continue
		}
		if i+1 < len(ld.segments) && ld.segments[i+1].size > 0 &&
			firsts[i].PartitionLeaderEpoch() == firsts[i+1].PartitionLeaderEpoch() {
			cache = assignEpoch(cache, firsts[i])
			continue
		}
		var err error
		if cache, err = ld.scanEpochs(cache, s, 0, ld.extentOf(i, logEndOffset)); err != nil {
			return cache, err
		}
	}
	return cache, nil
}

// assignEpoch notes the epoch of a batch if it is a new one.
func assignEpoch(cache epoch.Cache, h record.Header) epoch.Cache {
	if latest, known := cache.Latest(); known && h.PartitionLeaderEpoch() <= latest.LeaderEpoch {
		return cache
	}
	cache, _ = cache.Assign(h.PartitionLeaderEpoch(), h.BaseOffset())
	return cache
}

// scanEpochs adds the epochs of the batches of a segment from a position on.
func (ld *loading) scanEpochs(cache epoch.Cache, s *segment, pos int64, e extent) (epoch.Cache, error) {
	data, err := s.acquire()
	if err != nil {
		return cache, err
	}
	defer s.data.release()
	scan := newScanner(data, s, pos, e.size, scanWindow)
	defer scan.close()
	scan.holes = s.holes
	for {
		h, err := scan.next()
		switch {
		case errors.Is(err, errHole):
			scan.pos = scan.inHole().to
		case errors.Is(err, errScanEnd), isCorrupt(err):
			return cache, nil
		case err != nil:
			return cache, err
		default:
			cache = assignEpoch(cache, h)
		}
	}
}

// firstBatch is the header of the first batch of a segment, zero if there is none.
func (ld *loading) firstBatch(s *segment) (record.Header, error) {
	if s.size == 0 {
		return record.Header{}, nil
	}
	data, err := s.acquire()
	if err != nil {
		return record.Header{}, err
	}
	defer s.data.release()
	scan := newScanner(data, s, 0, s.size, lookupWindow)
	defer scan.close()
	scan.holes = s.holes
	h, err := scan.next()
	if gap := scan.inHole(); gap != nil {
		scan.pos = gap.to
		h, err = scan.next()
	}
	if err != nil && !errors.Is(err, errScanEnd) && !isCorrupt(err) {
		return record.Header{}, fmt.Errorf("first batch of %s: %w", s.path(logSuffix), err)
	}
	if err != nil {
		return record.Header{}, nil
	}
	return h, nil
}

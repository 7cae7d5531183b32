package local

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/epoch"
	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/producer"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire/record"
)

// Damage is one place in a log directory that contradicts itself.
type Damage struct {
	Path string // file, below the directory
	// Byte is where in the file it begins, Bytes how long it is; -1 where the file as a whole is meant.
	Byte, Bytes int64
	// Offset is the first offset that is lost, NextOffset the one behind; both -1 in files that are made anew from the segments.
	Offset, NextOffset int64
	Err                error
}

// String is one line for an operator.
func (d *Damage) String() string {
	line := d.Path
	if d.Byte >= 0 {
		line += fmt.Sprintf(" byte %d (%d bytes)", d.Byte, d.Bytes)
	}
	switch {
	case d.Offset >= 0:
		line += fmt.Sprintf(" offsets %d to %d are lost", d.Offset, d.NextOffset-1)
	case d.Path == format.JournalFile:
		line += " has what may be missing at the ends of logs after a power cut"
	default:
		line += " will be rebuilt"
	}
	if corrupt, ok := errors.AsType[*logstore.CorruptError](d.Err); ok {
		return line + ": " + corrupt.Err.Error() // which doesn't name the place again
	}
	return line + ": " + d.Err.Error()
}

// Verify reads all files of a log directory, or of the given partition folders in it, and reports every contradiction. It
// writes nothing and takes no lock. What a recovery would cut, because it was never durable, is no damage; so the directory of a running
// broker may be looked at, though a file that is being replaced may show as damaged.
//
// Errors: of reading.
func Verify(fsys vfs.FS, folders []string, report func(Damage)) error {
	s := &Store{options: newSettings(Options{}), log: slog.New(slog.DiscardHandler)}
	s.files.limit = s.options.MaxOpenFiles
	a := audit{dir: &logDir{store: s, fs: fsys}, report: report, kept: map[partitionKey]format.Kept{}}
	err := a.all(folders)
	return errors.Join(err, s.files.closeAll())
}

// audit is one run of Verify.
type audit struct {
	dir    *logDir
	report func(Damage)
	// kept is what the offsets file tells of logs, hasSlots that there is one.
	kept     map[partitionKey]format.Kept
	hasSlots bool
}

func (a *audit) all(folders []string) error {
	names, err := a.dir.fs.List("")
	if err != nil {
		return err
	}
	if err := a.dirFiles(names); err != nil {
		return err
	}
	var damage []format.JournalDamage
	if a.dir.fs, damage, err = viewJournal(a.dir.fs, names); err != nil {
		return err
	}
	for _, x := range damage {
		a.report(Damage{Path: format.JournalFile, Byte: int64(x.From), Bytes: int64(x.To - x.From), Offset: -1, NextOffset: -1, Err: errJournalCommit})
	}
	if folders == nil {
		for _, name := range names {
			if topic, _, stage, ok := format.ParsePartitionDir(name); ok && stage == format.Live && topic != clusterMetadata {
				folders = append(folders, name)
			}
		}
	}
	for _, name := range folders {
		if err := a.folder(name); err != nil {
			return err
		}
	}
	return nil
}

// whole reports a file that is made anew if it is damaged.
func (a *audit) whole(path string, err error) {
	if err != nil {
		a.report(Damage{Path: path, Byte: -1, Bytes: -1, Offset: -1, NextOffset: -1, Err: err})
	}
}

// check reads a small file and reports it if decode finds something wrong with it.
func (a *audit) check(path string, limit int64, decode func(content []byte) error) error {
	content, err := format.ReadAll(a.dir.fs, path, limit)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil // it was removed since
	case errors.Is(err, format.ErrTooLarge):
		a.whole(path, err)
		return nil
	case err != nil:
		return err
	}
	a.whole(path, decode(content))
	return nil
}

// dirFiles checks the files beside the folders.
func (a *audit) dirFiles(names []string) error {
	var id format.UUID
	for _, name := range names {
		var err error
		switch name {
		case format.MetaPropertiesFile:
			err = a.check(name, maxMetadataBytes, func(p []byte) error {
				meta, err := format.DecodeMetaProperties(p)
				id = meta.DirectoryID
				return err
			})
		case format.RecoveryPointFile, format.LogStartOffsetFile, format.ReplicationOffsetFile, format.CleanerOffsetFile:
			err = a.check(name, maxCheckpointBytes, func(p []byte) error {
				_, err := format.DecodeOffsets(p)
				return err
			})
		case format.OffsetsFile:
			err = a.check(name, format.OffsetsHeaderSize+maxSlots*format.SlotSize, a.slots)
		}
		if err != nil {
			return err
		}
	}
	// The marker last: it names the directory that it belongs to.
	for _, name := range names {
		if name == format.CleanShutdownFile {
			return a.check(name, maxCheckpointBytes, func(p []byte) error {
				_, err := format.DecodeShutdown(p, id)
				return err
			})
		}
	}
	return nil
}

// slots reads the offsets file. A slot that isn't valid may be one that was never written, so zeros are no damage.
func (a *audit) slots(content []byte) error {
	if len(content) < format.OffsetsHeaderSize {
		return errShort
	}
	if err := format.CheckOffsetsHeader(content); err != nil {
		return err
	}
	a.hasSlots = true
	var bad error
	for i, rest := 0, content[format.OffsetsHeaderSize:]; len(rest) >= format.SlotSize; i, rest = i+1, rest[format.SlotSize:] {
		k, _, ok := format.DecodeSlot(rest)
		if ok && !k.IsFree() {
			a.kept[partitionKey{k.TopicID, k.Partition}] = k
		} else if !ok && !isZero(rest[:format.SlotSize]) {
			bad = errors.Join(bad, fmt.Errorf("slot %d: %w", i, format.ErrCorruptMarker))
		}
	}
	return bad
}

var errShort = errors.New("shorter than its header")

func isZero(p []byte) bool {
	for _, c := range p {
		if c != 0 {
			return false
		}
	}
	return true
}

// folder checks one log.
func (a *audit) folder(name string) error {
	_, partition, _, _ := format.ParsePartitionDir(name)
	ld, err := listFolder(&folder{dir: a.dir, name: name})
	if errors.Is(err, fs.ErrNotExist) {
		a.whole(name, err)
		return nil
	}
	if err != nil {
		return err
	}
	if len(ld.unfinished.swap) > 0 {
		a.whole(name, errUnfinished)
		return nil
	}
	known := format.Kept{DurableEnd: -1}
	if a.hasSlots {
		known.DurableEnd = 0
	}
	err = a.check(ld.folder.path(format.PartitionMetadataFile), maxMetadataBytes, func(p []byte) error {
		id, err := format.DecodePartitionMetadata(p)
		if k, ok := a.kept[partitionKey{logstore.TopicID(id), partition}]; ok {
			known = k
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := a.check(ld.folder.path(format.LeaderEpochFile), maxCheckpointBytes, func(p []byte) error {
		_, err := epoch.Decode(p)
		return err
	}); err != nil {
		return err
	}
	for _, at := range ld.snapshots {
		if err := a.check(ld.folder.path(fileName(at, snapshotSuffix)), maxSnapshotBytes, func(p []byte) error {
			_, err := producer.DecodeSnapshot(p)
			return err
		}); err != nil {
			return err
		}
	}
	if err := a.check(ld.folder.path(format.TxnIndexSumsFile), maxTxnSumsBytes, func(p []byte) error {
		_, err := format.DecodeTxnIndexSums(p)
		return err
	}); err != nil {
		return err
	}
	return a.segments(ld, known)
}

// segments checks the batches of a log and the indexes beside them. What is damaged below the log start offset was given up: nobody reads it,
// and it goes with its segment.
func (a *audit) segments(ld *loading, known format.Kept) error {
	all := a.report
	defer func() { a.report = all }()
	a.report = func(d Damage) {
		if d.Offset < 0 || d.NextOffset > known.LogStartOffset {
			all(d)
		}
	}
	next, durable := int64(-1), known.DurableEnd
	txns, err := a.openTxnAudit(ld)
	if err != nil {
		return err
	}
	for i, s := range ld.segments {
		if next > s.baseOffset {
			a.report(Damage{Path: s.path(logSuffix), Byte: 0, Bytes: s.size, Offset: s.baseOffset, NextOffset: next, Err: errOverlap})
		}
		next = s.baseOffset
		c := segmentAudit{audit: a, loading: ld, segment: s, last: i == len(ld.segments)-1, durable: durable, next: next, txns: txns}
		c.extent = ld.extentOf(i, maxOffset)
		if err := c.run(); err != nil {
			return errors.Join(err, a.dir.store.files.forget(&s.data))
		}
		if err := a.dir.store.files.forget(&s.data); err != nil {
			return err
		}
		next = c.next
	}
	if next >= 0 && next < durable {
		last := ld.segments[len(ld.segments)-1]
		a.report(Damage{Path: last.path(logSuffix), Byte: last.size, Offset: next, NextOffset: durable, Err: errEndIsMissing})
	}
	return nil
}

var (
	errJournalCommit = errors.New("commit is damaged, and valid ones follow")

	errOverlap      = errors.New("begins before the segment before it ends")
	errEndIsMissing = errors.New("log ends before what was durable")
	errIndexEntry   = errors.New("index entry contradicts the log")
)

// segmentAudit checks one segment. It has one owner.
type segmentAudit struct {
	*audit
	*loading
	segment *segment
	txns    *txnAudit
	scan    scanner
	extent  extent
	last    bool
	durable int64
	// next is the offset that comes next.
	next    int64
	offsets format.OffsetIndex
	times   format.TimeIndex
	// checked are how many entries of the indexes were compared, largest the greatest timestamp so far.
	checkedOffsets, checkedTimes int
	largest                      int64
	wrongOffsets, wrongTimes     bool
}

func (c *segmentAudit) run() error {
	data, err := c.segment.acquire()
	if err != nil {
		return err
	}
	defer c.segment.data.release()
	if err := c.readIndexes(); err != nil {
		return err
	}
	c.largest = record.NoTimestamp
	c.scan = newScanner(data, c.segment, 0, c.segment.size, scanWindow)
	defer c.scan.close()
	for {
		done, err := c.step()
		if err != nil || done {
			return err
		}
	}
}

// readIndexes reads what the indexes have; entries that don't rise end them and are reported.
func (c *segmentAudit) readIndexes() error {
	s := c.segment
	for _, suffix := range []string{indexSuffix, timeIndexSuffix} {
		if err := c.check(s.path(suffix), maxIndexBytes, func(p []byte) error {
			if suffix == indexSuffix {
				c.offsets = format.OffsetIndex(p).Valid(s.baseOffset, s.size)
				return restIsZero(p, len(c.offsets))
			}
			c.times = format.TimeIndex(p).Valid(s.baseOffset, c.extent.endOffset)
			return restIsZero(p, len(c.times))
		}); err != nil {
			return err
		}
	}
	return nil
}

// maxIndexBytes bounds what is read of an index: entries for each batch of the largest segment.
const maxIndexBytes = 1 << 30

// restIsZero reports what follows the entries of an index that is neither an entry nor the zeros that Kafka preallocates.
func restIsZero(content []byte, valid int) error {
	if !isZero(content[valid:]) {
		return fmt.Errorf("%w: at byte %d", format.ErrCorruptIndex, valid)
	}
	return nil
}

// step checks one batch.
func (c *segmentAudit) step() (done bool, err error) {
	at := c.scan.pos
	h, err := c.scan.next()
	if err == nil {
		err = c.scan.verify(h)
	}
	if err == nil && (h.BaseOffset() < c.next || h.LastOffset() >= c.extent.endOffset ||
		h.LastOffset()-c.segment.baseOffset > maxRelativeOffset || c.scan.isOdd(h, c.next, c.extent)) {
		c.scan.pos = at
		err = c.scan.corrupt(errBaseOffset)
	}
	switch {
	case err == nil:
		c.compare(&h, at)
		c.next = h.NextOffset()
		return false, c.txns.add(c, &h, at)
	case errors.Is(err, errScanEnd):
		if at == c.segment.size {
			c.compareEnd()
			return true, nil
		}
		c.scan.pos = at
		zeros, zeroErr := c.scan.zeros()
		if zeroErr != nil || zeros && c.last && c.next >= c.durable {
			return true, zeroErr
		}
		err = c.scan.corrupt(errZeros)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return true, nil // it was cut since
	case !isCorrupt(err):
		return true, err
	}
	c.scan.pos = at
	return c.damaged(err)
}

// damaged reports damage at the position and moves behind it. A torn tail ends the segment.
func (c *segmentAudit) damaged(cause error) (done bool, err error) {
	after, err := c.scan.resync(c.next, min(c.extent.endOffset-1, c.segment.baseOffset+maxRelativeOffset))
	if err != nil {
		return false, err
	}
	if c.last && c.next >= c.durable && (c.durable >= 0 || !after.ok) {
		return true, nil
	}
	gap := hole{from: c.scan.pos, to: c.segment.size, nextOffset: c.extent.endOffset}
	if after.ok {
		gap.to, gap.nextOffset = after.pos, after.header.BaseOffset()
	}
	if gap.nextOffset == maxOffset {
		gap.nextOffset = max(c.durable, c.next+1)
	}
	c.txns.gaps = true
	c.report(Damage{
		Path: c.segment.path(logSuffix), Byte: gap.from, Bytes: gap.to - gap.from, Offset: c.next, NextOffset: gap.nextOffset, Err: cause,
	})
	c.next, c.scan.pos = gap.nextOffset, gap.to
	// Entries that point into damage are right about where it was.
	for c.checkedOffsets < c.offsets.Len() && int64(c.offsets.At(c.checkedOffsets, c.segment.baseOffset).Position) < gap.to {
		c.checkedOffsets++
	}
	return false, nil
}

// compare compares the entries of the indexes that belong to a batch.
func (c *segmentAudit) compare(h *record.Header, at int64) {
	base := c.segment.baseOffset
	for c.checkedOffsets < c.offsets.Len() {
		e := c.offsets.At(c.checkedOffsets, base)
		if int64(e.Position) > at {
			break
		}
		c.wrongOffsets = c.wrongOffsets || int64(e.Position) < at || e.Offset != h.LastOffset()
		c.checkedOffsets++
	}
	for c.checkedTimes < c.times.Len() && c.times.At(c.checkedTimes, base).Offset < h.LastOffset() {
		c.wrongTimes = c.wrongTimes || c.times.At(c.checkedTimes, base).Timestamp < c.largest
		c.checkedTimes++
	}
	c.largest = max(c.largest, h.MaxTimestamp())
}

// compareEnd reports indexes that proved wrong.
func (c *segmentAudit) compareEnd() {
	if c.wrongOffsets || c.checkedOffsets < c.offsets.Len() {
		c.whole(c.segment.path(indexSuffix), errIndexEntry)
	}
	if c.wrongTimes {
		c.whole(c.segment.path(timeIndexSuffix), errIndexEntry)
	}
}

package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire/record"
)

// recovery of one log after a stop that left no clean marker. It trusts the batches alone, from the
// durable end of the log on, which is where bytes may be missing, torn or out of order. Its
// rules, in this order:
//
//  1. A batch is valid if its header is, its offsets follow those before it, and its CRC is right.
//  2. The first invalid batch at or behind the durable end is where the process or the machine died: the
//     log is cut there. Nothing behind it was acknowledged as durable. If there are valid batches
//     behind it all the same, pages having reached the disk out of order, the bytes are kept in a file aside.
//  3. An invalid batch below the durable end is damage. So is, where the durable end is not known, one with valid batches behind it,
//     and a log that ends before its durable end. Nothing is cut: the log can be read around the damage, and not be
//     written to.
//
// It writes nothing but the cut, so it may be interrupted and repeated at will.
type recovery struct {
	*loading
	// durableEnd is what is known to have been synced, -1 if nothing is.
	durableEnd     int64
	logStartOffset int64
	// foreign says that another program may have written behind the durable end: what it acknowledged has no other witness, and
	// what it compacted has gaps.
	foreign bool
	// gaps says that the log was Kafka's, which compacts behind what it knows to be durable.
	gaps bool
	// first is the first segment that was checked, from a position on.
	first int
	from  int64
	// next is the offset that the next batch must not be below.
	next   int64
	damage damage
	// cut says that the log was cut, sumsChanged that the file of sums of the transaction indexes is out of date.
	cut         bool
	sumsChanged bool
}

// errNoTopicID says that a folder doesn't tell which topic it belongs to.
var errNoTopicID = errors.New("topic ID of a folder is lost")

// recoverLog recovers the log in a folder. id is its topic if that is known, else the folder says it; the error is errNoTopicID
// if it doesn't. known are the slots of the directory, old Kafka's checkpoints.
func recoverLog(f *folder, key partitionKey, known map[partitionKey]slotted, old *oldCheckpoints) (result *found, err error) {
	ld, err := openFolder(f)
	if err != nil {
		return nil, err
	}
	if key.id == (logstore.TopicID{}) {
		if key.id, err = ld.topicID(); err != nil {
			return nil, err
		}
		if key.id == (logstore.TopicID{}) {
			return nil, errNoTopicID
		}
	}
	defer func() {
		// Nobody needs the files soon, and there may be very many.
		for _, s := range ld.segments {
			err = errors.Join(err, f.dir.store.files.forget(&s.data))
		}
	}()
	r := recovery{loading: ld, durableEnd: -1}
	k, ok := known[key]
	r.foreign, r.gaps = f.dir.foreign, f.dir.foreign || !f.dir.offsets.existed
	if ok {
		k.LogStartOffset = max(k.LogStartOffset, old.logStart(f.name))
		r.durableEnd, r.logStartOffset = max(k.DurableEnd, old.recoveryPoint(f.name)), k.LogStartOffset
	} else {
		k = slotted{slot: noSlot}
		k.TopicID, k.Partition, k.LogStartOffset = key.id, key.partition, old.logStart(f.name)
		r.durableEnd = old.recoveryPoint(f.name)
		if f.dir.offsets.existed && !r.foreign {
			r.durableEnd = 0 // whatever was acknowledged has a slot
		}
	}
	if err := r.removeOrphans(); err != nil {
		return nil, err
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	return r.finish(k)
}

// removeOrphans removes index files without a segment, which a crash left behind: a new segment of that name would
// believe them.
func (r *recovery) removeOrphans() error {
	for _, name := range r.orphans {
		if err := r.folder.dir.fs.Remove(r.folder.path(name)); err != nil {
			return err
		}
	}
	if len(r.orphans) == 0 {
		return nil
	}
	return r.folder.dir.fs.SyncDir(r.folder.name)
}

// check finds the valid end of the log, cuts what is behind it and notes damage.
func (r *recovery) check() error {
	if len(r.segments) == 0 {
		if r.next = max(r.durableEnd, 0); r.next > 0 {
			r.log.Error("segments of a log are gone; it goes on behind them, so that no offset is given twice",
				slog.String("folder", r.folder.dir.fs.Name()+"/"+r.folder.name), slog.Int64("offset", r.next))
		}
		return nil
	}
	first := 0
	if r.durableEnd > 0 {
		first = r.segmentAt(r.durableEnd)
	}
	r.next, r.first = r.segments[first].baseOffset, first
	if r.beginIsMissing() {
		return r.cutAll()
	}
	for i := first; i < len(r.segments); i++ {
		from := int64(0)
		if i == first && r.durableEnd > r.next {
			var err error
			if from, err = r.positionBefore(r.segments[i], r.durableEnd, extent{r.segments[i].size, maxOffset}); err != nil {
				return err
			}
			r.from = from
		}
		if i > first && r.gapBefore(i) {
			if err := r.cutAt(i-1, r.segments[i-1].size, true, errGap); err != nil {
				return err
			}
			break
		}
		r.next = max(r.next, r.segments[i].baseOffset)
		done, err := r.checkSegment(i, from)
		if err != nil {
			return err
		}
		if done {
			break
		}
	}
	r.endBefore()
	return nil
}

const maxOffset = 1<<63 - 1

// beginIsMissing reports whether the first segments of a log, of which nothing was durable, didn't survive, while
// a later one did.
func (r *recovery) beginIsMissing() bool {
	return r.durableEnd >= 0 && !r.foreign && r.logStartOffset >= r.durableEnd && r.segments[0].baseOffset > r.logStartOffset
}

// cutAll sets all segments aside.
func (r *recovery) cutAll() error {
	r.log.Error("segments of a log did not reach the disk in order: nothing in them was durable, the bytes are kept in files that end in "+lostSuffix,
		slog.String("folder", r.folder.dir.fs.Name()+"/"+r.folder.name), slog.Int64("first", r.segments[0].baseOffset), slog.Int64("start", r.logStartOffset))
	for _, s := range r.segments {
		if err := s.discard(true); err != nil {
			return err
		}
	}
	r.segments, r.next, r.cut = nil, r.logStartOffset, true
	return nil
}

// errGap says that the end of a segment is missing.
var errGap = errors.New("next segment doesn't begin where this one ends")

// gapBefore reports whether batches are missing before segment i that were never durable. Below the durable end a gap is what
// compaction left, or what Kafka made of it.
func (r *recovery) gapBefore(i int) bool {
	return r.durableEnd >= 0 && !r.gaps && r.next >= r.durableEnd && r.segments[i].baseOffset > r.next
}

// endBefore notes that a log ends before its durable end.
func (r *recovery) endBefore() {
	if r.next < r.durableEnd {
		r.damage.missing = r.durableEnd
	}
}

// checkSegment checks the batches of a segment from a position on. done says that the log was cut in it.
func (r *recovery) checkSegment(i int, from int64) (done bool, err error) {
	s := r.segments[i]
	data, err := s.acquire()
	if err != nil {
		return false, err
	}
	defer s.data.release()
	scan := newScanner(data, s, from, s.size, scanWindow)
	defer scan.close()
	for {
		at := scan.pos
		bad := r.checkNext(&scan, i, from > 0 && at == from)
		if bad == nil {
			continue
		}
		scan.pos = at
		if errors.Is(bad, errScanEnd) {
			if at == s.size {
				return false, nil
			}
			zeros, err := scan.zeros()
			if err != nil {
				return false, err
			}
			if zeros {
				return false, r.trimZeros(i, at)
			}
		} else if !isCorrupt(bad) {
			return false, bad
		}
		if done, err = r.broken(i, &scan, bad); done || err != nil {
			return done, err
		}
	}
}

// checkNext checks the batch of segment i at the position and moves behind it. anywhere says that
// nothing is known of the offsets before it.
func (r *recovery) checkNext(scan *scanner, i int, anywhere bool) error {
	s, at := r.segments[i], scan.pos
	h, err := scan.next()
	if err != nil {
		return err
	}
	least := r.next
	if anywhere {
		least = s.baseOffset
	}
	gap := r.durableEnd >= 0 && !anywhere && h.BaseOffset() > least
	if gap && (r.gaps || least < r.durableEnd) {
		// Compaction leaves gaps below the durable end, and Kafka's anywhere. Else the base offset is damaged. A batch ends
		// at the durable end, which tells of the last one of a log.
		end := int64(maxOffset)
		if least < r.durableEnd {
			end = r.durableEnd
		}
		gap = scan.isOdd(h, least, r.extentOf(i, end))
	}
	if h.BaseOffset() < least || gap || h.LastOffset()-s.baseOffset > maxRelativeOffset {
		return &logstore.CorruptError{Path: scan.path(), Offset: at, Err: fmt.Errorf(
			"%w: offsets %d to %d can't come after %d in the segment at %d", record.ErrCorrupt, h.BaseOffset(), h.LastOffset(), least-1, s.baseOffset)}
	}
	if err := scan.verify(h); err != nil {
		return err
	}
	r.next = h.NextOffset()
	return nil
}

// trimZeros cuts the zeros at the end of a segment, which Kafka preallocates.
func (r *recovery) trimZeros(i int, at int64) error {
	s := r.segments[i]
	if err := s.truncate(at); err != nil {
		return err
	}
	s.size, r.cut = at, true
	return nil
}

// broken decides what an invalid batch at the position means. done says that the log was cut there; else the
// position is behind the damage.
func (r *recovery) broken(i int, scan *scanner, bad error) (done bool, err error) {
	if old, err := scan.isOldFormat(); old || err != nil {
		return false, errors.Join(err, errOldFormat)
	}
	after, err := scan.resync(r.next, r.lastPossible(i))
	if err != nil {
		return false, err
	}
	follows := after.ok || after.gaveUp
	for j := i + 1; j < len(r.segments) && !follows; j++ {
		if follows, err = r.beginsValid(j); err != nil {
			return false, err
		}
	}
	s := r.segments[i]
	if r.next >= r.durableEnd && (r.durableEnd >= 0 && !r.foreign || !follows) {
		return true, r.cutAt(i, scan.pos, follows, bad)
	}
	gap := hole{from: scan.pos, to: s.size, nextOffset: r.extentOf(i, maxOffset).endOffset}
	if after.ok {
		gap.to, gap.nextOffset = after.pos, after.header.BaseOffset()
	}
	if gap.nextOffset == maxOffset {
		// The damage reaches to the end of the log.
		gap.nextOffset = max(r.durableEnd, r.next)
	}
	if r.damage.holes == nil {
		r.damage.holes = map[int64][]hole{}
	}
	r.damage.holes[s.baseOffset] = append(r.damage.holes[s.baseOffset], gap)
	s.holes = r.damage.holes[s.baseOffset]
	r.log.Error("log is damaged below its durable end: it can be read around the damage but not written to; "+
		"restore the file from a copy, or give up what was lost with kafka-delete-records up to the offset behind it",
		slog.String("file", r.folder.dir.fs.Name()+"/"+s.path(logSuffix)), slog.Int64("byte", gap.from), slog.Int64("bytes", gap.to-gap.from),
		slog.Int64("offset", r.next), slog.Int64("behind", gap.nextOffset), slog.Int64("durable", r.durableEnd), slog.Any("error", bad))
	scan.pos, r.next = gap.to, gap.nextOffset
	return false, nil
}

// errOldFormat says that a log has messages of the time before record batches.
var errOldFormat = errors.New("log has messages in the format of Kafka before 0.11, which is not read")

// lastPossible is the greatest offset that a batch of segment i may have.
func (r *recovery) lastPossible(i int) int64 {
	return min(r.segments[i].baseOffset+maxRelativeOffset, r.extentOf(i, maxOffset).endOffset-1)
}

// beginsValid reports whether a segment begins with a valid batch.
func (r *recovery) beginsValid(i int) (bool, error) {
	s := r.segments[i]
	data, err := s.acquire()
	if err != nil {
		return false, err
	}
	defer s.data.release()
	scan := newScanner(data, s, 0, s.size, scanWindow)
	defer scan.close()
	found, err := scan.batchAt(0, s.baseOffset, r.lastPossible(i))
	return found.ok, err
}

// cutAt ends the log at a position of segment i. What is cut is set aside if there are valid batches in it.
func (r *recovery) cutAt(i int, at int64, keep bool, bad error) error {
	s := r.segments[i]
	lost := s.size - at
	if keep && lost > 0 {
		if err := s.setAside(at); err != nil {
			return err
		}
	}
	if err := s.truncate(at); err != nil {
		return err
	}
	s.size = at
	for _, later := range r.segments[i+1:] {
		lost += later.size
		if err := later.discard(keep); err != nil {
			return err
		}
	}
	r.segments = r.segments[:i+1]
	r.cut = true
	level, text := slog.LevelWarn, "end of a log was torn and is cut off: nothing there was durable"
	if keep {
		level, text = slog.LevelError, "end of a log was not written in order and is cut off: nothing there was durable, "+
			"the bytes are kept in files that end in .lost"
	}
	r.log.LogAttrs(context.Background(), level, text, slog.String("file", r.folder.dir.fs.Name()+"/"+s.path(logSuffix)),
		slog.Int64("byte", at), slog.Int64("bytes", lost), slog.Int64("offset", r.next), slog.Any("error", bad))
	return nil
}

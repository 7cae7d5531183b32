package local

import (
	"slices"

	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/producer"
)

// finish makes durable what was found and describes it.
func (r *recovery) finish(k slotted) (*found, error) {
	f := &found{dir: r.folder.dir}
	f.TopicID, f.Partition, f.Slot, f.OldestTimestamp = k.TopicID, k.Partition, k.slot, unknownTimestamp
	f.LogStartOffset = max(k.LogStartOffset, 0)
	if len(r.segments) > 0 {
		f.LogStartOffset = max(f.LogStartOffset, r.segments[0].baseOffset)
	} else {
		f.LogStartOffset = max(f.LogStartOffset, r.next)
	}
	f.LogEndOffset = max(r.next, f.LogStartOffset)
	if r.relevant(f.LogStartOffset) {
		f.damage = &r.damage
	}
	f.LastStableOffset = f.LogEndOffset
	f.HasDeleted = len(r.deleted) > 0
	for _, s := range r.segments {
		f.LogBytes += s.size
		f.ActiveBaseOffset, f.ActiveBytes = s.baseOffset, s.size
	}
	f.LeaderEpoch = k.LeaderEpoch
	if k.slot == noSlot {
		f.LeaderEpoch = max(f.LeaderEpoch, r.folder.dir.epochFloor)
	}
	if f.damage != nil {
		return f, nil
	}
	if err := r.makeDurable(); err != nil {
		return nil, err
	}
	return f, r.rebuildState(f)
}

// relevant reports whether there is damage at or behind the log start offset: what lies before was given up.
func (r *recovery) relevant(logStartOffset int64) bool {
	for _, holes := range r.damage.holes {
		for _, gap := range holes {
			if gap.nextOffset > logStartOffset {
				return true
			}
		}
	}
	return r.damage.missing > logStartOffset
}

// makeDurable syncs what the log has beyond its durable end.
func (r *recovery) makeDurable() error {
	if r.next <= r.durableEnd && !r.cut {
		return nil
	}
	for i, s := range r.segments {
		if r.extentOf(i, r.next).endOffset < r.durableEnd {
			continue
		}
		data, err := s.acquire()
		if err != nil {
			return err
		}
		err = data.Sync()
		s.data.release()
		if err != nil {
			return err
		}
	}
	return r.folder.dir.fs.SyncDir(r.folder.name)
}

// rebuildState rebuilds what is kept beside the batches: epochs, producers, transaction indexes.
func (r *recovery) rebuildState(f *found) error {
	cache, err := r.epochs(f.LogEndOffset)
	if err != nil {
		return err
	}
	for i := r.first; i < len(r.segments); i++ {
		if err := r.segments[i].dropIndexes(); err != nil {
			return err
		}
		// An epoch that began before was written down before anything of it was acknowledged.
		from := int64(0)
		if i == r.first {
			from = r.from
		}
		if cache, err = r.scanEpochs(cache, r.segments[i], from, r.extentOf(i, f.LogEndOffset)); err != nil {
			return err
		}
	}
	if latest, ok := cache.Latest(); ok {
		f.LeaderEpoch = max(f.LeaderEpoch, latest.LeaderEpoch)
	}
	// What a crash took, where the topic's policy let it, readers may have seen: a new epoch lets them find out (KIP-320). It is kept in
	// the slot before anybody is told, so epochs never go back. Kafka raises it at every start; nothing needs that after a clean stop.
	f.LeaderEpoch = max(f.LeaderEpoch, 0) + 1
	if cache.Len() > 0 {
		if err := writeCache(r.folder.dir.fs, r.folder.path(format.LeaderEpochFile), cache.AppendTo(nil)); err != nil {
			return err
		}
	}
	return r.rebuildProducers(f)
}

// dropSnapshots removes the snapshots that are damaged, and those behind the end of the log, which would be believed once
// the log is that long again.
func (r *recovery) dropSnapshots(logEndOffset int64) error {
	removed := false
	for _, at := range r.snapshots {
		if at <= logEndOffset && !slices.Contains(r.worthless, at) {
			continue
		}
		if err := r.folder.dir.fs.Remove(r.folder.path(fileName(at, snapshotSuffix))); err != nil {
			return err
		}
		removed = true
	}
	if !removed {
		return nil
	}
	r.snapshots = slices.DeleteFunc(r.snapshots, func(at int64) bool { return at > logEndOffset || slices.Contains(r.worthless, at) })
	// Another crash must not bring one back that tells of a log that never was.
	return r.folder.dir.fs.SyncDir(r.folder.name)
}

// rebuildProducers rebuilds the producers, keeps them in a snapshot, and writes the entries of aborted transactions.
func (r *recovery) rebuildProducers(f *found) error {
	var table producer.Table
	trusted := int64(maxOffset)
	if r.foreign || r.gaps {
		trusted = r.durableEnd // Kafka writes snapshots before it syncs the transaction index.
	}
	err := r.producersAndAborted(&table, f, trusted, func(s *segment, merged []producer.AbortedTransaction, content []byte) error {
		return r.repairAborted(f, s, merged, content)
	})
	if err != nil {
		return err
	}
	if r.sumsChanged {
		if err := r.folder.writeTxnSums(r.segments); err != nil {
			return err
		}
	}
	if err := r.dropSnapshots(f.LogEndOffset); err != nil {
		return err
	}
	f.HasProducers = table.Len() > 0
	f.LastStableOffset = table.LastStableOffset(f.LogStartOffset, f.LogEndOffset)
	if !f.HasProducers || f.aborted != nil {
		return nil
	}
	path := r.folder.path(fileName(f.LogEndOffset, snapshotSuffix))
	return writeCache(r.folder.dir.fs, path, table.AppendSnapshot(nil))
}

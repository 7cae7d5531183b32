package local

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/vfs"
)

// kafkaCleanFile is Kafka's clean-shutdown marker. It would lie after the first append.
const kafkaCleanFile = ".kafka_cleanshutdown"

// clusterMetadata is the folder of Kafka's own metadata log, which is none of ours.
const clusterMetadata = "__cluster_metadata"

// catalogFile is the broker's list of topics, which lies in the first log directory and isn't read here.
const catalogFile = "clatter-catalog.db"

// newCatalogFile is a catalog that is being made, which happens while the first start looks around here.
const newCatalogFile = catalogFile + ".new"

func newLogDir(s *Store, index int, fsys vfs.FS) *logDir {
	d := &logDir{store: s, index: index, fs: fsys}
	d.offsets.dir = d
	d.syncer.dir = d
	d.syncer.journal.dir, d.syncer.journal.limit = d, journalBytes
	d.syncer.mu.idle = sync.NewCond(&d.syncer.mu)
	return d
}

// open locks a log directory and finds out which logs are in it. After a clean stop that takes a
// look at three files and the names of the folders; else the logs are recovered.
func (d *logDir) open(ctx context.Context) (err error) {
	if err := d.fs.MkdirAll(""); err != nil {
		return fmt.Errorf("log directory %s: %w", d.fs.Name(), err)
	}
	d.lock, err = d.fs.Lock(format.LockFile)
	if errors.Is(err, vfs.ErrLocked) {
		return fmt.Errorf("%s: %w", d.fs.Name(), logstore.ErrLocked)
	}
	if err != nil {
		return fmt.Errorf("log directory %s: %w", d.fs.Name(), err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("log directory %s: %w", d.fs.Name(), errors.Join(err, d.unstamp(), d.giveBack()))
		}
	}()
	if err := d.store.options.locked(); err != nil {
		return err
	}
	names, err := d.fs.List("")
	if err != nil {
		return err
	}
	if err := d.store.known.load(d); err != nil {
		return err
	}
	if isNew(names) && d.wasEmptied() {
		return errEmptied
	}
	if err := d.identify(names); err != nil {
		return err
	}
	if !isNew(names) {
		d.keepKnown()
	}
	slots, err := d.offsets.load()
	if err != nil {
		return err
	}
	if err := d.cleaned.load(d); err != nil {
		return err
	}
	return d.findLogs(ctx, names, slots)
}

// giveBack closes what an open directory holds.
func (d *logDir) giveBack() error {
	err := d.offsets.close()
	if d.lock != nil {
		err = errors.Join(err, d.lock.Close())
		d.lock = nil
	}
	return err
}

// locked tells the owner of the store that the first directory is locked.
func (s *settings) locked() (err error) {
	if s.Locked == nil {
		return nil
	}
	tell := s.Locked
	s.Locked = nil
	s.ClusterID, err = tell()
	return err
}

// identify checks whose directory it is, and stamps one that has no stamp.
func (d *logDir) identify(names []string) error {
	o := d.store.options
	content, err := format.ReadAll(d.fs, format.MetaPropertiesFile, maxMetadataBytes)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var meta format.MetaProperties
	if err == nil {
		meta, err = format.DecodeMetaProperties(content)
	}
	if errors.Is(err, fs.ErrNotExist) || (isNew(names) && errors.Is(err, format.ErrMalformedMetadata)) {
		return d.stamp(isNew(names))
	}
	if err != nil {
		return err
	}
	if o.ClusterID != "" && meta.ClusterID != o.ClusterID {
		return fmt.Errorf("%s says that it belongs to cluster %q, not to %q", format.MetaPropertiesFile, meta.ClusterID, o.ClusterID)
	}
	if meta.NodeID != o.NodeID {
		return fmt.Errorf("%s says that it belongs to node %d, not to %d", format.MetaPropertiesFile, meta.NodeID, o.NodeID)
	}
	d.id, d.meta = meta.DirectoryID, meta
	return nil
}

// isNew reports whether a directory never had a log, by the names in it.
func isNew(names []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool {
		_, _, _, folder := format.ParsePartitionDir(name)
		return folder || name == format.OffsetsFile || name == format.CleanShutdownFile
	})
}

// stamp writes whose directory it is. A new one is stamped without waiting for the disk, because a start should not: the stamp is made durable
// before the first log is, and one that a crash tore is written again.
func (d *logDir) stamp(isNew bool) error {
	o := d.store.options
	d.id = o.uuid()
	meta := format.MetaProperties{ClusterID: o.ClusterID, NodeID: o.NodeID, DirectoryID: d.id}
	if meta.ClusterID == "" {
		meta.ClusterID = o.uuid().String()
	}
	d.meta = meta
	if !isNew {
		d.store.log.Warn("log directory has logs and no stamp; it is stamped as ours", slog.String("dir", d.fs.Name()))
		return format.WriteAtomic(d.fs, format.MetaPropertiesFile, meta.AppendTo(nil))
	}
	d.stampUnsynced.Store(true)
	return writeFile(d.fs, format.MetaPropertiesFile, meta.AppendTo(nil))
}

// unstamp takes the stamp of a new directory back, while it is locked, because the start failed: with the ID of a cluster that
// never was, the directory could not be given to another one.
func (d *logDir) unstamp() error {
	if !d.stampUnsynced.Swap(false) {
		return nil
	}
	if err := d.fs.Remove(format.MetaPropertiesFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// syncStamp makes the stamp of a new directory durable.
func (d *logDir) syncStamp() error {
	if !d.stampUnsynced.Load() {
		return nil
	}
	f, err := d.fs.Open(format.MetaPropertiesFile)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := d.fs.SyncDir(""); err != nil {
		return err
	}
	d.stampUnsynced.Store(false)
	return nil
}

// uuid is a random version 4 UUID, as Kafka's are.
func (s *settings) uuid() format.UUID {
	var u format.UUID
	binary.BigEndian.PutUint64(u[:8], s.random())
	binary.BigEndian.PutUint64(u[8:], s.random())
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return u
}

// findLogs reads the clean marker, or recovers the logs if there is none that holds.
func (d *logDir) findLogs(ctx context.Context, names []string, slots []slotted) error {
	folders := d.sortNames(names)
	if err := d.replayWhenRoom(ctx, names, slots); err != nil {
		return err
	}
	marks, clean, err := d.takeMarker(names)
	if err != nil {
		return err
	}
	if clean {
		d.left = make(leftovers, len(marks))
		for i := range marks {
			d.left[i] = found{PartitionMark: marks[i], dir: d}
		}
	} else if err := d.recoverAll(ctx, folders, slots); err != nil {
		return err
	}
	d.left.sort()
	d.logs.Store(int64(len(d.left) + len(d.unnamed)))
	return d.reconcile(slots)
}

// sortNames picks the folders of logs from the names in the directory, sees to the removal of deleted ones, and
// says what it doesn't know.
func (d *logDir) sortNames(names []string) (folders []string) {
	var unknown []string
	for _, name := range names {
		topic, _, stage, ok := format.ParsePartitionDir(name)
		switch {
		case ok && stage == format.Live && topic != clusterMetadata:
			folders = append(folders, name)
		case ok && stage == format.DeleteDir:
			d.removeFolderLater(name, nil, removalDelay)
		case ok && topic == clusterMetadata, isDirFile(name):
		default:
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		d.store.log.Warn("log directory has things that are not known and left alone",
			slog.String("dir", d.fs.Name()), slog.Any("names", unknown))
	}
	return folders
}

// isDirFile tells the files of a log directory, ours and Kafka's.
func isDirFile(name string) bool {
	switch name {
	case format.LockFile, format.MetaPropertiesFile, format.CleanShutdownFile, format.OffsetsFile, format.JournalFile, kafkaCleanFile,
		format.RecoveryPointFile, format.LogStartOffsetFile, format.ReplicationOffsetFile, format.CleanerOffsetFile,
		"bootstrap.checkpoint", catalogFile, newCatalogFile, KnownDirsFile:
		return true
	default:
		return strings.HasSuffix(name, ".tmp") || strings.HasPrefix(name, format.JournalFile+".")
	}
}

// takeMarker reads the clean marker and removes it, durably: from now on, only another clean stop may say
// that recovery isn't needed.
func (d *logDir) takeMarker(names []string) (marks []format.PartitionMark, clean bool, err error) {
	removed := false
	for _, name := range names {
		if name != format.CleanShutdownFile && name != kafkaCleanFile {
			continue
		}
		if name == format.CleanShutdownFile {
			if marks, clean, err = d.readMarker(); err != nil {
				return nil, false, err
			}
		} else {
			d.foreign = true // Kafka wrote it after our last start, which would have removed it.
		}
		if err := d.fs.Remove(name); err != nil {
			return nil, false, err
		}
		removed = true
	}
	if removed {
		err = d.fs.SyncDir("")
	}
	return marks, clean && !d.foreign, err
}

func (d *logDir) readMarker() ([]format.PartitionMark, bool, error) {
	content, err := format.ReadAll(d.fs, format.CleanShutdownFile, maxCheckpointBytes)
	if err != nil && !errors.Is(err, format.ErrTooLarge) {
		return nil, false, err
	}
	marks, err := format.DecodeShutdown(content, d.id)
	if err != nil {
		d.store.log.Warn("clean-shutdown marker is damaged; the logs are recovered",
			slog.String("dir", d.fs.Name()), slog.Any("error", err))
		return nil, false, nil
	}
	return marks, true, nil
}

// recoverAll recovers the logs of all folders, a few at a time.
func (d *logDir) recoverAll(ctx context.Context, folders []string, slots []slotted) error {
	if len(folders) == 0 {
		return nil
	}
	var err error
	if d.old, err = readOldCheckpoints(d); err != nil {
		return err
	}
	if err := d.raiseEpochs(); err != nil {
		return err
	}
	known := make(map[partitionKey]slotted, len(slots))
	for _, s := range slots {
		known[partitionKey{s.TopicID, s.Partition}] = s
	}
	began := time.Now()
	d.store.log.Info("last stop was not clean: recovering logs", slog.String("dir", d.fs.Name()), slog.Int("logs", len(folders)))
	results := make([]*found, len(folders))
	var (
		group sync.WaitGroup
		next  atomic.Int64
	)
	for range min(d.store.options.RecoveryWorkers, len(folders)) {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(folders) && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				results[i] = d.recoverFolder(folders[i], logstore.TopicID{}, known)
			}
		})
	}
	group.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for i, f := range results {
		if d.unnamed == nil {
			d.unnamed = map[string]bool{}
		}
		if f == nil {
			d.unnamed[folders[i]] = true
			continue
		}
		if f.Slot == noSlot {
			d.unnamed[folders[i]] = false
		}
		d.left = append(d.left, *f)
	}
	d.store.log.Info("logs are recovered", slog.String("dir", d.fs.Name()), slog.Int("logs", len(folders)),
		slog.Duration("took", time.Since(began)))
	return d.keepRecovered()
}

// epochsPerFloor is how many times a log may be recovered between two losses of the offsets file without coming to the next floor.
const epochsPerFloor = 1 << 16

// raiseEpochs raises the floor of leader epochs if the offsets file is lost. Of the epochs that recoveries gave out, the batches tell only those that
// something was appended in. A lower one would be a disaster: consumers (KIP-320) take its metadata for old and wait, and partitions refuse the markers
// of a transaction coordinator. So the floor is kept beside the identity of the directory, without which there is no start.
func (d *logDir) raiseEpochs() error {
	d.epochFloor = format.NoEpochFloor
	if d.offsets.existed || d.meta.EpochFloor == format.NoEpochFloor || d.meta.EpochFloor > math.MaxInt32-2*epochsPerFloor {
		return nil
	}
	d.meta.EpochFloor += epochsPerFloor
	d.epochFloor = d.meta.EpochFloor
	d.store.log.Warn("offsets file is lost; durable ends are judged by the logs, and leader epochs begin above all that there may have been",
		slog.String("dir", d.fs.Name()), slog.String("file", format.OffsetsFile), slog.Int("epoch", int(d.epochFloor)+1))
	err := format.WriteAtomic(d.fs, format.MetaPropertiesFile, d.meta.AppendTo(nil))
	if vfs.IsNoSpace(err) {
		return nil // The next start begins at the same floor, and only if the file is lost again.
	}
	return err
}

// keepFloor sees to it that a directory that a Kafka stamped has a floor before it has an offsets file that may be lost.
func (d *logDir) keepFloor() error {
	if d.meta.EpochFloor != format.NoEpochFloor {
		return nil
	}
	meta := d.meta
	meta.EpochFloor = 0
	if err := format.WriteAtomic(d.fs, format.MetaPropertiesFile, meta.AppendTo(nil)); err != nil {
		return err
	}
	d.meta = meta
	return nil
}

// recoverFolder recovers one log. Whatever keeps it from being read concerns this log alone. The result is nil
// if nobody knows which topic it belongs to.
func (d *logDir) recoverFolder(name string, id logstore.TopicID, known map[partitionKey]slotted) *found {
	_, partition, _, _ := format.ParsePartitionDir(name)
	folder := &folder{dir: d, name: name}
	f, err := recoverLog(folder, partitionKey{id, partition}, known, d.old)
	switch {
	case err == nil:
		return f
	case errors.Is(err, errNoTopicID):
		return nil
	}
	d.store.log.Error("log can't be recovered and is offline; see to the cause, then restart",
		slog.String("folder", d.fs.Name()+"/"+name), slog.Any("error", err))
	if f == nil {
		f = &found{dir: d}
		f.TopicID, f.Partition, f.Slot = id, partition, noSlot
	}
	if f.TopicID == (logstore.TopicID{}) {
		read, _ := (&loading{log: d.store.log, folder: folder}).topicID() // unknown if that can't be read either
		if f.TopicID = read; read == (logstore.TopicID{}) {
			return nil
		}
	}
	f.damage = &damage{err: err}
	return f
}

// keepRecovered notes the durable ends that recovery established.
func (d *logDir) keepRecovered() error {
	if err := d.fs.SyncDir(""); err != nil {
		return err
	}
	for i := range d.left {
		f := &d.left[i]
		if f.damage != nil {
			continue
		}
		k := format.Kept{
			TopicID: f.TopicID, Partition: f.Partition, LeaderEpoch: f.LeaderEpoch,
			DurableEnd: f.LogEndOffset, LogStartOffset: f.LogStartOffset,
		}
		var err error
		if f.Slot == noSlot {
			f.Slot, err = d.offsets.assign(k)
		} else {
			err = d.offsets.write(f.Slot, k)
		}
		if err != nil && !vfs.IsNoSpace(err) {
			return err
		}
	}
	return d.offsets.sync()
}

// reconcile compares the slots with the logs that were found. A slot without a log is of a folder that is gone.
func (d *logDir) reconcile(slots []slotted) error {
	for _, s := range slots {
		if f := d.left.find(s.TopicID, s.Partition); f != nil {
			if f.Slot == noSlot {
				f.Slot = s.slot
			}
			continue
		}
		if s.DurableEnd == 0 && s.LogStartOffset == 0 {
			if err := d.offsets.release(s.slot, partitionKey{s.TopicID, s.Partition}); err != nil {
				return err
			}
			continue
		}
		f := found{dir: d, durable: s.DurableEnd}
		f.TopicID, f.Partition, f.Slot, f.LeaderEpoch = s.TopicID, s.Partition, s.slot, s.LeaderEpoch
		// Records may have been deleted that were not durable yet.
		end := max(s.DurableEnd, s.LogStartOffset)
		f.LogStartOffset, f.LogEndOffset, f.LastStableOffset = s.LogStartOffset, end, end
		f.OldestTimestamp = unknownTimestamp
		if d.gone == nil {
			d.gone = map[partitionKey]*found{}
		}
		d.gone[f.key()] = &f
	}
	return nil
}

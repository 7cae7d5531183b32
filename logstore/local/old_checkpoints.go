package local

import (
	"errors"
	"io/fs"
	"log/slog"

	"github.com/clatterhq/clatter/logstore/checkpoint"
	"github.com/clatterhq/clatter/logstore/local/format"
)

// maxCheckpointBytes bounds what is read of a checkpoint of a directory.
const maxCheckpointBytes = 256 << 20

// oldCheckpoints is what Kafka's checkpoint files say of partitions that our own file doesn't know: a
// directory that Kafka wrote. Keys are folder names, because the files know no topic IDs.
type oldCheckpoints struct {
	recoveryPoints  map[string]int64
	logStartOffsets map[string]int64
}

func readOldCheckpoints(d *logDir) (*oldCheckpoints, error) {
	if d.offsets.existed && !d.foreign {
		// They are ours then, and may tell of an earlier topic of the same name.
		return &oldCheckpoints{}, nil
	}
	recoveryPoints, err := readCheckpoint(d, format.RecoveryPointFile)
	if err != nil {
		return nil, err
	}
	logStartOffsets, err := readCheckpoint(d, format.LogStartOffsetFile)
	if err != nil {
		return nil, err
	}
	return &oldCheckpoints{recoveryPoints: recoveryPoints, logStartOffsets: logStartOffsets}, nil
}

func readCheckpoint(d *logDir, name string) (map[string]int64, error) {
	content, err := format.ReadAll(d.fs, name, maxCheckpointBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var entries []format.PartitionOffset
	if err == nil {
		entries, err = format.DecodeOffsets(content)
	}
	if errors.Is(err, checkpoint.ErrMalformed) || errors.Is(err, format.ErrTooLarge) {
		d.store.log.Warn("checkpoint is damaged and ignored", slog.String("dir", d.fs.Name()), slog.String("file", name), slog.Any("error", err))
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	offsets := make(map[string]int64, len(entries))
	for _, e := range entries {
		offsets[format.PartitionDir(e.Topic, e.Partition)] = e.Offset
	}
	return offsets, nil
}

// logStart is the log start offset of the log in a folder, 0 if it isn't known.
func (o *oldCheckpoints) logStart(folder string) int64 { return o.logStartOffsets[folder] }

// recoveryPoint is up to where the log in a folder was synced, -1 if that isn't known.
func (o *oldCheckpoints) recoveryPoint(folder string) int64 {
	if offset, ok := o.recoveryPoints[folder]; ok {
		return offset
	}
	return -1
}

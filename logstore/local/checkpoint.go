package local

import (
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/vfs"
)

// checkpointDelay is how long after a change Kafka's checkpoint files may be behind, as in Kafka. We
// don't read them ourselves: they are for its tools, and for a broker that takes the directory over.
const checkpointDelay = time.Minute

// checkpointLater sees to it that Kafka's checkpoint files follow a change.
func (s *Store) checkpointLater() {
	if s.checkpointDue.Swap(true) {
		return
	}
	s.timers.after(checkpointDelay, func() {
		s.checkpointDue.Store(false)
		for _, d := range s.dirs {
			if d.offline() != nil {
				continue
			}
			if err := s.writeCheckpoints(d); err != nil {
				s.log.Warn("checkpoints for Kafka's tools can't be written", slog.String("dir", d.fs.Name()), slog.Any("error", err))
			}
		}
	})
}

// writeCheckpoints writes Kafka's checkpoint files of a directory.
func (s *Store) writeCheckpoints(d *logDir) error {
	var recovery, start, replication []format.PartitionOffset
	for _, l := range s.usedLogs() {
		if !l.isIn(d) {
			continue
		}
		v := l.view.load()
		if v.status == deleted {
			continue
		}
		p := format.PartitionOffset{Topic: l.topic.name, Partition: l.partition}
		recovery = append(recovery, withOffset(p, l.durableEnd()))
		replication = append(replication, withOffset(p, v.HighWatermark))
		// Kafka leaves out what the first segment says as well.
		if len(v.segments) > 0 && v.LogStartOffset > v.segments[0].baseOffset {
			start = append(start, withOffset(p, v.LogStartOffset))
		}
	}
	d.untouched(func(f *found) {
		t := s.topics.find(f.TopicID)
		if t == nil || f.damage != nil {
			return
		}
		p := format.PartitionOffset{Topic: t.name, Partition: f.Partition}
		recovery = append(recovery, withOffset(p, f.LogEndOffset))
		replication = append(replication, withOffset(p, f.LogEndOffset))
		if f.LogStartOffset > 0 {
			start = append(start, withOffset(p, f.LogStartOffset))
		}
	})
	for _, file := range []struct {
		name    string
		entries []format.PartitionOffset
	}{{format.LogStartOffsetFile, start}, {format.RecoveryPointFile, recovery}, {format.ReplicationOffsetFile, replication}} {
		slices.SortFunc(file.entries, func(a, b format.PartitionOffset) int {
			if c := strings.Compare(a.Topic, b.Topic); c != 0 {
				return c
			}
			return int(a.Partition - b.Partition)
		})
		if err := format.WriteAtomic(d.fs, file.name, format.AppendOffsets(nil, file.entries)); err != nil && !vfs.IsNoSpace(err) {
			return d.fail("write of a checkpoint", err)
		}
	}
	return nil
}

func withOffset(p format.PartitionOffset, offset int64) format.PartitionOffset {
	p.Offset = offset
	return p
}

// durableEnd is up to where the log was synced.
func (l *log) durableEnd() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w := l.mu.writer; w != nil {
		return w.flushedOffset
	}
	return l.view.load().LogEndOffset
}

package logstore

import (
	"context"
	"time"
)

// TopicID identifies one incarnation of a topic (KIP-516). A topic that was
// deleted and created again under its name has another ID.
type TopicID [16]byte

// TopicPartitions is what a store must know of one topic to keep it.
type TopicPartitions struct {
	ID         TopicID
	Topic      string // the name, which names the folders on disk
	Partitions int32  // partitions 0 to Partitions-1 exist
	Config     *Config
	// Existing says that the topic is older than the process. A partition of it without files may have some in a log
	// directory that could not be opened, and is offline then.
	Existing bool
}

// Store keeps the partitions that the catalog tells it of. Any goroutine may call
// any method. The catalog is the truth about which topics exist; a store never
// invents one from what it finds on disk, and never deletes what the catalog
// doesn't mention.
type Store interface {
	// Create makes the partitions of the topics usable. It is idempotent: at start
	// it is called with all topics of the catalog, and after CreatePartitions with a
	// larger count. It touches no disk: a partition has no files before its first
	// record. Errors: ErrClosed.
	Create(topics ...TopicPartitions) error
	// Delete ends all partitions of a topic: waiters wake, later calls answer
	// ErrUnknownPartition at once, and the name can be created again under another
	// ID. Files are renamed away durably before it returns and removed after the
	// topic's file.delete.delay.ms. Idempotent, also for a topic of which only files
	// are left (a deletion that a crash cut short).
	Delete(ctx context.Context, topic TopicPartitions) error
	// Configure replaces the effective configuration of a topic, at once. The value
	// is shared and immutable.
	Configure(id TopicID, config *Config) error
	// Partition hands out a partition if this broker leads it.
	// Errors: ErrUnknownPartition, *NotLeaderError, ErrClosed. The value stays valid until the topic
	// is deleted; the lookup takes no lock and allocates nothing once the partition was used.
	Partition(id TopicID, partition int32) (Partition, error)
	// LeaderEpoch is the epoch in which this broker leads a partition, -1 if it doesn't. It costs a partition that
	// was never used nothing: descriptions of all partitions ask for it.
	LeaderEpoch(id TopicID, partition int32) int32
	// LogDirs describes the directories and the space in them.
	LogDirs(ctx context.Context) ([]LogDir, error)
	// Cleaning tells how compaction keeps up, as of the last time that the cleaner looked.
	Cleaning() CleaningStatus
	// Health is nil while every directory takes writes; else it says what an operator must do.
	Health() error
	// Close makes everything durable, writes the clean-shutdown marker (only if all
	// of it succeeded) and gives the directory back. Later calls answer ErrClosed.
	Close(ctx context.Context) error
}

// CleaningStatus tells how compaction keeps up. A log that isn't compacted any more grows until its disk is full, or until a coordinator takes hours to
// load it, and nothing else tells.
type CleaningStatus struct {
	// DirtyAge is the age of the oldest record that waits to be compacted, by its timestamp; 0 if none does. Those of logs that can't be compacted count.
	DirtyAge time.Duration
	// Uncleanable is the number of logs whose compaction failed, and which wait for an operator and a restart.
	Uncleanable int
}

// LogDir is one directory as DescribeLogDirs shows it. Sizes are in bytes.
type LogDir struct {
	Path        string
	Err         error // not nil: the directory is offline, or its disk hangs
	TotalBytes  int64 // of the volume, -1 if unknown
	UsableBytes int64
	Partitions  []PartitionSize // partitions that have files, in no order
}

// PartitionSize is the size of one partition's log segments in bytes.
type PartitionSize struct {
	ID        TopicID
	Partition int32
	Bytes     int64
}

package format

import (
	"strconv"

	"github.com/clatterhq/clatter/logstore/checkpoint"
)

// Names of the checkpoint files in a log directory, all with the content of
// [AppendOffsets], and of the one in a partition's folder (logstore/epoch).
const (
	RecoveryPointFile     = "recovery-point-offset-checkpoint"
	LogStartOffsetFile    = "log-start-offset-checkpoint"
	ReplicationOffsetFile = "replication-offset-checkpoint"
	CleanerOffsetFile     = "cleaner-offset-checkpoint"
	LeaderEpochFile       = "leader-epoch-checkpoint"
)

const offsetCheckpointVersion = 0

// PartitionOffset is an entry of an offset checkpoint.
type PartitionOffset struct {
	Topic     string
	Partition int32
	Offset    int64
}

// AppendOffsets appends the content of an offset checkpoint to dst: entries are "topic partition offset".
// Topic names hold no white space.
func AppendOffsets(dst []byte, entries []PartitionOffset) []byte {
	dst = checkpoint.AppendHeader(dst, offsetCheckpointVersion, len(entries))
	for _, e := range entries {
		dst = append(append(dst, e.Topic...), ' ')
		dst = append(strconv.AppendInt(dst, int64(e.Partition), 10), ' ')
		dst = append(strconv.AppendInt(dst, e.Offset, 10), '\n')
	}
	return dst
}

// DecodeOffsets reads the content of an offset checkpoint. Of a partition that comes twice, the later entry is
// the true one, as in Kafka. Error: checkpoint.ErrMalformed.
func DecodeOffsets(p []byte) ([]PartitionOffset, error) {
	var entries []PartitionOffset
	topic := "" // partitions of a topic stand together, and share its name
	err := checkpoint.Decode(p, offsetCheckpointVersion, 3, func(fields [][]byte) error {
		partition, err := checkpoint.Int32(fields[1])
		if err != nil || partition < 0 {
			return strconv.ErrRange
		}
		offset, err := checkpoint.Int64(fields[2])
		if err != nil || offset < 0 {
			return strconv.ErrRange
		}
		if topic != string(fields[0]) {
			topic = string(fields[0])
		}
		entries = append(entries, PartitionOffset{Topic: topic, Partition: partition, Offset: offset})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return entries, nil
}

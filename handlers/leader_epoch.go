package handlers

import (
	"sort"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire"
)

// checkLeaderEpoch compares the epoch that a client knows, or -1, with that of the partition (KIP-320).
func checkLeaderEpoch(claimed, actual int32) wire.ErrorCode {
	switch {
	case claimed == -1 || claimed == actual:
		return wire.None
	case claimed < actual:
		return wire.FencedLeaderEpoch
	default:
		return wire.UnknownLeaderEpoch
	}
}

// endOfEpoch is where the largest epoch <= leaderEpoch ends, both -1 if there is none. The
// epoch in which the partition is led ends at the end of the log, even as long as it has no records.
func endOfEpoch(log logstore.Partition, leaderEpoch int32) (epoch int32, endOffset int64) {
	offsets := log.Offsets()
	switch {
	case leaderEpoch == offsets.LeaderEpoch:
		return leaderEpoch, offsets.LogEndOffset
	case leaderEpoch < -1: // Before all epochs, so that the log begins where it ends.
		return leaderEpoch, offsets.LogStartOffset
	}
	return log.EpochEnd(leaderEpoch)
}

// epochOfLogStart is the leader epoch of the first record of a log, or the one that it
// is led in if it has none. A log doesn't tell which epochs it has, but where each ends: the first epoch that
// ends beyond the log start offset is the one.
func epochOfLogStart(log logstore.Partition, offsets logstore.Offsets) int32 {
	if offsets.LeaderEpoch <= 0 || offsets.LogStartOffset == offsets.LogEndOffset {
		return offsets.LeaderEpoch
	}
	return int32(sort.Search(int(offsets.LeaderEpoch), func(epoch int) bool {
		_, end := log.EpochEnd(int32(epoch))
		return end > offsets.LogStartOffset
	}))
}

package local

// found is what is known of a log that nobody has touched since the store was opened: from the clean
// marker, or from recovery. It spares a start with ten thousand partitions from looking at their files.
type found struct {
	folder         *folder
	logStartOffset int64
	logEndOffset   int64
	size           int64 // of all segments, bytes
	leaderEpoch    int32
}

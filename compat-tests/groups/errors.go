package groups

import "errors"

var (
	// ErrNoPartition says that a word of a member's output is no partition.
	ErrNoPartition = errors.New("not TOPIC/PARTITION")
	// ErrNotShared says that a group's members do not yet own every partition exactly once.
	ErrNotShared = errors.New("partitions are not shared out")
	// ErrBehind says that records were not seen or not committed yet.
	ErrBehind = errors.New("members are behind")
	// ErrLedger says that members saw what they must not see; no waiting mends it.
	ErrLedger = errors.New("wrong records")
)

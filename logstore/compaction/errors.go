package compaction

import "errors"

// ErrMapTooSmall occurs when the memory for an [OffsetMap] has no room for a single key, so that cleaning would never end.
var ErrMapTooSmall = errors.New("memory for the map of keys is too small for a single key")

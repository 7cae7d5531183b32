package format

import "errors"

var (
	// ErrCorruptIndex occurs when the entries of an offset or time index contradict each
	// other or the segment. The index can be rebuilt from the log.
	ErrCorruptIndex = errors.New("corrupt index")
	// ErrCorruptMarker occurs when a clean-shutdown marker or the offsets file isn't whole.
	// The logs must be recovered.
	ErrCorruptMarker = errors.New("corrupt marker")
	// ErrUnknownVersion occurs when a file was written by a version of the
	// software that knows more. It must not be replaced.
	ErrUnknownVersion = errors.New("unknown version")
	// ErrMalformedMetadata occurs when partition.metadata or meta.properties isn't what the
	// format says. Nothing can replace these files.
	ErrMalformedMetadata = errors.New("malformed metadata")
	// ErrTooLarge occurs when a file is larger than its format allows.
	ErrTooLarge = errors.New("file is too large")
)

package txns

import "errors"

var (
	// ErrBehind says that not everything was copied yet.
	ErrBehind = errors.New("copiers are behind")
	// ErrOutput says that the output is not what it must be; no waiting mends it.
	ErrOutput = errors.New("wrong output")
	// ErrEnded says that a copier is gone that should be there.
	ErrEnded = errors.New("copier ended")
)

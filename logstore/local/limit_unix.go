//go:build unix

package local

import (
	"math"
	"syscall"
)

// openFileLimit is how many files the process may have open.
func openFileLimit() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return math.MaxInt
	}
	//nolint:unconvert // The type differs between systems.
	return int(min(uint64(limit.Cur), math.MaxInt))
}

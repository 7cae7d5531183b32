package main

import (
	"runtime/debug"
	"slices"
	"strings"
)

const (
	// queuedShare is the part of the memory, one in so many, that requests may take where
	// queued.max.request.bytes leaves it open.
	queuedShare = 10
	// memoryLimitPercent is how much of what a container may use is given to the heap.
	memoryLimitPercent = 90
)

// tuneMemory tells the garbage collector about a container's limit, unless the environment does, and returns how
// much memory the process may use, 0 where nobody knows. How often the collector comes is gcPace's matter.
func tuneMemory(environ []string) int64 {
	total, limit := memorySize()
	if limit > 0 && !isSet(environ, "GOMEMLIMIT") {
		debug.SetMemoryLimit(limit / 100 * memoryLimitPercent)
	}
	if limit > 0 {
		return limit
	}
	return total
}

func isSet(environ []string, name string) bool {
	return slices.ContainsFunc(environ, func(entry string) bool { return strings.HasPrefix(entry, name+"=") })
}

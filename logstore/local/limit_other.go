//go:build !unix

package local

import "math"

// openFileLimit is how many files the process may have open: here, no limit that is known.
func openFileLimit() int { return math.MaxInt }

//go:build race

package wire

// raceEnabled tells that the race detector is on, which allocates differently.
const raceEnabled = true

//go:build race

package record

// raceEnabled tells that sync.Pool forgets at random.
const raceEnabled = true

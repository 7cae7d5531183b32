//go:build race

package local

// raceDetector is on: random tests do a tenth of their rounds.
const raceDetector = true

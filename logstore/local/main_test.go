package local

import (
	"runtime/debug"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// Thousands of disks in memory live for a moment each: collecting them as often as usual is a third of the CPU.
	debug.SetGCPercent(400)
	goleak.VerifyTestMain(m)
}

package local

import (
	"flag"
	"runtime/debug"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// Thousands of disks in memory live for a moment each: collecting them as often as usual is a third of the CPU.
	debug.SetGCPercent(400)
	// Tests on real disks wait most of the time: two at once, as on a machine with two cores, leave it idle.
	if err := flag.Set("test.parallel", "8"); err != nil { // an argument of the command line comes later and wins
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

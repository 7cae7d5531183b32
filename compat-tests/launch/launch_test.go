package launch_test

import (
	"testing"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/launch"
)

// TestBrokerComesBackOnTheSamePortAfterStopAndKill is the launcher's own test; it runs against either kind.
func TestBrokerComesBackOnTheSamePortAfterStopAndKill(t *testing.T) {
	b := brokertest.Start(t, nil)
	addr, pid := b.Addr(), b.PID()
	if pid == 0 {
		t.Fatal("no process id")
	}
	if err := b.Restart(t.Context()); err == nil {
		t.Fatal("a running broker was started twice")
	}
	if err := b.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := b.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.Kill(); err != nil {
		t.Fatal(err)
	}
	if b.PID() != 0 {
		t.Fatal("process id of a killed broker")
	}
	if err := b.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if b.Addr() != addr || b.PID() == pid {
		t.Fatalf("address %s, process %d after restart; before: %s, %d", b.Addr(), b.PID(), addr, pid)
	}
}

func TestStartReportsTheLogOfABrokerThatEnds(t *testing.T) {
	b, err := launch.Start(t.Context(), launch.Options{Kind: "nonsense"})
	if err == nil {
		_ = b.Close()
		t.Fatal("an unknown kind was started")
	}
}

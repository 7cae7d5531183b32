package launch_test

import (
	"errors"
	"strings"
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

// refused starts a broker that can't be, and returns why.
func refused(t *testing.T, options launch.Options) error {
	t.Helper()
	b, err := launch.Start(t.Context(), options)
	if err == nil {
		t.Fatal(errors.Join(errors.New("it was started"), b.Close()))
	}
	return err
}

func TestStartReportsTheLogOfABrokerThatEnds(t *testing.T) {
	err := refused(t, launch.Options{Kind: brokertest.Kind(), Overrides: map[string]string{"num.partitions": "many"}})
	if errors.Is(err, launch.ErrUnavailable) || !strings.Contains(err.Error(), "num.partitions") {
		t.Error(err)
	}
}

func TestUnknownKindsAreUnavailable(t *testing.T) {
	if err := refused(t, launch.Options{Kind: "nonsense"}); !errors.Is(err, launch.ErrUnavailable) {
		t.Error(err)
	}
}

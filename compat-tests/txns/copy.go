package txns

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// perPartition is how many records of a partition are written in each round.
const perPartition = 60

// Copy is the scenario of every client: a copier copies with transactions, every fourth of which it aborts; the broker is
// killed under it; the copier is killed in the middle of its work and another one takes over under the same transactional
// id; that one is frozen while a third takes over, and thawed when it has become a zombie, which must notice that it is
// fenced and must not write anything that counts.
func Copy(t *testing.T, c Client) {
	t.Helper()
	s := NewScenario(t, c, scenarioLimit)
	s.Write(perPartition)
	s.Start()
	s.AwaitCopied(s.total())
	s.AwaitAborted()

	s.Write(perPartition)
	s.AwaitCopied(s.total() - perPartition)
	s.CrashBroker()
	s.Write(perPartition)
	s.AwaitCopied(s.total())

	s.Write(perPartition)
	s.AwaitCopied(s.total() - perPartition)
	s.copier.Kill()
	s.Write(perPartition)
	s.Start()
	s.AwaitCopied(s.total() - perPartition)

	s.zombie()
	s.Finish()
}

// zombie freezes the copier until another one has taken its place.
func (s *Scenario) zombie() {
	s.t.Helper()
	old := s.copier
	old.Signal(s.t, syscall.SIGSTOP)
	s.Write(perPartition)
	s.Start()
	s.AwaitCopied(s.total())
	old.Signal(s.t, syscall.SIGCONT)
	s.Write(perPartition)
	s.Await("the zombie has noticed that it is fenced", func() error {
		if !old.fenced.Load() || !old.Gone() {
			return fmt.Errorf("%w: %s is still there", ErrBehind, old)
		}
		return nil
	})
}

// Environment of [Soak]; without it the test is a short one.
const (
	recordsVariable = "TXN_RECORDS"
	killsVariable   = "TXN_KILLS"
)

func number(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

// soakLimit bounds a copy of 100,000 records with 50 kills of the broker.
const soakLimit = time.Hour

// Soak copies many records while the broker is killed again and again (TXN_RECORDS, TXN_KILLS), at moments that come from a
// seed in the log.
func Soak(t *testing.T, c Client) {
	t.Helper()
	records := number(t, recordsVariable, 600)
	kills := number(t, killsVariable, min(50, 3+records/2000))
	s := NewScenario(t, c, soakLimit)
	s.options[OptionBatch] = strconv.Itoa(max(10, records/1000))
	seed := uint64(time.Now().UnixNano()) //nolint:gosec // Any number will do.
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // Not for secrets.
	share := max(1, records/partitionCount/(kills+1))
	s.Start()
	for range kills {
		s.Write(share)
		s.AwaitCopied(s.total() - share) // Half of what was written last is still to be copied.
		select {
		case <-s.ctx.Done():
		case <-time.After(time.Duration(random.IntN(30)) * time.Millisecond):
		}
		s.CrashBroker()
	}
	s.Write(share)
	s.Finish()
}

package txns

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
)

// perPartition is how many records of a partition are written in each round.
const perPartition = 60

// settleTime is how long a frozen copier's transaction must stay open to be taken for one that its copier has not yet ended: what the copier sent before
// it was frozen has arrived by then.
const settleTime = 200 * time.Millisecond

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

// zombie freezes the copier in the middle of a transaction until another one has taken its place. The one in its place is at rest when it is thawed, and
// stays so until the zombie has noticed: a client that bumps its epoch over the error of its Produce (kafka-python does) would else have the broker abort
// the transaction of the one in its place, as Kafka's does, too: while a transaction is ongoing, InitProducerId looks at the producer id only, and not at
// the epoch.
func (s *Scenario) zombie() {
	s.t.Helper()
	old := s.copier
	s.freeze(old)
	s.Write(perPartition)
	s.Start()
	s.AwaitCopied(s.total())
	old.Signal(s.t, syscall.SIGCONT)
	s.Await("the zombie has noticed that it is fenced", func() error {
		if !old.fenced.Load() || !old.Gone() {
			return fmt.Errorf("%w: %s is still there", ErrBehind, old)
		}
		return nil
	})
	s.Write(perPartition)
}

// freeze freezes the copier in the middle of a transaction: one that was frozen between two of them has nothing to notice before there is more to copy,
// and then only if it is the first to see it.
func (s *Scenario) freeze(copier *Copier) {
	s.t.Helper()
	s.Await("the copier is frozen in a transaction", func() error {
		s.Write(perPartition / 10)
		// At another moment in each try, since no event tells of a client's steps inside a transaction.
		s.pause(time.Duration(rand.IntN(50)) * time.Millisecond) //nolint:gosec // Not for secrets.
		copier.Signal(s.t, syscall.SIGSTOP)
		err := s.inTransaction()
		if err == nil {
			s.pause(settleTime)
			err = s.inTransaction()
		}
		if err != nil {
			copier.Signal(s.t, syscall.SIGCONT)
		}
		return err
	})
}

// Environment of [Soak]; without it the test is a short one.
const (
	recordsVariable     = "TXN_RECORDS"
	killsVariable       = "TXN_KILLS"
	clientKillsVariable = "TXN_CLIENT_KILLS"
)

// Bounds of [Soak].
const (
	// soakLimit bounds a copy of 100,000 records with 50 kills of the broker.
	soakLimit = time.Hour
	// soakBatch is the most records in a transaction of a long copy.
	soakBatch = 750
)

// Soak is bar R14: many records are copied while the broker and copiers are killed again and again (TXN_RECORDS, TXN_KILLS,
// TXN_CLIENT_KILLS), at moments that come from a seed in the log. Another copier takes the place of one that was killed. The copy must be exact, and
// those who read it meanwhile must have been shown what is there in the end.
//
// Negative control: [Scenario.CompareReaders].
func Soak(t *testing.T, c Client) {
	t.Helper()
	records := brokertest.Setting(t, recordsVariable, 600)
	kills := brokertest.Setting(t, killsVariable, min(50, 3+records/2000))
	clientKills := min(kills, brokertest.Setting(t, clientKillsVariable, max(1, kills*2/5)))
	s := NewScenario(t, c, soakLimit)
	s.options[OptionBatch] = strconv.Itoa(min(soakBatch, max(10, records/40)))
	seed := uint64(time.Now().UnixNano()) //nolint:gosec // Any number will do.
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // Not for secrets.
	share := max(1, records/partitionCount/(kills+clientKills+1))
	s.Start()
	// half writes more, and returns when half of that is still to be copied and a few milliseconds are over.
	half := func() {
		s.Write(share)
		s.AwaitCopied(s.total() - share)
		select {
		case <-s.ctx.Done():
		case <-time.After(time.Duration(random.IntN(30)) * time.Millisecond):
		}
	}
	for n := range kills {
		half()
		s.CrashBroker()
		if (n+1)*clientKills/kills > n*clientKills/kills {
			half()
			s.copier.Kill()
			s.Start()
		}
	}
	s.Write(share)
	s.Finish()
	s.CompareReaders()
	t.Logf("%d kills of the broker, %d of copiers", kills, clientKills)
}

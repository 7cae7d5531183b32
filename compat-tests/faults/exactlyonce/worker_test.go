package exactlyonce

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/faults/txnclient"
)

// writers write transactions, each to two partitions of a topic, until they are stopped.
type writers struct {
	topic      string
	partitions int
	ledger     *ledger
	codes      *txnclient.Codes
	// patience is how long a producer waits for what it sends, once in eight transactions, before it gives the transaction up. Zero: as long
	// as it takes.
	patience time.Duration
	// pace is how long a producer rests between transactions.
	pace time.Duration
	// renames is how many transactions a producer writes under one transactional id, before it goes on under another one. Zero: all.
	renames int
	// leaves says that a producer that is stopped leaves its transaction open.
	leaves bool
	// sent is told of what leaves.
	sent func(key int16)

	stopping chan struct{}
	all      sync.WaitGroup
	fenced   atomic.Int64
	slowest  slowest
}

// writersTimeout is that of transactions of writers.
const writersTimeout = 5 * time.Second

// slow are the codes of writers whose transactions took too long.
func (w *writers) slow() []*kerr.Error { return w.slowest.codes(writersTimeout) }

// slowest is the longest time that a transaction took, in ns.
type slowest struct{ atomic.Int64 }

// tell tells of a transaction that began at a time and is over.
func (s *slowest) tell(began time.Time) {
	took := int64(time.Since(began))
	for last := s.Load(); took > last && !s.CompareAndSwap(last, took); {
		last = s.Load()
	}
}

// codes are those that producers are told whose transactions took longer than their timeout, which happens when the machine has too much else to do.
func (s *slowest) codes(timeout time.Duration) []*kerr.Error {
	if time.Duration(s.Load()) < timeout {
		return nil
	}
	return []*kerr.Error{kerr.ProducerFenced, kerr.InvalidProducerEpoch, kerr.InvalidTxnState, kerr.TransactionAbortable}
}

// start starts producers, of each version in turn.
func (w *writers) start(ctx context.Context, addr string, count int, random *rand.Rand, versions ...int) {
	w.stopping = make(chan struct{})
	for i := range count {
		own := rand.New(rand.NewPCG(random.Uint64(), uint64(i)))
		s := txnclient.Settings{
			Addr: addr, ID: fmt.Sprintf("writer-%d", i), Version: versions[i%len(versions)], TimeoutMs: int32(writersTimeout.Milliseconds()), Sent: w.sent, Codes: w.codes,
		}
		w.all.Go(func() { w.write(ctx, s, own) })
	}
}

// stop ends producers behind their transactions.
func (w *writers) stop() {
	close(w.stopping)
	w.all.Wait()
}

func (w *writers) stopped() bool {
	select {
	case <-w.stopping:
		return true
	default:
		return false
	}
}

// write writes transactions under one transactional id after the other.
func (w *writers) write(ctx context.Context, s txnclient.Settings, random *rand.Rand) {
	base := s.ID
	for life := 0; !w.stopped() && ctx.Err() == nil; life++ {
		if w.renames > 0 {
			s.ID = fmt.Sprintf("%s-%d", base, life)
		}
		p := txnclient.New(s)
		if err := p.Init(ctx); err != nil {
			w.ledger.fail(fmt.Errorf("%s: %w", s.ID, err))
			return
		}
		id, _ := p.ID()
		w.ledger.given(s.ID, id)
		for n := 0; !w.stopped() && ctx.Err() == nil && (w.renames == 0 || n < w.renames); n++ {
			if err := w.transact(ctx, p, s.ID, random); err != nil {
				if !txnclient.Fenced(err) {
					w.ledger.fail(fmt.Errorf("%s: %w", s.ID, err))
					return
				}
				w.fenced.Add(1)
				break
			}
			id, _ := p.ID()
			w.ledger.given(s.ID, id)
			if w.pace > 0 {
				wait(ctx, w.pace)
			}
		}
		if w.leaves && w.stopped() { // The death of the client, with something open.
			to := random.IntN(w.partitions)
			n := w.ledger.begin(s.ID, map[int32]int{int32(to): 1})
			w.ledger.end(s.ID, n, aborted) // Nobody commits it.
			if err := p.Send(ctx, partition(w.topic, to), records(s.ID, n, 1)...); err != nil && !txnclient.Fenced(err) {
				w.ledger.fail(fmt.Errorf("%s: %w", s.ID, err))
			}
		}
		p.Close()
	}
}

// transact writes one transaction and ends it.
func (w *writers) transact(ctx context.Context, p *txnclient.Producer, name string, random *rand.Rand) error {
	defer w.slowest.tell(time.Now())
	first := random.IntN(w.partitions)
	to := []int{first, (first + 1) % w.partitions}
	counts := map[int32]int{int32(to[0]): 1 + random.IntN(3), int32(to[1]): 1 + random.IntN(3)}
	n := w.ledger.begin(name, counts)
	hurried := w.patience > 0 && random.IntN(8) == 0
	for _, at := range to {
		sending, cancel := ctx, context.CancelFunc(func() {})
		if hurried {
			sending, cancel = context.WithTimeout(ctx, w.patience)
		}
		err := p.Send(sending, partition(w.topic, at), records(name, n, counts[int32(at)])...)
		gone := sending.Err() != nil && ctx.Err() == nil
		cancel()
		if err != nil && gone {
			if err := p.Abandon(ctx); err != nil {
				return err
			}
			w.ledger.end(name, n, aborted)
			return nil
		}
		if err != nil {
			return err
		}
	}
	o, end := committed, p.Commit
	if random.IntN(4) == 0 {
		o, end = aborted, p.Abort
	}
	if err := end(ctx); err != nil {
		return err
	}
	w.ledger.end(name, n, o)
	return nil
}

// Keys of the requests that matter here.
var (
	keyProduce       = new(kmsg.ProduceRequest).Key()
	keyInit          = new(kmsg.InitProducerIDRequest).Key()
	keyAddPartitions = new(kmsg.AddPartitionsToTxnRequest).Key()
	keyEnd           = new(kmsg.EndTxnRequest).Key()
)

// noSurprises fails the test for codes that no producer should meet, but for those that are expected.
func noSurprises(t *testing.T, codes *txnclient.Codes, expected ...*kerr.Error) {
	t.Helper()
	t.Logf("answers: %s", codes)
	for _, code := range codes.Surprises(expected...) {
		t.Errorf("a producer was told %s", code)
	}
}

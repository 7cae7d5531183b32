package exactlyonce

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/faults/txnclient"
	"github.com/clatterhq/clatter/compat-tests/launch"
)

// The bank: each teller keeps its accounts in a partition of its own, as the last balance of each, and pays from one to another. What it
// pays to other tellers goes through a topic that both legs are in, in two partitions.
const (
	accountsTopic, paymentsTopic = "accounts", "payments"
	tellers                      = 4
	accountsEach                 = 8
	openingBalance               = 100
)

// bank is all tellers.
type bank struct {
	addr     string
	codes    *txnclient.Codes
	ledger   *ledger
	gate     sync.RWMutex // held by tellers in a transaction, and by who wants to see the bank at rest
	stopping atomic.Bool
	paid     atomic.Int64
	deaths   atomic.Int64
	slowest  slowest
}

// tellersTimeout is that of transactions of tellers.
const tellersTimeout = 10 * time.Second

// teller works until the bank closes: life after life.
func (b *bank) teller(ctx context.Context, at int, random *rand.Rand) {
	for died := false; (died || !b.stopping.Load()) && ctx.Err() == nil; { // Who died comes once more, and ends what it left open.
		life, cancel := context.WithCancel(ctx)
		err := b.live(life, at, random, cancel)
		died = life.Err() != nil
		cancel()
		switch {
		case died:
			b.deaths.Add(1)
		case err != nil && !txnclient.Fenced(err):
			b.ledger.fail(fmt.Errorf("teller %d: %w", at, err))
			return
		}
	}
}

// live is a teller from its start to its death, which comes when it calls cancel: what it has under way is lost to it then.
func (b *bank) live(ctx context.Context, at int, random *rand.Rand, cancel context.CancelFunc) error {
	name := fmt.Sprint("teller-", at)
	p := txnclient.New(txnclient.Settings{Addr: b.addr, ID: name, Version: 1 + at%2, TimeoutMs: int32(tellersTimeout.Milliseconds()), Codes: b.codes})
	defer p.Close()
	if err := p.Init(ctx); err != nil {
		return err
	}
	// Whatever became of the last transaction of the life before, it is over now.
	balances, err := lastBalances(ctx, b.addr, int32(at))
	if err != nil {
		return err
	}
	if len(balances) == 0 {
		if err := b.open(ctx, p, at); err != nil {
			return err
		}
		return nil // The next life finds them.
	}
	for !b.stopping.Load() && ctx.Err() == nil {
		b.gate.RLock()
		err := b.pay(ctx, p, at, name, balances, random, cancel)
		b.gate.RUnlock()
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// open makes the accounts.
func (b *bank) open(ctx context.Context, p *txnclient.Producer, at int) error {
	var all []txnclient.Record
	for i := range accountsEach {
		all = append(all, txnclient.Record{Key: fmt.Sprint(i), Value: strconv.Itoa(openingBalance)})
	}
	if err := p.Send(ctx, partition(accountsTopic, at), all...); err != nil {
		return err
	}
	return p.Commit(ctx)
}

// pay makes one payment between accounts, and one to another teller's books. An aborted one makes money from nothing, so that it shows if
// somebody sees it.
func (b *bank) pay(ctx context.Context, p *txnclient.Producer, at int, name string, balances map[string]int, random *rand.Rand, cancel context.CancelFunc) error {
	defer b.slowest.tell(time.Now())
	from, to := fmt.Sprint(random.IntN(accountsEach)), fmt.Sprint(random.IntN(accountsEach))
	amount := 1 + random.IntN(20)
	drop := random.IntN(4) == 0
	next := maps.Clone(balances)
	next[from] -= amount
	next[to] += amount
	if drop {
		next[to] += 1_000_000
	}
	other := (at + 1 + random.IntN(tellers-1)) % tellers
	n := b.ledger.begin(name, map[int32]int{int32(at): 1, int32(other): 1})
	if random.IntN(30) == 0 { // It dies in a moment, wherever it is then.
		timer := time.AfterFunc(time.Duration(random.IntN(6000))*time.Microsecond, cancel)
		defer timer.Stop()
	}
	for _, step := range []func() error{
		func() error {
			return p.Send(ctx, partition(accountsTopic, at), txnclient.Record{Key: from, Value: strconv.Itoa(next[from])})
		},
		func() error { return p.Send(ctx, partition(paymentsTopic, at), leg(name, n, -amount)) },
		func() error { return p.Send(ctx, partition(paymentsTopic, other), leg(name, n, amount)) },
		func() error {
			return p.Send(ctx, partition(accountsTopic, at), txnclient.Record{Key: to, Value: strconv.Itoa(next[to])})
		},
	} {
		if err := step(); err != nil {
			return err
		}
	}
	if drop {
		if err := p.Abort(ctx); err != nil {
			return err
		}
		b.ledger.end(name, n, aborted)
		return nil
	}
	if err := p.Commit(ctx); err != nil {
		return err
	}
	b.ledger.end(name, n, committed)
	b.paid.Add(1)
	maps.Copy(balances, next)
	return nil
}

// leg is one side of a payment, in the form that the ledger knows, with the amount as the third number.
func leg(name string, n, amount int) txnclient.Record {
	return txnclient.Record{Key: name, Value: fmt.Sprintf("%d/0/%d", n, amount)}
}

// lastBalances reads a teller's accounts as they were committed.
func lastBalances(ctx context.Context, addr string, at int32) (map[string]int, error) {
	view := newView(addr, at, kgo.ReadCommitted())
	defer view.client.Close()
	if err := view.catchUp(ctx); err != nil {
		return nil, err
	}
	return view.balances, nil
}

// view is a partition of accounts as one reader sees it.
type view struct {
	client   *kgo.Client
	admin    *kadm.Client
	at       int32
	isolates bool
	balances map[string]int
	ahead    []*kgo.Record // read, but behind the last snapshot
	next     int64         // the offset that follows what was read
}

func newView(addr string, at int32, isolation kgo.IsolationLevel) *view {
	client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.FetchIsolationLevel(isolation), kgo.KeepControlRecords(), kgo.FetchMaxWait(50*time.Millisecond), kgo.MetadataMinAge(50*time.Millisecond),
		kgo.RetryBackoffFn(func(int) time.Duration { return 20 * time.Millisecond }), kgo.RequestRetries(1000), kgo.RetryTimeout(time.Minute),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{accountsTopic: {at: kgo.NewOffset().AtStart()}}))
	if err != nil {
		panic(err) // Only of options that don't fit each other.
	}
	return &view{client: client, admin: kadm.NewClient(client), at: at, isolates: isolation == kgo.ReadCommitted(), balances: map[string]int{}}
}

// catchUp takes a snapshot: all that is before the last stable offset now, or before the high watermark for readers of everything.
func (v *view) catchUp(ctx context.Context) error {
	list := v.admin.ListEndOffsets
	if v.isolates {
		list = v.admin.ListCommittedOffsets
	}
	ends, err := list(ctx, accountsTopic)
	for err := errors.Join(err, ends.Error()); err != nil; err = errors.Join(err, ends.Error()) { // It is killed just now.
		if wait(ctx, 10*time.Millisecond); ctx.Err() != nil {
			return err
		}
		ends, err = list(ctx, accountsTopic)
	}
	end, _ := ends.Lookup(accountsTopic, v.at)
	for v.next < end.Offset {
		fetches := v.client.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return err
		}
		for _, err := range fetches.Errors() {
			var eof *kgo.ErrFirstReadEOF // A broker that is killed.
			if !kgo.IsRetryableBrokerErr(err.Err) && !errors.As(err.Err, &eof) {
				return err.Err
			}
		}
		fetches.EachRecord(func(r *kgo.Record) {
			v.ahead = append(v.ahead, r)
			v.next = r.Offset + 1
		})
	}
	taken := 0
	for ; taken < len(v.ahead) && v.ahead[taken].Offset < end.Offset; taken++ {
		r := v.ahead[taken]
		if r.Attrs.IsControl() {
			continue
		}
		balance, err := strconv.Atoi(string(r.Value))
		if err != nil {
			return fmt.Errorf("partition %d offset %d: %w", v.at, r.Offset, err)
		}
		v.balances[string(r.Key)] = balance
	}
	v.ahead = v.ahead[taken:]
	return nil
}

// wrong says what is wrong with the sum, if anything is.
func (v *view) wrong() error {
	sum := 0
	for _, balance := range v.balances {
		sum += balance
	}
	if len(v.balances) != 0 && (len(v.balances) != accountsEach || sum != accountsEach*openingBalance) {
		return fmt.Errorf("teller %d has %d in %d accounts: %v", v.at, sum, len(v.balances), v.balances)
	}
	return nil
}

// watch takes snapshot after snapshot of all tellers' accounts and says how many there were, and how many were wrong.
func (b *bank) watch(ctx context.Context, isolation kgo.IsolationLevel) (snapshots, wrong int, first error) {
	var views []*view
	for at := range int32(tellers) {
		v := newView(b.addr, at, isolation)
		defer v.client.Close()
		views = append(views, v)
	}
	for !b.stopping.Load() && ctx.Err() == nil {
		for _, v := range views {
			if err := v.catchUp(ctx); err != nil {
				if ctx.Err() == nil && first == nil {
					wrong, first = wrong+1, err
				}
				continue
			}
			if len(v.balances) > 0 {
				snapshots++
			}
			if err := v.wrong(); err != nil {
				if first == nil {
					first = err
				}
				wrong++
			}
		}
		wait(ctx, 5*time.Millisecond)
	}
	return snapshots, wrong, first
}

// atRest looks at the whole bank while nobody pays: from the beginning, as a reader that comes now.
func (b *bank) atRest(ctx context.Context, t *testing.T, client *kgo.Client) {
	t.Helper()
	b.gate.Lock()
	defer b.gate.Unlock()
	awaitRest(ctx, t, client, 40*time.Second, accountsTopic, paymentsTopic)
	for at := range int32(tellers) {
		balances, err := lastBalances(ctx, b.addr, at)
		if err != nil {
			t.Fatal(err)
		}
		if err := (&view{at: at, balances: balances}).wrong(); err != nil {
			t.Errorf("at rest: %v", err)
		}
	}
	seen := readTopic(ctx, t, b.addr, paymentsTopic, true)
	total := 0
	legs := map[int32][]read{}
	for p, all := range seen {
		for _, r := range all {
			parts := strings.Split(r.value, "/")
			amount, err := strconv.Atoi(parts[len(parts)-1])
			if err != nil {
				t.Fatalf("payment %q: %v", r.value, err)
			}
			total += amount
			legs[p] = append(legs[p], read{r.offset, r.key, strings.Join(append(parts[:len(parts)-1:len(parts)-1], "1"), "/")})
		}
	}
	if total != 0 {
		t.Errorf("payments come to %d", total)
	}
	complain(t, b.ledger.check(legs))
}

// runBank has tellers pay while the broker is killed, and readers watch.
func runBank(t *testing.T, accounts map[string]string, watched bool, keys map[string]string) *launch.Broker {
	t.Helper()
	needsMarkersAfterKills(t)
	kills := brokertest.Setting(t, "FAULT_KILLS", 5)
	ctx, cancel := context.WithTimeout(t.Context(), patience(time.Duration(kills)*20*time.Second+3*time.Minute))
	defer cancel()
	random := chance(t)
	broker := startBroker(t, keys)
	client := newClient(t, broker.Addr())
	prepare(ctx, t, client, accountsTopic, tellers, accounts)
	prepare(ctx, t, client, paymentsTopic, tellers, nil)
	b := &bank{addr: broker.Addr(), codes: &txnclient.Codes{}, ledger: newLedger()}
	var all sync.WaitGroup
	for at := range tellers {
		own := rand.New(rand.NewPCG(random.Uint64(), uint64(at)))
		all.Go(func() { b.teller(ctx, at, own) })
	}
	if watched {
		all.Go(func() {
			snapshots, wrong, first := b.watch(ctx, kgo.ReadCommitted())
			t.Logf("%d snapshots of what is committed", snapshots)
			if wrong > 0 || snapshots < 2*kills {
				t.Errorf("%d of %d snapshots are wrong, the first: %v", wrong, snapshots, first)
			}
		})
		all.Go(func() {
			if snapshots, wrong, _ := b.watch(ctx, kgo.ReadUncommitted()); wrong == 0 {
				t.Errorf("none of %d snapshots of everything is wrong: nothing is aborted, or the checker is blind", snapshots)
			}
		})
	}
	for kill := range kills {
		before := b.paid.Load()
		wait(ctx, time.Duration(random.IntN(400))*time.Millisecond)
		await(ctx, t, patience(30*time.Second), "tellers pay", func() error {
			if b.paid.Load() < before+4*tellers {
				return fmt.Errorf("%d payments since kill %d", b.paid.Load()-before, kill)
			}
			return nil
		})
		crash(ctx, t, broker)
		if kill%5 == 4 {
			b.atRest(ctx, t, client)
		}
	}
	b.stopping.Store(true)
	all.Wait()
	b.atRest(ctx, t, client)
	t.Logf("%d kills, %d deaths of tellers, %d payments, %d aborted", kills, b.deaths.Load(), b.paid.Load(), b.ledger.count(aborted))
	if b.deaths.Load() == 0 || b.paid.Load() < int64(10*kills) {
		t.Error("nobody died, or nobody paid: nothing was tested")
	}
	noSurprises(t, b.codes, b.slowest.codes(tellersTimeout)...)
	return broker
}

// TestMoneyIsConserved is the first half of bar R15 (tx_money): payments between accounts in transactions of both versions, a quarter of which make money from nothing and are
// aborted. The broker is killed, and tellers die in the middle of what they do. In every snapshot of what is committed the accounts of a
// partition come to the same sum; at rest all payments come to nothing, and each is whole and there if it was committed. FAULT_KILLS sets how
// often the broker is killed (5 by default, 50 before a release).
//
// Negative control: snapshots of everything, which must be wrong now and then.
func TestMoneyIsConserved(t *testing.T) {
	t.Parallel()
	runBank(t, nil, true, nil)
}

// TestMoneyIsConservedByCompaction is the second half of bar R15 (tx_compact): the same with accounts in a topic that is compacted all the time. Snapshots are taken at
// rest only: a reader that is behind may find balances gone that are followed by newer ones which it doesn't see yet.
//
// Negative control: that of TestMoneyIsConserved; and a cleaner that takes records of aborted transactions for committed ones.
func TestMoneyIsConservedByCompaction(t *testing.T) {
	t.Parallel()
	broker := runBank(t, map[string]string{
		"cleanup.policy": "compact", "segment.ms": "100", "max.compaction.lag.ms": "50", "min.cleanable.dirty.ratio": "0.01", "delete.retention.ms": "100",
	}, false, map[string]string{"log.cleaner.backoff.ms": "20", "log.segment.delete.delay.ms": "100"})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	client := newClient(t, broker.Addr())
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, accountsTopic)
	if err := errors.Join(err, ends.Error()); err != nil {
		t.Fatal(err)
	}
	there, written := 0, int64(0)
	for at, all := range readTopic(ctx, t, broker.Addr(), accountsTopic, false) {
		there += len(all)
		written += ends[accountsTopic][at].Offset
	}
	t.Logf("%d records are left of %d offsets", there, written)
	if int64(there) > written/2 {
		t.Error("next to nothing was compacted: nothing was tested")
	}
}

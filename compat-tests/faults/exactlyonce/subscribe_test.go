package exactlyonce

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/faults/txnclient"
)

// processor takes the records of one source partition to the sink, with the offset that it goes on from, in transactions.
type processor struct {
	settings txnclient.Settings
	at       int
	records  int64
	done     atomic.Int64 // up to where it knows that it is done
	lives    atomic.Int64
	// impatient says that it dies now and then while the end of a transaction is under way.
	impatient bool
	slowest   *slowest // of all processors
}

// processorsTimeout is that of transactions of processors.
const processorsTimeout = 5 * time.Second

const (
	sourceTopic, sinkTopic = "source", "sink"
	sourceGroup            = "processors"
)

// run processes everything, life after life.
func (p *processor) run(ctx context.Context, random *rand.Rand) error {
	for p.done.Load() < p.records {
		p.lives.Add(1)
		err := p.live(ctx, random)
		if err != nil && !txnclient.Fenced(err) && (!errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil) {
			return fmt.Errorf("partition %d at %d: %w", p.at, p.done.Load(), err)
		}
	}
	return nil
}

// live is a processor from its start to its death.
func (p *processor) live(ctx context.Context, random *rand.Rand) error {
	producer := txnclient.New(p.settings)
	defer producer.Close()
	if err := producer.Init(ctx); err != nil {
		return err
	}
	source := partition(sourceTopic, p.at)
	offset, err := producer.Offset(ctx, sourceGroup, source)
	if err != nil {
		return err
	}
	offset = max(offset, 0)
	if told := p.done.Load(); offset < told {
		return fmt.Errorf("the group goes on from %d, but %d was committed", offset, told)
	}
	p.done.Store(offset) // It may have died before it was told of the last commit.
	for offset < p.records {
		if offset, err = p.take(ctx, producer, source, offset, random); err != nil {
			return err
		}
		p.done.Store(offset)
	}
	return nil
}

// take takes some records from an offset in a transaction, and returns the offset to go on from.
func (p *processor) take(ctx context.Context, producer *txnclient.Producer, source txnclient.Partition, offset int64, random *rand.Rand) (int64, error) {
	defer p.slowest.tell(time.Now())
	next := min(offset+int64(1+random.IntN(5)), p.records)
	var out []txnclient.Record
	for n := offset; n < next; n++ { // What is at an offset of the source is known: nothing else was ever written.
		out = append(out, txnclient.Record{Value: strconv.FormatInt(n, 10)})
	}
	err := producer.Send(ctx, partition(sinkTopic, p.at), out...)
	if err == nil {
		err = producer.SendOffset(ctx, sourceGroup, source, next)
	}
	if err != nil {
		return offset, err
	}
	if random.IntN(5) == 0 {
		return offset, producer.Abort(ctx)
	}
	ending, cancel := ctx, context.CancelFunc(func() {})
	if p.impatient && random.IntN(10) == 0 {
		ending, cancel = context.WithTimeout(ctx, time.Duration(random.IntN(3000))*time.Microsecond)
	}
	defer cancel()
	if err := producer.Commit(ending); err != nil {
		return offset, err
	}
	return next, nil
}

// TestSourceRecordsAreProcessedOnce is anomaly A7 (tx-subscribe): processors take records from one topic to another and commit the offsets
// in the same transactions, a fifth of which they abort. The broker is killed while ends are under way, and processors die without waiting
// for them. Whoever goes on must be told an offset from which each source record is in the sink once and in order. FAULT_KILLS sets how often the broker
// is killed (6 by default).
//
// Negative control: what readers of everything are shown; a build that drops the offsets of a transaction.
func TestSourceRecordsAreProcessedOnce(t *testing.T) {
	t.Parallel()
	needsMarkersAfterKills(t)
	kills := brokertest.Setting(t, "FAULT_KILLS", 6)
	ctx, cancel := context.WithTimeout(t.Context(), patience(time.Duration(kills)*10*time.Second+2*time.Minute))
	defer cancel()
	random := chance(t)
	broker := startBroker(t, nil)
	client := newClient(t, broker.Addr())
	const partitions = 4
	prepare(ctx, t, client, sourceTopic, partitions, nil)
	prepare(ctx, t, client, sinkTopic, partitions, nil)
	k := newKiller(keyEnd)
	codes, longest := &txnclient.Codes{}, &slowest{}
	records := int64(max(100, 40*kills))
	fillSource(ctx, t, client, partitions, records)
	var all sync.WaitGroup
	var processors []*processor
	errs := make(chan error, partitions)
	for at := range partitions {
		p := &processor{at: at, records: records, impatient: true, slowest: longest, settings: txnclient.Settings{
			Addr: broker.Addr(), ID: fmt.Sprint("processor-", at), Version: 1 + at%2, TimeoutMs: int32(processorsTimeout.Milliseconds()), Sent: k.sent, Codes: codes,
		}}
		processors = append(processors, p)
		own := rand.New(rand.NewPCG(random.Uint64(), uint64(at)))
		all.Go(func() { errs <- p.run(ctx, own) })
	}
	struck := 0
	for ; struck < kills && !finished(processors); struck++ {
		k.strike(ctx, t, broker, random)
	}
	all.Wait()
	for range processors {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	awaitRest(ctx, t, client, 35*time.Second, sinkTopic, "__consumer_offsets")
	lives := int64(0)
	for _, p := range processors {
		lives += p.lives.Load()
	}
	t.Logf("%d kills, %d records of each partition, %d lives of %d processors", struck, records, lives, partitions)
	complain(t, checkSink(readTopic(ctx, t, broker.Addr(), sinkTopic, true), partitions, records))
	if uncommitted := readTopic(ctx, t, broker.Addr(), sinkTopic, false); len(checkSink(uncommitted, partitions, records)) == 0 {
		t.Error("readers of everything see no aborted record: the faults don't reach the broker, or the checker is blind")
	}
	noSurprises(t, codes, longest.codes(processorsTimeout)...)
}

func finished(all []*processor) bool {
	for _, p := range all {
		if p.done.Load() < p.records-10 { // The last may have no end left to be killed in.
			return false
		}
	}
	return true
}

func fillSource(ctx context.Context, t *testing.T, client *kgo.Client, partitions int, records int64) {
	t.Helper()
	writer := newClient(t, client.OptValue(kgo.SeedBrokers).([]string)[0], kgo.RecordPartitioner(kgo.ManualPartitioner()))
	var all []*kgo.Record
	for n := range records {
		for at := range partitions {
			all = append(all, &kgo.Record{Topic: sourceTopic, Partition: int32(at), Value: []byte(strconv.FormatInt(n, 10))})
		}
	}
	if err := writer.ProduceSync(ctx, all...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// checkSink looks for each number once and in order.
func checkSink(seen map[int32][]read, partitions int, records int64) (anomalies []string) {
	for at := range int32(partitions) {
		next := int64(0)
		for _, r := range seen[at] {
			if r.value != strconv.FormatInt(next, 10) {
				anomalies = append(anomalies, fmt.Sprintf("partition %d offset %d: source record %s instead of %d", at, r.offset, r.value, next))
				break
			}
			next++
		}
		if next < records {
			anomalies = append(anomalies, fmt.Sprintf("partition %d: %d of %d source records", at, next, records))
		}
	}
	return anomalies
}

package exactlyonce

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/faults/txnclient"
	"github.com/clatterhq/clatter/compat-tests/launch"
	"github.com/clatterhq/clatter/compat-tests/rawconn"
)

// The topics of copiers of lines: what they copy, and how far they are.
const (
	linesTopic, positionsTopic = "lines", "positions"
	lineCopiers                = 6
)

// errTorn says that transactions aren't what readers of committed records were promised.
var errTorn = errors.New("torn")

// lineCopier writes numbered lines into a partition and keeps in another topic, in the same transaction, how many there are: an exactly-once
// source of Kafka Connect in a few lines. It dies all the time, and its successor begins where the topic says.
type lineCopier struct {
	settings txnclient.Settings
	at       int
	random   *rand.Rand
	ends     map[string]int64 // of what was looked at, by topic
	lines    int64            // that were found
	position int64            // that was found
	told     int64            // up to where a commit was acknowledged, or found
	lives    int
	// took is how long a transaction takes, so that deaths come at all of its steps on a machine of any speed.
	took time.Duration
}

// run lives life after life, the last one only to look.
func (c *lineCopier) run(ctx context.Context, stop <-chan struct{}) error {
	for {
		p := txnclient.New(c.settings)
		err := p.Init(ctx)
		if err == nil {
			err = c.recall(ctx)
		}
		last := false
		select {
		case <-stop:
			last = true
		default:
			if err == nil {
				err = c.live(ctx, p)
			}
		}
		p.Close()
		if err != nil {
			return fmt.Errorf("%s, life %d: %w", c.settings.ID, c.lives, err)
		}
		if last {
			return nil
		}
		c.lives++
	}
}

// live copies lines until death. Some die only after their first transaction, so that there is progress.
func (c *lineCopier) live(ctx context.Context, p *txnclient.Producer) error {
	if c.took == 0 || c.random.IntN(4) == 0 {
		began := time.Now()
		if err := c.copyLines(ctx, p); err != nil {
			return err
		}
		c.took = time.Since(began)
	}
	mortal, cancel := context.WithTimeout(ctx, time.Duration(c.random.Int64N(2*int64(c.took))))
	defer cancel()
	for {
		err := c.copyLines(mortal, p)
		switch {
		case mortal.Err() != nil:
			return ctx.Err()
		case err != nil:
			return err
		}
	}
}

// copyLines is one transaction. A busy client has what is for several partitions in one request.
func (c *lineCopier) copyLines(ctx context.Context, p *txnclient.Producer) error {
	next := c.told
	var lines []txnclient.Record
	for range 1 + c.random.IntN(4) {
		lines = append(lines, txnclient.Record{Value: strconv.FormatInt(next, 10)})
		next++
	}
	requests := [][]txnclient.Batch{
		{{To: partition(linesTopic, c.at), Records: lines}},
		{{To: partition(positionsTopic, c.at), Records: []txnclient.Record{{Value: strconv.FormatInt(next, 10)}}}},
	}
	if c.random.IntN(2) == 0 {
		requests = [][]txnclient.Batch{{requests[0][0], requests[1][0]}}
	}
	for _, batches := range requests {
		if err := p.SendTogether(ctx, batches...); err != nil {
			return err
		}
	}
	if err := p.Commit(ctx); err != nil {
		return err
	}
	c.told = next
	return nil
}

// recall looks where the predecessor has got to, at once: InitProducerId was answered, so nothing of it may be open any more.
func (c *lineCopier) recall(ctx context.Context) error {
	conn, err := rawconn.Dial(ctx, c.settings.Addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	all, err := c.listEnds(conn, 0)
	if err != nil {
		return err
	}
	stable, err := c.listEnds(conn, 1)
	if err != nil {
		return err
	}
	for topic, end := range all {
		if stable[topic] != end {
			return fmt.Errorf("%w: %s-%d ends at %d and is stable up to %d when the producer has begun anew", errTorn, topic, c.at, end, stable[topic])
		}
		for c.ends[topic] < end {
			if err := c.fetch(conn, topic); err != nil {
				return err
			}
		}
	}
	switch {
	case c.lines != c.position:
		return fmt.Errorf("%w: %d lines are there and the position is %d", errTorn, c.lines, c.position)
	case c.position < c.told:
		return fmt.Errorf("%w: the position is %d, and %d was committed", errTorn, c.position, c.told)
	}
	c.told = c.position // It may have died before it was told of the last commit.
	return nil
}

// listEnds are the ends of both partitions for an isolation level.
func (c *lineCopier) listEnds(conn *rawconn.Conn, isolation int8) (map[string]int64, error) {
	req := kmsg.NewPtrListOffsetsRequest()
	req.Version, req.ReplicaID, req.IsolationLevel = 7, -1, isolation
	for _, topic := range []string{linesTopic, positionsTopic} {
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Partition, p.Timestamp = int32(c.at), -1
		req.Topics = append(req.Topics, kmsg.ListOffsetsRequestTopic{Topic: topic, Partitions: []kmsg.ListOffsetsRequestTopicPartition{p}})
	}
	answer, err := conn.Do(req, time.Minute)
	if err != nil {
		return nil, err
	}
	resp, ok := answer.(*kmsg.ListOffsetsResponse)
	if !ok || len(resp.Topics) != 2 {
		return nil, txnclient.ErrProtocol
	}
	ends := map[string]int64{}
	for _, topic := range resp.Topics {
		if len(topic.Partitions) != 1 {
			return nil, txnclient.ErrProtocol
		}
		if err := kerr.ErrorForCode(topic.Partitions[0].ErrorCode); err != nil {
			return nil, err
		}
		ends[topic.Topic] = topic.Partitions[0].Offset
	}
	return ends, nil
}

// fetch reads on in a partition as a reader of committed records does.
func (c *lineCopier) fetch(conn *rawconn.Conn, topic string) error {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.ReplicaID, req.IsolationLevel, req.MaxWaitMillis, req.MinBytes, req.MaxBytes = 12, -1, 1, 500, 1, 1<<20
	p := kmsg.NewFetchRequestTopicPartition()
	p.Partition, p.FetchOffset, p.PartitionMaxBytes = int32(c.at), c.ends[topic], 1<<20
	req.Topics = []kmsg.FetchRequestTopic{{Topic: topic, Partitions: []kmsg.FetchRequestTopicPartition{p}}}
	answer, err := conn.Do(req, time.Minute)
	if err != nil {
		return err
	}
	resp, ok := answer.(*kmsg.FetchResponse)
	if !ok || len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return txnclient.ErrProtocol
	}
	options := kgo.ProcessFetchPartitionOpts{Topic: topic, Partition: int32(c.at), Offset: c.ends[topic], IsolationLevel: kgo.ReadCommitted()}
	fetched, next := kgo.ProcessFetchPartition(options, &resp.Topics[0].Partitions[0], kgo.DefaultDecompressor(), nil)
	switch {
	case fetched.Err != nil:
		return fetched.Err
	case next <= c.ends[topic]:
		return fmt.Errorf("%w: a reader of committed records gets nothing at %d of %s-%d", errTorn, next, topic, c.at)
	}
	c.ends[topic] = next
	for _, r := range fetched.Records {
		n, err := strconv.ParseInt(string(r.Value), 10, 64)
		switch {
		case err != nil:
			return err
		case topic == positionsTopic:
			c.position = n
		case n != c.lines:
			return fmt.Errorf("%w: line %d at offset %d of partition %d, want %d", errTorn, n, r.Offset, c.at, c.lines)
		default:
			c.lines++
		}
	}
	return nil
}

// followLines reads all lines as they come until the context is done: a consumer of committed records must see each once, in order.
func followLines(ctx context.Context, t *testing.T, reader *kgo.Client, seen *[lineCopiers]atomic.Int64) {
	t.Helper()
	for ctx.Err() == nil {
		reader.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			if want := strconv.FormatInt(seen[r.Partition].Add(1)-1, 10); string(r.Value) != want && !t.Failed() { // One is enough.
				t.Errorf("a consumer sees line %s at offset %d of partition %d, want %s", r.Value, r.Offset, r.Partition, want)
			}
		})
	}
}

// stutter stops the broker's process for moments until the context is done, so that all of its steps may be far from each other.
func stutter(ctx context.Context, t *testing.T, broker *launch.Broker, random *rand.Rand) {
	t.Helper()
	process, err := os.FindProcess(broker.PID())
	if err != nil {
		t.Error(err)
		return
	}
	for ctx.Err() == nil {
		wait(ctx, time.Duration(random.IntN(100_000))*time.Microsecond)
		pause := random.IntN(3_000)
		if random.IntN(4) == 0 {
			pause = random.IntN(50_000)
		}
		err := process.Signal(syscall.SIGSTOP)
		wait(context.WithoutCancel(ctx), time.Duration(pause)*time.Microsecond)
		if err := errors.Join(err, process.Signal(syscall.SIGCONT)); err != nil {
			t.Error(err)
			return
		}
	}
}

// TestPositionsComeWithTheirLines is anomaly A22 for those who keep their offsets in a topic of their own, as Kafka Connect does: copiers of lines
// die at any moment, and as soon as their successors have an answer to InitProducerId, every transaction must have ended in all of its
// partitions, for all who read: the last stable offset is the end, the position is the number of lines. A consumer sees each line once, in order, all the while. The broker is stopped for
// moments. FAULT_SOURCE_SECONDS sets for how long (2 by default, for each of two brokers).
//
// Negative control: a build that answers InitProducerId while markers are missing, and one that shows open transactions to readers of
// committed records.
func TestPositionsComeWithTheirLines(t *testing.T) {
	duration := time.Duration(brokertest.Setting(t, "FAULT_SOURCE_SECONDS", 2)) * time.Second
	for name, keys := range map[string]map[string]string{"synced": nil, "page cache": {"log.flush.interval.messages": "9223372036854775807"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			copyLinesFor(t, duration, keys)
		})
	}
}

func copyLinesFor(t *testing.T, duration time.Duration, keys map[string]string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), duration+patience(2*time.Minute))
	defer cancel()
	random := chance(t)
	broker := startBroker(t, keys)
	client := newClient(t, broker.Addr())
	prepare(ctx, t, client, linesTopic, lineCopiers, nil)
	prepare(ctx, t, client, positionsTopic, lineCopiers, map[string]string{"cleanup.policy": "compact"})
	reader := newClient(t, broker.Addr(), kgo.ConsumeTopics(linesTopic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))

	background, end := context.WithCancel(ctx)
	var others, copying sync.WaitGroup
	defer others.Wait()
	defer end()
	var seen [lineCopiers]atomic.Int64
	others.Go(func() { followLines(background, t, reader, &seen) })
	stuttering := rand.New(rand.NewPCG(random.Uint64(), lineCopiers))
	others.Go(func() { stutter(background, t, broker, stuttering) })
	codes := &txnclient.Codes{}
	stop := make(chan struct{})
	var copiers [lineCopiers]*lineCopier
	for i := range copiers {
		c := &lineCopier{
			settings: txnclient.Settings{Addr: broker.Addr(), ID: fmt.Sprintf("copier-%d", i), Version: 1 + i%2, Codes: codes},
			at:       i, random: rand.New(rand.NewPCG(random.Uint64(), uint64(i))), ends: map[string]int64{},
		}
		copiers[i] = c
		copying.Go(func() {
			if err := c.run(ctx, stop); err != nil {
				t.Error(err)
			}
		})
	}
	wait(ctx, duration)
	close(stop)
	copying.Wait()
	if t.Failed() { // Then nobody knows what a consumer is to see.
		return
	}
	lives, lines := 0, int64(0)
	for i, c := range copiers {
		lives, lines = lives+c.lives, lines+c.lines
		await(ctx, t, patience(time.Minute), "a consumer sees all lines", func() error {
			if n := seen[i].Load(); n != c.lines {
				return fmt.Errorf("%d of %d in partition %d", n, c.lines, i)
			}
			return nil
		})
	}
	t.Logf("%d deaths, %d lines", lives, lines)
	if lives < lineCopiers || lines == 0 {
		t.Error("copiers did next to nothing")
	}
	noSurprises(t, codes)
}

package txns

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/launch"
)

// Names and numbers of every scenario.
const (
	input, output  = "input", "output"
	partitionCount = 2
	scenarioLimit  = 6 * time.Minute
	pollInterval   = 20 * time.Millisecond
)

// mostEnds is how often copiers may end by themselves after each crash of the broker: some clients take a broker that is away for
// a fatal error, and who uses them starts again.
const mostEnds = 3

// Scenario is one client that copies on a broker of its own.
type Scenario struct {
	t       *testing.T
	ctx     context.Context //nolint:containedctx // It is the test's.
	client  Client
	Broker  *launch.Broker
	writer  *kgo.Client
	reader  *kgo.Client // Sees only what was committed.
	admin   *kadm.Client
	out     *Output
	live    map[int32][]shown // What the reader was shown while copiers wrote, by partition.
	written map[int32]int
	options map[string]string

	copier  *Copier
	started int
	ends    int // Copiers that ended by themselves since the last crash of the broker.
	past    [2]int64
}

// NewScenario starts a broker with the topics.
func NewScenario(t *testing.T, c Client, limit time.Duration) *Scenario {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	keys := map[string]string{"group.initial.rebalance.delay.ms": "0", "offsets.topic.num.partitions": "4", "transaction.state.log.num.partitions": "4"}
	maps.Copy(keys, c.Broker)
	s := &Scenario{
		t: t, ctx: ctx, client: c, Broker: brokertest.Start(t, keys), out: NewOutput(), live: map[int32][]shown{}, written: map[int32]int{},
		options: map[string]string{OptionBatch: "10", OptionAbort: "4", OptionPartitions: strconv.Itoa(partitionCount)},
	}
	maps.Copy(s.options, c.Options)
	s.writer = brokertest.Client(t, s.Broker.Addr(), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.GzipCompression()))
	s.admin = kadm.NewClient(s.writer)
	for _, topic := range []string{input, output} {
		s.Await("topic "+topic, func() error {
			_, err := s.admin.CreateTopic(s.ctx, partitionCount, 1, nil, topic)
			offsets, err1 := s.admin.ListEndOffsets(s.ctx, topic)
			if err1 == nil && offsets.Error() == nil {
				return nil
			}
			return errors.Join(err, err1, offsets.Error())
		})
	}
	s.reader = brokertest.Client(t, s.Broker.Addr(), kgo.ConsumeTopics(output), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMaxWait(time.Second))
	return s
}

// Write writes n records to each partition of the input.
func (s *Scenario) Write(n int) {
	s.t.Helper()
	failures := make(chan error, n*partitionCount)
	for range n {
		for p := range int32(partitionCount) {
			text := value(p, s.written[p])
			s.written[p]++
			s.writer.Produce(s.ctx, &kgo.Record{Topic: input, Partition: p, Value: []byte(text)}, func(_ *kgo.Record, err error) {
				if err != nil {
					failures <- err
				}
			})
		}
	}
	err := s.writer.Flush(s.ctx)
	close(failures)
	if err := errors.Join(err, <-failures); err != nil {
		s.t.Fatalf("write: %v", err)
	}
}

// Start starts a copier in the place of the present one, if there is one; the caller ends that.
func (s *Scenario) Start() *Copier {
	s.t.Helper()
	if s.copier != nil {
		s.past[0] += s.copier.committed.Load()
		s.past[1] += s.copier.aborted.Load()
	}
	s.started++
	s.copier = startCopier(s.t, s.client, s.started, Copying{
		Addr: s.Broker.Addr(), Input: input, Output: output, Group: "copiers", ID: s.transactionalID(), Options: s.options,
	})
	return s.copier
}

// Await tries until it works, until the scenario's time is over, or until copiers ended by themselves too often. Meanwhile it
// reads the output.
func (s *Scenario) Await(what string, try func() error) {
	s.t.Helper()
	begun := time.Now()
	for {
		err := try()
		if err == nil {
			s.t.Logf("%s: after %s", what, time.Since(begun).Round(time.Millisecond))
			return
		}
		if err := s.replace(); err != nil {
			s.t.Fatalf("%s: %v", what, err)
		}
		if s.reader != nil {
			err = errors.Join(s.read(), err)
		}
		s.pause(pollInterval)
		if errors.Is(err, ErrOutput) || s.ctx.Err() != nil {
			s.t.Fatalf("%s: %v", what, err)
		}
	}
}

// pause waits, at most until the scenario's time is over.
func (s *Scenario) pause(d time.Duration) {
	select {
	case <-s.ctx.Done():
	case <-time.After(d):
	}
}

// inTransaction returns nil if the transaction of copiers is ongoing.
func (s *Scenario) inTransaction() error {
	described, err := s.admin.DescribeTransactions(s.ctx, s.transactionalID())
	if err != nil {
		return err
	}
	if txn := described[s.transactionalID()]; txn.Err != nil || txn.State != "Ongoing" {
		return fmt.Errorf("%w: the transaction is %q: %w", ErrBehind, txn.State, txn.Err)
	}
	return nil
}

// transactionalID is that of all copiers.
func (s *Scenario) transactionalID() string {
	return "copier-of-" + strings.ReplaceAll(strings.ToLower(s.t.Name()), "/", "-")
}

// replace starts another copier where the present one ended by itself.
func (s *Scenario) replace() error {
	if s.copier == nil || !s.copier.Gone() {
		return nil
	}
	if s.ends++; s.ends > mostEnds || s.copier.fenced.Load() {
		return fmt.Errorf("%w: %s, %s, %d since the broker was killed", ErrEnded, s.copier, s.copier.State(), s.ends)
	}
	s.t.Logf("%s ended, %s; another one is started", s.copier, s.copier.State())
	s.Start()
	return nil
}

// read reads what is there of the output.
func (s *Scenario) read() error {
	ctx, cancel := context.WithTimeout(s.ctx, 20*time.Millisecond)
	defer cancel()
	fetches := s.reader.PollFetches(ctx)
	var err error
	fetches.EachRecord(func(r *kgo.Record) {
		if err == nil {
			err = s.out.Read(r.Partition, r.Offset, string(r.Value))
		}
		s.live[r.Partition] = append(s.live[r.Partition], shown{r.Offset, string(r.Value)})
	})
	return err
}

// total is how many records were written.
func (s *Scenario) total() int {
	n := 0
	for _, count := range s.written {
		n += count
	}
	return n
}

// AwaitCopied waits until at least so many records are in the output.
func (s *Scenario) AwaitCopied(n int) {
	s.t.Helper()
	s.Await(fmt.Sprintf("%d records copied", n), func() error {
		if s.out.Seen() < n {
			return fmt.Errorf("%w: %s of %d", ErrBehind, s.out, n)
		}
		return nil
	})
}

// AwaitAborted waits until copiers have aborted a transaction.
func (s *Scenario) AwaitAborted() {
	s.t.Helper()
	s.Await("an aborted transaction", func() error {
		if s.past[1]+s.copier.aborted.Load() == 0 {
			return fmt.Errorf("%w: nothing aborted", ErrBehind)
		}
		return nil
	})
}

// CrashBroker kills the broker and starts it again.
func (s *Scenario) CrashBroker() {
	s.t.Helper()
	s.ends = 0
	if err := errors.Join(s.Broker.Kill(), s.Broker.Restart(s.ctx)); err != nil {
		s.t.Fatalf("crash: %v", err)
	}
}

// Finish waits until everything is copied, ends the copier and looks at what is left: offsets at the end of the input, no
// transaction open, no record twice.
func (s *Scenario) Finish() {
	s.t.Helper()
	s.AwaitCopied(s.total())
	s.copier.Close(s.t, nil)
	last := s.copier
	s.copier = nil
	if code := last.State().ExitCode(); code != 0 {
		s.t.Errorf("%s: exit code %d", last, code)
	}
	s.Await("no transaction is open", func() error {
		stable, err := s.admin.ListCommittedOffsets(s.ctx, output)
		ends, err1 := s.admin.ListEndOffsets(s.ctx, output)
		if err := errors.Join(err, err1, stable.Error(), ends.Error()); err != nil {
			return err
		}
		for p, end := range ends[output] {
			if at := stable[output][p]; at.Offset != end.Offset {
				return fmt.Errorf("%w: partition %d is stable up to %d of %d", ErrBehind, p, at.Offset, end.Offset)
			}
		}
		return nil
	})
	s.Await("offsets are committed", func() error {
		offsets, err := s.admin.FetchOffsets(s.ctx, "copiers")
		if err := errors.Join(err, offsets.Error()); err != nil {
			return err
		}
		for p := range int32(partitionCount) {
			if o, ok := offsets.Lookup(input, p); !ok || o.At != int64(s.written[p]) {
				return fmt.Errorf("%w: offset %d of partition %d committed, %d written", ErrBehind, o.At, p, s.written[p])
			}
		}
		return nil
	})
	for range 5 { // What is there twice is there by now.
		if err := s.read(); err != nil {
			s.t.Fatal(err)
		}
	}
	if s.out.Seen() != s.total() {
		s.t.Fatalf("%s of %d", s.out, s.total())
	}
	s.t.Logf("%d records, %d transactions committed, %d aborted, %d copiers", s.total(), s.past[0]+last.committed.Load(), s.past[1]+last.aborted.Load(), s.started)
}

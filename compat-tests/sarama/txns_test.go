package sarama

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"github.com/clatterhq/clatter/compat-tests/txns"
)

// copying is one copier. Sarama's consumer has no notion of transactions beyond its isolation level, so it reads partitions
// from where the group's committed offsets say.
type copying struct {
	txns.Copying
	client   sarama.Client
	admin    sarama.ClusterAdmin
	producer sarama.SyncProducer
	consumer sarama.Consumer
	readers  []sarama.PartitionConsumer
	messages chan *sarama.ConsumerMessage
	stop     context.CancelFunc // Of what forwards messages of the readers.
	say      func(string)
}

// copier copies until the context ends.
func copier(ctx context.Context, told txns.Copying, say func(string)) error {
	config := sarama.NewConfig()
	config.Version = sarama.MaxVersion
	config.Consumer.IsolationLevel = sarama.ReadCommitted
	config.Consumer.Retry.Backoff = 50 * time.Millisecond
	config.Consumer.MaxWaitTime = 100 * time.Millisecond
	config.Metadata.Retry.Max = 100
	config.Metadata.Retry.Backoff = 100 * time.Millisecond
	config.Producer.Idempotent = true
	config.Producer.Transaction.ID = told.ID
	config.Producer.Transaction.Timeout = 30 * time.Second
	config.Producer.Transaction.Retry.Max = 100
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Return.Successes = true
	config.Producer.Retry.Max = 100
	config.Producer.Partitioner = sarama.NewManualPartitioner
	config.Net.MaxOpenRequests = 1
	c := &copying{Copying: told, say: say, stop: func() {}}
	var err, err1, err2, err3 error
	if c.client, err = sarama.NewClient([]string{told.Addr}, config); err != nil {
		return err
	}
	c.producer, err1 = sarama.NewSyncProducerFromClient(c.client)
	c.consumer, err2 = sarama.NewConsumerFromClient(c.client)
	c.admin, err3 = sarama.NewClusterAdminFromClient(c.client)
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	if err := c.rewind(ctx); err != nil {
		return err
	}
	for n := 1; ctx.Err() == nil; n++ {
		batch := c.batch(ctx)
		if len(batch) == 0 {
			n--
			continue
		}
		if err := c.transact(batch, n%told.Number(txns.OptionAbort) == 0); err != nil {
			fmt.Fprintln(os.Stderr, err)
			if err := c.abort(ctx); err != nil {
				return c.fenced(err)
			}
			continue
		}
		if n%told.Number(txns.OptionAbort) != 0 {
			say("committed")
		} else if err := c.abort(ctx); err != nil {
			return c.fenced(err)
		}
	}
	return nil
}

// fenced says whether an error means that another producer took this one's place: Sarama hides what the broker said in a state.
func (c *copying) fenced(err error) error {
	if c.producer.TxnStatus()&sarama.ProducerTxnFlagFatalError != 0 {
		return errors.Join(txns.ErrFenced, err)
	}
	return err
}

// batch takes what is there of the input, at most as much as fits a transaction.
func (c *copying) batch(ctx context.Context) []*sarama.ConsumerMessage {
	var batch []*sarama.ConsumerMessage
	timer := time.NewTimer(50 * time.Millisecond)
	defer timer.Stop()
	for len(batch) < c.Number(txns.OptionBatch) {
		select {
		case m := <-c.messages:
			batch = append(batch, m)
		case <-timer.C:
			return batch
		case <-ctx.Done():
			return batch
		}
	}
	return batch
}

func (c *copying) transact(batch []*sarama.ConsumerMessage, drop bool) error {
	if err := c.producer.BeginTxn(); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	offsets := map[string][]*sarama.PartitionOffsetMetadata{}
	ends := map[int32]int64{}
	var copies []*sarama.ProducerMessage
	for _, m := range batch {
		value := m.Value
		if drop {
			value = []byte("aborted")
		}
		copies = append(copies, &sarama.ProducerMessage{Topic: c.Output, Partition: m.Partition, Value: sarama.ByteEncoder(value)})
		ends[m.Partition] = m.Offset + 1
	}
	if err := c.producer.SendMessages(copies); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	for p, end := range ends {
		offsets[c.Input] = append(offsets[c.Input], &sarama.PartitionOffsetMetadata{Partition: p, Offset: end, LeaderEpoch: -1})
	}
	if err := c.producer.AddOffsetsToTxn(offsets, c.Group); err != nil {
		return fmt.Errorf("offsets: %w", err)
	}
	if drop {
		return nil
	}
	if err := c.producer.CommitTxn(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

func (c *copying) abort(ctx context.Context) error {
	if err := c.producer.AbortTxn(); err != nil {
		return fmt.Errorf("abort: %w", err)
	}
	c.say("aborted")
	return c.rewind(ctx)
}

// rewind reads on from what was committed.
func (c *copying) rewind(ctx context.Context) error {
	c.stop()
	for _, r := range c.readers {
		if err := r.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	c.readers = nil
	partitions := make([]int32, c.Number(txns.OptionPartitions))
	for i := range partitions {
		partitions[i] = int32(i)
	}
	committed, err := c.admin.ListConsumerGroupOffsets(c.Group, map[string][]int32{c.Input: partitions})
	if err != nil {
		return err
	}
	forwarding, cancel := context.WithCancel(ctx)
	c.messages, c.stop = make(chan *sarama.ConsumerMessage), cancel
	for _, p := range partitions {
		block := committed.GetBlock(c.Input, p)
		if block == nil || !errors.Is(block.Err, sarama.ErrNoError) {
			return fmt.Errorf("no offset of partition %d: %+v", p, block)
		}
		reader, err := c.consumer.ConsumePartition(c.Input, p, max(block.Offset, 0))
		if err != nil {
			return err
		}
		c.readers = append(c.readers, reader)
		go forward(forwarding, reader, c.messages)
	}
	return nil
}

func forward(ctx context.Context, reader sarama.PartitionConsumer, to chan<- *sarama.ConsumerMessage) {
	for m := range reader.Messages() {
		select {
		case to <- m:
		case <-ctx.Done():
			return
		}
	}
}

func TestTransactions(t *testing.T) {
	t.Parallel()
	// Aborts are rarer than elsewhere: it takes Sarama a second to read a partition again from where it was.
	txns.Copy(t, txns.Client{Command: txns.Self, Options: map[string]string{txns.OptionAbort: "9"}})
}

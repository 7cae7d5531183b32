package load

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Limits of copiers. A pause between transactions leaves the disk to the rest of the load.
const (
	transactionTimeout = time.Minute // Of the broker: it ends what a copier has left behind. Syncs of 2 s each stay below.
	transactionPause   = 50 * time.Millisecond
	transactionRecords = 500
	abortedShare       = 0.2
	// atRest bounds how long a transaction may stay open when no copier is left: the timeout, and what it takes the broker to see it.
	atRest = transactionTimeout + 30*time.Second
)

// copiesTopic is where copiers write, partition by partition what they read.
func copiesTopic(topic string) string { return topic + "-copies" }

// copierGroup is the group whose offsets tell how far the copies reach.
func (l *Load) copierGroup() string { return l.settings.Topic + "-copiers" }

// copier is one copier. Sessions follow each other under its transactional ID. It assigns its share of the partitions and is no member of
// the group that it commits for: with a broker that is killed every second, members would wait for each other most of the time.
type copier struct {
	load   *Load
	number int32
	count  int32 // transactions so far, in all sessions
}

func (l *Load) transactionalID(copier int32) string {
	return fmt.Sprintf("%s-copier-%d", l.settings.Topic, copier)
}

// copyAll copies until the context ends. A session that can't go on is followed by the next, as an application would start again.
func (c *copier) copyAll(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := c.session(ctx); err != nil && !isEndOfSession(err) {
			return fmt.Errorf("copier %d: %w", c.number, err)
		}
	}
	return nil
}

// isEndOfSession reports whether an error is one that a client in transactions may get because its broker was killed. Those that say that the broker
// has forgotten or confused something aren't among them.
func isEndOfSession(err error) bool {
	var network net.Error
	return errors.As(err, &network) || isFirstReadEOF(err) || kgo.IsRetryableBrokerErr(err) || kerr.IsRetriable(err) || errors.Is(err, context.Canceled)
}

// session copies under one transactional client until the context ends, or until that client gives up.
func (c *copier) session(ctx context.Context) error {
	l := c.load
	producer, err := newClient(l.settings.Addr,
		kgo.TransactionalID(l.transactionalID(c.number)), kgo.TransactionTimeout(transactionTimeout),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(codecs[int(c.number)%len(codecs)]),
		kgo.RecordRetries(1_000_000), kgo.UnknownTopicRetries(-1),
	)
	if err != nil {
		return err
	}
	defer producer.Close()
	if err := awaitProducerID(ctx, producer); err != nil {
		return fmt.Errorf("producer ID: %w", err)
	}
	from, err := c.from(ctx, producer)
	if err != nil {
		return err
	}
	consumer, err := newClient(l.settings.Addr,
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{l.settings.Topic: from}), kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMaxWait(100*time.Millisecond),
	)
	if err != nil {
		return err
	}
	defer consumer.Close()
	pause := time.NewTicker(transactionPause)
	defer pause.Stop()
	for ctx.Err() == nil {
		seen, err := decodeAll(consumer.PollRecords(ctx, transactionRecords))
		if err != nil {
			return err
		}
		for committed := len(seen) == 0; !committed && ctx.Err() == nil; { // what was aborted is copied again
			if committed, err = c.transact(producer, seen); err != nil {
				return err
			}
			select {
			case <-pause.C:
			case <-ctx.Done():
			}
		}
	}
	return nil
}

// from is where a session begins in each partition of the copier: what was committed, now that the transaction before has ended.
func (c *copier) from(ctx context.Context, client *kgo.Client) (map[int32]kgo.Offset, error) {
	l := c.load
	var partitions []int32
	for p := c.number; p < l.settings.Partitions; p += int32(l.settings.Copiers) {
		partitions = append(partitions, p)
	}
	offsets, err := l.offsets(ctx, client, l.copierGroup(), partitions)
	if err != nil {
		return nil, fmt.Errorf("where to begin: %w", err)
	}
	from := map[int32]kgo.Offset{}
	for p, offset := range offsets {
		from[p] = kgo.NewOffset().At(max(offset, 0))
	}
	return from, nil
}

// transact copies records and the group's offsets in one transaction, and notes how it ended. An error ends the session.
func (c *copier) transact(client *kgo.Client, seen []Seen) (committed bool, err error) {
	// What was begun is ended even if the load is over.
	ctx, cancel := context.WithTimeout(context.Background(), transactionTimeout)
	defer cancel()
	if err := client.BeginTransaction(); err != nil {
		return false, fmt.Errorf("begin: %w", err)
	}
	id := TransactionID{Copier: c.number, Number: c.count}
	c.count++
	c.load.transaction(id, Aborted, len(seen)) // until a commit is asked for
	var failed kgo.FirstErrPromise
	offsets := map[int32]int64{}
	for _, s := range seen {
		offsets[s.Partition] = s.Offset + 1
		record := &kgo.Record{Topic: copiesTopic(c.load.settings.Topic), Partition: s.Partition, Value: encodeCopy(Copy{ID: id, Source: s.Place, Value: s.Value})}
		client.Produce(ctx, record, failed.Promise())
	}
	// Records of an aborted transaction are to be in the log: without this, most would never leave the client.
	flushed := client.Flush(ctx)
	failure := errors.Join(failed.Err(), flushed)
	if failure == nil {
		failure = c.sendOffsets(ctx, client, offsets)
	}
	try := kgo.TransactionEndTry(failure == nil && rand.Float64() >= abortedShare)
	if try {
		c.load.transaction(id, Unknown, len(seen))
	}
	switch err = client.EndTransaction(ctx, try); {
	case err != nil:
		err = fmt.Errorf("end of transaction %s: %w", id, err)
	case bool(try):
		c.load.transaction(id, Committed, len(seen))
		c.load.copied.Add(int64(len(seen)))
	}
	if failure != nil && !isEndOfSession(failure) {
		return false, fmt.Errorf("transaction %s: %w", id, failure)
	}
	return bool(try), errors.Join(failure, err)
}

// sendOffsets makes offsets of the copiers' group a part of the transaction.
func (c *copier) sendOffsets(ctx context.Context, client *kgo.Client, offsets map[int32]int64) error {
	producerID, epoch, err := client.ProducerID(ctx)
	if err != nil {
		return fmt.Errorf("producer ID: %w", err)
	}
	topic := kmsg.NewTxnOffsetCommitRequestTopic()
	topic.Topic, topic.TopicID = c.load.settings.Topic, c.load.topicID
	for p, offset := range offsets {
		partition := kmsg.NewTxnOffsetCommitRequestTopicPartition()
		partition.Partition, partition.Offset = p, offset
		topic.Partitions = append(topic.Partitions, partition)
	}
	request := kmsg.NewPtrTxnOffsetCommitRequest()
	request.TransactionalID, request.Group = c.load.transactionalID(c.number), c.load.copierGroup()
	request.ProducerID, request.ProducerEpoch, request.Topics = producerID, epoch, append(request.Topics, topic)
	resp, err := request.RequestWith(ctx, client)
	if err != nil {
		return fmt.Errorf("offsets in a transaction: %w", err)
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return fmt.Errorf("offsets in a transaction: partition %d: %w", p.Partition, err)
			}
		}
	}
	return nil
}

// transaction notes what is known of a transaction.
func (l *Load) transaction(id TransactionID, outcome Outcome, records int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.history.Transactions[id] = Transaction{Outcome: outcome, Records: records}
}

const copyBytes = 40

func encodeCopy(c Copy) []byte {
	b := make([]byte, 0, copyBytes)
	b = binary.BigEndian.AppendUint32(b, uint32(c.ID.Copier))
	b = binary.BigEndian.AppendUint32(b, uint32(c.ID.Number))
	b = binary.BigEndian.AppendUint64(b, uint64(c.Source.Partition))
	b = binary.BigEndian.AppendUint64(b, uint64(c.Source.Offset))
	b = binary.BigEndian.AppendUint64(b, uint64(c.Value.Worker))
	return binary.BigEndian.AppendUint64(b, uint64(c.Value.Seq))
}

func decodeCopy(r *kgo.Record) (Copied, error) {
	b := r.Value
	if len(b) != copyBytes {
		return Copied{}, fmt.Errorf("copies: partition %d offset %d: a value of %d bytes", r.Partition, r.Offset, len(b))
	}
	return Copied{
		Place: Place{Partition: r.Partition, Offset: r.Offset},
		Copy: Copy{
			ID:     TransactionID{Copier: int32(binary.BigEndian.Uint32(b)), Number: int32(binary.BigEndian.Uint32(b[4:]))},
			Source: Place{Partition: int32(binary.BigEndian.Uint64(b[8:])), Offset: int64(binary.BigEndian.Uint64(b[16:]))},
			Value:  Value{Worker: int(binary.BigEndian.Uint64(b[24:])), Seq: int(binary.BigEndian.Uint64(b[32:]))},
		},
	}, nil
}

// copiesReader reads what copiers have committed. It is shown control records as well: they tell that it is at the end.
func (l *Load) copiesReader() (*kgo.Client, error) {
	offsets := map[int32]kgo.Offset{}
	for p := range l.settings.Partitions {
		offsets[p] = kgo.NewOffset().AtStart()
	}
	isolation := kgo.ReadCommitted()
	if l.settings.ReadUncommitted {
		isolation = kgo.ReadUncommitted()
	}
	return newClient(l.settings.ReadAddr,
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{copiesTopic(l.settings.Topic): offsets}),
		kgo.FetchIsolationLevel(isolation), kgo.KeepControlRecords(),
		kgo.FetchMaxWait(100*time.Millisecond), kgo.ConsumeResetOffset(kgo.NoResetOffset()),
	)
}

// pollCopies reads on. Next has the offset behind the last record of each partition, control records included.
func pollCopies(ctx context.Context, client *kgo.Client, next map[int32]int64) ([]Copied, error) {
	fetches := client.PollFetches(ctx)
	err := fetchErrors(fetches)
	var seen []Copied
	fetches.EachRecord(func(r *kgo.Record) {
		next[r.Partition] = r.Offset + 1
		if r.Attrs.IsControl() {
			return
		}
		c, decodeErr := decodeCopy(r)
		if decodeErr != nil {
			err = errors.Join(err, decodeErr)
			return
		}
		seen = append(seen, c)
	})
	return seen, err
}

// tailCopies reads along while copiers write.
func (l *Load) tailCopies(ctx context.Context) error {
	client, err := l.copiesReader()
	if err != nil {
		return err
	}
	defer client.Close()
	for next := map[int32]int64{}; ctx.Err() == nil; {
		seen, err := pollCopies(ctx, client, next)
		if err != nil {
			return fmt.Errorf("tailing reader of copies: %w", err)
		}
		l.mu.Lock()
		l.mu.history.LiveCopies = append(l.mu.history.LiveCopies, seen...)
		l.mu.Unlock()
		l.copiesTailed.Add(int64(len(seen)))
	}
	return nil
}

// readCopies ends what copiers have left open, reads their topic from the beginning to its end, and asks for their offsets.
func (l *Load) readCopies(ctx context.Context) error {
	if l.settings.Copiers == 0 {
		return nil
	}
	client, err := l.copiesReader()
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, atRest)
	defer cancel()
	if err := l.settle(ctx); err != nil {
		return err
	}
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, copiesTopic(l.settings.Topic))
	if err = errors.Join(err, ends.Error()); err != nil {
		return fmt.Errorf("end offsets of copies: %w", err)
	}
	next := map[int32]int64{}
	behind := func() (at Place, missing bool) {
		for p := range l.settings.Partitions {
			if end, ok := ends.Lookup(copiesTopic(l.settings.Topic), p); ok && next[p] < end.Offset {
				return Place{Partition: p, Offset: next[p]}, true
			}
		}
		return Place{}, false
	}
	for at, missing := behind(); missing; at, missing = behind() {
		seen, err := pollCopies(ctx, client, next)
		if ctx.Err() != nil {
			l.mu.history.Hanging = append(l.mu.history.Hanging, at)
			break
		}
		if err != nil {
			return fmt.Errorf("read all copies: %w", err)
		}
		for _, s := range seen {
			l.mu.history.Copies[s.Partition] = append(l.mu.history.Copies[s.Partition], s)
		}
	}
	return l.readCopierOffsets(context.WithoutCancel(ctx), client)
}

// settle takes each transactional ID over, which ends what its last session left open.
func (l *Load) settle(ctx context.Context) error {
	for n := range int32(l.settings.Copiers) {
		client, err := newClient(l.settings.ReadAddr, kgo.TransactionalID(l.transactionalID(n)))
		if err != nil {
			return err
		}
		err = awaitProducerID(ctx, client)
		client.Close()
		if err != nil {
			return fmt.Errorf("take copier %d over: %w", n, err)
		}
	}
	return nil
}

func (l *Load) readCopierOffsets(ctx context.Context, client *kgo.Client) error {
	ctx, cancel := context.WithTimeout(ctx, atRest)
	defer cancel()
	offsets, err := l.offsets(ctx, client, l.copierGroup(), l.partitions())
	if err != nil {
		return fmt.Errorf("offsets of copiers: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for p, offset := range offsets {
		l.mu.history.CopierOffsets[p] = max(offset, 0)
	}
	return nil
}

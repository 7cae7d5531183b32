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

// copier is one copier. Sessions follow each other under its transactional ID.
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
	return errors.As(err, &network) || isFirstReadEOF(err) || isGroupSession(err) || kgo.IsRetryableBrokerErr(err) || kerr.IsRetriable(err) ||
		errors.Is(err, kerr.OperationNotAttempted) || errors.Is(err, kerr.TransactionAbortable) || errors.Is(err, context.DeadlineExceeded)
}

// session copies under one client until the context ends, or until the client gives up.
func (c *copier) session(ctx context.Context) error {
	l := c.load
	session, err := kgo.NewGroupTransactSession(clientOptions(l.settings.Addr,
		kgo.TransactionalID(l.transactionalID(c.number)), kgo.TransactionTimeout(transactionTimeout),
		kgo.ConsumerGroup(l.copierGroup()), kgo.ConsumeTopics(l.settings.Topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMaxWait(100*time.Millisecond),
		kgo.HeartbeatInterval(500*time.Millisecond), kgo.SessionTimeout(6*time.Second),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(codecs[int(c.number)%len(codecs)]),
		kgo.RecordRetries(1_000_000), kgo.UnknownTopicRetries(-1),
	)...)
	if err != nil {
		return fmt.Errorf("session: %w", err)
	}
	defer func() {
		// A member that can't say that it leaves keeps the others waiting until its session is over.
		for session.Client().Ping(ctx) != nil && ctx.Err() == nil {
			wait(ctx, 20*time.Millisecond)
		}
		session.Close()
	}()
	pause := time.NewTicker(transactionPause)
	defer pause.Stop()
	for ctx.Err() == nil {
		fetches := session.PollRecords(ctx, transactionRecords)
		seen, err := decodeAll(fetches)
		if err != nil {
			return err
		}
		if len(seen) == 0 {
			continue
		}
		if err := c.transact(session, seen); err != nil {
			return err
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
		}
	}
	return nil
}

// wait waits a moment, or until the context ends.
func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// transact copies records and the group's offsets in one transaction, and notes how it ended.
func (c *copier) transact(session *kgo.GroupTransactSession, seen []Seen) error {
	// What was begun is ended even if the load is over.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := session.Begin(); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	id := TransactionID{Copier: c.number, Number: c.count}
	c.count++
	drop := rand.Float64() < abortedShare
	c.load.transaction(id, Aborted, len(seen)) // until a commit is asked for
	var failed kgo.FirstErrPromise
	for _, s := range seen {
		record := &kgo.Record{Topic: copiesTopic(c.load.settings.Topic), Partition: s.Partition, Value: encodeCopy(Copy{ID: id, Source: s.Place, Value: s.Value})}
		session.Produce(ctx, record, failed.Promise())
	}
	// Records of an aborted transaction are to be in the log: without this, most would never leave the client.
	flushErr := session.Client().Flush(ctx)
	produceErr := errors.Join(failed.Err(), flushErr)
	try := kgo.TransactionEndTry(!drop && produceErr == nil)
	if try {
		c.load.transaction(id, Unknown, len(seen))
	}
	committed, err := session.End(ctx, try)
	switch {
	case err != nil:
		err = fmt.Errorf("end of transaction %s: %w", id, err)
	case committed:
		c.load.transaction(id, Committed, len(seen))
		c.load.copied.Add(int64(len(seen)))
	default:
		c.load.transaction(id, Aborted, len(seen))
	}
	if produceErr != nil && !isEndOfSession(produceErr) {
		return errors.Join(fmt.Errorf("produce in transaction %s: %w", id, produceErr), err)
	}
	return err
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
	admin := kadm.NewClient(client)
	ends, err := admin.ListEndOffsets(ctx, copiesTopic(l.settings.Topic))
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
	return l.readCopierOffsets(context.WithoutCancel(ctx), admin)
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

func (l *Load) readCopierOffsets(ctx context.Context, admin *kadm.Client) error {
	ctx, cancel := context.WithTimeout(ctx, atRest)
	defer cancel()
	got, err := admin.FetchOffsets(ctx, l.copierGroup())
	if err = errors.Join(err, got.Error()); err != nil {
		return fmt.Errorf("offsets of copiers: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for p := range l.settings.Partitions {
		if o, ok := got.Lookup(l.settings.Topic, p); ok {
			l.mu.history.CopierOffsets[p] = max(o.At, 0)
		}
	}
	return nil
}

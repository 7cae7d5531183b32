package load

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Settings shape a load.
type Settings struct {
	Addr       string // host:port of the broker, or of a proxy before it
	ReadAddr   string // where readers connect; Addr if empty
	Topic      string
	Partitions int32
	Workers    int // producers; each with a codec of its own
	ValueBytes int // at least 16
	Rate       int // records per second and worker; bounds the history
	Members    int // readers that share the topic as a consumer group and commit; none by default
	Copiers    int // clients that share the partitions and copy them in transactions, some of which they abort; none by default

	// NotIdempotent makes producers that may double records: the negative control of tests about duplicates.
	NotIdempotent bool
	// ReadUncommitted makes readers of copies that are shown aborted ones: the negative control of tests about transactions.
	ReadUncommitted bool
}

// Load is a running load. Its goroutines end with Finish.
type Load struct {
	settings Settings
	cancel   context.CancelFunc
	workers  sync.WaitGroup
	readers  sync.WaitGroup
	acked    atomic.Int64
	tailed   atomic.Int64
	// grouped is how many records the members of the group were shown, committed how many commits were acknowledged.
	grouped, committed atomic.Int64
	// copied is how many records copiers know to be committed, copiesTailed how many the reader of copies was shown.
	copied, copiesTailed atomic.Int64
	topicID              kadm.TopicID // immutable

	mu struct {
		sync.Mutex
		history History
		errs    []error
	}
}

// codecs are given to workers in turn, so that a log holds batches of every codec.
var codecs = []kgo.CompressionCodec{
	kgo.NoCompression(), kgo.Lz4Compression(), kgo.ZstdCompression(), kgo.SnappyCompression(), kgo.GzipCompression(),
}

// Start creates the topics and starts workers, one tailing reader, the members of the group, and the copiers.
func Start(ctx context.Context, s Settings) (*Load, error) {
	if s.ReadAddr == "" {
		s.ReadAddr = s.Addr
	}
	if err := CreateTopic(ctx, s); err != nil {
		return nil, err
	}
	id, err := topicID(ctx, s)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	l := &Load{settings: s, cancel: cancel, topicID: id}
	l.mu.history = newHistory()
	for p := range s.Partitions {
		l.mu.history.Attempted[p] = map[int]int{}
	}
	for w := range s.Workers {
		l.workers.Go(func() { l.note(l.produce(ctx, w)) })
	}
	l.readers.Go(func() { l.note(l.tail(ctx)) })
	for range s.Members {
		l.readers.Go(func() { l.note(l.readInGroup(ctx)) })
	}
	if s.Copiers > 0 {
		l.readers.Go(func() { l.note(l.tailCopies(ctx)) })
	}
	for n := range int32(s.Copiers) {
		l.readers.Go(func() { l.note((&copier{load: l, number: n}).copyAll(ctx)) })
	}
	return l, nil
}

// Acknowledged is how many records have been acknowledged so far.
func (l *Load) Acknowledged() int64 { return l.acked.Load() }

// Tailed is how many records the tailing reader has been shown so far.
func (l *Load) Tailed() int64 { return l.tailed.Load() }

// Grouped is how many records the members of the group have been shown so far, some of them twice when members came or went.
func (l *Load) Grouped() int64 { return l.grouped.Load() }

// Committed is how many commits of a partition's offset have been acknowledged so far.
func (l *Load) Committed() int64 { return l.committed.Load() }

// Copied is how many copies copiers know to be committed so far.
func (l *Load) Copied() int64 { return l.copied.Load() }

// CopiesTailed is how many copies the tailing reader of committed records has been shown so far.
func (l *Load) CopiesTailed() int64 { return l.copiesTailed.Load() }

// Finish ends producers and readers, reads every partition from the beginning, and returns the history. The broker must be up.
func (l *Load) Finish(ctx context.Context) (History, error) {
	l.cancel()
	l.workers.Wait()
	l.readers.Wait()
	err := errors.Join(l.readAll(ctx), l.readCommits(ctx), l.readCopies(ctx))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.history.Unread = err != nil
	return l.mu.history, errors.Join(append(l.mu.errs, err)...)
}

func (l *Load) note(err error) {
	if err == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.errs = append(l.mu.errs, err)
}

// CreateTopic makes the topics of a load, unless they are there. Start does the same.
func CreateTopic(ctx context.Context, s Settings) error {
	client, err := newClient(cmp.Or(s.ReadAddr, s.Addr))
	if err != nil {
		return err
	}
	defer client.Close()
	topics := []string{s.Topic}
	if s.Copiers > 0 {
		topics = append(topics, copiesTopic(s.Topic))
	}
	for _, topic := range topics {
		_, err = kadm.NewClient(client).CreateTopic(ctx, s.Partitions, 1, nil, topic)
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("create topic %s: %w", topic, err)
		}
	}
	return nil
}

// topicID asks for the ID of the topic of a load.
func topicID(ctx context.Context, s Settings) (kadm.TopicID, error) {
	client, err := newClient(cmp.Or(s.ReadAddr, s.Addr))
	if err != nil {
		return kadm.TopicID{}, err
	}
	defer client.Close()
	topics, err := kadm.NewClient(client).ListTopics(ctx, s.Topic)
	if err = errors.Join(err, topics[s.Topic].Err); err != nil {
		return kadm.TopicID{}, fmt.Errorf("ID of topic %s: %w", s.Topic, err)
	}
	return topics[s.Topic].ID, nil
}

// newClient makes a client that asks a broker that is away again and again.
func newClient(addr string, options ...kgo.Opt) (*kgo.Client, error) {
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(addr),
		kgo.MetadataMinAge(50 * time.Millisecond),
		kgo.RetryBackoffFn(func(int) time.Duration { return 20 * time.Millisecond }),
		kgo.RequestRetries(1_000_000),
		kgo.RetryTimeout(time.Hour),
		kgo.WithLogger(kgo.BasicLogger(io.Discard, kgo.LogLevelNone, nil)),
	}, options...)...)
	if err != nil {
		return nil, fmt.Errorf("client of %s: %w", addr, err)
	}
	return client, nil
}

// produce hands records over at the worker's rate until the context ends, then waits until each is acknowledged: the
// broker comes back, and a client may give up nothing.
func (l *Load) produce(ctx context.Context, worker int) error {
	options := []kgo.Opt{
		kgo.DefaultProduceTopic(l.settings.Topic),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(codecs[worker%len(codecs)]),
		kgo.ProducerLinger(2 * time.Millisecond),
		kgo.RecordRetries(1_000_000),
		kgo.UnknownTopicRetries(-1),
		kgo.StopProducerOnDataLossDetected(), // an OUT_OF_ORDER_SEQUENCE that isn't ours must show, not be papered over
	}
	if l.settings.NotIdempotent {
		options = append(options, kgo.DisableIdempotentWrite())
	}
	client, err := newClient(l.settings.Addr, options...)
	if err != nil {
		return err
	}
	defer client.Close()
	if !l.settings.NotIdempotent {
		switch err := awaitProducerID(ctx, client); {
		case ctx.Err() != nil:
			return nil // the load ended before this worker could begin
		case err != nil:
			return fmt.Errorf("worker %d: %w", worker, err)
		}
	}
	var failure atomic.Pointer[error]
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	seq := make([]int, l.settings.Partitions)
	for ctx.Err() == nil && failure.Load() == nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
		for i := range max(1, l.settings.Rate/100) {
			partition := int32((i + worker) % int(l.settings.Partitions))
			value := Value{Worker: worker, Seq: seq[partition]}
			seq[partition]++
			l.send(client, partition, value, &failure)
		}
	}
	l.attempted(worker, seq)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	if err := client.Flush(ctx); err != nil {
		return fmt.Errorf("worker %d: flush: %w", worker, err)
	}
	if err := failure.Load(); err != nil {
		return fmt.Errorf("worker %d: %w", worker, *err)
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

// awaitProducerID asks for a producer id until there is one: the client gives up when a broker dies before the first answer of a connection,
// or when it can't keep an id.
func awaitProducerID(ctx context.Context, client *kgo.Client) error {
	for {
		_, _, err := client.ProducerID(ctx)
		if err == nil || !isFirstReadEOF(err) && !kerr.IsRetriable(err) {
			return err
		}
		if wait(ctx, 20*time.Millisecond); ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// isFirstReadEOF reports whether a broker closed a connection that it had answered nothing on. The client takes that for a wrong
// protocol; here it is a broker that is killed.
func isFirstReadEOF(err error) bool {
	var eof *kgo.ErrFirstReadEOF
	return errors.As(err, &eof)
}

// isGroupSession reports whether a member lost its broker or its group, and joins again.
func isGroupSession(err error) bool {
	var lost *kgo.ErrGroupSession
	return errors.As(err, &lost)
}

// attempted notes how far a worker came.
func (l *Load) attempted(worker int, seq []int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for p, n := range seq {
		l.mu.history.Attempted[int32(p)][worker] = n
	}
}

func (l *Load) send(client *kgo.Client, partition int32, value Value, failure *atomic.Pointer[error]) {
	record := &kgo.Record{Partition: partition, Value: encode(value, l.settings.ValueBytes)}
	client.Produce(context.Background(), record, func(r *kgo.Record, err error) {
		if isFirstReadEOF(err) {
			return // the client has given this record up, and nobody was told that it is there
		}
		if err != nil {
			failure.CompareAndSwap(nil, &err)
			return
		}
		l.acked.Add(1)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.mu.history.Acked = append(l.mu.history.Acked, Acked{Place: Place{Partition: partition, Offset: r.Offset}, Value: value})
	})
}

func encode(v Value, size int) []byte {
	b := make([]byte, max(size, 16))
	binary.BigEndian.PutUint64(b, uint64(v.Worker))
	binary.BigEndian.PutUint64(b[8:], uint64(v.Seq))
	for i := 16; i < len(b); i++ {
		b[i] = byte(i * (v.Seq + 7))
	}
	return b
}

func decode(r *kgo.Record) (Seen, error) {
	if len(r.Value) < 16 {
		return Seen{}, fmt.Errorf("partition %d offset %d: a value of %d bytes", r.Partition, r.Offset, len(r.Value))
	}
	v := Value{Worker: int(binary.BigEndian.Uint64(r.Value)), Seq: int(binary.BigEndian.Uint64(r.Value[8:]))}
	for i := 16; i < len(r.Value); i++ {
		if r.Value[i] != byte(i*(v.Seq+7)) {
			return Seen{}, fmt.Errorf("partition %d offset %d: %s has a wrong byte at %d", r.Partition, r.Offset, v, i)
		}
	}
	return Seen{Place: Place{Partition: r.Partition, Offset: r.Offset}, Value: v}, nil
}

func (l *Load) reader() (*kgo.Client, error) {
	offsets := map[int32]kgo.Offset{}
	for p := range l.settings.Partitions {
		offsets[p] = kgo.NewOffset().AtStart()
	}
	return newClient(l.settings.ReadAddr,
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{l.settings.Topic: offsets}),
		kgo.FetchMaxWait(100*time.Millisecond),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()), // being out of range is a finding, not a reason to jump
	)
}

// tail reads along while producers write.
func (l *Load) tail(ctx context.Context) error {
	client, err := l.reader()
	if err != nil {
		return err
	}
	defer client.Close()
	for ctx.Err() == nil {
		fetches := client.PollFetches(ctx)
		seen, err := decodeAll(fetches)
		if err != nil {
			return fmt.Errorf("tailing reader: %w", err)
		}
		l.mu.Lock()
		l.mu.history.Live = append(l.mu.history.Live, seen...)
		l.mu.Unlock()
		l.tailed.Add(int64(len(seen)))
	}
	return nil
}

// fetchErrors are the errors of fetches that readers of a broker which is killed must not be told.
func fetchErrors(fetches kgo.Fetches) error {
	var errs []error
	fetches.EachError(func(_ string, p int32, err error) {
		if !errors.Is(err, context.Canceled) && !kgo.IsRetryableBrokerErr(err) && !isFirstReadEOF(err) && !isGroupSession(err) {
			errs = append(errs, fmt.Errorf("fetch partition %d: %w", p, err))
		}
	})
	return errors.Join(errs...)
}

func decodeAll(fetches kgo.Fetches) ([]Seen, error) {
	var seen []Seen
	errs := []error{fetchErrors(fetches)}
	fetches.EachRecord(func(r *kgo.Record) {
		s, err := decode(r)
		if err != nil {
			errs = append(errs, err)
			return
		}
		seen = append(seen, s)
	})
	return seen, errors.Join(errs...)
}

// readAll reads every partition from the beginning to its end.
func (l *Load) readAll(ctx context.Context) error {
	client, err := l.reader()
	if err != nil {
		return err
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, l.settings.Topic)
	if err = errors.Join(err, ends.Error()); err != nil {
		return fmt.Errorf("end offsets: %w", err)
	}
	missing := int64(0)
	ends.Each(func(o kadm.ListedOffset) { missing += o.Offset })
	slog.Debug("read all", "records", missing)
	for missing > 0 {
		seen, err := decodeAll(client.PollFetches(ctx))
		if err = errors.Join(err, ctx.Err()); err != nil {
			return fmt.Errorf("read all, %d records missing: %w", missing, err)
		}
		missing -= int64(len(seen))
		for _, s := range seen {
			l.mu.history.Final[s.Partition] = append(l.mu.history.Final[s.Partition], s)
		}
	}
	return nil
}

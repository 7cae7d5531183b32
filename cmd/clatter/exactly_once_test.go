package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// restartable is a broker that clients find again after a restart, wherever it listens then.
type restartable struct {
	t    *testing.T
	dir  string
	node *testNode
	addr atomic.Pointer[string]
}

func (r *restartable) start() {
	r.t.Helper()
	r.node = runTestNode(r.t, r.dir, "offsets.topic.num.partitions=3", "transaction.state.log.num.partitions=3", "group.initial.rebalance.delay.ms=0")
	r.addr.Store(&r.node.addr)
}

func (r *restartable) stop() {
	r.t.Helper()
	r.node.signals <- syscall.SIGTERM
	select {
	case code := <-r.node.code:
		r.node.code <- code
		if code != exitOK {
			r.t.Fatalf("the broker ended with %d:\n%s", code, r.node.logs)
		}
	case <-time.After(20 * time.Second):
		r.t.Fatal("the broker doesn't stop")
	}
}

// options connect a client.
func (r *restartable) options(more ...kgo.Opt) []kgo.Opt {
	dialer := net.Dialer{Timeout: 10 * time.Second}
	return append([]kgo.Opt{
		kgo.SeedBrokers("broker:1"),
		kgo.Dialer(func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, *r.addr.Load())
		}),
		kgo.RetryBackoffFn(func(int) time.Duration { return 20 * time.Millisecond }),
	}, more...)
}

func (r *restartable) client(more ...kgo.Opt) *kgo.Client {
	r.t.Helper()
	c, err := kgo.NewClient(r.options(more...)...)
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

func (r *restartable) createTopics(ctx context.Context, c *kgo.Client, names ...string) {
	r.t.Helper()
	req := kmsg.NewPtrCreateTopicsRequest()
	for _, name := range names {
		t := kmsg.NewCreateTopicsRequestTopic()
		t.Topic, t.NumPartitions, t.ReplicationFactor = name, 2, 1
		req.Topics = append(req.Topics, t)
	}
	if _, err := req.RequestWith(ctx, c); err != nil {
		r.t.Fatal(err)
	}
}

// copier copies records from one topic to another, each exactly once, though a third of its transactions are aborted.
type copier struct {
	*restartable
	random *rand.Rand
	copied int
}

// run copies until so many records are committed.
func (c *copier) run(ctx context.Context, until int) {
	c.t.Helper()
	session, err := kgo.NewGroupTransactSession(c.options(
		kgo.TransactionalID("copier"), kgo.DefaultProduceTopic("out"), kgo.ConsumerGroup("copiers"), kgo.ConsumeTopics("in"),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxWait(50*time.Millisecond))...)
	if err != nil {
		c.t.Fatal(err)
	}
	defer session.Close()
	for c.copied < until && ctx.Err() == nil {
		fetches := session.PollRecords(ctx, 1+c.random.IntN(40))
		if err := session.Begin(); err != nil {
			c.t.Fatal(err)
		}
		n := 0
		fetches.EachRecord(func(x *kgo.Record) {
			n++
			session.Produce(ctx, &kgo.Record{Partition: x.Partition, Value: x.Value}, func(_ *kgo.Record, err error) {
				if err != nil && !errors.Is(err, kgo.ErrAborting) && ctx.Err() == nil {
					c.t.Errorf("produce: %v", err)
				}
			})
		})
		end := kgo.TryCommit
		if c.random.IntN(3) == 0 {
			end = kgo.TryAbort
		}
		committed, err := session.End(ctx, end)
		if err != nil {
			c.t.Fatalf("end: %v", err)
		}
		if committed {
			c.copied += n
		}
	}
}

// TestTransactionsCopyExactlyOnce consumes, produces and commits offsets in transactions with a foreign client, over a restart.
func TestTransactionsCopyExactlyOnce(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	const records = 400
	b := &restartable{t: t, dir: t.TempDir()}
	b.start()
	admin := b.client()
	defer admin.Close()
	b.createTopics(ctx, admin, "in", "out")
	var want []string
	for i := range records {
		x := &kgo.Record{Topic: "in", Value: fmt.Appendf(nil, "%04d", i)}
		want = append(want, string(x.Value))
		if err := admin.ProduceSync(ctx, x).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	c := &copier{restartable: b, random: rand.New(rand.NewPCG(1, 2))}
	c.run(ctx, records/2)
	b.stop()
	b.start()
	c.run(ctx, records)

	reader := b.client(kgo.ConsumeTopics("out"), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer reader.Close()
	var got []string
	for len(got) < records && ctx.Err() == nil {
		reader.PollFetches(ctx).EachRecord(func(x *kgo.Record) { got = append(got, string(x.Value)) })
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("copied %d records of %d: %v", len(got), records, got)
	}
}

package faults

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
)

// keyedLoad writes changes of a few keys to a compacted topic, one after the other, and knows what they come to.
type keyedLoad struct {
	client *kgo.Client
	topic  string
	values map[string]string
	offset int64 // of the last record
}

// run writes until the context is done. Every record is acknowledged in the end, since the client tries again.
func (l *keyedLoad) run(ctx context.Context, done <-chan struct{}, random *rand.Rand) error {
	for i := 0; ; i++ {
		select {
		case <-done:
			return nil
		case <-time.After(2 * time.Millisecond):
		}
		var records []*kgo.Record
		for j := range 1 + random.IntN(10) {
			key := fmt.Sprintf("k%d", random.IntN(50))
			r := &kgo.Record{Topic: l.topic, Key: []byte(key)}
			delete(l.values, key)
			if random.IntN(5) > 0 {
				l.values[key] = fmt.Sprintf("%d/%d %0100d", i, j, i)
				r.Value = []byte(l.values[key])
			}
			records = append(records, r)
		}
		if i%8 == 0 { // written once: nothing makes up for it if it is lost
			key := fmt.Sprintf("once %d", i)
			l.values[key] = key
			records = append(records, &kgo.Record{Topic: l.topic, Key: []byte(key), Value: []byte(key)})
		}
		results := l.client.ProduceSync(ctx, records...)
		if err := results.FirstErr(); err != nil {
			return err
		}
		l.offset = results[len(results)-1].Record.Offset
	}
}

// readValues reads the topic up to an offset.
func readValues(ctx context.Context, addr, topic string, last int64) (values map[string]string, records int, err error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}))
	if err != nil {
		return nil, 0, err
	}
	defer client.Close()
	values = map[string]string{}
	for done := false; !done; {
		fetches := client.PollFetches(ctx)
		if err := errors.Join(ctx.Err(), fetches.Err()); err != nil {
			return nil, 0, err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			records++
			delete(values, string(r.Key))
			if r.Value != nil {
				values[string(r.Key)] = string(r.Value)
			}
			done = done || r.Offset == last
		})
	}
	return values, records, nil
}

// TestKillsDuringCompaction is bar R20: kill -9 while a compaction is at each of its steps, which the names of its files tell.
// FAULT_COMPACTION_KILLS sets how often (8 by default, 200 before a release).
//
// Negative control: a build that removes the old segments before the new one has a name that a start believes in loses keys.
func TestKillsDuringCompaction(t *testing.T) {
	kills := brokertest.Setting(t, "FAULT_COMPACTION_KILLS", 8)
	const topic = "compacted"
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(kills)*10*time.Second+2*time.Minute)
	defer cancel()
	broker := brokertest.Start(t, map[string]string{
		"log.cleaner.backoff.ms": "20", "log.cleaner.io.max.bytes.per.second": "3000000", "log.segment.delete.delay.ms": "100",
	})
	client := brokertest.Client(t, broker.Addr(), kgo.RequestTimeoutOverhead(5*time.Second))
	value := func(text string) *string { return &text }
	if _, err := kadm.NewClient(client).CreateTopic(ctx, 1, 1, map[string]*string{
		"cleanup.policy": value("compact"), "segment.ms": value("100"), "max.compaction.lag.ms": value("50"), "delete.retention.ms": value("100"),
	}, topic); err != nil {
		t.Fatal(err)
	}
	l := &keyedLoad{client: client, topic: topic, values: map[string]string{}}
	stop, finished := make(chan struct{}), make(chan error, 1)
	go func() { finished <- l.run(ctx, stop, rand.New(rand.NewPCG(seed, 1))) }()
	steps := map[string]int{}
	for kill := range kills {
		suffix := []string{".cleaned", ".swap", ".deleted"}[kill%3]
		if awaitFile(ctx, filepath.Join(broker.DataDir(), topic+"-0", "*"+suffix), 3*time.Second) {
			steps[suffix]++
		}
		wait(ctx, t, time.Duration(random.IntN(3000))*time.Microsecond)
		if err := broker.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := broker.Restart(ctx); err != nil {
			t.Fatalf("restart after kill %d: %v", kill, err)
		}
	}
	wait(ctx, t, time.Second)
	close(stop)
	if err := <-finished; err != nil {
		t.Fatal(err)
	}
	got, records, err := readValues(ctx, broker.Addr(), topic, l.offset)
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(got, l.values) {
		for key := range l.values {
			if got[key] != l.values[key] {
				t.Errorf("%s is %.40q, want %.40q", key, got[key], l.values[key])
			}
		}
		for key := range got {
			if _, ok := l.values[key]; !ok {
				t.Errorf("%s is back with %.40q", key, got[key])
			}
		}
	}
	t.Logf("%d records of %d are left; killed at %v", records, l.offset+1, steps)
	if int64(records) >= l.offset {
		t.Error("nothing was compacted")
	}
}

// awaitFile waits until there is a file of a name.
func awaitFile(ctx context.Context, pattern string, limit time.Duration) bool {
	for deadline := time.Now().Add(limit); time.Now().Before(deadline) && ctx.Err() == nil; {
		if names, err := filepath.Glob(pattern); err == nil && len(names) > 0 {
			return true
		}
		time.Sleep(500 * time.Microsecond) // Files come and go within milliseconds.
	}
	return false
}

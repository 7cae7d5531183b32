package group

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/coordinator"
	"github.com/clatterhq/clatter/logstore/vfs"
)

const crashProducers = 6

// crashTransaction is what a producer knows of its transactions: the last one that it has begun, whose offsets were acknowledged, and whose
// end was.
type crashTransaction struct{ begun, acknowledged, ended int64 }

// crashProducersState is what all producers know.
type crashProducersState struct {
	mu        sync.Mutex
	producers [crashProducers]crashTransaction
}

func (k *crashProducersState) change(producer int, change func(*crashTransaction)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	change(&k.producers[producer])
}

func (k *crashProducersState) now() [crashProducers]crashTransaction {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.producers
}

// TestTransactionsSurviveCrashesWhole takes the disk as a power cut leaves it, in the midst of transactions that commit offsets of two
// partitions: no transaction is torn, none that was ended is gone, and one that was not comes to the end that its coordinator repeats.
func TestTransactionsSurviveCrashesWhole(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	disk := vfs.NewMemory()
	k := &crashProducersState{}
	for crash := range 20 {
		log := openLog(t, disk, 2)
		o := testOptions(log)
		config := testConfig()
		config.TrustProducers = true
		o.Config = func() Config { return config }
		o.Topics = testTopics{{Name: "topic", ID: [16]byte{7}, Partitions: 2}}
		c := New(o)
		awaitLoaded(t, c)
		k.recover(t, c, crash)
		var producers sync.WaitGroup
		enough := make(chan struct{})
		var once sync.Once
		limit := random.IntN(30)
		for producer := range crashProducers {
			producers.Go(func() {
				for i := range 40 {
					k.transact(t, c, producer)
					if producer == 0 && i == limit {
						once.Do(func() { close(enough) })
					}
				}
			})
		}
		<-enough
		known := k.now()
		after := disk.CrashClone(random)
		begun := k.now()
		producers.Wait()
		stop(t, c)
		log.Close(t)
		for i := range known { // What was begun meanwhile may be there, but nobody was told of it.
			known[i].begun = begun[i].begun
		}
		disk, k.producers = after, known
	}
}

func crashGroup(producer int) string { return fmt.Sprint("group-", producer) }

// transact is one transaction.
func (k *crashProducersState) transact(t *testing.T, c *Coordinator, producer int) {
	t.Helper()
	var offset int64
	k.change(producer, func(x *crashTransaction) {
		x.begun++
		offset = x.begun
	})
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.Version, req.Group, req.ProducerID = 4, crashGroup(producer), int64(producer)
	topic := kmsg.TxnOffsetCommitRequestTopic{Topic: "topic"}
	for p := range int32(2) {
		topic.Partitions = append(topic.Partitions, kmsg.TxnOffsetCommitRequestTopicPartition{Partition: p, Offset: offset, LeaderEpoch: -1})
	}
	req.Topics = append(req.Topics, topic)
	for _, p := range c.TxnOffsetCommit(t.Context(), req).Topics[0].Partitions {
		if p.ErrorCode != 0 {
			t.Errorf("commit: code %d", p.ErrorCode)
			return
		}
	}
	k.change(producer, func(x *crashTransaction) { x.acknowledged = offset })
	k.end(t, c, producer)
	k.change(producer, func(x *crashTransaction) { x.ended = offset })
}

func (k *crashProducersState) end(t *testing.T, c *Coordinator, producer int) {
	t.Helper()
	shards, err := c.runtime.Shards()
	if err != nil {
		t.Error(err)
		return
	}
	ended := make(chan error, 1)
	c.WriteMarker(coordinator.ShardOf(crashGroup(producer), shards), int64(producer), 0, 0, 1, true, func(err error) { ended <- err })
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// recover looks at what is there, and ends what was open.
func (k *crashProducersState) recover(t *testing.T, c *Coordinator, crash int) {
	t.Helper()
	for producer, known := range k.producers {
		group := crashGroup(producer)
		read := func() (offsets [2]int64) {
			look(t, c, group, func(s *Shard) {
				for p := range offsets {
					commit, _ := s.offsets[group].get("topic", [16]byte{}, int32(p))
					offsets[p] = commit.Offset
				}
			})
			return offsets
		}
		before := read()
		if before[0] != before[1] || before[0] < known.ended || before[0] > known.begun {
			t.Errorf("crash %d, producer %d: offsets %v, want one of %d to %d", crash, producer, before, known.ended, known.begun)
		}
		k.end(t, c, producer)
		after := read()
		if after[0] != after[1] || after[0] < known.acknowledged || after[0] > known.begun {
			t.Errorf("crash %d, producer %d: offsets %v after the end, want one of %d to %d", crash, producer, after, known.acknowledged, known.begun)
		}
	}
}

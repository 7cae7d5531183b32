package group

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire"
)

// TestTransactionModel has producers and others commit, delete, and end transactions in any order, over restarts, crashes and
// compactions, and compares with a model that keeps what Kafka keeps: of each offset when it was written.
func TestTransactionModel(t *testing.T) {
	runs := 12
	if testing.Short() {
		runs = 3
	}
	for range runs {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { runTransactionModel(t, seed) })
		})
	}
}

const (
	modelProducers   = 4
	modelGroups      = 3
	modelTransactedN = 3 // partitions
)

// modelPlace is a partition of a group.
type modelPlace struct {
	group     string
	partition int32
}

// modelOffset is an offset and the number of the step that wrote it.
type modelOffset struct {
	value int64
	step  int
}

// transactionModel is what should be there, and what is.
type transactionModel struct {
	t         *testing.T
	random    *rand.Rand
	disk      vfs.FS
	configure func(*logstore.Config)
	log       *testLog
	c         *Coordinator
	step      int
	committed map[modelPlace]modelOffset
	pending   [modelProducers]map[modelPlace]modelOffset
	epochs    [modelProducers]int16
}

func runTransactionModel(t *testing.T, seed uint64) {
	t.Helper()
	m := &transactionModel{
		t: t, random: rand.New(rand.NewPCG(seed, 1)), committed: map[modelPlace]modelOffset{},
	}
	disk := vfs.NewMemory()
	m.disk = disk
	segmentBytes, retentionMs := int32(500+m.random.IntN(2000)), int64(m.random.IntN(2))*3_600_000
	m.configure = func(c *logstore.Config) { c.SegmentBytes, c.DeleteRetentionMs = segmentBytes, retentionMs }
	for i := range m.pending {
		m.pending[i] = map[modelPlace]modelOffset{}
	}
	m.open()
	for m.step = range 400 {
		m.act()
		switch m.random.IntN(40) {
		case 0, 1:
			stop(t, m.c)
			m.startAgain()
		case 2:
			// The power fails. Whatever was answered is there.
			disk = disk.CrashClone(m.random)
			m.close()
			m.disk = disk
			m.open()
		case 3, 4:
			m.compact()
		}
		m.check()
		time.Sleep(time.Duration(m.random.IntN(120)) * time.Second)
	}
	// When all transactions have ended, everything that can be read is stable.
	for i := range m.pending {
		m.end(i, m.random.IntN(2) == 0)
	}
	m.compact()
	m.startAgainFresh()
	m.check()
	p, err := m.log.Partition(0)
	if err != nil {
		t.Fatal(err)
	}
	if o := p.Offsets(); o.LastStableOffset != o.HighWatermark {
		t.Errorf("last stable offset %d, high watermark %d", o.LastStableOffset, o.HighWatermark)
	}
	wantEqual(t, "skipped", m.c.Skipped(), int64(0))
	m.close()
}

func (m *transactionModel) open() {
	m.log = openLog(m.t, m.disk, 1, m.configure)
	m.startAgain()
}

func (m *transactionModel) startAgain() {
	o := testOptions(m.log)
	config := testConfig()
	config.TrustProducers = true
	o.Config = func() Config { return config }
	o.Topics = testTopics{{Name: "topic", ID: [16]byte{7}, Partitions: modelTransactedN}}
	m.c = New(o)
}

func (m *transactionModel) startAgainFresh() {
	stop(m.t, m.c)
	m.startAgain()
}

func (m *transactionModel) close() {
	stop(m.t, m.c)
	m.log.Close(m.t)
}

func (m *transactionModel) place() modelPlace {
	return modelPlace{fmt.Sprint("g", m.random.IntN(modelGroups)), int32(m.random.IntN(modelTransactedN))}
}

// act does one thing.
func (m *transactionModel) act() {
	producer := m.random.IntN(modelProducers)
	switch n := m.random.IntN(20); {
	case n < 5:
		m.commit(m.place())
	case n < 13:
		m.commitIn(producer)
	case n < 16:
		m.end(producer, true)
	case n < 18:
		m.end(producer, false)
	case n < 19:
		m.delete(m.place())
	default:
		m.deleteGroup(m.place().group)
	}
}

func (m *transactionModel) works(what string, code wire.ErrorCode) {
	m.t.Helper()
	if code != wire.None {
		m.t.Fatalf("step %d: %s: %s", m.step, what, code)
	}
}

func (m *transactionModel) commit(p modelPlace) {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version, req.Group, req.Generation = 9, p.group, -1
	req.Topics = []kmsg.OffsetCommitRequestTopic{{
		Topic: "topic", Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Partition: p.partition, Offset: int64(m.step), LeaderEpoch: -1}},
	}}
	m.works("commit", wire.ErrorCode(commitOffsets(m.t.Context(), m.c, req).Topics[0].Partitions[0].ErrorCode))
	m.committed[p] = modelOffset{int64(m.step), m.step}
}

func (m *transactionModel) commitIn(producer int) {
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.Version, req.ProducerID, req.ProducerEpoch = 4, int64(producer), m.epochs[producer]
	group := m.place().group
	req.Group, req.Topics = group, []kmsg.TxnOffsetCommitRequestTopic{{Topic: "topic"}}
	for range 1 + m.random.IntN(3) {
		p := m.place()
		p.group = group
		o := modelOffset{int64(m.step), m.step}
		req.Topics[0].Partitions = append(req.Topics[0].Partitions, kmsg.TxnOffsetCommitRequestTopicPartition{
			Partition: p.partition, Offset: o.value, LeaderEpoch: -1,
		})
		m.pending[producer][p] = o
	}
	for _, p := range m.c.TxnOffsetCommit(m.t.Context(), req).Topics[0].Partitions {
		m.works("commit in a transaction", wire.ErrorCode(p.ErrorCode))
	}
}

// end ends a transaction, in one of the versions.
func (m *transactionModel) end(producer int, commit bool) {
	var version int16
	if m.random.IntN(2) == 0 {
		version = 2
		m.epochs[producer]++
	}
	ended := make(chan error, 1)
	m.c.WriteMarker(0, int64(producer), m.epochs[producer], 0, version, commit, func(err error) { ended <- err })
	if err := <-ended; err != nil {
		m.t.Fatalf("step %d: end: %v", m.step, err)
	}
	for p, o := range m.pending[producer] {
		if existing, ok := m.committed[p]; commit && (!ok || existing.step < o.step) {
			m.committed[p] = o
		}
	}
	clear(m.pending[producer])
}

// forget is what a deleted offset leaves.
func (m *transactionModel) forget(p modelPlace) {
	delete(m.committed, p)
	for i := range m.pending {
		delete(m.pending[i], p)
	}
}

func (m *transactionModel) delete(p modelPlace) {
	req := kmsg.NewPtrOffsetDeleteRequest()
	req.Group = p.group
	req.Topics = []kmsg.OffsetDeleteRequestTopic{{
		Topic: "topic", Partitions: []kmsg.OffsetDeleteRequestTopicPartition{{Partition: p.partition}},
	}}
	if code := wire.ErrorCode(m.c.OffsetDelete(m.t.Context(), req).ErrorCode); code != wire.GroupIDNotFound {
		m.works("delete", code)
	}
	m.forget(p)
}

func (m *transactionModel) deleteGroup(group string) {
	resp := m.c.DeleteGroups(m.t.Context(), &kmsg.DeleteGroupsRequest{Version: 2, Groups: []string{group}})
	if code := wire.ErrorCode(resp.Groups[0].ErrorCode); code != wire.GroupIDNotFound {
		m.works("delete group", code)
	}
	for partition := range int32(modelTransactedN) {
		m.forget(modelPlace{group, partition})
	}
}

// compact compacts the log as far as may be, time and again: what was a tombstone at first may be gone the next time.
func (m *transactionModel) compact() {
	p, err := m.log.Partition(0)
	if err != nil {
		m.t.Fatal(err)
	}
	if err := p.Maintain(m.t.Context(), logstore.Compaction); err != nil {
		m.t.Fatal(err)
	}
}

// check compares everything that is told with the model, and what is pending.
func (m *transactionModel) check() {
	m.t.Helper()
	for group := range modelGroups {
		name := fmt.Sprint("g", group)
		for _, stable := range []bool{false, true} {
			req := kmsg.NewPtrOffsetFetchRequest()
			req.Version, req.RequireStable = 8, stable
			g := kmsg.NewOffsetFetchRequestGroup()
			g.Group = name
			topic := kmsg.OffsetFetchRequestGroupTopic{Topic: "topic"}
			for partition := range int32(modelTransactedN) {
				topic.Partitions = append(topic.Partitions, partition)
			}
			g.Topics = append(g.Topics, topic)
			req.Groups = append(req.Groups, g)
			got, want := fetched(m.c.OffsetFetch(m.t.Context(), req)), m.told(name, stable)
			if got != want {
				m.t.Fatalf("step %d: %s, stable=%v: %s, want %s", m.step, name, stable, got, want)
			}
		}
	}
	look(m.t, m.c, "", func(s *Shard) {
		if got, want := pendingText(s), m.pendingText(); got != want {
			m.t.Fatalf("step %d: pending %s, want %s", m.step, got, want)
		}
	})
}

// told is what an OffsetFetch should answer.
func (m *transactionModel) told(group string, stable bool) string {
	text := "0, topic"
	for partition := range int32(modelTransactedN) {
		p := modelPlace{group, partition}
		value, unstable := int64(-1), ""
		if o, ok := m.committed[p]; ok {
			value = o.value
		}
		for i := range m.pending {
			if _, ok := m.pending[i][p]; ok && stable {
				value, unstable = -1, "!88"
			}
		}
		text += fmt.Sprintf(" %d=%d/-1/%s", partition, value, unstable)
	}
	return text
}

func (m *transactionModel) pendingText() string {
	var all []string
	for i := range m.pending {
		for p, o := range m.pending[i] {
			all = append(all, fmt.Sprintf("%s/%d=%d of %d", p.group, p.partition, o.value, i))
		}
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// pendingText is what is pending, as both of its indexes have it.
func pendingText(s *Shard) string {
	var byGroup, byProducer []string
	text := func(o *pendingOffset) string {
		return fmt.Sprintf("%s/%d=%d of %d", o.group, o.place.partition, o.commit.Offset, o.producerID)
	}
	for _, places := range s.pending.byGroup {
		for _, all := range places {
			for _, o := range all {
				byGroup = append(byGroup, text(o))
			}
		}
	}
	for _, id := range slices.Collect(maps.Keys(s.pending.byProducer)) {
		for _, o := range s.pending.byProducer[id] {
			if !o.dropped {
				byProducer = append(byProducer, text(o))
			}
		}
	}
	slices.Sort(byGroup)
	slices.Sort(byProducer)
	if !slices.Equal(byGroup, byProducer) {
		return fmt.Sprintf("%v by groups, %v by producers", byGroup, byProducer)
	}
	return strings.Join(byGroup, ", ")
}

package producer

import (
	"maps"
	"slices"

	"github.com/clatterhq/clatter/logstore"
)

// Table is the state of all producers of one partition. The zero Table is empty,
// and an empty one costs nothing but itself: most partitions of a large broker never see an
// idempotent producer. The owner is whoever holds the lock of the log's writer.
//
// A producer with one batch costs about 100 bytes. Kafka's queue of five for every
// producer would be twice that, and most producers of many partitions write one batch in
// each and go.
type Table struct {
	producers    map[int64]*state
	transactions *transactions // nil before the first transactional batch

	verifications verifications
}

// state is one producer.
type state struct {
	last    BatchMeta                // the newest batch, if count > 0
	earlier *[olderBatches]BatchMeta // those before, the newer the earlier

	lastTimestamp    int64 // ms, of the last batch or marker
	transactionFirst int64 // first offset of the open transaction, or noOffset
	coordinatorEpoch int32
	epoch            int16
	count            uint8 // batches of epoch that are known
}

// lastSequence is the last sequence number of the present epoch.
func (s *state) lastSequence() int32 {
	if s.count == 0 {
		return noSequence
	}
	return s.last.LastSequence
}

// push makes m the newest batch.
func (s *state) push(m BatchMeta) {
	if s.count > 0 {
		if s.earlier == nil {
			s.earlier = new([olderBatches]BatchMeta)
		}
		copy(s.earlier[1:], s.earlier[:])
		s.earlier[0] = s.last
	}
	s.last = m
	s.count = min(s.count+1, cachedBatches)
}

// enter makes epoch the present one. Sequence numbers begin anew with an epoch, so
// the known batches are of no use any more.
func (s *state) enter(epoch int16) {
	if s.epoch != epoch {
		s.epoch, s.count, s.earlier = epoch, 0, nil
	}
}

// find returns the known batch with exactly these sequence numbers.
func (s *state) find(b *BatchInfo) *BatchMeta {
	if s.count == 0 || s.epoch != b.ProducerEpoch {
		return nil
	}
	same := func(m *BatchMeta) bool {
		return m.LastSequence == b.LastSequence && m.BaseSequence() == b.BaseSequence
	}
	if same(&s.last) {
		found := s.last
		return &found
	}
	for i := range s.count - 1 {
		if same(&s.earlier[i]) {
			found := s.earlier[i]
			return &found
		}
	}
	return nil
}

// of returns the state of a producer, made if there is none.
func (t *Table) of(producerID int64) *state {
	s := t.producers[producerID]
	if s == nil {
		if t.producers == nil {
			t.producers = map[int64]*state{}
		}
		s = &state{
			epoch: noEpoch, coordinatorEpoch: noCoordinator,
			lastTimestamp: noTimestamp, transactionFirst: noOffset,
		}
		t.producers[producerID] = s
	}
	return s
}

// Update applies a batch that is in the log: one that [Table.Check] let pass and
// that was written, or one that recovery finds. It asks no questions, because what is
// in the log has happened. If the batch is the marker of a transaction that has
// records in the partition, the transaction is returned, and ok.
func (t *Table) Update(b BatchInfo) (done CompletedTransaction, ok bool) {
	if b.ProducerID < 0 {
		return done, false
	}
	s := t.of(b.ProducerID)
	if b.Transactional {
		t.verifications.settle(&b)
	}
	s.enter(b.ProducerEpoch)
	s.lastTimestamp = b.MaxTimestamp
	if b.Marker {
		s.coordinatorEpoch = b.CoordinatorEpoch
		firstOffset := s.transactionFirst
		if firstOffset == noOffset {
			return done, false
		}
		s.transactionFirst = noOffset
		return t.transactions.complete(&b, firstOffset), true
	}
	s.push(metaOf(&b))
	if b.Transactional && s.transactionFirst == noOffset {
		s.transactionFirst = b.BaseOffset
		t.begin(b.ProducerID, b.BaseOffset)
	}
	return done, false
}

// Expire forgets the producers whose last batch or marker is at least expirationMs older
// than nowMs, but none with an open transaction (producer.id.expiration.ms). It
// returns how many. The age is by the timestamp of the records, as in Kafka.
func (t *Table) Expire(nowMs, expirationMs int64) int {
	before := len(t.producers)
	deadline := nowMs - expirationMs
	t.verifications.expire(deadline)
	maps.DeleteFunc(t.producers, func(_ int64, s *state) bool { return s.expired(deadline) })
	after := len(t.producers)
	switch {
	case after == 0:
		t.producers = nil
	case after < before/4:
		// A map never shrinks, so the few that are left move into a new one.
		kept := make(map[int64]*state, after)
		maps.Copy(kept, t.producers)
		t.producers = kept
	}
	return before - after
}

func (s *state) expired(deadline int64) bool {
	return s.transactionFirst == noOffset && s.lastTimestamp <= deadline
}

// Reset forgets everything, for a truncation: the caller loads a snapshot and
// updates with the batches behind it.
func (t *Table) Reset() { *t = Table{verifications: verifications{latest: t.verifications.latest}} }

// Len is the number of producers.
func (t *Table) Len() int { return len(t.producers) }

// States describes all producers, sorted by producer ID (DescribeProducers, KIP-664).
func (t *Table) States() []logstore.ProducerState {
	states := make([]logstore.ProducerState, 0, len(t.producers))
	for _, producerID := range t.sorted() {
		s := t.producers[producerID]
		states = append(states, logstore.ProducerState{
			ProducerID: producerID, ProducerEpoch: s.epoch,
			LastSequence: s.lastSequence(), LastTimestamp: s.lastTimestamp,
			CoordinatorEpoch: s.coordinatorEpoch, CurrentTxnStartOffset: s.transactionFirst,
		})
	}
	return states
}

func (t *Table) sorted() []int64 {
	ids := make([]int64, 0, len(t.producers))
	for producerID := range t.producers {
		ids = append(ids, producerID)
	}
	slices.Sort(ids)
	return ids
}

// LastRecord is what compaction must leave of a producer, so that the log alone tells the same of it as the table.
type LastRecord struct {
	// LastOffset is that of its last batch, -1 if none of the present epoch is known: then a marker
	// of ProducerEpoch is what fences older epochs.
	LastOffset    int64
	ProducerEpoch int16
}

// LastRecords are the last records of all producers by producer ID (ProducerStateManager.activeProducers).
func (t *Table) LastRecords() map[int64]LastRecord {
	records := make(map[int64]LastRecord, len(t.producers))
	for producerID, s := range t.producers {
		last := LastRecord{LastOffset: noOffset, ProducerEpoch: s.epoch}
		if s.count > 0 {
			last.LastOffset = s.last.LastOffset
		}
		records[producerID] = last
	}
	return records
}

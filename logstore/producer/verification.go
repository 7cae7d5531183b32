package producer

import (
	"fmt"
	"maps"

	"github.com/clatterhq/clatter/logstore"
)

// verifications are the transactions that the coordinator was asked about and that have no batch in the partition yet. Without
// them a batch that comes late, when its transaction has ended already, would begin one that nobody ends: the last
// stable offset would stand still for ever (KIP-890). They are not in snapshots: who lost them asks again.
type verifications struct {
	byProducer map[int64]*verification
	// crowd is how many there were at most since the map was made, and spare one that is in it no more.
	crowd int
	spare *verification
	// latest is the guard that was given out last. Guards are never given out again, so a promise for one transaction
	// can't be taken for that of a later one.
	latest logstore.Verification
}

// maxVerifications bounds how many transactions are waited for: what the coordinator knows nothing of is never begun, and nothing but time
// would make it forgotten. Kafka has no bound.
const maxVerifications = 1 << 14

// keptVerifications is how many must have been there for an empty map to be given up: it never shrinks, but a small one serves
// again with the next transaction.
const keptVerifications = 8

// verification is one of them (Kafka's VerificationStateEntry).
type verification struct {
	guard     logstore.Verification
	createdMs int64
	// lowestSequence is the lowest base sequence that waits for the coordinator in the epoch. A higher one that gets through
	// first would leave the lower one out of order for ever.
	lowestSequence int32
	epoch          int16
	// bumps says that the producer's epoch rises with each transaction.
	bumps bool
}

// Verify implements what [logstore.Partition] says of its Verify. nowMs is the clock of [Table.Expire].
//
// Error: logstore.ErrInvalidProducerEpoch.
func (t *Table) Verify(producerID int64, epoch int16, baseSequence int32, bumps bool, nowMs int64) (guard logstore.Verification, ongoing bool, err error) {
	h := headOf(t.producers[producerID])
	switch {
	case epoch < h.epoch:
		return 0, false, fmt.Errorf("%w: producer %d has epoch %d, last was %d", logstore.ErrInvalidProducerEpoch, producerID, epoch, h.epoch)
	case h.open && h.epoch == epoch:
		return 0, true, nil
	}
	v := t.verifications.byProducer[producerID]
	switch {
	case v == nil:
		if t.verifications.byProducer == nil {
			t.verifications.byProducer = map[int64]*verification{}
		}
		t.verifications.makeRoom()
		t.verifications.latest++
		if v, t.verifications.spare = t.verifications.spare, nil; v == nil {
			v = &verification{}
		}
		*v = verification{
			guard: t.verifications.latest, createdMs: nowMs,
			lowestSequence: baseSequence, epoch: epoch, bumps: bumps,
		}
		t.verifications.byProducer[producerID] = v
		t.verifications.crowd = max(t.verifications.crowd, len(t.verifications.byProducer))
	case epoch > v.epoch:
		v.epoch, v.lowestSequence = epoch, baseSequence
	case epoch == v.epoch:
		v.lowestSequence = min(v.lowestSequence, baseSequence)
	}
	return v.guard, false, nil
}

// makeRoom forgets one of too many, whichever: its batch will be refused.
func (v *verifications) makeRoom() {
	if len(v.byProducer) < maxVerifications {
		return
	}
	for producerID := range v.byProducer {
		delete(v.byProducer, producerID)
		return
	}
}

// isVerified reports whether a batch may begin a transaction.
func (t *Table) isVerified(b *BatchInfo) bool {
	switch b.Verification {
	case logstore.Unverified:
		return false
	case logstore.VerificationOff:
		return true
	default:
		v := t.verifications.byProducer[b.ProducerID]
		return v != nil && v.guard == b.Verification
	}
}

// settle forgets what was asked about a transaction that has begun in the partition, or has ended. If each transaction has its own
// epoch, a marker of the epoch that was asked about ends the transaction before it.
func (v *verifications) settle(b *BatchInfo) {
	asked := v.byProducer[b.ProducerID]
	if asked == nil || (asked.bumps && b.Marker && b.ProducerEpoch == asked.epoch) {
		return
	}
	delete(v.byProducer, b.ProducerID)
	v.spare = asked
	if len(v.byProducer) == 0 && v.crowd > keptVerifications {
		v.byProducer, v.crowd = nil, 0
	}
}

// Unverified is the number of producers whose transaction the coordinator was asked about and that have no batch of it here yet.
func (t *Table) Unverified() int { return len(t.verifications.byProducer) }

// expire forgets what was asked so long ago that no answer will come.
func (v *verifications) expire(deadline int64) {
	maps.DeleteFunc(v.byProducer, func(_ int64, asked *verification) bool { return asked.createdMs <= deadline })
	if len(v.byProducer) == 0 {
		v.byProducer, v.crowd, v.spare = nil, 0, nil
	}
}

package txn

import "math"

// State is the state of a transactional ID, numbered as in records (TransactionState).
type State int8

// States.
const (
	Empty          State = 0 // nothing since the producer began
	Ongoing        State = 1
	PrepareCommit  State = 2 // decided, markers are being written
	PrepareAbort   State = 3
	CompleteCommit State = 4
	CompleteAbort  State = 5
	// Dead and PrepareEpochFence are steps that Kafka goes through in memory. They are in no record that anybody writes.
	Dead              State = 6
	PrepareEpochFence State = 7
)

// stateNames are what clients and tools call states.
var stateNames = [...]string{
	Empty: "Empty", Ongoing: "Ongoing", PrepareCommit: "PrepareCommit", PrepareAbort: "PrepareAbort",
	CompleteCommit: "CompleteCommit", CompleteAbort: "CompleteAbort", Dead: "Dead", PrepareEpochFence: "PrepareEpochFence",
}

// String is the state's name as clients know it.
func (s State) String() string {
	if s < 0 || int(s) >= len(stateNames) {
		return "Unknown"
	}
	return stateNames[s]
}

// prepared reports whether the end of the transaction is decided and markers are missing.
func (s State) prepared() bool { return s == PrepareCommit || s == PrepareAbort }

// Producer IDs and epochs that nobody has.
const (
	noProducerID    int64 = -1
	noProducerEpoch int16 = -1
)

// Metadata is all that is known of a transactional ID (TransactionMetadata). A transition makes a new
// one of it; who decides changes none.
type Metadata struct {
	ProducerID int64
	// PreviousProducerID is the producer ID before the last transition, mostly the same. A producer that ran out of epochs and hasn't
	// heard of its new ID is recognized by it.
	PreviousProducerID int64
	// NextProducerID is the ID that the producer goes on with when the transaction that ends now has ended, -1 for the same one.
	NextProducerID int64
	ProducerEpoch  int16
	// LastProducerEpoch is the epoch of which ProducerEpoch is the successor, if the producer itself has asked for that, else -1: who repeats
	// the question gets the same answer (KIP-360).
	LastProducerEpoch int16
	// TimeoutMs is how long a transaction may be open.
	TimeoutMs int32
	State     State
	// ClientVersion is the transaction version by which the transaction was begun or ended; with 2 and later
	// its markers are of a new epoch (KIP-890).
	ClientVersion int16
	Partitions    partitions
	// LastUpdateMs is the wall clock at the last transition, StartMs at the begin of the transaction, -1 for none.
	LastUpdateMs int64
	StartMs      int64
}

// newMetadata is a transactional ID that has never been seen: its first epoch is still to come.
func newMetadata(producerID int64) Metadata {
	return Metadata{
		ProducerID: producerID, PreviousProducerID: noProducerID, NextProducerID: noProducerID,
		ProducerEpoch: noProducerEpoch, LastProducerEpoch: noProducerEpoch, State: Empty, StartMs: -1,
	}
}

// lastEpoch is the last epoch that a client gets. The one after it fences that client.
const lastEpoch = math.MaxInt16 - 1

// exhausted reports whether an epoch has no successor that a client may have.
func exhausted(epoch int16) bool { return epoch >= lastEpoch }

// successor is the epoch that fences its predecessor. There is none behind the greatest.
func successor(epoch int16) int16 {
	if epoch == math.MaxInt16 {
		return epoch
	}
	return epoch + 1
}

// timeless reports whether the transaction has no timeout, because somebody else decides on its end (KIP-939).
func (m *Metadata) timeless() bool { return m.TimeoutMs == math.MaxInt32 }
